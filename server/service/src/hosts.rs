//! Hosts: where blocks may run, and who may run there.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use domain::host::{HostCheck, LOCAL};
use domain::{
    Actor, AuditAction, CredentialId, CredentialKind, Faults, Host, HostDetails, HostDraft, HostId, HostSummary, Permission,
    Role, RunbookId, Step,
};
use engine::EngineHandle;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use store::{HostChange, Store};
use vault::Vault;

use crate::authorise::authorise;
use crate::references::{self, HostUse};
use crate::{LocalCommands, Result, ServiceError, audit, now};

/// Why somebody is kept from commands on the server itself.
pub(crate) const SHARED: &str = "commands on this server can read its key and database, so only an sre may run any; an \
                                 administrator can mend that: with STUDIO_RUN_AS where the server is root, else with bubblewrap";
const MISSING: ServiceError = ServiceError::NotFound { what: "host" };

/// Keeping hosts.
#[derive(Clone)]
pub struct Hosts {
    store: Store,
    vault: Vault,
    engine: EngineHandle,
    local: LocalCommands,
}

impl Hosts {
    pub(crate) fn new(store: Store, vault: Vault, engine: EngineHandle, local: LocalCommands) -> Self {
        Self { store, vault, engine, local }
    }

    /// All of them, `local` first. How each is reached is told to those who manage hosts.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, actor: &Actor) -> Result<Vec<HostSummary>> {
        authorise(actor, Permission::Read)?;
        Ok(self.store.hosts().await?.into_iter().map(|host| told(host, &self.local, actor)).collect())
    }

    /// One of them, told as [`Hosts::list`] does.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, actor: &Actor, id: HostId) -> Result<HostSummary> {
        authorise(actor, Permission::Read)?;
        Ok(told(self.store.host(id).await?.ok_or(MISSING)?, &self.local, actor))
    }

    /// Adds a host.
    ///
    /// # Errors
    /// `Forbidden` below sre, `Invalid` with every fault, `Conflict` where the name is taken.
    pub async fn create(&self, actor: &Actor, draft: HostDraft) -> Result<HostSummary> {
        authorise(actor, Permission::ManageHosts)?;
        let draft = self.checked(&draft).await?;
        let host = Host::new(draft, actor.username.as_str(), now());
        let entry = audit::by(actor, AuditAction::HostCreated, "host", host.id, Value::Object(described(&host)));
        if self.store.create_host(&host, &entry).await? {
            Ok(told(host, &self.local, actor))
        } else {
            Err(name_taken(&host.name))
        }
    }

    /// Changes a host to what the draft says. One that runbooks name keeps its name.
    ///
    /// # Errors
    /// `Forbidden` below sre, `Invalid` with every fault, `NotFound`, `Conflict` where the name is taken or in use.
    pub async fn update(&self, actor: &Actor, id: HostId, draft: HostDraft) -> Result<HostSummary> {
        authorise(actor, Permission::ManageHosts)?;
        let old = self.store.host(id).await?.ok_or(MISSING)?;
        let draft = self.checked(&draft).await?;
        if draft.name != old.name {
            self.may_be_renamed(&old).await?;
        }
        let host = old.changed(draft, actor.username.as_str(), now());
        let entry = audit::by(actor, AuditAction::HostUpdated, "host", id, differences(&old, &host));
        match self.store.update_host(&host, &entry).await? {
            HostChange::Done => Ok(told(host, &self.local, actor)),
            HostChange::NameTaken => Err(name_taken(&host.name)),
            HostChange::Gone => Err(MISSING),
        }
    }

    /// Looks at a host without running anything on it: whether it answers, which key it shows, whether it lets us in.
    ///
    /// # Errors
    /// `Forbidden` below sre, `NotFound`, `Conflict` for `local`.
    pub async fn check(&self, actor: &Actor, id: HostId) -> Result<HostCheck> {
        authorise(actor, Permission::ManageHosts)?;
        let host = self.store.host(id).await?.ok_or(MISSING)?;
        if host.is_local() {
            return Err(ServiceError::conflict("“local” is the server itself: nothing connects to it"));
        }
        let detail = json!({ "name": host.name, "address": host.address, "port": host.port });
        self.store.append_audit(&audit::by(actor, AuditAction::HostChecked, "host", id, detail)).await?;
        let secret = match host.credential {
            Some(credential) => self.secret(actor, &host, credential).await?,
            None => None,
        };
        let check = self.engine.check_host(&host, secret.as_ref()).await;
        tracing::info!(host.name, good = check.is_good(), "host checked");
        Ok(check)
    }

    /// Pins the key that a person has seen and compared; from then on the host must show it.
    ///
    /// # Errors
    /// `Forbidden` below sre, `Invalid` for what is no key, `NotFound`, `Conflict` for `local`.
    pub async fn pin(&self, actor: &Actor, id: HostId, line: &str) -> Result<HostSummary> {
        authorise(actor, Permission::ManageHosts)?;
        let host = self.store.host(id).await?.ok_or(MISSING)?;
        if host.is_local() {
            return Err(ServiceError::conflict("“local” is the server itself: it shows no key"));
        }
        let Some(key) = domain::host::key_line(line) else {
            return Err(Faults::one("$.host_key", "this is no public key as OpenSSH writes it").into());
        };
        let changed = Host { host_key: Some(key), updated_at: now(), updated_by: actor.username.to_string(), ..host.clone() };
        let entry = audit::by(actor, AuditAction::HostKeyPinned, "host", id, differences(&host, &changed));
        match self.store.update_host(&changed, &entry).await? {
            HostChange::Done => Ok(told(changed, &self.local, actor)),
            HostChange::NameTaken | HostChange::Gone => Err(MISSING),
        }
    }

    /// The secret of a credential, where it is there and can be opened. Its use is recorded.
    async fn secret(&self, actor: &Actor, host: &Host, id: CredentialId) -> Result<Option<SecretString>> {
        let Some((summary, sealed)) = self.store.credential(&id.to_string()).await? else { return Ok(None) };
        let secret = self.vault.open_sealed(&summary.id.to_string(), 1, &sealed)?;
        let detail = json!({ "name": summary.name, "host": host.name });
        let entry = audit::by(actor, AuditAction::CredentialUsed, "credential", summary.id, detail);
        self.store.credential_used(summary.id, entry.at, None, &entry).await?;
        Ok(Some(secret))
    }

    /// Deletes a host; where a runbook names it, only by `force`. `local` stays.
    ///
    /// # Errors
    /// `Forbidden` below sre, `NotFound`, `Conflict` naming the runbooks, and for `local`.
    pub async fn delete(&self, actor: &Actor, id: HostId, force: bool) -> Result<()> {
        authorise(actor, Permission::ManageHosts)?;
        let host = self.store.host(id).await?.ok_or(MISSING)?;
        if host.is_local() {
            return Err(ServiceError::conflict(
                "“local” is the server itself and cannot be deleted; take its roles away instead",
            ));
        }
        let users = self.users(&host).await?;
        if !force && !users.is_empty() {
            return Err(in_use(&host, &users));
        }
        let mut detail = described(&host);
        detail.insert("force".to_owned(), force.into());
        detail.insert("used_by".to_owned(), users.iter().map(|(id, _)| id.to_string()).collect());
        let entry = audit::by(actor, AuditAction::HostDeleted, "host", id, Value::Object(detail));
        if self.store.delete_host(id, &entry).await? { Ok(()) } else { Err(MISSING) }
    }

    /// The draft, where all is right with it and its credential is one for hosts.
    async fn checked(&self, draft: &HostDraft) -> Result<HostDraft> {
        let draft = draft.check()?;
        if let Some(id) = draft.credential {
            let kind = self.store.credential(&id.to_string()).await?.map(|(credential, _)| credential.kind);
            let message = match kind {
                Some(CredentialKind::Ssh) => return Ok(draft),
                Some(CredentialKind::Api) => "this credential is for an API; a host needs one of the type ssh",
                None => "there is no such credential",
            };
            return Err(Faults::one("$.credential", message).into());
        }
        Ok(draft)
    }

    async fn may_be_renamed(&self, host: &Host) -> Result<()> {
        if host.is_local() {
            return Err(Faults::one("$.name", "local keeps its name").into());
        }
        let users = self.users(host).await?;
        if users.is_empty() { Ok(()) } else { Err(in_use(host, &users)) }
    }

    async fn users(&self, host: &Host) -> Result<Vec<(RunbookId, String)>> {
        Ok(self.store.runbooks_using(&[references::to_host(&host.name)]).await?)
    }
}

