//! Accounts, and the one who is asking.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AccountId, Faults, Permission, Role, Scope, Timestamp};

/// A name to sign in with: 2 to 64 of letters, digits, `.`, `_`, `-`, `@`, `+`, beginning with a letter or digit; lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

impl Username {
    /// Reads a name; upper case is folded so that `Ann` and `ann` are one person.
    ///
    /// # Errors
    /// One fault at `$.username` that says what a name looks like.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        let name = text.trim().to_lowercase();
        let fits = (2..=64).contains(&name.chars().count())
            && name.starts_with(|c: char| c.is_alphanumeric())
            && name.chars().all(|c| c.is_alphanumeric() || "._-@+".contains(c));
        if fits {
            Ok(Self(name))
        } else {
            Err(Faults::one(
                "$.username",
                "a user name is 2 to 64 letters, digits or . _ - @ +, and begins with a letter or digit",
            ))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The shortest password accepted, in characters (NIST SP 800-63B asks for 8; this tool runs commands on production).
pub const MIN_PASSWORD: usize = 12;
/// The longest password accepted, in characters: hashing cost must not be the sender's choice.
pub const MAX_PASSWORD: usize = 1024;

/// Checks a new password: long enough, not among the ones everybody tries first, not the user's name.
///
/// # Errors
/// One fault at `$.password`.
pub fn check_password(password: &str, username: &str) -> Result<(), Faults> {
    let folded = password.to_lowercase();
    let length = password.chars().count();
    let message = if length < MIN_PASSWORD {
        Some(format!("a password has at least {MIN_PASSWORD} characters"))
    } else if length > MAX_PASSWORD {
        Some(format!("a password has at most {MAX_PASSWORD} characters"))
    } else if is_common(&folded) {
        Some("this password is on the list that attackers try first; choose another".to_owned())
    } else if !username.is_empty() && folded == username.to_lowercase() {
        Some("the password is the user name; choose another".to_owned())
    } else {
        None
    };
    message.map_or(Ok(()), |message| Err(Faults::one("$.password", message)))
}

/// Common passwords of at least [`MIN_PASSWORD`] characters; shorter ones are refused for their length already.
fn is_common(folded: &str) -> bool {
    const COMMON: [&str; 44] = [
        "1234567890ab",
        "123456789012",
        "1234567890123",
        "12345678901234",
        "123456789123",
        "0123456789012",
        "qwertyuiop12",
        "qwertyuiop123",
        "qwertyuiop[]",
        "1q2w3e4r5t6y",
        "1q2w3e4r5t6y7u",
        "1qaz2wsx3edc",
        "1qaz2wsx3edc4rfv",
        "qazwsxedcrfv",
        "asdfghjkl123",
        "zxcvbnm12345",
        "passwordpassword",
        "password1234",
        "password12345",
        "password123456",
        "password2024",
        "password2025",
        "password2026",
        "passw0rd1234",
        "p@ssw0rd1234",
        "adminadminadmin",
        "administrator",
        "administrator1",
        "admin1234567",
        "admin12345678",
        "letmeinletmein",
        "letmein12345",
        "welcome12345",
        "welcome123456",
        "changeme1234",
        "changemenow1",
        "changemechangeme",
        "iloveyou1234",
        "iloveyouiloveyou",
        "correcthorsebatterystaple",
        "trustno1trustno1",
        "superman1234",
        "rootrootroot",
        "runbookstudio",
    ];
    let mut characters = folded.chars();
    let first = characters.next();
    COMMON.contains(&folded) || characters.all(|c| Some(c) == first)
}

/// An account as others see it; holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The name to sign in with.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub username: Username,
    /// What it is trusted with.
    pub role: Role,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "date-time"))]
    pub created_at: Timestamp,
    /// Since when it is locked out, where it is.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = "date-time"))]
    pub disabled_at: Option<Timestamp>,
}

impl Account {
    /// Whether its owner may not come in.
    #[must_use]
    pub const fn is_disabled(&self) -> bool {
        self.disabled_at.is_some()
    }
}

/// Who is asking: the account behind a session or an API key, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The account.
    pub id: AccountId,
    /// Its name, for records that must stay readable when the account is gone.
    pub username: Username,
    /// Its role at the time of asking.
    pub role: Role,
    /// The address the request came from, where there was one.
    pub address: Option<String>,
    /// What the API key that was shown may be used for; `None` for a session, which may be used for everything.
    pub scopes: Option<Vec<Scope>>,
}

impl Actor {
    /// Whether the actor's role holds the permission, and what was shown may be used for it.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.role.may(permission) && self.has_scope(permission.scope())
    }

    /// Whether what was shown may be used for this.
    #[must_use]
    pub fn has_scope(&self, scope: Scope) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.contains(&scope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_and_odd_ones_refused() {
        assert_eq!(Username::parse(" Ann ").map(|name| name.to_string()), Ok("ann".to_owned()));
        for odd in ["", "a", "-rf", "../x", "a b", "a\0b", "a\nb", &"x".repeat(65)] {
            assert!(Username::parse(odd).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn a_key_does_what_both_its_role_and_its_scopes_allow() {
        let name = Username::parse("ann").expect("a name");
        let mut actor = Actor { id: AccountId::new(), username: name, role: Role::Developer, address: None, scopes: None };
        assert!(actor.may(Permission::Read) && actor.may(Permission::Execute) && actor.may(Permission::Write));
        actor.scopes = Some(vec![Scope::Execute, Scope::Write]);
        assert!(!actor.may(Permission::Read) && actor.may(Permission::Execute) && actor.may(Permission::Write));
        assert!(!actor.may(Permission::Administer), "a scope gives nothing that the role does not hold");
        actor.scopes = Some(Vec::new());
        assert!(!actor.may(Permission::Read));
    }

    #[test]
    fn weak_passwords_are_refused() {
        for weak in ["short", "password1234", "PASSWORD1234", "aaaaaaaaaaaaaaa", "oncall-person"] {
            assert!(check_password(weak, "oncall-person").is_err(), "{weak}");
        }
        assert_eq!(check_password("plain words, many of them", "ann"), Ok(()));
    }
}
