//! Accounts: signing up, in and out, and who is asking. What is done with accounts after that has a file for each subject.

mod keys;
mod links;
mod password;
mod sessions;
mod users;

use chrono::TimeDelta;
use domain::account::check_password;
use domain::{Account, AccountId, Actor, ApiKeyId, AuditAction, Faults, Permission, Role, Scope, SessionId, Timestamp, Username};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use store::{NewApiKey, NewSession, Store};
use vault::{API_KEY_PREFIX, ApiKey, PasswordHasher, SessionToken, hashes_equal, token_hash};

pub use self::keys::{LONGEST_DAYS, NewKey};
pub use self::links::OneTimeLink;
pub use self::users::{NewUser, UserChange};
use crate::throttle::{Admission, Subject, Throttle, Wait};
use crate::{Result, ServiceError, Settings, Signup, audit, now};

/// How long a key from a log-in lasts.
const LOGIN_KEY: TimeDelta = TimeDelta::days(30);
/// Longer than any token this product makes.
const MAX_TOKEN: usize = 256;
/// Longer than any description of a device, in characters.
const MAX_DEVICE: usize = 100;

/// A wish for an account.
#[derive(Debug)]
pub struct SignUp {
    /// The name to sign in with.
    pub username: String,
    /// The password, at least 12 characters.
    pub password: SecretString,
    /// The role asked for; more than `developer` is an administrator's to give.
    pub role: Option<Role>,
    /// What the server printed at its first start, where it asks for it.
    pub setup_token: Option<String>,
}

/// Signing up, in and out.
#[derive(Clone)]
pub struct Accounts {
    store: Store,
    settings: Settings,
    passwords: PasswordHasher,
    throttle: Throttle,
}

impl Accounts {
    pub(crate) fn new(store: Store, settings: Settings) -> Self {
        let throttle = Throttle::new(store.clone());
        Self { store, settings, passwords: PasswordHasher::new(), throttle }
    }

