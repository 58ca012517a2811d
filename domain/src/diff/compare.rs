//! Finds what is different between two versions: blocks by their ids, parameters by their names, fields by their keys.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Map, Value};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::text::{one_sided, rows};
use super::{BlockDiff, Branch, Change, FieldDiff, ParameterDiff, RunbookDiff, Side, Spot, Summary, Within};
use crate::{Block, BlockId, Parameter, RunbookDraft};

/// How many lines are shown around each change.
const AROUND: usize = 3;
/// What a condition holds that is compared as blocks of their own.
const NESTED: [&str; 2] = ["nested_blocks", "else_blocks"];

/// What is different on the right side. Whatever takes longer than `until` is found less finely, but not left out.
#[must_use]
pub fn compare(from: (Side, &RunbookDraft), to: (Side, &RunbookDraft), until: Option<Instant>) -> RunbookDiff {
    let ((from, old), (to, new)) = (from, to);
    let heading = |draft: &RunbookDraft| {
        Map::from_iter([
            ("title".to_owned(), Value::from(draft.title.as_str())),
            ("description".to_owned(), Value::from(draft.description.as_str())),
            ("tags".to_owned(), Value::from(draft.tags.join("\n"))),
        ])
    };
    let fields = fields(&heading(old), &heading(new), until);
    let parameters = parameters(&old.parameters, &new.parameters, until);
    let mut walk = Walk { old: Index::of(&old.blocks), new: Index::of(&new.blocks), until, found: Vec::new() };
    walk.list(&old.blocks, &new.blocks, 0, None);
    let blocks = walk.found;
    let count = |change: Change| blocks.iter().filter(|block| block.change == change).count();
    let summary = Summary {
        changed: count(Change::Changed),
        added: count(Change::Added),
        removed: count(Change::Removed),
        moved: blocks.iter().filter(|block| block.moved_from.is_some()).count(),
        heading: !fields.is_empty() || !parameters.is_empty(),
    };
    RunbookDiff { from, to, summary, fields, parameters, blocks }
}

/// A list of blocks: the top of a runbook, or a branch of a condition.
type List = Option<(BlockId, Branch)>;

/// Where each block of a side is.
struct Index<'a>(HashMap<BlockId, Found<'a>>);

#[derive(Clone, Copy)]
struct Found<'a> {
    block: &'a Block,
    list: List,
    number: usize,
    parent: Option<&'a Block>,
}

impl<'a> Index<'a> {
    fn of(blocks: &'a [Block]) -> Self {
        let mut index = Self(HashMap::new());
        index.add(blocks, None, None);
        index
    }

    fn add(&mut self, blocks: &'a [Block], list: List, parent: Option<&'a Block>) {
        for (at, block) in blocks.iter().enumerate() {
            self.0.entry(block.id).or_insert(Found { block, list, number: at + 1, parent });
            for (branch, nested) in branches(block) {
                self.add(nested, Some((block.id, branch)), Some(block));
            }
        }
    }

    fn has(&self, block: &Block) -> bool {
        self.0.contains_key(&block.id)
    }
}

struct Walk<'a> {
    old: Index<'a>,
    new: Index<'a>,
    until: Option<Instant>,
    found: Vec<BlockDiff>,
}

impl<'a> Walk<'a> {
    /// Tells of the blocks of a list in its new order, those that are gone where they were.
    fn list(&mut self, old: &'a [Block], new: &'a [Block], depth: u32, branch: Option<Branch>) {
        let ids = |blocks: &[Block]| -> Vec<BlockId> { blocks.iter().map(|block| block.id).collect() };
        let steady = steady(&ids(old), &ids(new));
        let mut before = old.iter();
        for block in new {
            if steady.contains(&block.id) {
                for gone in before.by_ref().take_while(|other| other.id != block.id) {
                    self.gone(gone, depth, branch);
                }
            }
            self.here(block, steady.contains(&block.id), depth, branch);
        }
        for gone in before {
            self.gone(gone, depth, branch);
        }
    }

    /// Tells of a block that the new side has.
    fn here(&mut self, block: &'a Block, is_steady: bool, depth: u32, branch: Option<Branch>) {
        let was = self.old.0.get(&block.id).copied();
        let (change, fields) = match was {
            None => (Change::Added, fields(&Map::new(), &contents(block), self.until)),
            Some(was) => {
                let fields = fields(&contents(was.block), &contents(block), self.until);
                (if fields.is_empty() { Change::Unchanged } else { Change::Changed }, fields)
            }
        };
        let moved_from = was.filter(|_| !is_steady).map(|was| Spot {
            number: was.number,
            within: was.parent.zip(was.list).map(|(parent, (_, branch))| Within { title: parent.title(), branch }),
        });
        self.found.push(BlockDiff { change, moved_from, fields, ..told(block, depth, branch) });
        let old_branches = was.map_or([(Branch::Then, [].as_slice()), (Branch::Else, [].as_slice())], |was| branches(was.block));
        for ((branch, old), (_, new)) in old_branches.into_iter().zip(branches(block)) {
            self.list(old, new, depth + 1, Some(branch));
        }
    }