/// Refuses a run that would touch a host that is not there, or one that does not list the actor's role.
///
/// # Errors
/// `Invalid` at the paths of the blocks, `HostForbidden`.
pub(crate) async fn may_run_on(store: &Store, local: &LocalCommands, actor: &Actor, uses: &[HostUse]) -> Result<()> {
    let hosts = allowed(store, local, actor, uses.iter().map(|used| used.host.as_str()).collect()).await?;
    let mut faults = Faults::default();
    for used in uses.iter().filter(|used| !hosts.iter().any(|host| host.name == used.host)) {
        faults.push(&used.path, format!("there is no host “{}”", used.host));
    }
    Ok(faults.into_result(())?)
}

/// Refuses to let a run go on whose steps, those that are not over, run on a host that does not list the actor's role. A host
/// that is gone is no matter here: its step will say so.
///
/// # Errors
/// `HostForbidden`.
pub(crate) async fn may_go_on(store: &Store, local: &LocalCommands, actor: &Actor, steps: &[&Step]) -> Result<()> {
    let open = steps.iter().filter(|step| !step.state.is_final());
    allowed(store, local, actor, open.filter_map(|step| step.host.as_deref()).collect()).await.map(|_| ())
}

/// Those of these hosts that are there, where all of them list the actor's role.
async fn allowed(store: &Store, local: &LocalCommands, actor: &Actor, mut names: Vec<&str>) -> Result<Vec<Host>> {
    names.sort_unstable();
    names.dedup();
    let hosts = store.hosts_named(&names).await?;
    if hosts.iter().any(|host| is_kept_from(actor, host, local)) {
        return Err(ServiceError::Refused { why: SHARED });
    }
    let mut forbidden: Vec<String> =
        hosts.iter().filter(|host| !host.may_run(actor.role)).map(|host| references::quoted(&host.name)).collect();
    if forbidden.is_empty() {
        return Ok(hosts);
    }
    forbidden.sort_unstable();
    Err(ServiceError::HostForbidden { role: actor.role, hosts: references::listed(&forbidden) })
}

