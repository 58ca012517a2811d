//! Runbooks: what people write, and what they read.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::block::MAX_BLOCKS;
use crate::parameter::MAX_PARAMETERS;
use crate::parse::Object;
use crate::{Block, Faults, Parameter, RunId, RunState, RunbookId, Timestamp};

/// The longest title, in characters.
pub const MAX_TITLE: usize = 200;
/// The longest description, in bytes.
pub const MAX_DESCRIPTION: usize = 20_000;
/// The longest message about a version, in characters.
pub const MAX_MESSAGE: usize = 500;
/// The most tags of a runbook or host.
pub const MAX_TAGS: usize = 20;

/// What a person writes: one version's worth of a runbook, checked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunbookDraft {
    /// Its title: 1 to 200 characters on one line.
    pub title: String,
    /// A sentence or two.
    #[serde(default)]
    pub description: String,
    /// Lower-case words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What it asks before it runs.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// Its blocks, in the order of execution.
    #[serde(default)]
    pub blocks: Vec<Block>,
    /// What this version changes, for the list of versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// One version of a runbook, as it is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Runbook {
    /// Its id, the same in all versions.
    pub id: RunbookId,
    /// See [`RunbookDraft::title`].
    pub title: String,
    /// See [`RunbookDraft::description`].
    pub description: String,
    /// See [`RunbookDraft::tags`].
    pub tags: Vec<String>,
    /// See [`RunbookDraft::parameters`].
    pub parameters: Vec<Parameter>,
    /// See [`RunbookDraft::blocks`].
    pub blocks: Vec<Block>,
    /// The number of this version, from 1.
    pub version: u32,
    /// What this version changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Who made the first version.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Who made this version.
    pub updated_by: String,
    /// When.
    pub updated_at: Timestamp,
    /// The newest run, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<LastRun>,
}

/// The newest run of a runbook, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LastRun {
    /// The run.
    pub id: RunId,
    /// Where it stands.
    pub state: RunState,
    /// When it was started.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "date-time"))]
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

impl RunbookDraft {
    /// Reads a draft from JSON.
    ///
    /// # Errors
    /// Every fault, each with its JSON path.
    pub fn parse(value: &Value) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let Some(mut object) = Object::open(value, "$", &mut faults) else { return Err(faults) };
        let title = object.required_text("title", &mut faults).trim().to_owned();
        if title.chars().count() > MAX_TITLE || title.chars().any(char::is_control) {
            faults.push("$.title", format!("a title is one line of at most {MAX_TITLE} characters"));
        }
        let description = object.text("description", &mut faults).unwrap_or_default();
        if description.len() > MAX_DESCRIPTION {
            faults.push("$.description", format!("a description has at most {MAX_DESCRIPTION} bytes"));
        }
        let tags = tags(&mut object, &mut faults);
        let parameters = Parameter::parse_list(&object.few("parameters", MAX_PARAMETERS, &mut faults), &mut faults);
        let blocks = Block::parse_list(&object.items("blocks", &mut faults), 0, &mut faults);
        let message = object.text("message", &mut faults).filter(|message| !message.trim().is_empty());
        if message.as_ref().is_some_and(|message| message.chars().count() > MAX_MESSAGE) {
            faults.push("$.message", format!("a message has at most {MAX_MESSAGE} characters"));
        }
        object.finish(&mut faults);
        check_tree(&blocks, &mut faults);
        faults.into_result(Self { title, description, tags, parameters, blocks, message })
    }

    /// Checks a draft that came typed: writes it out and reads it back by the same rules.
    ///
    /// # Errors
    /// As [`RunbookDraft::parse`].
    pub fn check(&self) -> Result<Self, Faults> {
        let value = serde_json::to_value(self).map_err(|error| Faults::one("$", error.to_string()))?;
        Self::parse(&value)
    }
}

impl Runbook {
    /// This version's content, as the start of another.
    #[must_use]
    pub fn to_draft(&self) -> RunbookDraft {
        RunbookDraft {
            title: self.title.clone(),
            description: self.description.clone(),
            tags: self.tags.clone(),
            parameters: self.parameters.clone(),
            blocks: self.blocks.clone(),
            message: None,
        }
    }
}

/// Reads `tags`.
pub(crate) fn tags(object: &mut Object<'_>, faults: &mut Faults) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for (path, value) in object.few("tags", MAX_TAGS, faults) {
        let tag = value.as_str().map(|text| text.trim().to_lowercase()).unwrap_or_default();
        if !is_tag(&tag) {
            faults.push(path, "a tag is 1 to 40 letters, digits or - _ . : / and begins with a letter or digit");
        } else if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// Whether a lower-case text can be a tag.
pub(crate) fn is_tag(text: &str) -> bool {
    (1..=40).contains(&text.chars().count())
        && text.chars().all(|c| c.is_alphanumeric() || "-_.:/ ".contains(c))
        && text.starts_with(|c: char| c.is_alphanumeric())
}

/// The rules that need all blocks at once: how many there may be, and that no id is used twice.
fn check_tree(blocks: &[Block], faults: &mut Faults) {
    fn walk(blocks: &[Block], path: &str, seen: &mut std::collections::HashSet<crate::BlockId>, faults: &mut Faults) {
        for (index, block) in blocks.iter().enumerate() {
            let path = format!("{path}[{index}]");
            if !seen.insert(block.id) {
                faults.push(format!("{path}.id"), "another block has this id");
            }
            let [nested, otherwise] = block.branches();
            walk(nested, &format!("{path}.config.nested_blocks"), seen, faults);
            walk(otherwise, &format!("{path}.config.else_blocks"), seen, faults);
        }
    }
    let mut seen = std::collections::HashSet::new();
    walk(blocks, "$.blocks", &mut seen, faults);
    if seen.len() > MAX_BLOCKS {
        faults.push("$.blocks", format!("a runbook has at most {MAX_BLOCKS} blocks; this one has {}", seen.len()));
    }
}
