//! What went wrong, as it is told to a caller (RFC 9457), the same over REST and server functions.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Fault, Faults};

/// A refusal or failure that is safe to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// A stable word for programs: `invalid`, `forbidden`, `not_found`, …
    pub code: String,
    /// A sentence for people.
    pub detail: String,
    /// Every fault, where the input was at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// Seconds after which another try may do better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The version that is current, where an update was based on an older one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_version: Option<u32>,
    /// What to tell the operator, where the server failed: its log says more under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Box<str>>,
}

impl Problem {
    /// A problem with nothing but its sentence.
    pub fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            current_version: None,
            request_id: None,
        }
    }

    /// 422: the input was understood and is wrong.
    #[must_use]
    pub fn invalid(faults: Faults) -> Self {
        Self { errors: faults.0.clone(), ..Self::new(422, "invalid", faults.to_string()) }
    }

    /// 401: nobody is signed in, or with a key that is not, or no longer, good.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(401, "unauthenticated", "sign in first: this needs a session or a valid X-API-KEY")
    }

    /// The title that goes with the status.
    #[must_use]
    pub const fn title(&self) -> &'static str {
        match self.status {
            400 => "Malformed",
            401 => "Not signed in",
            403 => "Not allowed",
            404 => "Not found",
            405 => "Method not allowed",
            408 => "Too slow",
            409 => "Not possible now",
            412 => "Changed by someone else",
            413 => "Too large",
            415 => "Wrong media type",
            421 => "Asked for another server",
            422 => "Invalid",
            429 => "Too many tries",
            503 => "Not available",
            _ => "Internal error",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}
