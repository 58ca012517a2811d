//! What the page of a run knows: the run, its steps and their output, kept up to date by events in any order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use domain::{BlockType, Run, RunEvent, RunState, Step, StepId, StepState};

use super::lines::Console;

/// How much output stays on the page, in bytes; what is older can be downloaded.
pub const KEPT: usize = 96 * 1024 * 1024;
/// A server's tail of this many bytes is taken for one that has lost its beginning.
const CUT_TAIL: usize = 60 * 1024;

/// A step's place in the plan, and the attempt.
pub type Place = (u32, u32);

/// What the server sent with the page, shown until the events have caught up with it.
#[derive(Debug, Clone)]
struct Tail {
    console: Console,
    until: u64,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many steps are over.
    pub done: usize,
    /// The step that is being done, or was done last, counted from 1; 0 before the first.
    pub at: usize,
    /// How many steps there are to do, without the skipped ones.
    pub of: usize,
}

/// A run as it is watched.
#[derive(Debug, Clone)]
pub struct Timeline {
    run: Run,
    steps: BTreeMap<Place, Step>,
    consoles: BTreeMap<Place, Console>,
    tails: BTreeMap<Place, Tail>,
}

impl Timeline {
    /// From what the server sent with the page.
    #[must_use]
    pub fn new(run: Run, steps: Vec<Step>, tails: Vec<(StepId, String)>) -> Self {
        let mut seeds = BTreeMap::new();
        for (id, text) in tails {
            let Some(step) = steps.iter().find(|step| step.id == id) else { continue };
            if !text.is_empty() {
                let console = Console::of_tail(&text, text.len() >= CUT_TAIL);
                seeds.insert((step.ordinal, step.attempt), Tail { console, until: step.last_output });
            }
        }
        let steps = steps.into_iter().map(|step| ((step.ordinal, step.attempt), step)).collect();
        Self { run, steps, consoles: BTreeMap::new(), tails: seeds }
    }

    /// Takes in an event. One that is older than what is known changes nothing, so that a replay does no harm.
    pub fn apply(&mut self, event: RunEvent) {
        match event {
            RunEvent::Run(run) => {
                if run.id == self.run.id && run.event >= self.run.event {
                    self.run = *run;
                }
            }
            RunEvent::Step(step) => {
                let place = (step.ordinal, step.attempt);
                if self.steps.get(&place).is_none_or(|known| step.event >= known.event) {
                    self.steps.insert(place, *step);
                }
            }
            RunEvent::Output(chunk) => {
                let place = (chunk.ordinal, chunk.attempt);
                let console = self.consoles.entry(place).or_default();
                console.add(chunk.seq, chunk.stream, &chunk.text);
                let seq = console.last_seq();
                if self.tails.get(&place).is_some_and(|tail| seq >= tail.until) {
                    self.tails.remove(&place);
                }
                self.forget(KEPT);
            }
        }
    }

    /// Forgets the oldest lines of the longest output until all of it takes no more than this.
    fn forget(&mut self, most: usize) {
        while self.consoles.values().map(Console::bytes).sum::<usize>() > most {
            let longest = self.consoles.values_mut().max_by_key(|console| console.bytes());
            if !longest.is_some_and(Console::forget) {
                return;
            }
        }
    }

    /// The run.
    #[must_use]
    pub const fn run(&self) -> &Run {
        &self.run
    }

