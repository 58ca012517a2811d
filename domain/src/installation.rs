//! The installation as its administrators see it: what runs, how much of it, and how it is set.

use serde::{Deserialize, Serialize};

use crate::{KeyStatus, Timestamp};

/// Everything at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InstallationStatus {
    /// The release.
    pub version: String,
    /// How it was built.
    pub build: String,
    /// When this process started.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "date-time"))]
    pub started_at: Timestamp,
    /// Where everything is kept.
    pub store: StoreStatus,
    /// What is to be done.
    pub queue: QueueStatus,
    /// How many days the audit trail is kept.
    pub audit_days: KeptDays,
    /// How many days after its end the output of a run is kept.
    pub output_days: KeptDays,
    /// The keys to the stored secrets.
    pub keys: KeyStatus,
    /// What was set at the start and stays so until the next one.
    pub settings: Vec<SetValue>,
}

/// Where everything is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoreStatus {
    /// `embedded`, `server` or `memory`.
    pub kind: String,
    /// Its folder or address, without a password.
    pub place: String,
    /// Bytes on the disk, where it is embedded.
    pub size: Option<u64>,
    /// When a change counts as stored.
    pub sync: String,
}

/// How many runs there are that are not over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueStatus {
    /// Not taken up yet.
    pub queued: u64,
    /// Under way.
    pub running: u64,
    /// Waiting for a person: asking, interrupted, paused.
    pub waiting: u64,
    /// Workers that hold a run now, of all processes.
    pub workers: u64,
    /// How many runs one process executes at once.
    pub at_once: u64,
}

/// How many days something is kept; 0 for ever.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeptDays {
    /// The number.
    pub days: u32,
    /// What sets it at the start, such as `environment variable STUDIO_AUDIT_DAYS`: then it cannot be changed here.
    pub set_by: Option<String>,
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetValue {
    /// Its name in the settings file.
    pub name: String,
    /// Its value, never a secret.
    pub value: String,
    /// What set it: `default`, a flag, an environment variable, a file.
    pub set_by: String,
}