/// Whether a host is this server itself, whose commands could read what is not the actor's to know.
pub(crate) fn is_kept_from(actor: &Actor, host: &Host, local: &LocalCommands) -> bool {
    host.is_local() && *local == LocalCommands::Shared && actor.role < Role::Sre
}

/// What the actor is told of a host.
fn told(host: Host, local: &LocalCommands, actor: &Actor) -> HostSummary {
    let note = host.is_local().then(|| local.describe());
    let details = actor.role.may(Permission::ManageHosts).then(|| HostDetails {
        address: host.address,
        port: host.port,
        user: host.user,
        credential: host.credential,
        fingerprint: host.host_key.as_deref().and_then(fingerprint),
        host_key: host.host_key,
        env: host.env,
        created_at: host.created_at,
        created_by: host.created_by,
        updated_at: host.updated_at,
        updated_by: host.updated_by,
    });
    HostSummary { id: host.id, name: host.name, tags: host.tags, roles: host.roles, description: host.description, note, details }
}

/// The fingerprint of a public key's line, as `ssh-keygen -l` writes it.
fn fingerprint(line: &str) -> Option<String> {
    let key = STANDARD.decode(line.split(' ').nth(1)?).ok()?;
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key))))
}

/// What the audit trail keeps of a host: everything but the values of its variables, which people take for a place for secrets.
fn described(host: &Host) -> Map<String, Value> {
    let env: Vec<&str> = host.env.iter().map(|(name, _)| name.as_str()).collect();
    let fields = [
        ("name", json!(host.name)),
        ("address", json!(host.address)),
        ("port", json!(host.port)),
        ("user", json!(host.user)),
        ("tags", json!(host.tags)),
        ("roles", json!(host.roles)),
        ("credential", json!(host.credential)),
        ("host_key", json!(host.host_key.as_deref().and_then(fingerprint))),
        ("env", json!(env)),
        ("description", json!(host.description)),
    ];
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// What a change changed, before and after.
fn differences(old: &Host, new: &Host) -> Value {
    let (mut before, mut after) = (described(old), described(new));
    let same: Vec<String> =
        before.iter().filter(|(key, value)| after.get(*key) == Some(*value)).map(|(key, _)| key.clone()).collect();
    for key in same.iter().filter(|key| *key != "env" || old.env == new.env) {
        before.shift_remove(key);
        after.shift_remove(key);
    }
    json!({ "name": new.name, "before": before, "after": after })
}

fn name_taken(name: &str) -> ServiceError {
    if name == LOCAL {
        return ServiceError::conflict("“local” is the server itself; choose another name");
    }
    ServiceError::conflict(format!("there is a host named “{name}” already"))
}

fn in_use(host: &Host, users: &[(RunbookId, String)]) -> ServiceError {
    let titles: Vec<String> = users.iter().map(|(_, title)| references::quoted(title)).collect();
    ServiceError::conflict(format!("“{}” is used by {}", host.name, references::listed(&titles)))
}
