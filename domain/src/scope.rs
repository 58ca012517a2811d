//! What an API key may be used for, within what its owner's role allows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One use of a key. A key never does more than its owner may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Scope {
    /// Reads what its owner may read.
    Read,
    /// Starts runs and controls them.
    Execute,
    /// Changes everything else that its owner may change.
    Write,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Read, Self::Execute, Self::Write];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Execute => "execute",
            Self::Write => "write",
        }
    }

    /// What it is for, for people.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Read => "read runbooks, runs and settings",
            Self::Execute => "start and control runs",
            Self::Write => "change runbooks and everything else",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

/// A word that names no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope is read, execute or write")]
pub struct UnknownScope;