    /// Whether there is no account yet, so that the next one becomes the administrator's.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn needs_setup(&self) -> Result<bool> {
        Ok(self.store.account_count().await? == 0)
    }

    /// Whether strangers may make themselves an account once there is one.
    #[must_use]
    pub fn is_sign_up_open(&self) -> bool {
        self.settings.signup == Signup::Open
    }

    /// Makes an account and its first API key, which is shown this once.
    ///
    /// # Errors
    /// `Refused` or `Forbidden` where the asker may not, `Invalid` for a weak password or odd name, `NameTaken`.
    pub async fn sign_up(
        &self,
        asker: Option<&Actor>,
        request: SignUp,
        address: Option<String>,
    ) -> Result<(Account, SecretString)> {
        let mut first = self.needs_setup().await?;
        let mut role = self.role_for(asker, &request, first)?;
        let username = check_sign_up(&request.username, &request.password)?;
        let hash = self.passwords.hash(request.password.clone()).await?;

        loop {
            let account = new_account(username.clone(), role);
            let detail = json!({ "username": username, "role": role });
            let entry = match asker {
                Some(actor) => audit::by(actor, AuditAction::SignUp, "account", account.id, detail),
                None => audit::by_account(&account, address.as_deref(), AuditAction::SignUp, detail),
            };
            if self.store.create_account(&account, &hash, first, &entry).await? {
                tracing::info!(account.id = %account.id, account.role = %role, "account made");
                let key = self.make_key(&account, &hash, "sign-up", None, address.as_deref()).await?;
                return Ok((account, key));
            }
            if !first {
                return Err(ServiceError::NameTaken);
            }
            // Somebody else was first: this one is an ordinary sign-up, and must be allowed as one.
            first = false;
            role = self.role_for(asker, &request, first)?;
        }
    }

    /// Checks name and password, and makes an API key named “login”.
    ///
    /// # Errors
    /// `WrongPassword`, the same whether the user exists or not; `Throttled` after too many.
    pub async fn log_in(&self, username: &str, password: SecretString, address: Option<String>) -> Result<SecretString> {
        let (account, hash) = self.check(username, password, address.as_deref()).await?;
        self.make_key(&account, &hash, "login", Some(now() + LOGIN_KEY), address.as_deref()).await
    }

    /// Checks name and password, and begins a browser session; answers the value of its cookie. `device` is a few words for the
    /// owner's list of sessions.
    ///
    /// # Errors
    /// As [`Accounts::log_in`].
    pub async fn sign_in(
        &self,
        username: &str,
        password: SecretString,
        address: Option<String>,
        device: &str,
    ) -> Result<SecretString> {
        let (account, hash) = self.check(username, password, address.as_deref()).await?;
        let token = SessionToken::generate()?;
        let started = now();
        let session = NewSession {
            id: SessionId::new(),
            token_hash: token.hash(),
            account: account.id,
            device: device.chars().take(MAX_DEVICE).collect(),
            address,
            created_at: started,
            expires_at: started + self.settings.session_lifetime,
        };
        let detail = json!({ "by": "session", "session": session.id, "device": session.device });
        let entry = audit::by_account(&account, session.address.as_deref(), AuditAction::SignIn, detail);
        if self.store.create_session(&session, &hash, &entry).await? {
            Ok(token.into_secret())
        } else {
            Err(ServiceError::WrongPassword)
        }
    }

    /// Ends the actor's browser session. A session that is over already is no fault.
    ///
    /// # Errors
    /// When the store fails, or the session is somebody else's.
    pub async fn sign_out(&self, actor: &Actor, token: &str) -> Result<()> {
        let hash = token_hash(token);
        match self.store.session_account(&hash, now(), self.settings.session_idle).await? {
            None => return Ok(()),
            Some((_, account)) if account.id != actor.id => return Err(ServiceError::NotFound { what: "session" }),
            Some(_) => {}
        }
        let entry = audit::by(actor, AuditAction::SignOut, "account", actor.id, json!({ "by": "session" }));
        self.store.delete_session(&hash, &entry).await?;
        Ok(())
    }

    /// Revokes the API key that the actor presented.
    ///
    /// # Errors
    /// `Unauthenticated` where it is none of theirs, or no longer good.
    pub async fn log_out(&self, actor: &Actor, api_key: &str) -> Result<()> {
        let found = self.store.api_key_account(&token_hash(api_key), now()).await?;
        let Some(found) = found.filter(|found| found.account.id == actor.id) else {
            return Err(ServiceError::Unauthenticated);
        };
        let entry = audit::by(actor, AuditAction::SignOut, "api_key", found.id, json!({ "by": "api_key" }));
        if self.store.revoke_api_key(actor.id, found.id, &entry).await? { Ok(()) } else { Err(ServiceError::Unauthenticated) }
    }

    /// Who presents this API key; `None` where it is unknown, expired or revoked, or its owner locked out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn actor_by_key(&self, key: &str, address: Option<String>) -> Result<Option<Actor>> {
        if !key.starts_with(API_KEY_PREFIX) || key.len() > MAX_TOKEN {
            return Ok(None);
        }
        let found = self.store.api_key_account(&token_hash(key), now()).await?;
        Ok(found.and_then(|found| actor(found.account, address, Some(found.scopes))))
    }

    /// Who presents this session; `None` where it is unknown, over, or was idle too long, or its owner is locked out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn actor_by_session(&self, token: &str, address: Option<String>) -> Result<Option<Actor>> {
        if token.is_empty() || token.len() > MAX_TOKEN {
            return Ok(None);
        }
        let found = self.store.session_account(&token_hash(token), now(), self.settings.session_idle).await?;
        Ok(found.and_then(|(_, account)| actor(account, address, None)))
    }

    /// Which role a sign-up ends with, where it may be at all.
    fn role_for(&self, asker: Option<&Actor>, request: &SignUp, first: bool) -> Result<Role> {
        if first {
            let shown = request.setup_token.as_deref().unwrap_or_default();
            return match &self.settings.setup_token {
                Some(token) if !hashes_equal(&token_hash(token), &token_hash(shown)) => Err(ServiceError::Refused {
                    why: "the first account needs the set-up token that the server printed when it started",
                }),
                _ => Ok(Role::Admin),
            };
        }
        let by_admin = asker.is_some_and(|actor| actor.may(Permission::Administer));
        if self.settings.signup == Signup::Closed && !by_admin {
            return Err(ServiceError::Refused { why: "sign-up is closed here: ask an administrator for an account" });
        }
        match request.role {
            Some(role) if by_admin => Ok(role),
            Some(role) if role > Role::Developer => Err(ServiceError::Forbidden { permission: Permission::Administer }),
            _ => Ok(Role::Developer),
        }
    }

    /// The account behind a name and password, and the hash that fits. An unknown name and a locked account cost the same work and get
    /// the same answer.
    async fn check(&self, username: &str, password: SecretString, address: Option<&str>) -> Result<(Account, String)> {
        let name = Username::parse(username).ok();
        // A name that is none counts against the address alone.
        let subjects: Vec<Subject<'_>> =
            address.map(Subject::Address).into_iter().chain(name.as_ref().map(Subject::Account)).collect();
        if let Admission::Waits { retry_after, unnoted } = self.throttle.admit(&subjects, now()).await? {
            for wait in unnoted {
                self.note_wait(&wait, address).await?;
            }
            return Err(ServiceError::Throttled { retry_after });
        }

        let found = match &name {
            Some(name) => self.store.account_by_name(name).await?,
            None => None,
        };
        let fits = self.passwords.verify(password, found.as_ref().map(|(_, hash)| hash.clone())).await?;
        match found {
            Some((account, hash)) if fits && !account.is_disabled() => {
                self.throttle.succeeded(&subjects).await?;
                Ok((account, hash))
            }
            found => {
                let account = found.map(|(account, _)| account);
                // The name of nobody is not written down: people type passwords into the wrong field.
                let name = account.as_ref().map_or("unknown", |account| account.username.as_str());
                let target =
                    account.as_ref().map_or_else(|| "account:unknown".to_owned(), |found| format!("account:{}", found.id));
                let locked = fits && account.is_some();
                let detail = if locked { json!({ "locked": true }) } else { json!({}) };
                let entry = audit::by_nobody(name, address, AuditAction::SignInRefused, target, detail);
                self.store.append_audit(&entry).await?;
                Err(ServiceError::WrongPassword)
            }
        }
    }

    /// One row of the audit trail for a whole wait, by the first try that it refuses.
    async fn note_wait(&self, wait: &Wait<'_>, address: Option<&str>) -> Result<()> {
        let at = now();
        // Rounded up: who comes back a second later finds what was said.
        let seconds = (wait.until - at + TimeDelta::milliseconds(999)).num_seconds().max(1);
        let detail = json!({ "throttled": true, "waits_seconds": seconds, "until": wait.until });
        let (name, target) = match (wait.subject, wait.subject.address()) {
            (Subject::Account(name), _) => {
                // The name of nobody is not written down here either.
                let account = self.store.account_by_name(name).await?.map(|(account, _)| account);
                let target = account.as_ref().map_or_else(|| "unknown".to_owned(), |account| account.id.to_string());
                (
                    account.map_or_else(|| "unknown".to_owned(), |account| account.username.to_string()),
                    format!("account:{target}"),
                )
            }
            (Subject::Address(_), network) => ("unknown".to_owned(), format!("address:{}", network.unwrap_or_default())),
        };
        let entry = audit::by_nobody(&name, address, AuditAction::SignInRefused, target, detail);
        // False: another process has noted it at this moment.
        self.store.note_wait(&wait.key, wait.until, at, &entry).await?;
        Ok(())
    }

    async fn make_key(
        &self,
        account: &Account,
        password_hash: &str,
        name: &str,
        expires_at: Option<Timestamp>,
        address: Option<&str>,
    ) -> Result<SecretString> {
        let key = ApiKey::generate()?;
        let id = ApiKeyId::new();
        let (name, scopes) = (name.to_owned(), Scope::ALL.to_vec());
        let new = NewApiKey { id, account: account.id, name, hash: key.hash(), scopes, created_at: now(), expires_at };
        let detail = json!({ "by": "api_key", "api_key": id, "name": new.name, "expires_at": expires_at });
        let entry = audit::by_account(account, address, AuditAction::SignIn, detail);
        if self.store.create_api_key(&new, Some(password_hash), &entry).await? {
            Ok(key.into_secret())
        } else {
            Err(ServiceError::WrongPassword)
        }
    }
}

/// Name and password, the faults of both at once.
fn check_sign_up(username: &str, password: &SecretString) -> Result<Username> {
    let mut faults = Faults::default();
    if let Err(found) = check_password(password.expose_secret(), username.trim()) {
        faults.0.extend(found.0);
    }
    match Username::parse(username) {
        Ok(username) => Ok(faults.into_result(username)?),
        Err(mut found) => {
            found.0.append(&mut faults.0);
            Err(found.into())
        }
    }
}

fn new_account(username: Username, role: Role) -> Account {
    Account { id: AccountId::new(), username, role, created_at: now(), disabled_at: None }
}

/// The one who asks; nobody for an account that is locked out.
fn actor(account: Account, address: Option<String>, scopes: Option<Vec<Scope>>) -> Option<Actor> {
    let locked = account.is_disabled();
    (!locked).then_some(Actor { id: account.id, username: account.username, role: account.role, address, scopes })
}
