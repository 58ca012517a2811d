//! The audit trail: who did what to what, when, from where.

use std::fmt;
use std::str::FromStr;

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
    /// A sign-in was refused: each one for a wrong password, and of those that came while one had to wait the first.
    SignInRefused = "account.sign_in_refused",
    /// A session or the presented key was ended by its owner.
    SignOut = "account.sign_out",
    /// An administrator made an account for somebody.
    AccountCreated = "account.created",
    /// An account has another role; all its sessions and keys ended.
    RoleChanged = "account.role_changed",
    /// An account was locked out; all its sessions and keys ended.
    AccountDisabled = "account.disabled",
    /// An account was let in again.
    AccountEnabled = "account.enabled",
    /// Somebody changed their own password; all their sessions and keys ended.
    PasswordChanged = "account.password_changed",
    /// An administrator made a link by which an account's password can be chosen anew.
    PasswordResetOffered = "account.password_reset_offered",
    /// A password was chosen anew by such a link; all sessions and keys of the account ended.
    PasswordReset = "account.password_reset",
    /// Somebody ended one or all of their sessions from another one.
    SessionsEnded = "account.sessions_ended",
    /// An invitation was made.
    Invited = "account.invited",
    /// An invitation was withdrawn before anybody took it up.
    InviteWithdrawn = "account.invite_withdrawn",
    /// An API key was made.
    ApiKeyCreated = "api_key.created",
    /// An API key was revoked by its owner.
    ApiKeyRevoked = "api_key.revoked",
    /// Rows of the trail were written out for somebody to keep.
    AuditExported = "audit.exported",
    /// Rows of the trail were deleted because they were older than is kept. Names the last of them, where the chain goes on.
    AuditPruned = "audit.pruned",
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
    /// Somebody had the server look at a host: reach it, compare its key, try to log in.
    HostChecked = "host.checked",
    /// A host was deleted.
    HostDeleted = "host.deleted",
    /// A host showed another key than the pinned one; nothing was run there.
    HostKeyChanged = "host.key_changed",
    /// A person pinned the key that a host shows.
    HostKeyPinned = "host.key_pinned",
    /// A new key to the stored secrets was made, or the rotation to it taken up again; all secrets are sealed for it.
    KeyRotationStarted = "keys.rotation_started",
    /// Every secret is sealed for the new key, and the old one dropped.
    KeyRotationFinished = "keys.rotation_finished",
    /// Secrets that no key opens any more were deleted, so that the server starts again.
    SecretsForgotten = "keys.secrets_forgotten",
    /// A runbook was made.
    RunbookCreated = "runbook.created",
    /// A runbook was written out as a file for somebody to keep.
    RunbookExported = "runbook.exported",
    /// A runbook was made from a document.
    RunbookImported = "runbook.imported",
    /// A runbook has a new version.
    RunbookUpdated = "runbook.updated",
    /// A runbook has a new version that restores an old one.
    RunbookRolledBack = "runbook.rolled_back",
    /// A runbook was deleted; its versions and runs stay readable.
    RunbookDeleted = "runbook.deleted",
    /// Somebody had the server look whether a runbook could run: its hosts reached, its credentials opened, nothing run.
    RunChecked = "run.checked",
    /// Somebody made a runbook a favourite of theirs.
    FavouriteAdded = "runbook.favourite_added",
    /// Somebody let a favourite of theirs go.
    FavouriteRemoved = "runbook.favourite_removed",
    /// A run was started.
    RunStarted = "run.started",
    /// A run was paused, resumed, stopped, or a question of it answered.
    RunControlled = "run.controlled",
    /// Somebody wrote a note on a run.
    RunNoted = "run.noted",
    /// Somebody deleted their own note on a run.
    NoteDeleted = "run.note_deleted",
    /// The output of runs was deleted because it was older than is kept.
    OutputPruned = "run.output_pruned",
    /// An administrator changed a setting, or the server was started with others than before.
    SettingsChanged = "settings.changed",
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

/// A row with its place in the chain: each row's hash covers the hash of the row before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its number; the first row ever is 1, and none is left out.
    pub seq: u64,
    /// The hash of the row before it; of the first row, [`AuditHead::GENESIS`].
    pub prev: String,
    /// SHA-256, in hexadecimal digits, of `prev`, a line end, `seq`, a line end, and the entry as its JSON was stored.
    pub hash: String,
    /// What it says.
    #[serde(flatten)]
    pub entry: AuditEntry,
}

/// The end of the chain. Whoever keeps one elsewhere can tell later whether what was written up to it is still there, unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditHead {
    /// The number of the newest row; 0 where there is none.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

impl AuditHead {
    /// What stands for the hash of the row before the first.
    pub const GENESIS: &'static str = "0000000000000000000000000000000000000000000000000000000000000000";
}

/// `SEQ:HASH`, as a head is written down.
impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for AuditHead {
    type Err = InvalidHead;

    fn from_str(text: &str) -> Result<Self, InvalidHead> {
        let (seq, hash) = text.trim().split_once(':').ok_or(InvalidHead)?;
        let is_number = (1..=19).contains(&seq.len()) && seq.bytes().all(|byte| byte.is_ascii_digit());
        let seq = seq.parse().ok().filter(|_| is_number).ok_or(InvalidHead)?;
        let fits = hash.len() == Self::GENESIS.len() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if fits { Ok(Self { seq, hash: hash.to_ascii_lowercase() }) } else { Err(InvalidHead) }
    }
}

/// A text that is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a head is written SEQ:HASH, with the 64 hexadecimal digits of a SHA-256")]
pub struct InvalidHead;

/// How the chain is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum BreakKind {
    /// The row does not say what it said when it was written.
    Edited,
    /// The row is gone.
    Deleted,
    /// The row was not written by this product.
    Inserted,
    /// Another row stands in its place.
    Reordered,
    /// The row and all after it are gone.
    Cut,
    /// The chain holds together, but it is not the one that the head was taken of.
    Rewritten,
}

/// The first place at which the chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditBreak {
    /// The number of the row.
    pub seq: u64,
    /// How.
    pub kind: BreakKind,
    /// The same as a sentence.
    pub detail: String,
}

/// What became of a verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditVerdict {
    /// How many rows were read.
    pub rows: u64,
    /// The oldest row that is kept; the ones before it were pruned.
    pub first: u64,
    /// The end of the chain.
    pub head: AuditHead,
    /// The first place at which it is broken; none where it holds.
    pub broken: Option<AuditBreak>,
}

impl fmt::Display for AuditVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.broken {
            Some(broken) => f.write_str(&broken.detail),
            None if self.rows == 0 => f.write_str("the audit trail is empty"),
            None => write!(f, "all {} rows, {} to {}, are as they were written", self.rows, self.first, self.head.seq),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_is_written() {
        let head = AuditHead { seq: 7, hash: "ab".repeat(32) };
        assert_eq!(head.to_string().parse(), Ok(head));
        for wrong in ["", "7", "7:", "x:00", ":0", &format!("-1:{}", AuditHead::GENESIS), &format!("1:{}", "g".repeat(64))] {
            assert_eq!(wrong.parse::<AuditHead>(), Err(InvalidHead), "{wrong}");
        }
    }

    #[test]
    fn every_action_has_a_word_of_its_own() {
        let words: std::collections::BTreeSet<_> = AuditAction::ALL.iter().map(|action| action.as_str()).collect();
        assert_eq!(words.len(), AuditAction::ALL.len());
    }
}
