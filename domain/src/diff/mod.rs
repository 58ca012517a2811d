//! What is different between two versions of a runbook, and between two runs: the words for it.
//!
//! Finding it is the server's work (feature `diff`); showing it is the browser's too.

#[cfg(feature = "diff")]
mod compare;
mod run;
#[cfg(feature = "diff")]
mod run_compare;
mod text;

use std::fmt;

use serde::{Deserialize, Serialize};

#[cfg(feature = "diff")]
pub use compare::compare;
pub use run::{RunDiff, StepDiff, StepSide};
#[cfg(feature = "diff")]
pub use run_compare::compare_runs;
#[cfg(feature = "diff")]
pub use text::rows;
pub use text::{Piece, Row};

use crate::{BlockId, BlockType, Runbook, Timestamp};

/// Two versions of a runbook, side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunbookDiff {
    /// The left side.
    pub from: Side,
    /// The right side.
    pub to: Side,
    /// How many blocks were changed, and how.
    pub summary: Summary,
    /// What changed of title, description and tags.
    pub fields: Vec<FieldDiff>,
    /// The parameters that changed, in the order of the right side; those that are gone where they were.
    pub parameters: Vec<ParameterDiff>,
    /// Every block of either side, once, in the order of the right side; those that are gone where they were.
    pub blocks: Vec<BlockDiff>,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Side {
    /// The version; none for a draft that was not saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Who saved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = "date-time"))]
    pub at: Option<Timestamp>,
}

/// How many blocks were changed, and how. One that was moved and changed counts in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Summary {
    /// Blocks of which something is different.
    pub changed: usize,
    /// Blocks of the right side alone.
    pub added: usize,
    /// Blocks of the left side alone.
    pub removed: usize,
    /// Blocks that are elsewhere.
    pub moved: usize,
    /// Whether title, description, tags or parameters are different.
    pub heading: bool,
}

/// What became of something from the left side to the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Change {
    /// It is the same.
    Unchanged,
    /// It is on both sides, and not the same.
    Changed,
    /// It is on the right side alone.
    Added,
    /// It is on the left side alone.
    Removed,
}

/// A block of either side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BlockDiff {
    /// The block.
    pub id: BlockId,
    /// What people call it, on the right side where it is there.
    pub title: String,
    /// Its type, on the right side where it is there.
    #[serde(rename = "type")]
    pub kind: BlockType,
    /// How many conditions it is nested in.
    pub depth: u32,
    /// The branch that it is in, where it is nested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Branch>,
    /// What became of it; of a condition, apart from what is nested in it.
    pub change: Change,
    /// Where it was, when it is elsewhere now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<Spot>,
    /// What is different of it; all it holds where it was added or removed.
    pub fields: Vec<FieldDiff>,
}

/// Which branch of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Branch {
    /// The one that runs when it is true.
    Then,
    /// The one that runs when it is false.
    Else,
}

/// A place in a runbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Spot {
    /// The how-manieth block of its list, from 1.
    pub number: usize,
    /// What it is nested in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Within>,
}

/// A branch of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Within {
    /// What people call the condition.
    pub title: String,
    /// Which of its branches.
    pub branch: Branch,
}

/// A parameter that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ParameterDiff {
    /// Its name.
    pub name: String,
    /// What became of it. `Unchanged` for one that is asked for elsewhere in the form.
    pub change: Change,
    /// Whether it is asked for before or after others than it was.
    pub moved: bool,
    /// What is different of it.
    pub fields: Vec<FieldDiff>,
}

/// A text of a block, a parameter or a runbook that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldDiff {
    /// The key, as the API calls it: `command`, `working_dir`, `on_failure`.
    pub name: String,
    /// What became of it.
    pub change: Change,
    /// Its lines, side by side.
    pub rows: Vec<Row>,
}

impl RunbookDiff {
    /// Whether nothing is different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.summary == Summary::default()
    }
}

impl FieldDiff {
    /// Whether a line that is new, or was changed, puts a value in as it is (`| raw`), without the quotes of the place it stands in.
    #[must_use]
    pub fn puts_values_in_raw(&self) -> bool {
        self.rows.iter().any(|row| match row {
            Row::Changed { new: Some(pieces), .. } => {
                let dense = pieces.iter().flat_map(|piece| piece.text.chars()).filter(|c| !c.is_whitespace());
                dense.collect::<String>().contains("|raw")
            }
            _ => false,
        })
    }
}

impl BlockDiff {
    /// Whether it is the same, in the same place.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.change == Change::Unchanged && self.moved_from.is_none()
    }
}

impl Side {
    /// A version that was saved.
    #[must_use]
    pub fn of(runbook: &Runbook) -> Self {
        Self { version: Some(runbook.version), by: Some(runbook.updated_by.clone()), at: Some(runbook.updated_at) }
    }

    /// What is not saved yet.
    #[must_use]
    pub const fn draft() -> Self {
        Self { version: None, by: None, at: None }
    }
}

impl Change {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

impl fmt::Display for Summary {
    /// `2 blocks changed, 1 added, 1 moved`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = [(self.changed, "changed"), (self.added, "added"), (self.removed, "removed"), (self.moved, "moved")];
        let mut said = false;
        for (count, word) in counted.into_iter().filter(|(count, _)| *count > 0) {
            match (said, count) {
                (true, _) => write!(f, ", {count} {word}")?,
                (false, 1) => write!(f, "1 block {word}")?,
                (false, _) => write!(f, "{count} blocks {word}")?,
            }
            said = true;
        }
        match (said, self.heading) {
            (true, true) => f.write_str("; title, description, tags or parameters changed"),
            (false, true) => f.write_str("Title, description, tags or parameters changed"),
            (false, false) => f.write_str("Nothing is different"),
            (true, false) => Ok(()),
        }
    }
}

impl fmt::Display for Spot {
    /// `block 3`, `block 1 of “Is it up?”, otherwise`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {}", self.number)?;
        match &self.within {
            None => Ok(()),
            Some(Within { title, branch: Branch::Then }) => write!(f, " of “{title}”, if so"),
            Some(Within { title, branch: Branch::Else }) => write!(f, " of “{title}”, otherwise"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_a_sentence() {
        let nothing = Summary::default();
        assert_eq!(nothing.to_string(), "Nothing is different");
        assert_eq!(Summary { changed: 2, added: 1, moved: 1, ..nothing }.to_string(), "2 blocks changed, 1 added, 1 moved");
        assert_eq!(Summary { removed: 1, ..nothing }.to_string(), "1 block removed");
        assert_eq!(
            Summary { moved: 1, heading: true, ..nothing }.to_string(),
            "1 block moved; title, description, tags or parameters changed"
        );
        assert_eq!(Summary { heading: true, ..nothing }.to_string(), "Title, description, tags or parameters changed");
    }

    #[test]
    fn a_spot_names_the_branch_it_is_in() {
        assert_eq!(Spot { number: 3, within: None }.to_string(), "block 3");
        let nested = Spot { number: 1, within: Some(Within { title: "Is it up?".to_owned(), branch: Branch::Else }) };
        assert_eq!(nested.to_string(), "block 1 of “Is it up?”, otherwise");
    }
}
