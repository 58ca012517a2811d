//! The audit trail: builds its rows, which the store writes in the commit of the act they record; lets people read it, and looks
//! whether it is whole.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use domain::{Account, Actor, AuditAction, AuditEntry, AuditHead, AuditRecord, AuditVerdict, Page, Permission};
use serde_json::{Value, json};
use store::{AuditFilter, Store};
use tokio::sync::Mutex;

use crate::authorise::authorise;
use crate::{Result, ServiceError, now, page_size};

/// The name under which the product itself acts.
pub(crate) const SYSTEM: &str = "system";
/// The longest that somebody waits while somebody else verifies.
const PATIENCE: Duration = Duration::from_secs(25);

/// Reading the audit trail.
#[derive(Clone)]
pub struct Audit {
    store: Store,
    /// Reading a million rows is work: one at a time.
    verifying: Arc<Mutex<()>>,
}

impl Audit {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, verifying: Arc::default() }
    }

    /// The rows that fit, newest first. A page may be shorter than asked for and still not be the last.
    ///
    /// # Errors
    /// `Forbidden` below sre.
    pub async fn list(&self, actor: &Actor, mut filter: AuditFilter) -> Result<Page<AuditRecord>> {
        authorise(actor, Permission::ReadAudit)?;
        filter.limit = page_size(filter.limit);
        Ok(self.store.list_audit(&tidy(filter)).await?)
    }

    /// The end of the chain, to be kept elsewhere.
    ///
    /// # Errors
    /// `Forbidden` below sre.
    pub async fn head(&self, actor: &Actor) -> Result<AuditHead> {
        authorise(actor, Permission::ReadAudit)?;
        Ok(self.store.audit_head().await?)
    }

    /// Reads the whole chain and says where it is broken first, if it is; also against a head that was kept elsewhere.
    ///
    /// # Errors
    /// `Forbidden` below sre, `Conflict` where others have it verified for long.
    pub async fn verify(&self, actor: &Actor, kept: Option<AuditHead>) -> Result<AuditVerdict> {
        authorise(actor, Permission::ReadAudit)?;
        let busy = |_| ServiceError::conflict("the audit trail is being verified for somebody else; try again in a while");
        let turn = tokio::time::timeout(PATIENCE, self.verifying.clone().lock_owned()).await.map_err(busy)?;
        let verdict = self.store.verify_audit(kept.as_ref()).await?;
        drop(turn);
        match &verdict.broken {
            None => tracing::info!(audit.rows = verdict.rows, audit.seq = verdict.head.seq, "audit trail verified"),
            Some(broken) => tracing::error!(audit.seq = broken.seq, audit.kind = ?broken.kind, "the audit trail is broken"),
        }
        Ok(verdict)
    }

    /// Notes that rows are written out for somebody; the export itself is made of pages of [`Audit::list`].
    ///
    /// # Errors
    /// `Forbidden` below sre.
    pub async fn begin_export(&self, actor: &Actor, filter: &AuditFilter, format: &str) -> Result<()> {
        authorise(actor, Permission::ReadAudit)?;
        let filter = tidy(filter.clone());
        let detail = json!({
            "format": format,
            "actor": filter.actor,
            "action": filter.action,
            "target": filter.target,
            "since": filter.since,
            "until": filter.until,
        });
        let head = self.store.audit_head().await?;
        Ok(self.store.append_audit(&by(actor, AuditAction::AuditExported, "audit", head.seq, detail)).await?)
    }

    /// Writes the end of the chain to the log, which somebody keeps elsewhere.
    pub async fn log_head(&self) {
        match self.store.audit_head().await {
            Ok(head) => tracing::info!(audit.head = %head, "the head of the audit trail"),
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the head of the audit trail cannot be read"),
        }
    }
}

/// As people type it.
fn tidy(filter: AuditFilter) -> AuditFilter {
    let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    AuditFilter { actor: given(filter.actor).map(|name| name.to_lowercase()), target: given(filter.target), ..filter }
}

/// What an actor did to `kind:id`.
pub(crate) fn by(actor: &Actor, action: AuditAction, kind: &str, id: impl Display, detail: Value) -> AuditEntry {
    AuditEntry {
        at: now(),
        actor: Some(actor.id),
        actor_name: actor.username.to_string(),
        address: actor.address.clone(),
        action,
        target: format!("{kind}:{id}"),
        detail,
    }
}

/// What somebody did to their own account.
pub(crate) fn by_account(account: &Account, address: Option<&str>, action: AuditAction, detail: Value) -> AuditEntry {
    AuditEntry {
        at: now(),
        actor: Some(account.id),
        actor_name: account.username.to_string(),
        address: address.map(ToOwned::to_owned),
        action,
        target: format!("account:{}", account.id),
        detail,
    }
}

/// What nobody who is signed in did: the product itself, or somebody who could not sign in.
pub(crate) fn by_nobody(name: &str, address: Option<&str>, action: AuditAction, target: String, detail: Value) -> AuditEntry {
    AuditEntry {
        at: now(),
        actor: None,
        actor_name: name.to_owned(),
        address: address.map(ToOwned::to_owned),
        action,
        target,
        detail,
    }
}
