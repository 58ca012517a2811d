//! Typed ids: a UUID (v7, RFC 9562) that cannot be mistaken for another kind's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not a UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{given}” is not an id: an id is a UUID such as 01932c07-…")]
pub struct InvalidId {
    given: String,
}

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id; later ones sort after earlier ones.
            #[expect(clippy::new_without_default, reason = "a default id would be a random one")]
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The bare UUID.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // `Uuid` also reads braces and URNs; an address has one spelling.
                match Uuid::try_parse(text) {
                    Ok(uuid) if text.len() == 36 => Ok(Self(uuid)),
                    _ => Err(InvalidId { given: text.chars().take(60).collect() }),
                }
            }
        }
    };
}

typed_id!(
    /// A person's account.
    AccountId
);
typed_id!(
    /// An API key, not its secret.
    ApiKeyId
);
typed_id!(
    /// A block of a runbook; stays the same from version to version.
    BlockId
);
typed_id!(
    /// A stored credential, not its secret.
    CredentialId
);
typed_id!(
    /// A host.
    HostId
);
typed_id!(
    /// An invitation, not its token.
    InviteId
);
typed_id!(
    /// A note that somebody wrote on a run.
    NoteId
);
typed_id!(
    /// A run of a runbook, `job_id` in the API.
    RunId
);
typed_id!(
    /// A runbook, in all its versions.
    RunbookId
);
typed_id!(
    /// A browser that is signed in, not its token.
    SessionId
);
typed_id!(
    /// One attempt at one step of a run.
    StepId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id = RunId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(format!("{{{id}}}").parse::<RunId>().is_err());
        assert!("../../etc/passwd".parse::<RunId>().is_err());
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let ids: Vec<RunId> = (0..100).map(|_| RunId::new()).collect();
        assert!(ids.is_sorted());
    }
}
