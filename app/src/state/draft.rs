//! A runbook as it is being typed: every field plain text, so that nothing typed is ever lost.
//!
//! No rules of its own about what is right: [`Draft::check`] writes the draft out as JSON and has the domain read it, so
//! the editor says exactly what the API would say.

use std::collections::{BTreeMap, HashMap};

use domain::block::condition::Check;
use domain::block::{Backoff, OnFailure, OnFalse, OnWorkerLoss, api::ApiAuth, command::GivenBy};
use domain::{Block, BlockKind, BlockType, Fault, Faults, Runbook, RunbookDraft};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value, json};

use super::text::*;

mod block;
mod field;
mod moves;
mod since;

pub use field::Field;
pub use moves::To;
pub use since::{Mark, NotYet};

/// A runbook as it is being typed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Its title.
    pub title: String,
    /// Its description.
    pub description: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its parameters.
    pub parameters: Vec<DraftParameter>,
    /// Its blocks.
    pub blocks: Vec<DraftBlock>,
    /// What this version changes.
    pub message: String,
    /// The next local key.
    next_key: u64,
}

/// A block as it is being typed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DraftBlock {
    /// Tells it from the others in this draft; never leaves the browser.
    pub key: u64,
    /// Its id; empty until it is saved for the first time.
    pub id: String,
    /// Its type.
    pub kind: BlockType,
    /// What was typed into each control.
    fields: BTreeMap<Field, String>,
    /// The branch for true.
    pub nested: Vec<DraftBlock>,
    /// The branch for false.
    pub otherwise: Vec<DraftBlock>,
    /// Only its head is shown.
    pub collapsed: bool,
}

/// A parameter as it is being typed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DraftParameter {
    /// Tells it from the others in this draft; never leaves the browser.
    pub key: u64,
    /// `params.<this>`.
    pub name: String,
    /// What the form calls it.
    pub label: String,
    /// The word of its type.
    pub kind: String,
    /// The answer where none is given.
    pub default: String,
    /// There must be an answer.
    pub required: bool,
    /// The choices, one a line.
    pub options: String,
    /// A regular expression.
    pub pattern: String,
    /// Help for the person who answers.
    pub description: String,
    /// What the preview puts in where there is no default, and what a block that is tried is given; never saved.
    #[serde(default)]
    pub sample: String,
}

/// A list of blocks in a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListAt {
    /// The runbook itself.
    Top,
    /// The branch for true of the condition with this key.
    Then(u64),
    /// The branch for false of the condition with this key.
    Otherwise(u64),
}

/// Where a block stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The list it is in.
    pub list: ListAt,
    /// Its place in the list, from 0.
    pub index: usize,
    /// How many blocks the list has.
    pub len: usize,
    /// Its number for people: `3`, `3.1`.
    pub number: String,
    /// Its JSON path: `$.blocks[2]`.
    pub path: String,
}

impl From<&Runbook> for Draft {
    fn from(runbook: &Runbook) -> Self {
        Self::from(&runbook.to_draft())
    }
}

impl From<&RunbookDraft> for Draft {
    fn from(runbook: &RunbookDraft) -> Self {
        let mut next_key = 1;
        let blocks = runbook.blocks.iter().map(|block| DraftBlock::from_block(block, &mut next_key)).collect();
        let mut draft = Self {
            title: runbook.title.clone(),
            description: runbook.description.clone(),
            tags: runbook.tags.clone(),
            parameters: Vec::new(),
            blocks,
            message: runbook.message.clone().unwrap_or_default(),
            next_key,
        };
        for parameter in &runbook.parameters {
            let key = draft.fresh_key();
            let kinds = domain::parameter::ParameterKind::ALL;
            let kind = kinds.iter().find(|(_, kind)| *kind == parameter.kind).map_or("string", |(word, _)| *word);
            draft.parameters.push(DraftParameter {
                key,
                name: parameter.name.clone(),
                label: parameter.label.clone().unwrap_or_default(),
                kind: kind.to_owned(),
                default: parameter.default.as_ref().map(plain).unwrap_or_default(),
                required: parameter.required,
                options: parameter.options.join("\n"),
                pattern: parameter.pattern.clone().unwrap_or_default(),
                description: parameter.description.clone().unwrap_or_default(),
                sample: String::new(),
            });
        }
        draft
    }
}

