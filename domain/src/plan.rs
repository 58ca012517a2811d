//! The plan of a run: its blocks in the order of execution, branches flattened, each with its ordinal.
//!
//! A command on several hosts has as many places in the plan, one after the other: its *lanes*.

use std::collections::{HashMap, HashSet};

use crate::{Block, BlockId, BlockKind};

/// A block in its place in the plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Planned<'a> {
    /// Its number in the plan, from 0.
    pub ordinal: u32,
    /// The number of its block as people count them, from 1: all lanes of a block have the same.
    pub number: u32,
    /// How many conditions it is nested in.
    pub depth: u32,
    /// The block.
    pub block: &'a Block,
    /// The host it touches, where it touches one that is known.
    pub host: Option<&'a str>,
    /// Which of the block's lanes it is; a block on one host has one.
    pub lane: Lane,
    /// The first ordinal of its branch for false; of a block that is no condition, as `end`.
    pub middle: u32,
    /// The first ordinal after the block and everything nested in it.
    pub end: u32,
}

/// One of the hosts of a block that runs on several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    /// Its number, from 0.
    pub index: u32,
    /// How many there are.
    pub of: u32,
}

/// The hosts of those blocks that name several, or tags: as they stood when the run started.
pub type Targets = HashMap<BlockId, Vec<String>>;

/// What part of a runbook a run is to execute.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Selection {
    /// Everything.
    #[default]
    All,
    /// These blocks, each with what is nested in it.
    Only(Vec<BlockId>),
    /// This block and everything after it.
    From(BlockId),
}

impl Lane {
    /// The only one.
    pub const ONLY: Self = Self { index: 0, of: 1 };

    /// Whether the block runs on other hosts too.
    #[must_use]
    pub const fn is_one_of_several(self) -> bool {
        self.of > 1
    }
}

/// Lays out the blocks: a condition, then its branch for true, then its branch for false, then what follows it. A command that
/// names several hosts has a lane for each of its targets, or one without a host where it has none.
#[must_use]
pub fn lay_out<'a>(blocks: &'a [Block], targets: &'a Targets) -> Vec<Planned<'a>> {
    let mut plan: Vec<Planned<'_>> = Vec::new();
    walk(blocks, targets, 0, &mut plan);
    let mut number = 0;
    for planned in &mut plan {
        number += u32::from(planned.lane.index == 0);
        planned.number = number;
    }
    plan
}

fn walk<'a>(blocks: &'a [Block], targets: &'a Targets, depth: u32, plan: &mut Vec<Planned<'a>>) {
    for block in blocks {
        let place = plan.len();
        let (ordinal, lane) = (ordinal(place), Lane::ONLY);
        let planned = Planned { ordinal, number: 0, depth, block, host: None, lane, middle: 0, end: 0 };
        match lanes(block, targets) {
            Lanes::None => plan.push(planned),
            Lanes::One(host) => plan.push(Planned { host: Some(host), ..planned }),
            Lanes::Several(hosts) => {
                let of = self::ordinal(hosts.len());
                plan.extend((0..of).zip(hosts).map(|(index, host)| {
                    let ordinal = planned.ordinal + index;
                    let (middle, end) = (ordinal + 1, ordinal + 1);
                    Planned { ordinal, host: Some(host), lane: Lane { index, of }, middle, end, ..planned }
                }));
                continue;
            }
        }
        let [nested, otherwise] = block.branches();
        walk(nested, targets, depth + 1, plan);
        plan[place].middle = self::ordinal(plan.len());
        walk(otherwise, targets, depth + 1, plan);
        plan[place].end = self::ordinal(plan.len());
    }
}

enum Lanes<'a> {
    None,
    One(&'a str),
    Several(&'a [String]),
}

fn lanes<'a>(block: &'a Block, targets: &'a Targets) -> Lanes<'a> {
    match &block.kind {
        BlockKind::Condition(condition) => condition.check.host().map_or(Lanes::None, Lanes::One),
        BlockKind::Command(command) => match (command.host.single(), targets.get(&block.id).map(Vec::as_slice)) {
            (Some(host), _) => Lanes::One(host),
            (None, None | Some([])) => Lanes::None,
            (None, Some([host])) => Lanes::One(host),
            (None, Some(hosts)) => Lanes::Several(hosts),
        },
        _ => Lanes::None,
    }
}

/// The ordinals that a selection executes.
///
/// # Errors
/// The first selected id that names no block.
pub fn select(plan: &[Planned<'_>], selection: &Selection) -> Result<HashSet<u32>, BlockId> {
    let find = |id: &BlockId| plan.iter().find(|planned| planned.block.id == *id).ok_or(*id);
    match selection {
        Selection::All => Ok(plan.iter().map(|planned| planned.ordinal).collect()),
        Selection::From(id) => {
            let first = find(id)?.ordinal;
            Ok((first..ordinal(plan.len())).collect())
        }
        Selection::Only(ids) => {
            let mut chosen = HashSet::new();
            for id in ids {
                find(id)?;
                let lanes = plan.iter().filter(|planned| planned.block.id == *id);
                chosen.extend(lanes.flat_map(|planned| planned.ordinal..planned.end));
            }
            Ok(chosen)
        }
    }
}

fn ordinal(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::RunbookDraft;

    #[test]
    fn several_hosts_are_lanes_and_branches_stay_where_they_belong() {
        let several = json!({ "type": "command", "config": { "command": "true", "host": ["a", "tag:t"] } });
        let one = json!({ "type": "command", "config": { "command": "true", "host": "a" } });
        let check = json!({ "type": "condition", "config": { "condition_type": "expression", "expression": "true",
            "nested_blocks": [several], "else_blocks": [one] } });
        let blocks = RunbookDraft::parse(&json!({ "title": "t", "blocks": [check, one] })).expect("a draft").blocks;
        let [nested, _] = blocks[0].branches();
        let targets = Targets::from([(nested[0].id, vec!["a".to_owned(), "b".to_owned(), "c".to_owned()])]);
        let plan = lay_out(&blocks, &targets);
        let seen: Vec<_> =
            plan.iter().map(|planned| (planned.ordinal, planned.host, planned.lane.index, planned.middle, planned.end)).collect();
        assert_eq!(
            seen,
            [
                (0, None, 0, 4, 5),
                (1, Some("a"), 0, 2, 2),
                (2, Some("b"), 1, 3, 3),
                (3, Some("c"), 2, 4, 4),
                (4, Some("a"), 0, 5, 5),
                (5, Some("a"), 0, 6, 6),
            ]
        );
        let numbers: Vec<_> = plan.iter().map(|planned| planned.number).collect();
        assert_eq!(numbers, [1, 2, 2, 2, 3, 4]);
        let only = select(&plan, &Selection::Only(vec![nested[0].id])).expect("a selection");
        assert_eq!(only, HashSet::from([1, 2, 3]));
    }
}
