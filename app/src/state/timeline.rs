//! What the page of a run knows: the run, its steps and their output, kept up to date by events in any order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use domain::host::LOCAL;
use domain::run::{allowed_failures, allowed_in_words};
use domain::{BlockType, Note, NoteId, Run, RunEvent, RunState, Step, StepId, StepState};

use super::folds::FOLDED_FROM;
use super::lines::Console;

/// How much output stays on the page, in bytes; what is older can be downloaded.
pub const KEPT: usize = 96 * 1024 * 1024;

/// So near to a step are as many steps of the same block as are ever counted.
const MOST_NEAR: u32 = 8;

/// A step's place in the plan, and the attempt.
pub type Place = (u32, u32);

/// What the server sent with the page, shown until the events have caught up with it.
#[derive(Debug, Clone)]
struct Tail {
    console: Console,
    until: u64,
}

/// A block of the runbook as a run has it: one place in the plan, or one for each of its hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its number, counted from 1 over all blocks of the runbook.
    pub number: u32,
    /// Its places in the plan.
    pub ordinals: Range<u32>,
}

impl Block {
    /// Whether it runs on several hosts.
    #[must_use]
    pub fn has_lanes(&self) -> bool {
        self.ordinals.len() > 1
    }
}

/// How far a run is. Steps that are passed over on purpose are neither done nor to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The number of the block that is being done.
    pub at: Option<u32>,
    /// How many blocks are done.
    pub done: usize,
    /// How many blocks the runbook has.
    pub blocks: usize,
    /// How many steps are over, each host counted.
    pub steps_done: usize,
    /// How many steps there are to do.
    pub steps: usize,
}

/// A run as it is watched.
#[derive(Debug, Clone)]
pub struct Timeline {
    run: Run,
    steps: BTreeMap<Place, Step>,
    consoles: BTreeMap<Place, Console>,
    tails: BTreeMap<Place, Tail>,
    /// Deleted ones too, so that an older event does not bring them back.
    notes: BTreeMap<NoteId, Note>,
}

impl Timeline {
    /// From what the server sent with the page.
    #[must_use]
    pub fn new(run: Run, steps: Vec<Step>, tails: Vec<(StepId, String, bool)>) -> Self {
        let mut seeds = BTreeMap::new();
        for (id, text, cut) in tails {
            let Some(step) = steps.iter().find(|step| step.id == id) else { continue };
            if !text.is_empty() {
                let console = Console::of_tail(&text, cut);
                seeds.insert((step.ordinal, step.attempt), Tail { console, until: step.last_output });
            }
        }
        let steps = steps.into_iter().map(|step| ((step.ordinal, step.attempt), step)).collect();
        Self { run, steps, consoles: BTreeMap::new(), tails: seeds, notes: BTreeMap::new() }
    }

