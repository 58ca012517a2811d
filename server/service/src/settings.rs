//! What the installation's owner decides.

use std::fmt;
use std::time::Duration;

use crate::Installation;

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Signup {
    /// Anybody who reaches the server.
    #[default]
    Open,
    /// Administrators, for others.
    Closed,
}

/// What keeps commands on the server itself from the server's own files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LocalCommands {
    /// They run as this user, who may read neither key nor database.
    OtherUser(String),
    /// They do not see the data folder.
    #[default]
    Hidden,
    /// Nothing: they can read both, so that only those from sre on may run any.
    Shared,
}

/// Settings of the use cases.
#[derive(Clone)]
pub struct Settings {
    /// Who may make an account once there is one.
    pub signup: Signup,
    /// What the very first sign-up must show, where the server is reachable from elsewhere.
    pub setup_token: Option<String>,
    /// What commands on the server itself can see.
    pub local: LocalCommands,
    /// How long a browser's session lasts, used or not.
    pub session_lifetime: Duration,
    /// How long it lasts when nobody uses it. Use is noted to the minute.
    pub session_idle: Duration,
    /// What administrators are shown of the rest.
    pub installation: Installation,
}

impl LocalCommands {
    /// What people are told beside the host.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::OtherUser(user) => format!("The server itself; commands run as {user}"),
            Self::Hidden => "The server itself; commands do not see its data".to_owned(),
            Self::Shared => {
                "The server itself; commands can read its key and database, so only sre and admin may run here".to_owned()
            }
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            signup: Signup::default(),
            setup_token: None,
            local: LocalCommands::default(),
            session_lifetime: Duration::from_secs(7 * 24 * 60 * 60),
            session_idle: Duration::from_secs(12 * 60 * 60),
            installation: Installation::default(),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("signup", &self.signup)
            .field("setup_token", &self.setup_token.as_ref().map(|_| "redacted"))
            .field("local", &self.local)
            .field("session_lifetime", &self.session_lifetime)
            .field("session_idle", &self.session_idle)
            .field("installation", &self.installation)
            .finish()
    }
}
