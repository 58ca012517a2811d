//! What the page of a run knows: the run, its steps and their output, kept up to date by events in any order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use domain::{BlockType, Run, RunEvent, RunState, Step, StepId, StepState, Stream};

use super::ansi::{self, Painter, Span};

/// How many lines of one attempt's output stay on the page.
pub const KEPT: usize = 5_000;
/// How many go at once when there are more, so that not every line moves all others.
const DROPPED_AT_ONCE: usize = 500;
/// The longest line that is shown whole, in characters.
pub const MAX_LINE: usize = 10_000;
/// A server's tail of this many bytes is taken for one that has lost its beginning.
const CUT_TAIL: usize = 60 * 1024;

/// A step's place in the plan, and the attempt.
pub type Place = (u32, u32);

/// A line of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1 over both streams, in the order in which lines began.
    pub number: u64,
    /// Which stream it came from.
    pub stream: Stream,
    /// Its text.
    pub spans: Vec<Span>,
    /// Grows with every change, so that a view knows when to draw it again.
    pub revision: u32,
    length: usize,
}

impl Line {
    /// Its text without colours.
    #[must_use]
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }
}

/// Where one of the two streams stands.
#[derive(Debug, Clone, Default)]
struct Writer {
    painter: Painter,
    /// The line that it goes on with.
    open: Option<u64>,
    /// After a carriage return: what comes next begins the line anew, unless it is a line feed.
    returned: bool,
}

/// The output of one attempt at a step.
#[derive(Debug, Clone, Default)]
pub struct Console {
    lines: VecDeque<Arc<Line>>,
    total: u64,
    last_seq: u64,
    cut: bool,
    tail: bool,
    stdout: Writer,
    stderr: Writer,
}

impl Console {
    /// The lines that are kept, the oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &Arc<Line>> {
        self.lines.iter()
    }

    /// How many lines there are, kept or not.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How many lines are no longer kept.
    #[must_use]
    pub fn earlier(&self) -> u64 {
        self.total - self.lines.len() as u64
    }

    /// Whether its beginning was not sent, so that the numbers of its lines are not known.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether it came with the page, without its streams.
    #[must_use]
    pub const fn is_tail(&self) -> bool {
        self.tail
    }

    /// The number of the last piece of output in it; grows with every change.
    #[must_use]
    pub const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// The text of the kept lines.
    #[must_use]
    pub fn text(&self, only: Option<Stream>) -> String {
        let mut text = String::new();
        for line in self.lines.iter().filter(|line| only.is_none_or(|only| line.stream == only)) {
            line.spans.iter().for_each(|span| text.push_str(&span.text));
            text.push('\n');
        }
        text
    }

    /// Adds a piece of output. A line may begin in one piece and end in a later one.
    pub fn write(&mut self, stream: Stream, text: &str) {
        let mut writer = std::mem::take(self.writer(stream));
        for letter in text.chars() {
            let Some(letter) = writer.painter.read(letter) else { continue };
            match letter {
                '\r' => writer.returned = true,
                '\n' => {
                    if writer.open.is_none() {
                        self.begin(stream);
                    }
                    writer.open = None;
                    writer.returned = false;
                }
                _ => {
                    let again = std::mem::take(&mut writer.returned);
                    // A line that was dropped while it was open goes on as a new one.
                    let number = writer.open.filter(|&number| number > self.earlier()).unwrap_or_else(|| self.begin(stream));
                    writer.open = Some(number);
                    if let Some(line) = self.line(number) {
                        add(line, again, writer.painter.style(), letter);
                    }
                }
            }
        }
        *self.writer(stream) = writer;
    }

    fn writer(&mut self, stream: Stream) -> &mut Writer {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    fn begin(&mut self, stream: Stream) -> u64 {
        if self.lines.len() >= KEPT {
            self.lines.drain(..DROPPED_AT_ONCE);
        }
        self.total += 1;
        self.lines.push_back(Arc::new(Line { number: self.total, stream, spans: Vec::new(), revision: 0, length: 0 }));
        self.total
    }

    fn line(&mut self, number: u64) -> Option<&mut Line> {
        let index = number.checked_sub(self.earlier() + 1)?;
        self.lines.get_mut(usize::try_from(index).ok()?).map(Arc::make_mut)
    }
}