    /// The places in the plan, in order.
    #[must_use]
    pub fn ordinals(&self) -> Vec<u32> {
        self.steps.keys().map(|&(ordinal, _)| ordinal).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The latest attempt at a step.
    #[must_use]
    pub fn latest(&self, ordinal: u32) -> Option<&Step> {
        self.attempts(ordinal).next_back()
    }

    /// Every attempt at a step but the latest, the first one first.
    #[must_use]
    pub fn earlier_attempts(&self, ordinal: u32) -> Vec<&Step> {
        let mut attempts: Vec<_> = self.attempts(ordinal).collect();
        attempts.pop();
        attempts
    }

    fn attempts(&self, ordinal: u32) -> impl DoubleEndedIterator<Item = &Step> {
        self.steps.range((ordinal, 0)..=(ordinal, u32::MAX)).map(|(_, step)| step)
    }

    /// What an attempt wrote, as far as it is known.
    #[must_use]
    pub fn console(&self, place: Place) -> Option<&Console> {
        self.tails.get(&place).map(|tail| &tail.console).or_else(|| self.consoles.get(&place))
    }

    /// The step that asks, or the one that runs: the innermost, the last of several; else `None`.
    #[must_use]
    pub fn current(&self) -> Option<&Step> {
        let steps = self.latest_steps();
        let asks = |step: &&&Step| matches!(step.state, StepState::Waiting | StepState::Interrupted);
        let asking = steps.iter().filter(asks).max_by_key(|step| (step.depth, Reverse(step.ordinal)));
        let running = steps.iter().filter(|step| step.state == StepState::Running).max_by_key(|step| (step.depth, step.ordinal));
        asking.or(running).copied()
    }

    /// The step whose error is the run's, where it failed: that says it already.
    #[must_use]
    pub fn culprit(&self) -> Option<&Step> {
        let error = self.run.error.as_deref().filter(|_| self.run.state == RunState::Failed)?;
        let says_it = |step: &&Step| {
            step.state == StepState::Failed && step.error.as_deref().is_some_and(|own| !own.is_empty() && error.ends_with(own))
        };
        self.latest_steps().into_iter().rev().find(says_it)
    }

    /// How far the run is. Steps that are passed over on purpose do not count, those that it did not come to do.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let counts = |step: &&Step| step.state != StepState::Skipped || step.was_not_reached();
        let steps: Vec<_> = self.latest_steps().into_iter().filter(counts).collect();
        let done = steps.iter().filter(|step| step.state.is_final() && !step.was_not_reached()).count();
        let current = self.current().and_then(|current| steps.iter().position(|step| step.ordinal == current.ordinal));
        Progress { done, at: current.map_or(done, |index| index + 1), of: steps.len() }
    }

    /// The host of a step whose block runs on several.
    #[must_use]
    pub fn lane(&self, ordinal: u32) -> Option<&str> {
        let step = self.latest(ordinal)?;
        let is_lane = self.steps.values().any(|other| other.block_id == step.block_id && other.ordinal != ordinal);
        step.host.as_deref().filter(|_| is_lane)
    }

    /// The sentence that a screen reader says when the state changes.
    #[must_use]
    pub fn announcement(&self) -> String {
        let Progress { at, of, .. } = self.progress();
        let number = self.run.number;
        match (self.run.state, self.current()) {
            (RunState::Waiting | RunState::Interrupted, Some(step)) => {
                format!("Run {number} waits for your answer to “{}”.", step.name)
            }
            (RunState::Running, Some(step)) => format!("Run {number}, step {at} of {of}: {}.", step.name),
            (state, _) => format!("Run {number} is {}.", state.as_str()),
        }
    }

    fn latest_steps(&self) -> Vec<&Step> {
        self.ordinals().into_iter().filter_map(|ordinal| self.latest(ordinal)).collect()
    }
}

/// Whether steps of this type write output.
#[must_use]
pub const fn writes(kind: BlockType) -> bool {
    matches!(kind, BlockType::Command | BlockType::Api | BlockType::Condition)
}

#[cfg(test)]
mod tests {
    use domain::{AccountId, BlockId, Chunk, RunId, RunMode, RunbookId, Stream, Timestamp};

    use super::*;

    fn run() -> Run {
        Run {
            id: RunId::new(),
            number: 7,
            runbook_id: RunbookId::new(),
            runbook_title: "Failover".to_owned(),
            version: 1,
            state: RunState::Running,
            mode: RunMode::Auto,
            parameters: serde_json::Map::new(),
            reason: None,
            started_by: "oncall-1".to_owned(),
            started_by_id: AccountId::new(),
            created_at: Timestamp::from_timestamp_millis(0).expect("the epoch"),
            started_at: None,
            ended_at: None,
            error: None,
            event: 10,
        }
    }

    fn step(ordinal: u32, attempt: u32, state: StepState, event: u64) -> Step {
        Step {
            id: StepId::new(),
            block_id: BlockId::new(),
            name: format!("Step {ordinal}"),
            kind: BlockType::Command,
            ordinal,
            depth: 0,
            attempt,
            state,
            what: "true".to_owned(),
            host: None,
            exit_code: None,
            result: None,
            started_at: None,
            ended_at: None,
            due_at: None,
            error: None,
            answer: None,
            event,
            last_output: 0,
        }
    }

    fn output(seq: u64, stream: Stream, text: &str) -> RunEvent {
        RunEvent::Output(Chunk { ordinal: 0, attempt: 1, seq, stream, text: text.to_owned() })
    }

    fn texts(timeline: &Timeline) -> Vec<String> {
        timeline.console((0, 1)).map(|console| console.text(false).lines().map(str::to_owned).collect()).unwrap_or_default()
    }

    use Stream::{Stderr, Stdout};

