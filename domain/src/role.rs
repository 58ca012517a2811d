//! Who may do what: four roles, each holding all of the one below.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Scope;

/// What an account is trusted with. The order is the order of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Role {
    /// Reads.
    Viewer,
    /// Writes and runs runbooks, controls their own runs.
    Developer,
    /// Controls anybody's runs, keeps credentials and hosts, reads the audit trail.
    Sre,
    /// Manages users, roles and settings.
    Admin,
}

/// Something an account may or may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Read runbooks, versions and runs.
    Read,
    /// Change one's own password, sessions and API keys.
    ManageOwn,
    /// Create, edit, delete, import and roll back runbooks.
    Write,
    /// Start runs and control one's own.
    Execute,
    /// Control anybody's runs.
    ControlAny,
    /// List, create and delete credentials.
    ManageCredentials,
    /// Add, change and delete hosts, and see how they are reached.
    ManageHosts,
    /// Read the audit trail.
    ReadAudit,
    /// Manage accounts, roles and settings.
    Administer,
}

impl Role {
    /// Every role, least trusted first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Developer, Self::Sre, Self::Admin];

    /// Whether this role holds the permission.
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        self >= permission.least_role()
    }

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Developer => "developer",
            Self::Sre => "sre",
            Self::Admin => "admin",
        }
    }
}

impl Permission {
    /// The least trusted role that holds it.
    #[must_use]
    pub const fn least_role(self) -> Role {
        match self {
            Self::Read | Self::ManageOwn => Role::Viewer,
            Self::Write | Self::Execute => Role::Developer,
            Self::ControlAny | Self::ManageCredentials | Self::ManageHosts | Self::ReadAudit => Role::Sre,
            Self::Administer => Role::Admin,
        }
    }

    /// What an API key must be made for to be used for it.
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self {
            Self::Read | Self::ReadAudit => Scope::Read,
            Self::Execute | Self::ControlAny => Scope::Execute,
            Self::ManageOwn | Self::Write | Self::ManageCredentials | Self::ManageHosts | Self::Administer => Scope::Write,
        }
    }

    /// What it allows, as the end of “needs … to”.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Read => "read runbooks and runs",
            Self::ManageOwn => "change your own account",
            Self::Write => "change runbooks",
            Self::Execute => "run runbooks",
            Self::ControlAny => "control runs that somebody else started",
            Self::ManageCredentials => "manage credentials",
            Self::ManageHosts => "manage hosts",
            Self::ReadAudit => "read the audit trail",
            Self::Administer => "manage users and settings",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

/// A word that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is viewer, developer, sre or admin")]
pub struct UnknownRole;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_holds_all_of_the_one_below() {
        let permissions = [
            Permission::Read,
            Permission::ManageOwn,
            Permission::Write,
            Permission::Execute,
            Permission::ControlAny,
            Permission::ManageCredentials,
            Permission::ManageHosts,
            Permission::ReadAudit,
            Permission::Administer,
        ];
        for pair in Role::ALL.windows(2) {
            for permission in permissions {
                assert!(!pair[0].may(permission) || pair[1].may(permission), "{pair:?} {permission:?}");
            }
        }
        assert!(!Role::Viewer.may(Permission::Execute));
        assert!(!Role::Developer.may(Permission::ManageCredentials));
        assert!(!Role::Developer.may(Permission::ManageHosts));
        assert!(!Role::Sre.may(Permission::Administer));
    }
}
