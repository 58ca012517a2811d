//! Stored credentials, without their secrets.

use serde::{Deserialize, Serialize};

use crate::{CredentialId, Faults, Timestamp};

/// What a credential is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CredentialKind {
    /// A private key or password for a host.
    Ssh,
    /// A token, key or password for an API, or any other secret a command needs.
    Api,
}

impl CredentialKind {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::Api => "api",
        }
    }
}

/// A credential as it is listed: its secret is never among what anything answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CredentialSummary {
    /// Its id, which API blocks name in `credential_id`.
    pub id: CredentialId,
    /// Its name, unique, which command blocks may name.
    pub name: String,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: CredentialKind,
    /// When it was stored.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "date-time"))]
    pub created_at: Timestamp,
    /// Who stored it.
    pub created_by: String,
    /// When a run last used it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = "date-time"))]
    pub last_used_at: Option<Timestamp>,
}

/// The largest secret accepted, in bytes; a private key with a certificate fits many times.
pub const MAX_SECRET: usize = 64 * 1024;

/// Checks a credential's name: 1 to 100 letters, digits, spaces or `. _ - /`, beginning with a letter or digit.
///
/// # Errors
/// One fault at `$.name`.
pub fn parse_name(text: &str) -> Result<String, Faults> {
    let name = text.trim();
    let fits = (1..=100).contains(&name.chars().count())
        && name.starts_with(|c: char| c.is_alphanumeric())
        && name.chars().all(|c| c.is_alphanumeric() || " ._-/".contains(c));
    if fits {
        Ok(name.to_owned())
    } else {
        Err(Faults::one("$.name", "a name is 1 to 100 letters, digits, spaces or . _ - /, and begins with a letter or digit"))
    }
}
