//! Why a use case did not do what it was asked, and what a caller is told of it.

use std::error::Error;
use std::time::Duration;

use domain::run::{Impossible, ImpossibleStep};
use domain::{Faults, Permission, Problem, Role, Scope};
use store::StoreError;
use vault::VaultError;

type Source = Box<dyn Error + Send + Sync>;

/// Seconds after which a store that is away may be back.
const STORE_RETRY_SECONDS: u64 = 5;

/// A refusal or failure. What is inside `Unavailable`, `InDoubt` and `Internal` is for the log alone.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Understood, and wrong.
    #[error("{0}")]
    Invalid(Faults),
    /// Not understood.
    #[error("{0}")]
    Malformed(String),
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    Unauthenticated,
    /// The name or the password is wrong; which of them is not said.
    #[error("the user name or the password is wrong")]
    WrongPassword,
    /// The role does not hold the permission.
    #[error("your role may not {}: this needs the role {} or above", permission.describe(), permission.least_role())]
    Forbidden {
        /// What would be needed.
        permission: Permission,
    },
    /// The API key was not made for this.
    #[error("this API key may not be used for that: it lacks the scope “{scope}”")]
    OutOfScope {
        /// What would be needed.
        scope: Scope,
    },
    /// A host does not list the role.
    #[error("the role {role} may not run on {hosts}")]
    HostForbidden {
        /// The role of who asks.
        role: Role,
        /// The names of the hosts, for people.
        hosts: String,
    },
    /// Not allowed to anybody who asks like this.
    #[error("{why}")]
    Refused {
        /// A sentence for people.
        why: &'static str,
    },
    /// There is no such thing, or it is gone.
    #[error("there is no such {what}")]
    NotFound {
        /// A kind of thing: `runbook`, `run`, …
        what: &'static str,
    },
    /// Not possible in the present state.
    #[error("{why}")]
    Conflict {
        /// A sentence for people.
        why: String,
    },
    /// Another account has this name.
    #[error("this user name is taken")]
    NameTaken,
    /// The update was based on an older version.
    #[error("someone else changed this runbook; it is at version {current} now")]
    Moved {
        /// The version that is current.
        current: u32,
    },
    /// More than is accepted.
    #[error("this is larger than the server accepts")]
    TooLarge,
    /// Too many wrong passwords.
    #[error("too many tries; wait {} s", seconds(*retry_after))]
    Throttled {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The store cannot be reached.
    #[error("the store cannot be reached")]
    Unavailable(#[source] Source),
    /// The store failed while it wrote.
    #[error(
        "the store failed while this was written: it may have been done or not; look before you do it again \
         (a start that is repeated with its Idempotency-Key starts one run)"
    )]
    InDoubt(#[source] Source),
    /// Anything that should not happen.
    #[error("something went wrong in the server")]
    Internal(#[source] Source),
}

impl ServiceError {
    pub(crate) fn conflict(why: impl Into<String>) -> Self {
        Self::Conflict { why: why.into() }
    }

    pub(crate) fn internal(source: impl Into<Source>) -> Self {
        Self::Internal(source.into())
    }
}

impl From<Faults> for ServiceError {
    fn from(faults: Faults) -> Self {
        Self::Invalid(faults)
    }
}

impl From<Impossible> for ServiceError {
    fn from(impossible: Impossible) -> Self {
        Self::conflict(impossible.to_string())
    }
}

impl From<ImpossibleStep> for ServiceError {
    fn from(impossible: ImpossibleStep) -> Self {
        Self::conflict(impossible.to_string())
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::InDoubt { .. } => Self::InDoubt(Box::new(error)),
            error if error.is_unavailable() => Self::Unavailable(Box::new(error)),
            error => Self::Internal(Box::new(error)),
        }
    }
}

impl From<VaultError> for ServiceError {
    fn from(error: VaultError) -> Self {
        Self::Internal(Box::new(error))
    }
}

/// What a caller is told. The chain of an internal error goes to the log, here and only here.
impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        let detail = error.to_string();
        match error {
            ServiceError::Invalid(faults) => Self::invalid(faults),
            ServiceError::Malformed(_) => Self::new(400, "malformed", detail),
            ServiceError::Unauthenticated => Self::unauthenticated(),
            ServiceError::WrongPassword => Self::new(401, "unauthenticated", detail),
            ServiceError::Forbidden { .. } | ServiceError::HostForbidden { .. } | ServiceError::Refused { .. } => {
                Self::new(403, "forbidden", detail)
            }
            ServiceError::OutOfScope { .. } => Self::new(403, "out_of_scope", detail),
            ServiceError::NotFound { .. } => Self::new(404, "not_found", detail),
            ServiceError::Conflict { .. } => Self::new(409, "conflict", detail),
            ServiceError::NameTaken => Self::new(400, "name_taken", detail),
            ServiceError::Moved { current } => Self { current_version: Some(current), ..Self::new(412, "moved", detail) },
            ServiceError::TooLarge => Self::new(413, "too_large", detail),
            ServiceError::Throttled { retry_after } => {
                Self { retry_after: Some(seconds(retry_after)), ..Self::new(429, "throttled", detail) }
            }
            ServiceError::Unavailable(source) => {
                tracing::error!(error = %chain(source.as_ref()), "the store cannot be reached");
                Self { retry_after: Some(STORE_RETRY_SECONDS), ..Self::new(503, "unavailable", detail) }
            }
            ServiceError::InDoubt(source) => {
                tracing::error!(error = %chain(source.as_ref()), "the store failed while it wrote");
                Self { retry_after: Some(STORE_RETRY_SECONDS), ..Self::new(503, "in_doubt", detail) }
            }
            ServiceError::Internal(source) => {
                tracing::error!(error = %chain(source.as_ref()), "a use case failed");
                Self::new(500, "internal", detail)
            }
        }
    }
}

/// Whole seconds, rounded up: nobody is told to come back too early.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
