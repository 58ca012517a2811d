//! The keys to the stored secrets, and how far a rotation of them is.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Where a rotation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RotationState {
    /// None since the server started.
    #[default]
    None,
    /// Secrets are being sealed again.
    Running,
    /// The old key is gone; nothing needs it any more.
    Finished,
    /// It stopped half way. Old and new key are both there and everything is readable; rotating again goes on.
    Failed,
}

/// The keys to the stored secrets; none of them is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyStatus {
    /// The public key for which secrets are sealed now.
    pub recipient: String,
    /// How many keys the identity file holds; more than one while a rotation is not finished, or where somebody keeps several.
    pub identities: usize,
    /// Where the last rotation of this process stands.
    pub rotation: RotationState,
    /// How many secrets are sealed for the new key.
    pub done: u64,
    /// How many there are.
    pub total: u64,
    /// How many no key opens: they were so before.
    pub unreadable: u64,
    /// When it started.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = "date-time"))]
    pub started_at: Option<Timestamp>,
    /// When it ended, one way or the other.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = "date-time"))]
    pub ended_at: Option<Timestamp>,
    /// Why it stopped half way.
    pub error: Option<String>,
}
