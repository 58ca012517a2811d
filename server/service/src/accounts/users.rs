//! What administrators do with the accounts of others.

use domain::{Account, AccountId, Actor, AuditAction, Permission, Role, UserSummary};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use store::AccountChange;
use vault::SessionToken;

use super::{Accounts, check_sign_up, new_account};
use crate::authorise::{authorise, authorise_look};
use crate::{Result, ServiceError, audit, now};

/// How often a change is tried anew because the account changed meanwhile.
const TRIES: usize = 5;
/// The length of a password that is made up: 144 random bits.
const PASSWORD_LENGTH: usize = 24;

/// An account that an administrator makes for somebody.
#[derive(Debug)]
pub struct NewUser {
    /// The name to sign in with.
    pub username: String,
    /// What it is trusted with.
    pub role: Role,
    /// The password; one is made up where none is given.
    pub password: Option<SecretString>,
}

/// What an account is to be; `None` leaves that as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserChange {
    /// What it is trusted with.
    pub role: Option<Role>,
    /// Whether it is locked out.
    pub disabled: Option<bool>,
}

impl Accounts {
    /// Every account, by name.
    ///
    /// # Errors
    /// `Forbidden` to all but administrators.
    pub async fn users(&self, actor: &Actor) -> Result<Vec<UserSummary>> {
        authorise_look(actor, Permission::Administer)?;
        Ok(self.store.accounts().await?)
    }

    /// The names of those who can give roles: whoever lacks one has to know whom to ask.
    ///
    /// # Errors
    /// `OutOfScope`; when the store fails.
    pub async fn administrators(&self, actor: &Actor) -> Result<Vec<String>> {
        authorise(actor, Permission::Read)?;
        let accounts = self.store.accounts().await?;
        let admins = accounts.into_iter().filter(|user| user.disabled_at.is_none() && user.role.may(Permission::Administer));
        Ok(admins.map(|user| user.username.to_string()).collect())
    }

    /// Makes an account. Answers the password where one was made up; it is shown this once.
    ///
    /// # Errors
    /// `Forbidden`, `Invalid`, `NameTaken`.
    pub async fn create_user(&self, actor: &Actor, wish: NewUser) -> Result<(Account, Option<SecretString>)> {
        authorise(actor, Permission::Administer)?;
        let made_up = if wish.password.is_none() { Some(make_up_password()?) } else { None };
        let Some(password) = wish.password.or_else(|| made_up.clone()) else { return Err(ServiceError::Unauthenticated) };
        let username = check_sign_up(&wish.username, &password)?;
        let hash = self.passwords.hash(password).await?;
        let account = new_account(username, wish.role);
        let detail = json!({ "username": account.username, "role": account.role });
        let entry = audit::by(actor, AuditAction::AccountCreated, "account", account.id, detail);
        if self.store.create_account(&account, &hash, false, &entry).await? {
            tracing::info!(account.id = %account.id, account.role = %account.role, "account made");
            Ok((account, made_up))
        } else {
            Err(ServiceError::NameTaken)
        }
    }

    /// Gives an account another role, locks it out, or lets it in again. Ends all its sessions and API keys.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound`; `Conflict` where no administrator would be left.
    pub async fn change_user(&self, actor: &Actor, id: AccountId, change: UserChange) -> Result<Account> {
        authorise(actor, Permission::Administer)?;
        for _ in 0..TRIES {
            let seen = self.store.account(id).await?.ok_or(ServiceError::NotFound { what: "user" })?;
            let changed = changed(&seen, change);
            if changed == seen {
                return Ok(seen);
            }
            let detail = json!({
                "username": seen.username,
                "role": { "before": seen.role, "after": changed.role },
                "disabled": { "before": seen.is_disabled(), "after": changed.is_disabled() },
            });
            let entry = audit::by(actor, action(&seen, &changed), "account", id, detail);
            match self.store.change_account(&seen, &changed, &entry).await? {
                AccountChange::Done => {
                    tracing::info!(account.id = %id, account.role = %changed.role, disabled = changed.is_disabled(), "account changed");
                    return Ok(changed);
                }
                AccountChange::LastAdmin => {
                    return Err(ServiceError::conflict(format!(
                        "“{}” is the last administrator: give somebody else that role first",
                        seen.username
                    )));
                }
                AccountChange::Moved => {}
            }
        }
        Err(ServiceError::conflict("this account is changing at this moment; try again"))
    }
}

fn changed(seen: &Account, change: UserChange) -> Account {
    let disabled_at = match change.disabled {
        None => seen.disabled_at,
        Some(false) => None,
        Some(true) => seen.disabled_at.or_else(|| Some(now())),
    };
    Account { role: change.role.unwrap_or(seen.role), disabled_at, ..seen.clone() }
}

/// The weightier of what changed; the detail tells both.
const fn action(seen: &Account, changed: &Account) -> AuditAction {
    match (seen.is_disabled(), changed.is_disabled()) {
        (false, true) => AuditAction::AccountDisabled,
        (true, false) => AuditAction::AccountEnabled,
        _ => AuditAction::RoleChanged,
    }
}

fn make_up_password() -> Result<SecretString> {
    let token = SessionToken::generate()?;
    Ok(SecretString::from(token.secret().expose_secret().chars().take(PASSWORD_LENGTH).collect::<String>()))
}
