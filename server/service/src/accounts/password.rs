//! Changing one's own password.

use domain::account::check_password;
use domain::{Actor, AuditAction, Faults, Permission};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::Accounts;
use crate::authorise::authorise;
use crate::{Result, ServiceError, audit};

impl Accounts {
    /// Replaces the actor's password. Ends all their sessions and API keys, the one that asks too.
    ///
    /// # Errors
    /// `OutOfScope`; `Invalid` for a weak password and for a wrong `current` one; `Throttled` after too many of those.
    pub async fn change_password(&self, actor: &Actor, current: SecretString, new: SecretString) -> Result<()> {
        authorise(actor, Permission::ManageOwn)?;
        check_new(&new, actor.username.as_str())?;
        let checked = self.check(actor.username.as_str(), current, actor.address.as_deref()).await;
        let (account, seen) = checked.map_err(|error| match error {
            // Who asks is known; 401 would say that they are not.
            ServiceError::WrongPassword => Faults::one("$.current_password", "this is not your present password").into(),
            other => other,
        })?;
        let hash = self.passwords.hash(new).await?;
        let entry = audit::by(actor, AuditAction::PasswordChanged, "account", account.id, json!({}));
        if self.store.change_password(account.id, &seen, &hash, &entry).await? {
            tracing::info!(account.id = %account.id, "password changed");
            Ok(())
        } else {
            Err(ServiceError::conflict("the password was changed at this moment by somebody else"))
        }
    }
}

/// Refuses a weak password.
pub(super) fn check_new(password: &SecretString, username: &str) -> Result<()> {
    check_password(password.expose_secret(), username).map_err(|mut faults| {
        for fault in &mut faults.0 {
            "$.new_password".clone_into(&mut fault.path);
        }
        faults.into()
    })
}
