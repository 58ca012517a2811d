//! What is wrong with an input, place by place.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One fault: where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Fault {
    /// JSON path from the root of what was sent, such as `$.blocks[0].config.command`.
    pub path: String,
    /// A sentence for the person who sent it.
    pub message: String,
}

/// Every fault of an input, in reading order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// A single fault.
    pub fn one(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self(vec![Fault { path: path.into(), message: message.into() }])
    }

    /// Adds a fault.
    pub fn push(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Fault { path: path.into(), message: message.into() });
    }

    /// `Ok(value)` when nothing was found wrong.
    ///
    /// # Errors
    /// The faults, when there are any.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// What was read, where nothing is wrong with it either; else these faults before its own.
    ///
    /// # Errors
    /// The faults, when there are any.
    pub fn and_with<T>(mut self, read: Result<T, Self>) -> Result<T, Self> {
        match read {
            Ok(value) => self.into_result(value),
            Err(more) => {
                self.0.extend(more.0);
                Err(self)
            }
        }
    }

    /// The faults at `path` or below it.
    pub fn below<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Fault> {
        self.0.iter().filter(move |fault| {
            fault.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("nothing is wrong"),
            [only] => write!(f, "{}: {}", only.path, only.message),
            [first, rest @ ..] => write!(f, "{}: {} (and {} more)", first.path, first.message, rest.len()),
        }
    }
}
