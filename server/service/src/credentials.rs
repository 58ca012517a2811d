//! Credentials: secrets that steps may use and nobody reads back.

use domain::credential::{MAX_SECRET, compose, parse_name};
use domain::{Actor, AuditAction, CredentialId, CredentialKind, CredentialSummary, Faults, Permission};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use store::Store;
use vault::Vault;

use crate::authorise::{authorise, authorise_look};
use crate::{Result, ServiceError, audit, now, references};

/// The version under which a secret is sealed; a changed secret would be the next.
const VERSION: u32 = 1;

/// A credential as people give it. Fields left empty are none.
#[derive(Debug, Default)]
pub struct NewCredential {
    /// Its name.
    pub name: String,
    /// A private key, a password, a token.
    pub secret: SecretString,
    /// Whose password it is, where that belongs to it.
    pub username: String,
    /// What opens a private key.
    pub passphrase: SecretString,
}

/// Storing, listing and deleting credentials.
#[derive(Clone)]
pub struct Credentials {
    store: Store,
    vault: Vault,
}

impl Credentials {
    pub(crate) fn new(store: Store, vault: Vault) -> Self {
        Self { store, vault }
    }

    /// All of them, by name, without their secrets.
    ///
    /// # Errors
    /// `Forbidden` below sre.
    pub async fn list(&self, actor: &Actor) -> Result<Vec<CredentialSummary>> {
        authorise_look(actor, Permission::ManageCredentials)?;
        Ok(self.store.credentials().await?)
    }

    /// Seals a secret and stores it.
    ///
    /// # Errors
    /// `Forbidden` below sre, `Invalid`, `Conflict` where the name is taken.
    pub async fn create(
        &self,
        actor: &Actor,
        name: impl Into<String>,
        kind: CredentialKind,
        secret: SecretString,
    ) -> Result<CredentialSummary> {
        self.create_of(actor, kind, NewCredential { name: name.into(), secret, ..NewCredential::default() }).await
    }

    /// The same, of several fields: one secret is made of them, as `domain::credential` says. Under the name of one that has lost its
    /// secret it becomes that one's, so that what uses it goes on.
    ///
    /// # Errors
    /// `Forbidden` below sre, `Invalid`, `Conflict` where the name is taken.
    pub async fn create_of(&self, actor: &Actor, kind: CredentialKind, new: NewCredential) -> Result<CredentialSummary> {
        authorise(actor, Permission::ManageCredentials)?;
        let NewCredential { name, secret, username, passphrase } = new;
        let name = check(&name, &secret)?;
        let secret = SecretString::from(compose(kind, secret.expose_secret(), &username, passphrase.expose_secret())?);
        let found = self.store.credential(&name).await?.map(|(credential, _)| credential);
        let lost = found.filter(|found| found.secret_lost_at.is_some() && found.kind == kind);
        let is_renewed = lost.is_some();
        let credential = CredentialSummary {
            id: lost.as_ref().map_or_else(CredentialId::new, |lost| lost.id),
            name,
            kind,
            created_at: now(),
            created_by: actor.username.to_string(),
            last_used_at: lost.as_ref().and_then(|lost| lost.last_used_at),
            last_used_by: lost.and_then(|lost| lost.last_used_by),
            secret_lost_at: None,
        };
        let storing = self.vault.storing().await;
        let sealed = self.vault.seal(&credential.id.to_string(), VERSION, &secret)?;
        let detail = json!({ "name": credential.name, "type": kind, "anew": is_renewed });
        let entry = audit::by(actor, AuditAction::CredentialCreated, "credential", credential.id, detail);
        let (store, new) = (self.store.clone(), credential.clone());
        // Not in this task: who asked may go away, and a rotation of the key waits until it is stored.
        let stored = tokio::spawn(async move {
            let stored = if is_renewed {
                store.renew_credential(&new, &sealed, &entry).await
            } else {
                store.create_credential(&new, &sealed, &entry).await
            };
            drop(storing);
            stored
        });
        if stored.await.map_err(ServiceError::internal)?? {
            Ok(credential)
        } else {
            Err(ServiceError::conflict(format!("there is a credential named “{}” already", credential.name)))
        }
    }

    /// Deletes one; where a runbook or host uses it, only by `force`.
    ///
    /// # Errors
    /// `Forbidden` below sre, `NotFound`, `Conflict` naming what uses it.
    pub async fn delete(&self, actor: &Actor, id: CredentialId, force: bool) -> Result<()> {
        authorise(actor, Permission::ManageCredentials)?;
        let missing = ServiceError::NotFound { what: "credential" };
        let Some((credential, _)) = self.store.credential(&id.to_string()).await? else { return Err(missing) };
        let users = self.store.runbooks_using(&[id.to_string(), credential.name.clone()]).await?;
        let hosts = self.store.hosts_using(id).await?;
        let hosts_named = hosts.iter().map(|host| format!("host {}", references::quoted(host)));
        let used_by: Vec<String> = users.iter().map(|(_, title)| references::quoted(title)).chain(hosts_named).collect();
        if !force && !used_by.is_empty() {
            return Err(ServiceError::conflict(format!("“{}” is used by {}", credential.name, references::listed(&used_by))));
        }
        let used_by: Vec<_> = users.iter().map(|(id, _)| id).collect();
        let detail =
            json!({ "name": credential.name, "type": credential.kind, "force": force, "used_by": used_by, "hosts": hosts });
        let entry = audit::by(actor, AuditAction::CredentialDeleted, "credential", id, detail);
        if self.store.delete_credential(id, &entry).await? { Ok(()) } else { Err(missing) }
    }
}

fn check(name: &str, secret: &SecretString) -> Result<String> {
    let mut faults = Faults::default();
    let parsed = parse_name(name).map_err(|found| faults.0.extend(found.0)).ok();
    if parsed.as_deref().is_some_and(|name| name.parse::<CredentialId>().is_ok()) {
        faults.push("$.name", "a name must not look like an id");
    }
    let bytes = secret.expose_secret();
    if bytes.is_empty() {
        faults.push("$.secret", "a secret must not be empty");
    } else if bytes.len() > MAX_SECRET {
        faults.push("$.secret", format!("a secret has at most {} KiB", MAX_SECRET / 1024));
    } else if bytes.contains('\0') {
        faults.push("$.secret", "a secret must not hold the NUL character");
    }
    Ok(faults.into_result(parsed.unwrap_or_default())?)
}