    /// The same with these notes.
    #[must_use]
    pub fn with_notes(mut self, notes: Vec<Note>) -> Self {
        self.notes = notes.into_iter().map(|note| (note.id, note)).collect();
        self
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
            RunEvent::Note(note) => {
                if self.notes.get(&note.id).is_none_or(Note::is_kept) {
                    self.notes.insert(note.id, *note);
                }
            }
        }
    }

    /// The notes on the run, the first one first.
    #[must_use]
    pub fn notes(&self) -> Vec<Note> {
        self.notes.values().filter(|note| note.is_kept()).cloned().collect()
    }

    /// The step with this id, any attempt.
    #[must_use]
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.steps.values().find(|step| step.id == id)
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

    /// The blocks, in the order of the plan.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut last = None;
        for step in self.latest_steps() {
            match blocks.last_mut() {
                Some(block) if last == Some(step.block_id) => block.ordinals.end = step.ordinal + 1,
                _ => {
                    let number = u32::try_from(blocks.len() + 1).unwrap_or(u32::MAX);
                    blocks.push(Block { number, ordinals: step.ordinal..step.ordinal + 1 });
                }
            }
            last = Some(step.block_id);
        }
        blocks
    }

    /// The number of the block that a step belongs to.
    #[must_use]
    pub fn block_number(&self, ordinal: u32) -> Option<u32> {
        self.blocks().into_iter().find(|block| block.ordinals.contains(&ordinal)).map(|block| block.number)
    }

    /// Where a block stands as a whole: what asks first, then what runs, then what went wrong.
    #[must_use]
    pub fn state_of(&self, ordinals: Range<u32>) -> StepState {
        use StepState::{Failed, Interrupted, Pending, Running, Skipped, Stopped, Succeeded, Waiting};
        let states: Vec<_> = ordinals.filter_map(|ordinal| self.latest(ordinal)).map(|step| step.state).collect();
        let any = |state| states.contains(&state);
        if let Some(first) = [Interrupted, Waiting, Running].into_iter().find(|state| any(*state)) {
            return first;
        }
        match (any(Pending), states.iter().all(|state| *state == Pending)) {
            (true, true) => Pending,
            // Some hosts are done, others are next.
            (true, false) => Running,
            _ => [Failed, Stopped, Succeeded].into_iter().find(|state| any(*state)).unwrap_or(Skipped),
        }
    }

    /// How far the run is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let counts = |step: &&Step| step.state != StepState::Skipped || step.was_not_reached();
        let is_done = |step: &Step| step.state.is_final() && !step.was_not_reached();
        let blocks = self.blocks();
        let done = blocks.iter().filter(|block| {
            let steps: Vec<_> = block.ordinals.clone().filter_map(|ordinal| self.latest(ordinal)).filter(counts).collect();
            !steps.is_empty() && steps.iter().all(|step| is_done(step))
        });
        let steps: Vec<_> = self.latest_steps().into_iter().filter(counts).collect();
        let current = self.current().map(|step| step.ordinal);
        Progress {
            at: current
                .and_then(|current| blocks.iter().find(|block| block.ordinals.contains(&current)))
                .map(|block| block.number),
            done: done.count(),
            blocks: blocks.len(),
            steps_done: steps.iter().filter(|step| is_done(step)).count(),
            steps: steps.len(),
        }
    }

    /// Where the run stands: `block 2 of 5`.
    #[must_use]
    pub fn standing(&self) -> String {
        let Progress { at, done, blocks, .. } = self.progress();
        match (at, self.run.state) {
            (Some(at), _) => format!("block {at} of {blocks}"),
            (None, RunState::Queued) => counted(blocks, "block"),
            (None, _) if done == blocks && blocks == 1 => "1 block done".to_owned(),
            (None, _) if done == blocks => format!("all {blocks} blocks done"),
            (None, _) => format!("{done} of {} done", counted(blocks, "block")),
        }
    }

    /// That steps failed in a run that succeeded, in words.
    #[must_use]
    pub fn allowed(&self) -> Option<String> {
        allowed_in_words(allowed_failures(self.run.state, self.latest_steps()))
    }

    /// The title of the page's tab, which tells from afar how the run stands.
    #[must_use]
    pub fn title(&self) -> String {
        let Run { number, runbook_title, state, .. } = &self.run;
        let Progress { at, done, blocks, .. } = self.progress();
        let at = at.map_or(done, |at| at as usize);
        let sign = match state {
            RunState::Queued => "○ queued · ".to_owned(),
            RunState::Running | RunState::Pausing => format!("● running {at}/{blocks} · "),
            RunState::Paused => "⏸ paused · ".to_owned(),
            RunState::Waiting | RunState::Interrupted => "✋ waits · ".to_owned(),
            RunState::Stopping => "■ stopping · ".to_owned(),
            RunState::Stopped => "■ ".to_owned(),
            RunState::Succeeded => "✓ ".to_owned(),
            RunState::Failed => "✗ ".to_owned(),
        };
        format!("{sign}Run #{number} · {runbook_title}")
    }

    /// Where a stop would strike: the hosts on which something runs now.
    #[must_use]
    pub fn stop_target(&self) -> Option<String> {
        let running = self.running();
        let hosts: Vec<_> = running.iter().filter_map(|step| step.host.as_deref()).map(called).collect();
        Some(match hosts.as_slice() {
            [] => return None,
            [one] => (*one).to_owned(),
            [one, other] => format!("{one}, {other}"),
            [one, others @ ..] => format!("{one} and {} others", others.len()),
        })
    }

    /// What a stop would do now, as a sentence.
    #[must_use]
    pub fn stop_says(&self) -> String {
        let left = self.blocks().into_iter().filter(|block| {
            let waits =
                |step: &Step| step.state == StepState::Pending || (step.state == StepState::Waiting && step.started_at.is_none());
            block.ordinals.clone().filter_map(|ordinal| self.latest(ordinal)).all(waits)
        });
        let left = match left.count() {
            0 => "nothing is left to start".to_owned(),
            1 => "1 block does not start".to_owned(),
            many => format!("{many} blocks do not start"),
        };
        match (self.running().as_slice(), self.stop_target()) {
            ([], _) => format!("Stop ends the run: nothing runs now, {left}."),
            ([step, ..], Some(place)) => {
                format!("Stop ends “{}” on {place} (asked to end, killed if it does not) and the run: {left}.", step.name)
            }
            ([step, ..], None) => format!("Stop ends “{}” and the run: {left}.", step.name),
        }
    }

    fn running(&self) -> Vec<&Step> {
        let innermost = self.latest_steps().into_iter().filter(|step| step.state == StepState::Running);
        let steps: Vec<_> = innermost.collect();
        let deepest = steps.iter().map(|step| step.depth).max();
        steps.into_iter().filter(|step| Some(step.depth) == deepest).collect()
    }

    /// Whether an attempt did not come out well, or nobody knows how it did.
    #[must_use]
    pub fn has_failed(&self, place: Place) -> bool {
        self.steps.get(&place).is_some_and(|step| matches!(step.state, StepState::Failed | StepState::Interrupted))
    }

    /// Whether the console of a step is open where nobody chose and nothing failed: those of a few hosts are, those of many not.
    #[must_use]
    pub fn begins_open(&self, ordinal: u32) -> bool {
        let block = self.latest(ordinal).map(|step| step.block_id);
        let lanes = self.steps.range((ordinal.saturating_sub(MOST_NEAR), 0)..(ordinal.saturating_add(MOST_NEAR), 0));
        lanes.filter(|(place, step)| place.1 == 1 && Some(step.block_id) == block).count() < FOLDED_FROM
    }

    /// The attempts that wrote, or write, output.
    #[must_use]
    pub fn consoles(&self) -> Vec<Place> {
        let has = |(place, step): &(&Place, &Step)| {
            writes(step.kind) && (step.state == StepState::Running || self.console(**place).is_some())
        };
        self.steps.iter().filter(has).map(|(place, _)| *place).collect()
    }

    /// Whether more than one step is of a kind that writes output, whatever they have written.
    #[must_use]
    pub fn may_have_consoles(&self) -> bool {
        let mut writing = self.steps.iter().filter(|(_, step)| writes(step.kind)).map(|((ordinal, _), _)| *ordinal);
        writing.next().is_some_and(|first| writing.any(|other| other != first))
    }

    /// The host of a step whose block runs on several.
    #[must_use]
    pub fn lane(&self, ordinal: u32) -> Option<&str> {
        let step = self.latest(ordinal)?;
        let beside = [ordinal.checked_sub(1), ordinal.checked_add(1)].into_iter().flatten();
        let is_lane = beside.filter_map(|other| self.latest(other)).any(|other| other.block_id == step.block_id);
        step.host.as_deref().filter(|_| is_lane)
    }

    /// The sentence that a screen reader says when the state changes.
    #[must_use]
    pub fn announcement(&self) -> String {
        let number = self.run.number;
        match (self.run.state, self.current()) {
            (RunState::Waiting | RunState::Interrupted, Some(step)) => {
                format!("Run {number} waits for your answer to “{}”.", step.name)
            }
            (RunState::Running, Some(step)) => format!("Run {number}, {}: {}.", self.standing(), step.name),
            (state, _) => match self.allowed() {
                Some(allowed) => format!("Run {number} is {}, {allowed}.", state.as_str()),
                None => format!("Run {number} is {}.", state.as_str()),
            },
        }
    }

    fn latest_steps(&self) -> Vec<&Step> {
        self.ordinals().into_iter().filter_map(|ordinal| self.latest(ordinal)).collect()
    }
}

