//! Questions to a person: when a step needs one, and in which words.

use domain::block::{Block, BlockKind};
use domain::host::LOCAL;
use domain::{BlockType, ControlAction, RunMode, Step};

use crate::error::Halt;
use crate::run_task::RunTask;

/// Whether a block must be approved before it runs.
pub(crate) fn needs_approval(block: &Block, mode: RunMode) -> bool {
    match &block.kind {
        BlockKind::Command(_) | BlockKind::Api(_) => block.confirm || mode == RunMode::Guided,
        BlockKind::Condition(_) | BlockKind::Timer(_) => block.confirm,
        // One that is to be ticked asks already, and once is enough.
        BlockKind::Instruction(instruction) => block.confirm && !instruction.acknowledge,
    }
}

/// Whether the step was approved for exactly what it would do now.
pub(crate) fn is_approved(step: &Step, what: &str) -> bool {
    step.answer == Some(ControlAction::Approve) && step.what == what
}

/// The question before a step runs, and where; what would run stands in the step.
pub(crate) fn before(step: &Step) -> String {
    let place = match step.host.as_deref() {
        Some(host) => format!(" on {}", called(host)),
        None => String::new(),
    };
    question(step, &place)
}

/// The question before a step runs on several hosts.
pub(crate) fn before_lanes(step: &Step, hosts: &[String]) -> String {
    let place = match hosts {
        [] => String::new(),
        [one] => format!(" on {}", called(one)),
        [others @ .., last] => {
            let others: Vec<_> = others.iter().map(|host| called(host)).collect();
            format!(" on {} and {}", others.join(", "), called(last))
        }
    };
    question(step, &place)
}

fn called(host: &str) -> &str {
    if host == LOCAL { "this server" } else { host }
}

fn question(step: &Step, place: &str) -> String {
    let again = if step.answer.is_some() { "what would run has changed since it was approved; " } else { "" };
    // Prose and waits run nothing.
    let verb = if matches!(step.kind, BlockType::Instruction | BlockType::Timer) { "begin" } else { "run" };
    format!("{again}{verb} “{}”{place}?", step.name)
}

impl RunTask {
    /// Puts a question to a person and the run aside. Returns when a person changed the run's state first: then nothing
    /// was asked.
    pub(crate) async fn ask(&mut self, index: usize, question: String) -> Result<(), Halt> {
        let before = self.steps[index].clone();
        let was_dirty = !self.dirty.insert(index);
        let step = &mut self.steps[index];
        step.state = step.state.ask()?;
        step.answer = None;
        step.error = Some(question.clone());
        self.rest(domain::RunState::Waiting, question).await?;
        self.steps[index] = before;
        if !was_dirty {
            self.dirty.remove(&index);
        }
        Ok(())
    }
}
