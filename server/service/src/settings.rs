//! What the installation's owner decides about sign-ups.

use std::fmt;

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Signup {
    /// Anybody who reaches the server.
    #[default]
    Open,
    /// Administrators, for others.
    Closed,
}

/// Settings of the use cases.
#[derive(Clone, Default)]
pub struct Settings {
    /// Who may make an account once there is one.
    pub signup: Signup,
    /// What the very first sign-up must show, where the server is reachable from elsewhere.
    pub setup_token: Option<String>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("signup", &self.signup)
            .field("setup_token", &self.setup_token.as_ref().map(|_| "redacted"))
            .finish()
    }
}
