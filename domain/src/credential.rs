//! Stored credentials, without their secrets.
//!
//! All that is secret of one is sealed as one text:
//!
//! | what | the text |
//! |---|---|
//! | a token, a password | itself |
//! | a name and a password, for basic authentication | `NAME:PASSWORD` |
//! | a private key for SSH | the file; the line of a certificate may stand before or after it |
//! | one protected by a passphrase | `passphrase: PASSPHRASE`, a line end, then the same |

use serde::{Deserialize, Serialize};

use crate::{CredentialId, Faults, RunId, Timestamp};

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
    /// Which run that was; none where a host was looked at by it.
    #[serde(default)]
    pub last_used_by: Option<RunId>,
    /// Since when its secret is lost with the key to it, where it is: store it anew under the same name.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = "date-time"))]
    pub secret_lost_at: Option<Timestamp>,
}

/// What the line with the passphrase of a private key begins with.
pub const PASSPHRASE: &str = "passphrase: ";

/// A private key, and before it the passphrase that opens it, where one is stored with it.
#[must_use]
pub fn split_passphrase(secret: &str) -> (Option<&str>, &str) {
    let split = secret.strip_prefix(PASSPHRASE).and_then(|rest| rest.split_once('\n'));
    split.map_or((None, secret), |(passphrase, key)| (Some(passphrase.trim_end_matches('\r')), key))
}

/// Puts what people give in several fields into the one text that is sealed. Fields left empty are none.
///
/// # Errors
/// A fault at the field that cannot be.
pub fn compose(kind: CredentialKind, secret: &str, username: &str, passphrase: &str) -> Result<String, Faults> {
    let one_line = |text: &str| !text.chars().any(char::is_control);
    match (username.is_empty(), passphrase.is_empty()) {
        (true, true) => Ok(secret.to_owned()),
        (false, false) => Err(Faults::one("$.passphrase", "a credential has a user name or a passphrase, not both")),
        (false, true) if kind != CredentialKind::Api => {
            Err(Faults::one("$.username", "the user name for SSH stands at the host; only one of the type api has its own"))
        }
        (false, true) if username.contains(':') || !one_line(username) => {
            Err(Faults::one("$.username", "a user name is one line without a colon"))
        }
        (false, true) => Ok(format!("{username}:{}", secret.trim_end_matches(['\r', '\n']))),
        (true, false) if kind != CredentialKind::Ssh || !secret.contains("PRIVATE KEY") => {
            Err(Faults::one("$.passphrase", "only a private key of the type ssh has a passphrase"))
        }
        (true, false) if !one_line(passphrase) => Err(Faults::one("$.passphrase", "a passphrase is one line")),
        (true, false) => Ok(format!("{PASSPHRASE}{passphrase}\n{secret}")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_fields_become_one_secret_and_are_told_apart_again() {
        let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n";
        assert_eq!(compose(CredentialKind::Api, "token", "", ""), Ok("token".to_owned()));
        assert_eq!(compose(CredentialKind::Api, "pa:ss\n", "ann", ""), Ok("ann:pa:ss".to_owned()));
        let sealed = compose(CredentialKind::Ssh, key, "", "correct horse").expect("a key");
        assert_eq!(split_passphrase(&sealed), (Some("correct horse"), key));
        assert_eq!(split_passphrase(key), (None, key));
        for (kind, secret, username, passphrase, path) in [
            (CredentialKind::Ssh, "secret", "ann", "", "$.username"),
            (CredentialKind::Api, "secret", "a:b", "", "$.username"),
            (CredentialKind::Api, key, "", "horse", "$.passphrase"),
            (CredentialKind::Ssh, "password", "", "horse", "$.passphrase"),
            (CredentialKind::Ssh, key, "", "two\nlines", "$.passphrase"),
            (CredentialKind::Api, key, "ann", "horse", "$.passphrase"),
        ] {
            assert_eq!(compose(kind, secret, username, passphrase).expect_err("a fault").0[0].path, path);
        }
    }
}