/// A host as people call it.
#[must_use]
pub fn called(host: &str) -> &str {
    if host == LOCAL { "this server" } else { host }
}

/// `1 host`, `3 hosts`.
#[must_use]
pub fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
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
        let mut timeline = Timeline::new(run(), vec![known], vec![(id, "a\nb\n".to_owned(), false)]);
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

    fn on_hosts(states: &[StepState]) -> Vec<Step> {
        let block = BlockId::new();
        let lane = |(n, state): (u32, &StepState)| Step {
            block_id: block,
            name: "Restart".to_owned(),
            host: Some(format!("web-{}", n + 1)),
            ..step(n, 1, *state, 1)
        };
        (0..).zip(states).map(lane).collect()
    }

    #[test]
    fn progress_counts_blocks_as_the_runbook_does_and_not_what_is_passed_over() {
        use StepState::{Pending, Running, Skipped, Succeeded};
        let steps = [Succeeded, Skipped, Running, Pending].into_iter().zip(0..).map(|(state, n)| step(n, 1, state, 1)).collect();
        let timeline = Timeline::new(run(), steps, vec![]);
        assert_eq!(timeline.progress(), Progress { at: Some(3), done: 1, blocks: 4, steps_done: 1, steps: 3 });
        assert_eq!(timeline.announcement(), "Run 7, block 3 of 4: Step 2.");
        assert_eq!(timeline.title(), "● running 3/4 · Run #7 · Failover");
    }

    #[test]
    fn the_hosts_of_a_block_are_one_block() {
        use StepState::{Failed, Pending, Running, Succeeded, Waiting};
        let mut steps = on_hosts(&[Succeeded, Running, Running]);
        steps.push(step(3, 1, Pending, 1));
        let timeline = Timeline::new(run(), steps, vec![]);
        assert_eq!(timeline.blocks(), [Block { number: 1, ordinals: 0..3 }, Block { number: 2, ordinals: 3..4 }]);
        assert_eq!((timeline.standing().as_str(), timeline.block_number(3)), ("block 1 of 2", Some(2)));
        let progress = timeline.progress();
        assert_eq!((progress.done, progress.steps_done, progress.steps), (0, 1, 4));
        for (states, together) in [
            ([Succeeded, Pending, Pending], Running),
            ([Succeeded, Failed, Waiting], Waiting),
            ([Succeeded, Failed, Running], Running),
            ([Succeeded, Failed, Succeeded], Failed),
            ([Pending, Pending, Pending], Pending),
        ] {
            assert_eq!(Timeline::new(run(), on_hosts(&states), vec![]).state_of(0..3), together, "{states:?}");
        }
    }

    #[test]
    fn stop_says_what_it_ends_where_and_what_does_not_start() {
        use StepState::{Pending, Running, Waiting};
        let mut steps = on_hosts(&[Running, Running]);
        steps.push(step(2, 1, Pending, 1));
        let timeline = Timeline::new(run(), steps, vec![]);
        assert_eq!(timeline.stop_target().as_deref(), Some("web-1, web-2"));
        let says =
            "Stop ends “Restart” on web-1, web-2 (asked to end, killed if it does not) and the run: 1 block does not start.";
        assert_eq!(timeline.stop_says(), says);
        let asks = Timeline::new(run(), vec![step(0, 1, Waiting, 1), step(1, 1, Pending, 1)], vec![]);
        assert_eq!(asks.stop_says(), "Stop ends the run: nothing runs now, 2 blocks do not start.");
        assert_eq!(asks.stop_target(), None);
    }

    #[test]
    fn a_run_that_succeeded_says_which_failures_it_was_allowed() {
        let mut done = run();
        done.state = RunState::Succeeded;
        let steps = vec![
            step(0, 1, StepState::Failed, 1),
            step(0, 2, StepState::Succeeded, 1),
            step(1, 1, StepState::Failed, 1),
            step(2, 1, StepState::Failed, 1),
        ];
        let timeline = Timeline::new(done.clone(), steps, vec![]);
        assert_eq!(timeline.allowed().as_deref(), Some("2 steps failed and were allowed to"));
        assert_eq!(timeline.title(), "✓ Run #7 · Failover");
        assert_eq!(timeline.standing(), "all 3 blocks done");
        done.state = RunState::Failed;
        assert_eq!(Timeline::new(done, vec![step(0, 1, StepState::Failed, 1)], vec![]).allowed(), None);
    }

    #[test]
    fn a_deleted_note_does_not_come_back() {
        let at = Timestamp::from_timestamp_millis(0).expect("the epoch");
        let (author, author_id, text) = ("ann".to_owned(), AccountId::new(), "seen".to_owned());
        let note = Note { id: NoteId::new(), author, author_id, at, text, step: None, deleted_at: None };
        let mut timeline = Timeline::new(run(), vec![], vec![]).with_notes(vec![note.clone()]);
        for note in [note.clone(), note.clone().deleted(at), note] {
            timeline.apply(RunEvent::Note(Box::new(note)));
        }
        assert_eq!(timeline.notes(), []);
    }
}
