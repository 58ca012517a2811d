//! The audit trail: who did what to what, when, from where.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AccountId, Timestamp};

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// What was done. The word is stable: filters and exports use it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum AuditAction {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl AuditAction {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

actions! {
    /// An account was made.
    SignUp = "account.sign_up",
    /// Somebody signed in, in the browser or for an API key.
    SignIn = "account.sign_in",
    /// A sign-in was refused.
    SignInRefused = "account.sign_in_refused",
    /// A session or the presented key was ended by its owner.
    SignOut = "account.sign_out",
    /// A credential was stored.
    CredentialCreated = "credential.created",
    /// A credential was deleted.
    CredentialDeleted = "credential.deleted",
    /// A step was given a credential's secret.
    CredentialUsed = "credential.used",
    /// A host was added.
    HostCreated = "host.created",
    /// A host was changed.
    HostUpdated = "host.updated",
    /// A host was deleted.
    HostDeleted = "host.deleted",
    /// A host showed another key than the pinned one; nothing was run there.
    HostKeyChanged = "host.key_changed",
    /// A person pinned the key that a host shows.
    HostKeyPinned = "host.key_pinned",
    /// A runbook was made.
    RunbookCreated = "runbook.created",
    /// A runbook was made from a document.
    RunbookImported = "runbook.imported",
    /// A runbook has a new version.
    RunbookUpdated = "runbook.updated",
    /// A runbook has a new version that restores an old one.
    RunbookRolledBack = "runbook.rolled_back",
    /// A runbook was deleted; its versions and runs stay readable.
    RunbookDeleted = "runbook.deleted",
    /// A run was started.
    RunStarted = "run.started",
    /// A run was paused, resumed, stopped, or a question of it answered.
    RunControlled = "run.controlled",
}

/// One row of the trail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who; `None` for somebody who could not sign in, and for the system.
    pub actor: Option<AccountId>,
    /// Their name at the time.
    pub actor_name: String,
    /// From which address.
    pub address: Option<String>,
    /// What was done.
    pub action: AuditAction,
    /// To what: a kind and an id, such as `runbook:0193…`.
    pub target: String,
    /// What else a reader needs, never a secret: titles, versions, before and after.
    pub detail: Value,
}
