//! The hosts of a run: which ones its blocks name, and how each is reached.

use std::collections::HashMap;
use std::time::Duration;

use chrono::Utc;
use domain::host::{HostCheck, LOCAL, LoginCheck, Pinned, ShownKey};
use domain::plan::Targets;
use domain::{AuditAction, AuditEntry, Host, HostId, Run, Step};
use secrecy::SecretString;
use serde_json::json;
use store::StoreError;

use crate::executors::process::chain;
use crate::handle::Shared;
use crate::run_task::persist;
use crate::ssh::{self, Connection, HostKey, KeyCheck, Login, Pool, SshError, Target, unhurried};

/// How long a host may take to let us in.
const PATIENCE: Duration = Duration::from_secs(15);

/// The hosts of a run, as they were when it was taken up, and the connections to them.
pub(crate) struct Hosts {
    entries: HashMap<String, Host>,
    pool: Pool,
}

impl Default for Hosts {
    fn default() -> Self {
        Self { entries: HashMap::new(), pool: Pool::new(PATIENCE) }
    }
}

impl Hosts {
    /// Reads the entries of all hosts that the steps run on.
    pub(crate) async fn of_run(shared: &Shared, steps: &[Step]) -> Result<Self, StoreError> {
        let mut names: Vec<&str> = steps.iter().filter_map(|step| step.host.as_deref()).collect();
        names.sort_unstable();
        names.dedup();
        let entries = persist(|| shared.store.hosts_named(&names)).await?;
        let entries = entries.into_iter().map(|host| (host.name.clone(), host)).collect();
        Ok(Self { entries, ..Self::default() })
    }

    /// The environment that a host gives to what runs there.
    pub(crate) fn environment(&self, name: &str) -> &[(String, String)] {
        self.entries.get(name).map_or(&[], |host| &host.env)
    }

    /// The credential that lets us into a host; none for this server itself.
    pub(crate) fn credential(&self, name: &str) -> Result<Option<String>, String> {
        if name == LOCAL {
            return Ok(None);
        }
        let host = self.entries.get(name).ok_or_else(|| format!("there is no host “{name}”"))?;
        let credential = host
            .credential
            .ok_or_else(|| format!("host {name} has no credential to log in with: choose one on the page of hosts"))?;
        Ok(Some(credential.to_string()))
    }

    /// The credentials that let us into any of them.
    pub(crate) fn credentials(&self) -> impl Iterator<Item = String> {
        self.entries.values().filter(|host| host.name != LOCAL).filter_map(|host| host.credential).map(|id| id.to_string())
    }

    /// How a host is reached.
    pub(crate) async fn target(&self, name: &str, secret: &SecretString) -> Result<Target, String> {
        let host = self.entries.get(name).ok_or_else(|| format!("there is no host “{name}”"))?;
        target(host, secret).await
    }

    /// A connection to it: the open one of this run, or a new one. A host that shows another key than the pinned one leaves an
    /// entry in the audit trail.
    pub(crate) async fn connect(&self, shared: &Shared, run: &Run, target: &Target) -> Result<Connection, String> {
        let error = match self.pool.get_or_open(target).await {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        if let SshError::HostKeyChanged { expected, seen, .. } = &error {
            tracing::error!(ssh.host = target.name, expected, seen, "a host shows another key than the pinned one");
            let entry = AuditEntry {
                at: Utc::now(),
                actor: Some(run.started_by_id),
                actor_name: run.started_by.clone(),
                address: None,
                action: AuditAction::HostKeyChanged,
                target: format!("host:{}", self.entries.get(&target.name).map_or_else(HostId::new, |host| host.id)),
                detail: json!({ "name": target.name, "expected": expected, "seen": seen, "run": run.id.to_string() }),
            };
            if let Err(error) = persist(|| shared.store.append_audit(&entry)).await {
                tracing::error!(error = &error as &dyn std::error::Error, "the audit trail could not be written");
            }
        }
        Err(chain(&error))
    }
}

impl Hosts {
    /// Closes the connections; nothing runs on them any more.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Looks at a host: whether it can be reached, which key it shows, and, where there is something to log in with, whether it lets
/// us in.
pub(crate) async fn check(host: &Host, secret: Option<&SecretString>) -> HostCheck {
    let Some(secret) = secret else {
        let seen = look(host, PATIENCE).await;
        let nothing = || LoginCheck::Refused("the host has no credential to log in with".to_owned());
        return HostCheck { login: seen.key.is_some().then(nothing), ..seen };
    };
    let target = match target(host, secret).await {
        Ok(target) => target,
        Err(why) => return HostCheck { login: Some(LoginCheck::Refused(why)), ..HostCheck::default() },
    };
    let checked = ssh::check(&target, PATIENCE).await;
    HostCheck {
        unreachable: checked.reachable.err(),
        latency_ms: checked.latency.map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX)),
        key: checked.key.map(|key| match key {
            KeyCheck::Match(seen) => shown(&seen, Pinned::Same),
            KeyCheck::Differs { seen } => shown(&seen, Pinned::Differs),
            KeyCheck::NotPinned { seen } => shown(&seen, Pinned::None),
        }),
        login: checked.login.map(|login| login.map_or_else(LoginCheck::Refused, |()| LoginCheck::Accepted)),
    }
}

/// Looks at a host from outside: whether something speaks SSH there, and how the key that it shows stands. Nobody logs in.
pub(crate) async fn look(host: &Host, limit: Duration) -> HostCheck {
    match ssh::scan(&host.address, host.port, limit).await {
        Ok(key) => {
            let standing = match host.host_key.as_deref().map(str::parse::<HostKey>) {
                None => Pinned::None,
                Some(Ok(pinned)) if pinned == key => Pinned::Same,
                Some(_) => Pinned::Differs,
            };
            HostCheck { key: Some(shown(&key, standing)), ..HostCheck::default() }
        }
        Err(error) => HostCheck { unreachable: Some(chain(&error)), ..HostCheck::default() },
    }
}

fn shown(key: &HostKey, pinned: Pinned) -> ShownKey {
    ShownKey { line: key.to_string(), fingerprint: key.fingerprint(), pinned }
}

/// The entry of a host as SSH wants it.
pub(crate) async fn target(host: &Host, secret: &SecretString) -> Result<Target, String> {
    let secret = secret.clone();
    let login = unhurried(move || Login::from_secret(&secret)).await;
    let login = login.map_err(|error| format!("the credential of host {}: {}", host.name, chain(&error)))?;
    let host_key = match host.host_key.as_deref().map(str::parse).transpose() {
        Ok(key) => key,
        Err(error) => return Err(format!("the pinned key of host {} cannot be read: {}", host.name, chain(&error))),
    };
    Ok(Target {
        name: host.name.clone(),
        address: host.address.clone(),
        port: host.port,
        user: host.user.clone(),
        login,
        host_key,
    })
}

/// The hosts of a run's blocks, as they were settled when it started: each has a step of its own.
pub(crate) fn targets_of(steps: &[Step]) -> Targets {
    let mut targets = Targets::new();
    for step in steps.iter().filter(|step| step.attempt == 1) {
        if let Some(host) = &step.host {
            targets.entry(step.block_id).or_default().push(host.clone());
        }
    }
    targets
}
