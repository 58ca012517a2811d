//! The steps that a run begins with.

use std::collections::HashSet;

use domain::block::BlockKind;
use domain::plan::Planned;
use domain::{Block, Step, StepId, StepState};

/// What a step that was not selected says.
pub const NOT_SELECTED: &str = "not selected";

/// One step for each place in the plan: pending where it is selected, skipped where it is not. They carry the events 1, 2, …
/// and the text of their block before values are put in.
#[must_use]
pub fn initial_steps(plan: &[Planned<'_>], selected: &HashSet<u32>) -> Vec<Step> {
    plan.iter()
        .map(|planned| {
            let chosen = selected.contains(&planned.ordinal);
            Step {
                id: StepId::new(),
                block_id: planned.block.id,
                name: planned.block.title(),
                kind: planned.block.block_type(),
                ordinal: planned.ordinal,
                depth: planned.depth,
                attempt: 1,
                state: if chosen { StepState::Pending } else { StepState::Skipped },
                what: unrendered(planned.block),
                host: planned.host.map(str::to_owned),
                exit_code: None,
                result: None,
                started_at: None,
                ended_at: None,
                due_at: None,
                error: (!chosen).then(|| NOT_SELECTED.to_owned()),
                answer: None,
                event: u64::from(planned.ordinal) + 1,
                last_output: 0,
            }
        })
        .collect()
}

/// What a block does, as it is written.
#[must_use]
pub fn unrendered(block: &Block) -> String {
    match &block.kind {
        BlockKind::Instruction(block) => block.text.clone(),
        BlockKind::Command(block) => block.command.clone(),
        BlockKind::Api(block) => format!("{} {}", block.method.as_str(), block.url),
        BlockKind::Condition(block) => block.check.describe(),
        BlockKind::Timer(block) => format!("Wait {}", block.duration),
    }
}

#[cfg(test)]
mod tests {
    use domain::block::{Check, CommandBlock, ConditionBlock, OnFalse};
    use domain::plan::{Targets, lay_out};

    use super::*;

    #[test]
    fn every_planned_block_has_a_step_and_what_is_not_selected_is_skipped() {
        let command =
            |text: &str| Block::new("", BlockKind::Command(CommandBlock { command: text.into(), ..CommandBlock::default() }));
        let condition = ConditionBlock {
            check: Check::Expression { expression: "true".into() },
            nested_blocks: vec![command("inner {{ params.x }}")],
            else_blocks: Vec::new(),
            on_false: OnFalse::Continue,
        };
        let blocks = [Block::new("check", BlockKind::Condition(condition)), command("after")];
        let targets = Targets::new();
        let steps = initial_steps(&lay_out(&blocks, &targets), &HashSet::from([0, 1]));
        let seen: Vec<_> = steps.iter().map(|s| (s.ordinal, s.depth, s.state, s.event, s.what.as_str())).collect();
        assert_eq!(
            seen,
            [
                (0, 0, StepState::Pending, 1, "true?"),
                (1, 1, StepState::Pending, 2, "inner {{ params.x }}"),
                (2, 0, StepState::Skipped, 3, "after"),
            ]
        );
        assert_eq!(steps[2].error.as_deref(), Some(NOT_SELECTED));
        assert_eq!(steps[1].host.as_deref(), Some("local"));
    }
}
