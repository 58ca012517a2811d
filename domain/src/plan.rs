//! The plan of a run: its blocks in the order of execution, branches flattened, each with its ordinal.

use std::collections::HashSet;

use crate::{Block, BlockId};

/// A block in its place in the plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Planned<'a> {
    /// Its number in the plan, from 0.
    pub ordinal: u32,
    /// How many conditions it is nested in.
    pub depth: u32,
    /// The block.
    pub block: &'a Block,
    /// The first ordinal after the block and everything nested in it.
    pub end: u32,
}

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

/// Lays out the blocks: a condition, then its branch for true, then its branch for false, then what follows it.
#[must_use]
pub fn lay_out(blocks: &[Block]) -> Vec<Planned<'_>> {
    fn walk<'a>(blocks: &'a [Block], depth: u32, plan: &mut Vec<Planned<'a>>) {
        for block in blocks {
            let place = plan.len();
            plan.push(Planned { ordinal: ordinal(place), depth, block, end: 0 });
            for branch in block.branches() {
                walk(branch, depth + 1, plan);
            }
            plan[place].end = ordinal(plan.len());
        }
    }
    let mut plan = Vec::new();
    walk(blocks, 0, &mut plan);
    plan
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
                let planned = find(id)?;
                chosen.extend(planned.ordinal..planned.end);
            }
            Ok(chosen)
        }
    }
}

fn ordinal(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