    #[test]
    fn when_there_is_too_much_output_the_longest_loses_its_beginning() {
        let mut timeline = Timeline::new(run(), vec![], vec![]);
        timeline.apply(output(3, Stdout, &"x\n".repeat(100_000)));
        let short = Chunk { ordinal: 1, attempt: 1, seq: 4, stream: Stdout, text: "y\n".repeat(5_000) };
        timeline.apply(RunEvent::Output(short));
        timeline.forget(500_000);
        let earlier = |place| timeline.console(place).map(Console::earlier);
        assert!(earlier((0, 1)) > Some(0));
        assert_eq!(earlier((1, 1)), Some(0));
        assert!(timeline.consoles.values().map(Console::bytes).sum::<usize>() <= 500_000);
    }

    #[test]
    fn output_that_comes_twice_is_shown_once() {
        let mut timeline = Timeline::new(run(), vec![step(0, 1, StepState::Running, 2)], vec![]);
        for _ in 0..2 {
            timeline.apply(output(3, Stdout, "a\n"));
            timeline.apply(output(4, Stdout, "b\n"));
        }
        assert_eq!(texts(&timeline), ["a", "b"]);
    }

    #[test]
    fn an_older_event_changes_nothing() {
        let known = step(0, 1, StepState::Succeeded, 9);
        let mut timeline = Timeline::new(run(), vec![known], vec![]);
        timeline.apply(RunEvent::Step(Box::new(step(0, 1, StepState::Running, 2))));
        let mut old = run();
        old.id = timeline.run().id;
        old.state = RunState::Queued;
        old.event = 1;
        timeline.apply(RunEvent::Run(Box::new(old)));
        assert_eq!(timeline.latest(0).map(|step| step.state), Some(StepState::Succeeded));
        assert_eq!(timeline.run().state, RunState::Running);
    }

    #[test]
    fn another_runs_event_changes_nothing() {
        let mut timeline = Timeline::new(run(), vec![], vec![]);
        let mut other = run();
        other.state = RunState::Failed;
        other.event = 99;
        timeline.apply(RunEvent::Run(Box::new(other)));
        assert_eq!(timeline.run().state, RunState::Running);
    }

    #[test]
    fn what_came_with_the_page_stays_until_the_events_have_caught_up() {
        let mut known = step(0, 1, StepState::Running, 2);
        known.last_output = 4;
        let id = known.id;
        let mut timeline = Timeline::new(run(), vec![known], vec![(id, "a\nb\n".to_owned())]);
        assert_eq!(texts(&timeline), ["a", "b"]);
        timeline.apply(output(3, Stdout, "a\n"));
        assert_eq!(texts(&timeline), ["a", "b"]);
        timeline.apply(output(4, Stderr, "b\n"));
        timeline.apply(output(5, Stdout, "c\n"));
        assert_eq!(texts(&timeline), ["a", "b", "c"]);
        assert_eq!(timeline.console((0, 1)).map(|console| console.text(true)).as_deref(), Some("b\n"));
    }

    #[test]
    fn a_retry_is_the_latest_attempt_and_the_first_one_stays() {
        let mut timeline = Timeline::new(run(), vec![step(0, 1, StepState::Failed, 3)], vec![]);
        timeline.apply(RunEvent::Step(Box::new(step(0, 2, StepState::Running, 12))));
        assert_eq!(timeline.latest(0).map(|step| step.attempt), Some(2));
        assert_eq!(timeline.earlier_attempts(0).iter().map(|step| step.attempt).collect::<Vec<_>>(), [1]);
        assert_eq!(timeline.ordinals(), [0]);
    }

    #[test]
    fn a_failed_run_names_the_step_that_says_why() {
        let mut failed = step(1, 1, StepState::Failed, 3);
        failed.error = Some("the host cannot be reached".to_owned());
        let mut run = run();
        (run.state, run.error) = (RunState::Failed, Some("step 2 “Step 1”: the host cannot be reached".to_owned()));
        let steps = vec![step(0, 1, StepState::Succeeded, 2), failed];
        let timeline = Timeline::new(run.clone(), steps.clone(), vec![]);
        assert_eq!(timeline.culprit().map(|step| step.ordinal), Some(1));
        run.error = Some("the store is full".to_owned());
        assert_eq!(Timeline::new(run, steps, vec![]).culprit(), None);
    }

    #[test]
    fn progress_counts_the_steps_that_are_to_be_done() {
        use StepState::{Pending, Running, Skipped, Succeeded};
        let steps = [Succeeded, Skipped, Running, Pending].into_iter().zip(0..).map(|(state, n)| step(n, 1, state, 1)).collect();
        let timeline = Timeline::new(run(), steps, vec![]);
        assert_eq!(timeline.progress(), Progress { done: 1, at: 2, of: 3 });
        assert_eq!(timeline.announcement(), "Run 7, step 2 of 3: Step 2.");
    }
}
