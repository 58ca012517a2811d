//! Accounts: signing up, in and out, and who is asking.

use std::time::Duration;

use chrono::TimeDelta;
use domain::account::check_password;
use domain::{Account, AccountId, Actor, ApiKeyId, AuditAction, Faults, Permission, Role, Timestamp, Username};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use store::{NewApiKey, Store};
use vault::{API_KEY_PREFIX, ApiKey, PasswordHasher, SessionToken, hashes_equal, token_hash};

use crate::throttle::Throttle;
use crate::{Result, ServiceError, Settings, Signup, audit, now};

/// How long a session lasts, used or not.
const SESSION: TimeDelta = TimeDelta::days(7);
/// How long a session lasts when nobody uses it.
const IDLE: Duration = Duration::from_secs(12 * 60 * 60);
/// How long a key from a log-in lasts.
const LOGIN_KEY: TimeDelta = TimeDelta::days(30);
/// Longer than any token this product makes.
const MAX_TOKEN: usize = 256;

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
        Self { store, settings, passwords: PasswordHasher::new(), throttle: Throttle::default() }
    }

    /// Whether there is no account yet, so that the next one becomes the administrator's.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn needs_setup(&self) -> Result<bool> {
        Ok(self.store.account_count().await? == 0)
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
        let username = check_sign_up(&request)?;
        let hash = self.passwords.hash(request.password.clone()).await?;

        loop {
            let account = Account { id: AccountId::new(), username: username.clone(), role, created_at: now() };
            let detail = json!({ "username": username, "role": role });
            let entry = match asker {
                Some(actor) => audit::by(actor, AuditAction::SignUp, "account", account.id, detail),
                None => audit::by_account(&account, address.as_deref(), AuditAction::SignUp, detail),
            };
            if self.store.create_account(&account, &hash, first, &entry).await? {
                tracing::info!(account.id = %account.id, account.role = %role, "account made");
                let key = self.make_key(&account, "sign-up", None, address.as_deref()).await?;
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
        let account = self.check(username, password, address.as_deref()).await?;
        self.make_key(&account, "login", Some(now() + LOGIN_KEY), address.as_deref()).await
    }

    /// Checks name and password, and begins a browser session; answers the value of its cookie.
    ///
    /// # Errors
    /// As [`Accounts::log_in`].
    pub async fn sign_in(&self, username: &str, password: SecretString, address: Option<String>) -> Result<SecretString> {
        let account = self.check(username, password, address.as_deref()).await?;
        let token = SessionToken::generate()?;
        let entry = audit::by_account(&account, address.as_deref(), AuditAction::SignIn, json!({ "by": "session" }));
        let started = now();
        self.store.create_session(&token.hash(), account.id, started, started + SESSION, &entry).await?;
        Ok(token.into_secret())
    }

    /// Ends the actor's browser session. A session that is over already is no fault.
    ///
    /// # Errors
    /// When the store fails, or the session is somebody else's.
    pub async fn sign_out(&self, actor: &Actor, token: &str) -> Result<()> {
        let hash = token_hash(token);
        match self.store.session_account(&hash, now(), IDLE).await? {
            None => return Ok(()),
            Some(account) if account.id != actor.id => return Err(ServiceError::NotFound { what: "session" }),
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
        let Some((id, _)) = found.filter(|(_, account)| account.id == actor.id) else {
            return Err(ServiceError::Unauthenticated);
        };
        let entry = audit::by(actor, AuditAction::SignOut, "api_key", id, json!({ "by": "api_key" }));
        if self.store.revoke_api_key(id, &entry).await? { Ok(()) } else { Err(ServiceError::Unauthenticated) }
    }

    /// Who presents this API key; `None` where it is unknown, expired or revoked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn actor_by_key(&self, key: &str, address: Option<String>) -> Result<Option<Actor>> {
        if !key.starts_with(API_KEY_PREFIX) || key.len() > MAX_TOKEN {
            return Ok(None);
        }
        let found = self.store.api_key_account(&token_hash(key), now()).await?;
        Ok(found.map(|(_, account)| actor(account, address)))
    }

    /// Who presents this session; `None` where it is unknown, over, or was idle too long.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn actor_by_session(&self, token: &str, address: Option<String>) -> Result<Option<Actor>> {
        if token.is_empty() || token.len() > MAX_TOKEN {
            return Ok(None);
        }
        let found = self.store.session_account(&token_hash(token), now(), IDLE).await?;
        Ok(found.map(|account| actor(account, address)))
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

    /// The account behind a name and password. An unknown name costs the same work and gets the same answer.
    async fn check(&self, username: &str, password: SecretString, address: Option<&str>) -> Result<Account> {
        let name = Username::parse(username).ok();
        // A name that is none counts against the address alone.
        let account_key = name.as_ref().map_or_else(|| "account:".to_owned(), |name| format!("account:{name}"));
        let mut keys = Vec::from_iter(address.map(|address| format!("address:{address}")));
        keys.extend(name.is_some().then(|| account_key.clone()));
        self.throttle.admit(&keys)?;

        let found = match &name {
            Some(name) => self.store.account_by_name(name).await?,
            None => None,
        };
        let (account, hash) = found.unzip();
        let fits = self.passwords.verify(password, hash).await?;
        match account {
            Some(account) if fits => {
                self.throttle.succeeded(&account_key, &keys);
                Ok(account)
            }
            account => {
                // The name of nobody is not written down: people type passwords into the wrong field.
                let name = account.as_ref().map_or("unknown", |account| account.username.as_str());
                let target =
                    account.as_ref().map_or_else(|| "account:unknown".to_owned(), |found| format!("account:{}", found.id));
                let entry = audit::by_nobody(name, address, AuditAction::SignInRefused, target, json!({}));
                self.store.append_audit(&entry).await?;
                Err(ServiceError::WrongPassword)
            }
        }
    }

    async fn make_key(
        &self,
        account: &Account,
        name: &str,
        expires_at: Option<Timestamp>,
        address: Option<&str>,
    ) -> Result<SecretString> {
        let key = ApiKey::generate()?;
        let id = ApiKeyId::new();
        let new = NewApiKey { id, account: account.id, name: name.to_owned(), hash: key.hash(), created_at: now(), expires_at };
        let detail = json!({ "by": "api_key", "api_key": id, "name": name, "expires_at": expires_at });
        let entry = audit::by_account(account, address, AuditAction::SignIn, detail);
        self.store.create_api_key(&new, &entry).await?;
        Ok(key.into_secret())
    }
}

/// Name and password, the faults of both at once.
fn check_sign_up(request: &SignUp) -> Result<Username> {
    let mut faults = Faults::default();
    let username = Username::parse(&request.username).map_err(|found| faults.0.extend(found.0)).ok();
    if let Err(found) = check_password(request.password.expose_secret(), request.username.trim()) {
        faults.0.extend(found.0);
    }
    match username {
        Some(username) => Ok(faults.into_result(username)?),
        None => Err(ServiceError::Invalid(faults)),
    }
}

fn actor(account: Account, address: Option<String>) -> Actor {
    Actor { id: account.id, username: account.username, role: account.role, address }
}