fn add(line: &mut Line, again: bool, style: ansi::Style, letter: char) {
    if again {
        line.spans.clear();
        line.length = 0;
    }
    line.revision = line.revision.wrapping_add(1);
    line.length += 1;
    match line.length {
        ..=MAX_LINE => ansi::push(&mut line.spans, style, letter),
        length if length == MAX_LINE + 1 => ansi::push(&mut line.spans, ansi::Style::default(), '…'),
        _ => {}
    }
}

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
                let mut console = Console { cut: text.len() >= CUT_TAIL, tail: true, ..Console::default() };
                console.write(Stream::Stdout, &text);
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
                if chunk.seq > console.last_seq {
                    console.last_seq = chunk.seq;
                    console.write(chunk.stream, &chunk.text);
                }
                if self.tails.get(&place).is_some_and(|tail| console.last_seq >= tail.until) {
                    self.tails.remove(&place);
                }
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
    use domain::{AccountId, BlockId, Chunk, RunId, RunMode, RunbookId, Timestamp};

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

    fn written(pieces: &[(Stream, &str)]) -> Vec<String> {
        let mut console = Console::default();
        for (stream, text) in pieces {
            console.write(*stream, text);
        }
        console.lines().map(|line| line.text()).collect()
    }

    fn texts(timeline: &Timeline) -> Vec<String> {
        timeline.console((0, 1)).map(|console| console.lines().map(|line| line.text()).collect()).unwrap_or_default()
    }

    use Stream::{Stderr, Stdout};

    #[test]
    fn a_line_may_come_in_several_pieces() {
        assert_eq!(written(&[(Stdout, "one\ntw"), (Stdout, "o\n\nfour")]), ["one", "two", "", "four"]);
    }

    #[test]
    fn the_two_streams_do_not_tear_each_others_lines() {
        assert_eq!(written(&[(Stdout, "half "), (Stderr, "oops\n"), (Stdout, "whole\n")]), ["half whole", "oops"]);
    }

    #[test]
    fn a_carriage_return_begins_the_line_anew_but_not_before_a_line_feed() {
        assert_eq!(written(&[(Stdout, "10 %\r20 %\r100 %\r\ndone\r"), (Stdout, "\nend")]), ["100 %", "done", "end"]);
    }

    #[test]
    fn a_colour_goes_on_over_pieces_and_lines_of_its_stream_only() {
        let mut console = Console::default();
        console.write(Stdout, "\x1b[3");
        console.write(Stderr, "plain\n");
        console.write(Stdout, "1mred\nstill red\n");
        let classes: Vec<_> = console.lines().map(|line| line.spans[0].style.class()).collect();
        assert_eq!(classes, ["", "ansi-1", "ansi-1"]);
    }

    #[test]
    fn only_the_last_lines_are_kept_and_the_others_are_counted() {
        let mut console = Console::default();
        let text: String = (1..=12_345).map(|number| format!("line {number}\n")).collect();
        console.write(Stdout, &text);
        assert_eq!(console.total(), 12_345);
        assert!(console.lines().count() <= KEPT);
        assert_eq!(console.earlier() + console.lines().count() as u64, 12_345);
        let last = console.lines().last().expect("there are lines");
        assert_eq!((last.number, last.text().as_str()), (12_345, "line 12345"));
        let first = console.lines().next().expect("there are lines");
        assert_eq!(first.number, console.earlier() + 1);
    }

    #[test]
    fn a_line_that_was_dropped_while_it_was_open_goes_on_as_a_new_one() {
        let mut console = Console::default();
        console.write(Stderr, "begin ");
        console.write(Stdout, &"x\n".repeat(KEPT + 1));
        console.write(Stderr, "end\n");
        assert_eq!(console.lines().last().map(|line| line.text()).as_deref(), Some("end"));
    }

    #[test]
    fn an_endless_line_is_cut_and_says_so() {
        let lines = written(&[(Stdout, &"x".repeat(3 * MAX_LINE)), (Stdout, "\nnext")]);
        assert_eq!(lines[0].chars().count(), MAX_LINE + 1);
        assert!(lines[0].ends_with('…'));
        assert_eq!(lines[1], "next");
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
        assert_eq!(timeline.console((0, 1)).map(|console| console.text(Some(Stderr))).as_deref(), Some("b\n"));
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
    fn progress_counts_the_steps_that_are_to_be_done() {
        use StepState::{Pending, Running, Skipped, Succeeded};
        let steps = [Succeeded, Skipped, Running, Pending].into_iter().zip(0..).map(|(state, n)| step(n, 1, state, 1)).collect();
        let timeline = Timeline::new(run(), steps, vec![]);
        assert_eq!(timeline.progress(), Progress { done: 1, at: 2, of: 3 });
        assert_eq!(timeline.announcement(), "Run 7, step 2 of 3: Step 2.");
    }
}