    /// Tells of a block of the old side that stood here, unless the new side has it elsewhere.
    fn gone(&mut self, block: &'a Block, depth: u32, branch: Option<Branch>) {
        if self.new.has(block) {
            return;
        }
        let fields = fields(&contents(block), &Map::new(), self.until);
        self.found.push(BlockDiff { change: Change::Removed, fields, ..told(block, depth, branch) });
        for (branch, nested) in branches(block) {
            for block in nested {
                self.gone(block, depth + 1, Some(branch));
            }
        }
    }
}

fn told(block: &Block, depth: u32, branch: Option<Branch>) -> BlockDiff {
    BlockDiff {
        id: block.id,
        title: block.title(),
        kind: block.block_type(),
        depth,
        branch,
        change: Change::Unchanged,
        moved_from: None,
        fields: Vec::new(),
    }
}

fn branches(block: &Block) -> [(Branch, &[Block]); 2] {
    let [then, otherwise] = block.branches();
    [(Branch::Then, then), (Branch::Else, otherwise)]
}

/// The items of both lists that stand in the same order in both: as many as there can be, so that few count as moved.
fn steady<T: Hash + Eq + Copy>(old: &[T], new: &[T]) -> HashSet<T> {
    let mut steady = HashSet::new();
    for op in capture_diff_slices(Algorithm::Myers, old, new) {
        if let DiffOp::Equal { new_index, len, .. } = op {
            steady.extend(&new[new_index..new_index + len]);
        }
    }
    steady
}

fn parameters(old: &[Parameter], new: &[Parameter], until: Option<Instant>) -> Vec<ParameterDiff> {
    let old_names: Vec<&str> = old.iter().map(|parameter| parameter.name.as_str()).collect();
    let new_names: Vec<&str> = new.iter().map(|parameter| parameter.name.as_str()).collect();
    let steady = steady(&old_names, &new_names);
    let mut found = Vec::new();
    for parameter in new {
        let was = old.iter().find(|was| was.name == parameter.name);
        let fields = fields(&was.map(plain).unwrap_or_default(), &plain(parameter), until);
        let change = match was {
            None => Change::Added,
            Some(_) if fields.is_empty() => Change::Unchanged,
            Some(_) => Change::Changed,
        };
        let moved = was.is_some() && !steady.contains(parameter.name.as_str());
        if moved || change != Change::Unchanged {
            found.push(ParameterDiff { name: parameter.name.clone(), change, moved, fields });
        }
    }
    for gone in old.iter().filter(|gone| !new_names.contains(&gone.name.as_str())) {
        let fields = fields(&plain(gone), &Map::new(), until);
        found.push(ParameterDiff { name: gone.name.clone(), change: Change::Removed, moved: false, fields });
    }
    found
}

/// What a block holds apart from its id and what is nested in it, by key.
fn contents(block: &Block) -> Map<String, Value> {
    let mut all = plain(block);
    all.shift_remove("id");
    let Some(Value::Object(config)) = all.shift_remove("config") else { return all };
    let mut contents = Map::new();
    // A name and a type come first, then what it does, then what all blocks have.
    for key in ["name", "type"] {
        contents.extend(all.shift_remove_entry(key));
    }
    contents.extend(config.into_iter().filter(|(key, _)| !NESTED.contains(&key.as_str())));
    contents.extend(all);
    contents
}

fn plain(thing: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(thing) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// The fields that differ, in the order of the new side; those that are gone at the end.
fn fields(old: &Map<String, Value>, new: &Map<String, Value>, until: Option<Instant>) -> Vec<FieldDiff> {
    let mut found = Vec::new();
    for (name, value) in new {
        let field = match old.get(name) {
            Some(was) if was == value => continue,
            Some(was) => changed(&written(was), &written(value), until),
            None => (Change::Added, one_sided(&written(value), Change::Added)),
        };
        found.push((name, field));
    }
    for (name, value) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
        found.push((name, (Change::Removed, one_sided(&written(value), Change::Removed))));
    }
    found.into_iter().map(|(name, (change, rows))| FieldDiff { name: name.clone(), change, rows }).collect()
}

fn changed(old: &str, new: &str, until: Option<Instant>) -> (Change, Vec<super::Row>) {
    let change = match (old.is_empty(), new.is_empty()) {
        (true, false) => Change::Added,
        (false, true) => Change::Removed,
        _ => Change::Changed,
    };
    (change, rows(old, new, AROUND, until))
}

/// A value as people read it: texts as they are, lists and objects a line for each of what they hold.
fn written(value: &Value) -> String {
    let inline = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(|item| item.is_number() || item.is_string()) => {
            items.iter().map(inline).collect::<Vec<_>>().join(", ")
        }
        Value::Array(items) => items.iter().map(inline).collect::<Vec<_>>().join("\n"),
        Value::Object(map) if map.values().all(|value| !value.is_object() && !value.is_array()) => {
            map.iter().map(|(key, value)| format!("{key}: {}", inline(value))).collect::<Vec<_>>().join("\n")
        }
        Value::Object(_) => serde_json::to_string_pretty(value).unwrap_or_default(),
        other => other.to_string(),
    }
}
