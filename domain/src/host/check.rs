//! What a look at a host found.

use serde::{Deserialize, Serialize};

/// What a look at a host found, without running anything on it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostCheck {
    /// Why nothing that speaks SSH answers there; none where something does.
    pub unreachable: Option<String>,
    /// How long the connection took, in milliseconds.
    pub latency_ms: Option<u64>,
    /// The key that it shows, if it came to that.
    pub key: Option<ShownKey>,
    /// Whether it lets us in; not tried on a host that does not show the pinned key.
    pub login: Option<LoginCheck>,
}

/// The key that a host shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShownKey {
    /// One line of OpenSSH, to be pinned by a person who has compared it.
    pub line: String,
    /// As `ssh-keygen -l` writes it: `SHA256:…`.
    pub fingerprint: String,
    /// How it stands beside the pinned one.
    pub pinned: Pinned,
}

/// A shown key beside the pinned one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Pinned {
    /// They are the same.
    Same,
    /// They are not: somebody may be in between, or the host was set up anew.
    Differs,
    /// Nothing is pinned yet.
    None,
}

/// Whether a host lets us in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "result", content = "why")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LoginCheck {
    /// It does.
    Accepted,
    /// It does not, or there is nothing to log in with.
    Refused(String),
}

impl HostCheck {
    /// Whether a run could use the host now.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.unreachable.is_none() && self.login == Some(LoginCheck::Accepted)
    }
}
