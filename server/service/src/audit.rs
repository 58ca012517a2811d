//! Builds audit rows; the store writes them in the commit of the act they record.

use std::fmt::Display;

use domain::{Account, Actor, AuditAction, AuditEntry};
use serde_json::Value;

use crate::now;

/// The name under which the product itself acts.
pub(crate) const SYSTEM: &str = "system";

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
