//! The vocabulary of Runbook Studio: ids, runbooks, blocks, runs, events, roles and their validation.
//!
//! No I/O and no clock of its own: everything here compiles for the browser too, so that a message in the editor and an
//! error of the API come from the same line of code.

pub mod access;
pub mod account;
pub mod audit;
pub mod block;
pub mod credential;
pub mod diff;
pub mod document;
pub mod duration;
pub mod event;
pub mod expression;
pub mod fault;
pub mod host;
pub mod ids;
pub mod import;
pub mod installation;
pub mod key;
pub mod listing;
pub mod note;
pub mod page;
pub mod parameter;
pub mod parse;
pub mod pattern;
pub mod plan;
pub mod preflight;
pub mod problem;
pub mod role;
pub mod run;
pub mod runbook;
pub mod sample;
pub mod scope;

pub use access::{ApiKeySummary, InviteSummary, LinkPurpose, SessionSummary, UserSummary};
pub use account::{Account, Actor, Username};
pub use audit::{AuditAction, AuditEntry, AuditHead, AuditRecord, AuditVerdict};
pub use block::{Block, BlockKind, BlockType};
pub use credential::{CredentialKind, CredentialSummary};
pub use duration::Seconds;
pub use event::{Chunk, RunEvent, Stream};
pub use fault::{Fault, Faults};
pub use host::{Host, HostDetails, HostDraft, HostSummary};
pub use ids::{AccountId, ApiKeyId, BlockId, CredentialId, HostId, InviteId, NoteId, RunId, RunbookId, SessionId, StepId};
pub use installation::{InstallationStatus, KeptDays, QueueStatus, SetValue, StoreStatus};
pub use key::{KeyStatus, RotationState};
pub use listing::{Listing, Overview, RunbookHit, RunbookSummary};
pub use note::Note;
pub use page::Page;
pub use parameter::Parameter;
pub use preflight::{BlockPreview, CheckOutcome, Preflight, PreflightCheck, PreflightStep};
pub use problem::Problem;
pub use role::{Permission, Role};
pub use run::{ControlAction, Run, RunMode, RunState, Step, StepState};
pub use runbook::{Runbook, RunbookDraft};
pub use scope::Scope;

/// A point in time, UTC; RFC 3339 on every wire.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
