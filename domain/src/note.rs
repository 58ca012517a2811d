//! Notes that people write on a run: what they saw, what they decided.

use serde::{Deserialize, Serialize};

use crate::{AccountId, Faults, NoteId, StepId, Timestamp};

/// The longest note, in characters.
pub const MAX_NOTE: usize = 4_000;

/// A note on a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Its id; later notes sort after earlier ones.
    pub id: NoteId,
    /// Who wrote it.
    pub author: String,
    /// Their account.
    pub author_id: AccountId,
    /// When.
    pub at: Timestamp,
    /// What they wrote, secrets of the run masked; empty once it is deleted.
    pub text: String,
    /// The step it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// When its author deleted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

impl Note {
    /// Whether it is still there to be read.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.deleted_at.is_none()
    }

    /// What is left of it: that it was there.
    #[must_use]
    pub fn deleted(self, at: Timestamp) -> Self {
        Self { text: String::new(), deleted_at: Some(at), ..self }
    }
}

/// The text of a note as it is kept: line ends as `\n`, nothing before or after, no control characters.
///
/// # Errors
/// One fault at `$.text` where it is empty or too long.
pub fn parse_note(text: &str) -> Result<String, Faults> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text: String = text.chars().filter(|letter| matches!(letter, '\n' | '\t') || !letter.is_control()).collect();
    let text = text.trim();
    if text.is_empty() {
        return Err(Faults::one("$.text", "a note says something"));
    }
    if text.chars().count() > MAX_NOTE {
        return Err(Faults::one("$.text", "a note has at most 4,000 characters"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_keeps_its_lines_and_nothing_that_moves_a_terminal() {
        assert_eq!(parse_note("  one\r\n\ttwo\u{1b}[31m\0\n").as_deref(), Ok("one\n\ttwo[31m"));
    }

    #[test]
    fn a_note_says_something_and_not_too_much() {
        assert!(parse_note(" \n\u{7} ").is_err());
        assert!(parse_note(&"é".repeat(MAX_NOTE)).is_ok());
        assert!(parse_note(&"x".repeat(MAX_NOTE + 1)).is_err());
    }
}