impl Draft {
    /// The draft as the API would be sent it, right or wrong.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut draft = json!({
            "title": self.title,
            "description": self.description,
            "tags": self.tags,
            "parameters": self.parameters.iter().map(DraftParameter::to_json).collect::<Vec<_>>(),
            "blocks": self.blocks.iter().map(DraftBlock::to_json).collect::<Vec<_>>(),
        });
        if !self.message.trim().is_empty() {
            draft["message"] = Value::from(self.message.as_str());
        }
        draft
    }

    /// Reads the draft by the rules of the domain.
    ///
    /// # Errors
    /// Every fault, each with its JSON path.
    pub fn check(&self) -> Result<RunbookDraft, Faults> {
        let mut faults = Faults::default();
        self.walk(&mut |block, spot| block.own_faults(&spot.path, &mut faults));
        match RunbookDraft::parse(&self.to_json()) {
            Ok(draft) => faults.into_result(draft),
            Err(Faults(mut found)) => {
                found.append(&mut faults.0);
                Err(Faults(found))
            }
        }
    }

    /// Everything that is wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.check().err().map(|faults| faults.0).unwrap_or_default()
    }

    /// Where each block stands, by its key.
    #[must_use]
    pub fn spots(&self) -> HashMap<u64, Spot> {
        let mut spots = HashMap::new();
        self.walk(&mut |block, spot| {
            spots.insert(block.key, spot.clone());
        });
        spots
    }

    fn walk(&self, visit: &mut impl FnMut(&DraftBlock, &Spot)) {
        /// A list after `before` others of the same block: the branches of a condition are numbered on, so that each number is one
        /// block's.
        fn list(
            blocks: &[DraftBlock],
            at: ListAt,
            (number, before): (&str, usize),
            path: &str,
            visit: &mut impl FnMut(&DraftBlock, &Spot),
        ) {
            for (index, block) in blocks.iter().enumerate() {
                let spot = Spot {
                    list: at,
                    index,
                    len: blocks.len(),
                    number: format!("{number}{}", before + index + 1),
                    path: format!("{path}[{index}]"),
                };
                visit(block, &spot);
                let below = format!("{}.config", spot.path);
                let prefix = format!("{}.", spot.number);
                list(&block.nested, ListAt::Then(block.key), (&prefix, 0), &format!("{below}.nested_blocks"), visit);
                let before = block.nested.len();
                list(&block.otherwise, ListAt::Otherwise(block.key), (&prefix, before), &format!("{below}.else_blocks"), visit);
            }
        }
        list(&self.blocks, ListAt::Top, ("", 0), "$.blocks", visit);
    }

    /// The block with a key.
    #[must_use]
    pub fn block(&self, key: u64) -> Option<&DraftBlock> {
        self.blocks.iter().find_map(|block| block.find(key))
    }

    /// The block with a key, to change.
    pub fn block_mut(&mut self, key: u64) -> Option<&mut DraftBlock> {
        self.blocks.iter_mut().find_map(|block| block.find_mut(key))
    }

    /// A list of blocks.
    #[must_use]
    pub fn list(&self, at: ListAt) -> &[DraftBlock] {
        match at {
            ListAt::Top => &self.blocks,
            ListAt::Then(key) => self.block(key).map_or(&[], |block| &block.nested),
            ListAt::Otherwise(key) => self.block(key).map_or(&[], |block| &block.otherwise),
        }
    }

    fn list_mut(&mut self, at: ListAt) -> Option<&mut Vec<DraftBlock>> {
        match at {
            ListAt::Top => Some(&mut self.blocks),
            ListAt::Then(key) => self.block_mut(key).map(|block| &mut block.nested),
            ListAt::Otherwise(key) => self.block_mut(key).map(|block| &mut block.otherwise),
        }
    }

    /// Where the block with a key stands.
    #[must_use]
    pub fn find(&self, key: u64) -> Option<(ListAt, usize)> {
        let mut found = None;
        self.walk(&mut |block, spot| {
            if block.key == key {
                found = Some((spot.list, spot.index));
            }
        });
        found
    }

    fn fresh_key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    /// Puts a new block into a list, before the one at `index`; answers its key.
    pub fn insert(&mut self, at: ListAt, index: usize, kind: BlockType) -> Option<u64> {
        let key = self.fresh_key();
        self.put_back(at, index, DraftBlock::new(key, kind)).then_some(key)
    }

    /// Puts a block that was taken out into a list.
    pub fn put_back(&mut self, at: ListAt, index: usize, block: DraftBlock) -> bool {
        let Some(list) = self.list_mut(at) else { return false };
        list.insert(index.min(list.len()), block);
        true
    }

    /// Takes a block out; answers it and where it stood.
    pub fn remove(&mut self, key: u64) -> Option<(ListAt, usize, DraftBlock)> {
        let (at, index) = self.find(key)?;
        let block = self.list_mut(at)?.remove(index);
        Some((at, index, block))
    }

    /// Puts a copy of a block after it; answers the copy's key.
    pub fn duplicate(&mut self, key: u64) -> Option<u64> {
        let (at, index) = self.find(key)?;
        let mut copy = self.block(key)?.clone();
        let mut next_key = self.next_key + 1;
        copy.rekey(&mut next_key);
        copy.forget_ids();
        self.next_key = next_key;
        let key = copy.key;
        self.put_back(at, index + 1, copy).then_some(key)
    }

    /// Adds an empty parameter; answers its key.
    pub fn add_parameter(&mut self) -> u64 {
        let key = self.fresh_key();
        self.parameters.push(DraftParameter { key, kind: "string".to_owned(), ..DraftParameter::default() });
        key
    }

    /// Gives everything in `other` keys that this draft never used, and becomes it.
    pub fn replace(&mut self, mut other: Self) {
        let mut next_key = self.next_key.max(other.next_key) + 1;
        other.blocks.iter_mut().for_each(|block| block.rekey(&mut next_key));
        for parameter in &mut other.parameters {
            parameter.key = next_key;
            next_key += 1;
        }
        other.next_key = next_key;
        *self = other;
    }
}

impl DraftParameter {
    fn to_json(&self) -> Value {
        let mut parameter = Map::new();
        parameter.insert("name".to_owned(), Value::from(self.name.as_str()));
        parameter.insert("type".to_owned(), Value::from(self.kind.as_str()));
        let texts = [("label", &self.label), ("pattern", &self.pattern), ("description", &self.description)];
        for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            parameter.insert(key.to_owned(), Value::from(text.as_str()));
        }
        if !self.default.is_empty() {
            let text = self.default.as_str();
            let value = match self.kind.as_str() {
                "number" => text.trim().parse::<Number>().map_or_else(|_| Value::from(text), Value::Number),
                "boolean" => text.trim().parse::<bool>().map_or_else(|_| Value::from(text), Value::Bool),
                _ => Value::from(text),
            };
            parameter.insert("default".to_owned(), value);
        }
        if self.required {
            parameter.insert("required".to_owned(), Value::Bool(true));
        }
        if !self.options.trim().is_empty() {
            parameter.insert("options".to_owned(), self.options.lines().filter(|line| !line.is_empty()).collect());
        }
        Value::Object(parameter)
    }
}

#[cfg(test)]
mod tests;
