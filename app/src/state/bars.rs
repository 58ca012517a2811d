//! A run over time: which step ran when, and what it waited for. Lengths are thousandths of the whole width.

use domain::{BlockType, ControlAction, RunState, Step, StepState, Timestamp};

use super::timeline::{Block, Timeline};
use crate::components::time::length;

/// With more rows than this a block on several hosts has one for all of them.
const MOST_ROWS: usize = 48;
/// The least that can be seen of a bar.
const LEAST: u32 = 10;
/// The whole width.
pub const WIDTH: u32 = 1_000;

/// What a bar stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Came out well.
    Ok,
    /// Did not.
    Bad,
    /// Goes on.
    Run,
    /// Waits, or waited, for a person.
    Wait,
    /// Ended by a person.
    Idle,
}

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Where it begins.
    pub from: u32,
    /// How long it is.
    pub width: u32,
    /// What it stands for.
    pub look: Look,
}

/// A step, or a block with all its hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The step it leads to.
    pub ordinal: u32,
    /// What is said of it on hover.
    pub says: String,
    /// Its stretches, the first one first.
    pub bars: Vec<Bar>,
}

/// A run over time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chart {
    /// One for each step.
    pub rows: Vec<Row>,
    /// Where the time is that such a run usually takes.
    pub usual: Option<u32>,
    /// Where the run is now; nowhere once it is over.
    pub now: Option<u32>,
    /// How long the whole width is, in milliseconds.
    pub millis: i64,
}

/// A stretch in milliseconds since 1970.
type Stretch = (i64, i64, Look);

impl Chart {
    /// Of a run as it stands, at a time that the browser tells; the server draws up to what happened last.
    #[must_use]
    pub fn of(timeline: &Timeline, now: Option<Timestamp>, usual: Option<i64>) -> Self {
        let run = timeline.run();
        let over = run.state.is_final();
        let Some(begin) = begin(timeline) else { return Self::default() };
        let last = last(timeline).max(begin);
        let end = match (run.ended_at, now) {
            (Some(ended), _) if over => ended.timestamp_millis(),
            (_, Some(now)) => now.timestamp_millis().max(last),
            _ => last,
        };
        let millis = (end - begin).max(usual.unwrap_or(0)).max(1_000);
        let at = |time: i64| u32::try_from((time - begin).clamp(0, millis) * i64::from(WIDTH) / millis).unwrap_or(WIDTH);
        let bar = |(from, to, look): Stretch| {
            let (from, to) = (at(from).min(WIDTH - LEAST), at(to));
            Bar { from, width: to.saturating_sub(from).max(LEAST), look }
        };
        let blocks = timeline.blocks();
        let apart = timeline.ordinals().len() <= MOST_ROWS;
        let row = |block: &Block| -> Vec<Row> {
            let rows: Vec<Row> = block.ordinals.clone().filter_map(|ordinal| step_row(timeline, ordinal, end, bar)).collect();
            if apart || !block.has_lanes() {
                return rows;
            }
            let Some(first) = rows.first() else { return Vec::new() };
            let mut bars: Vec<Bar> = rows.iter().flat_map(|row| row.bars.iter().copied()).collect();
            bars.sort_by_key(|bar| (bar.from, bar.look == Look::Bad));
            vec![Row { ordinal: first.ordinal, says: format!("{} and {} more hosts", first.says, rows.len() - 1), bars }]
        };
        Self {
            rows: blocks.iter().flat_map(row).collect(),
            usual: usual.map(|usual| at(begin + usual)),
            now: (!over && now.is_some()).then(|| at(end)),
            millis,
        }
    }

    /// What there is to see, for those who cannot.
    #[must_use]
    pub fn summary(&self, timeline: &Timeline, usual: Option<i64>) -> String {
        let bars = self.rows.iter().filter(|row| !row.bars.is_empty()).count();
        let usual = usual.map(|usual| format!("; it usually takes {}", length(usual))).unwrap_or_default();
        format!(
            "Timeline over {}: {bars} of {} steps began, {}{usual}.",
            length(self.millis),
            self.rows.len(),
            timeline.standing()
        )
    }
}

fn begin(timeline: &Timeline) -> Option<i64> {
    let first =
        timeline.ordinals().into_iter().flat_map(|ordinal| attempts(timeline, ordinal)).filter_map(|step| step.started_at);
    let run = timeline.run();
    let begin = run.started_at.into_iter().chain(first).min().map(|at| at.timestamp_millis());
    // Of a run that asks before its first step there is only the wait.
    begin.or_else(|| (run.state == RunState::Waiting).then(|| run.created_at.timestamp_millis()))
}

fn last(timeline: &Timeline) -> i64 {
    let times = timeline.ordinals().into_iter().flat_map(|ordinal| attempts(timeline, ordinal));
    times.flat_map(|step| [step.started_at, step.ended_at]).flatten().map(|at| at.timestamp_millis()).max().unwrap_or(0)
}

fn attempts(timeline: &Timeline, ordinal: u32) -> Vec<&Step> {
    let mut attempts = timeline.earlier_attempts(ordinal);
    attempts.extend(timeline.latest(ordinal));
    attempts
}

fn step_row(timeline: &Timeline, ordinal: u32, end: i64, bar: impl Fn(Stretch) -> Bar) -> Option<Row> {
    let step = timeline.latest(ordinal)?;
    if step.state == StepState::Skipped && step.started_at.is_none() {
        return None;
    }
    let attempts = attempts(timeline, ordinal);
    let mut stretches: Vec<Stretch> = Vec::new();
    for (index, step) in attempts.iter().enumerate() {
        stretches.extend(stretches_of(timeline, step, end));
        // What nobody knew the end of waited for a person until it was tried again.
        if let (Some(ended), Some(next)) = (step.ended_at, attempts.get(index + 1))
            && step.answer == Some(ControlAction::Retry)
        {
            let until = next.started_at.map_or(end, |at| at.timestamp_millis());
            stretches.push((ended.timestamp_millis(), until, Look::Wait));
        }
    }
    let place = timeline.lane(ordinal).map(|host| format!(" on {host}")).unwrap_or_default();
    let took =
        step.started_at.map(|from| (step.ended_at.map_or(end, |to| to.timestamp_millis()) - from.timestamp_millis()).max(0));
    let took = took.map(|took| format!(", {}", length(took))).unwrap_or_default();
    let says = format!("{}{place}: {}{took}", step.name, step.state.as_str());
    Some(Row { ordinal, says, bars: stretches.into_iter().map(bar).collect() })
}

/// When an attempt ran, and when it waited before that.
fn stretches_of(timeline: &Timeline, step: &Step, end: i64) -> Vec<Stretch> {
    let started = step.started_at.map(|at| at.timestamp_millis());
    let ended = step.ended_at.map(|at| at.timestamp_millis());
    let mut stretches = Vec::new();
    // It asked before it began: since the end of what was before it, for when exactly is not kept.
    let asked_before = step.answer == Some(ControlAction::Approve) || step.state == StepState::Waiting;
    if step.kind != BlockType::Instruction && step.attempt == 1 && asked_before && step.result.is_none() {
        let until = started.unwrap_or(end);
        stretches.push((before(timeline, step, until), until, Look::Wait));
    }
    let Some(started) = started else { return stretches };
    let look = match (step.state, step.kind) {
        (StepState::Succeeded, BlockType::Instruction) if step.answer.is_some() => Look::Wait,
        (StepState::Waiting, _) => Look::Wait,
        (StepState::Succeeded, _) => Look::Ok,
        (StepState::Failed, _) => Look::Bad,
        (StepState::Running, _) => Look::Run,
        (StepState::Interrupted, _) => Look::Bad,
        _ => Look::Idle,
    };
    let goes_on = matches!(step.state, StepState::Running | StepState::Waiting);
    let until = if goes_on { end } else { ended.unwrap_or(end) };
    stretches.push((started, until, look));
    if let (StepState::Interrupted, Some(ended)) = (step.state, ended) {
        stretches.push((ended, end, Look::Wait));
    }
    stretches
}

/// When the last thing before a step ended.
fn before(timeline: &Timeline, step: &Step, until: i64) -> i64 {
    let earlier = timeline.ordinals().into_iter().filter(|ordinal| *ordinal < step.ordinal);
    let ends = earlier.flat_map(|ordinal| attempts(timeline, ordinal)).filter_map(|step| step.ended_at);
    let last = ends.map(|at| at.timestamp_millis()).filter(|at| *at <= until).max();
    last.unwrap_or_else(|| timeline.run().created_at.timestamp_millis()).min(until)
}

#[cfg(test)]
mod tests {
    use domain::{AccountId, BlockId, Run, RunId, RunMode, RunbookId, StepId};

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_timestamp_millis(1_000_000 + millis).expect("a time")
    }

    fn step(ordinal: u32, state: StepState, from: Option<i64>, to: Option<i64>) -> Step {
        Step {
            id: StepId::new(),
            block_id: BlockId::new(),
            name: format!("Step {ordinal}"),
            kind: BlockType::Command,
            ordinal,
            depth: 0,
            attempt: 1,
            state,
            what: String::new(),
            host: None,
            exit_code: None,
            result: None,
            started_at: from.map(at),
            ended_at: to.map(at),
            due_at: None,
            error: None,
            answer: None,
            event: 1,
            last_output: 0,
        }
    }

    fn timeline(state: RunState, steps: Vec<Step>, ended: Option<i64>) -> Timeline {
        let run = Run {
            id: RunId::new(),
            number: 7,
            runbook_id: RunbookId::new(),
            runbook_title: "Failover".to_owned(),
            version: 1,
            state,
            mode: RunMode::Auto,
            parameters: serde_json::Map::new(),
            reason: None,
            started_by: "ann".to_owned(),
            started_by_id: AccountId::new(),
            created_at: at(0),
            started_at: steps.iter().filter_map(|step| step.started_at).min(),
            ended_at: ended.map(at),
            error: None,
            event: 1,
        };
        Timeline::new(run, steps, vec![])
    }

    fn bars(chart: &Chart) -> Vec<Vec<(u32, u32, Look)>> {
        chart.rows.iter().map(|row| row.bars.iter().map(|bar| (bar.from, bar.width, bar.look)).collect()).collect()
    }

    #[test]
    fn steps_lie_where_they_ran_and_the_usual_time_is_marked() {
        let steps = vec![
            step(0, StepState::Succeeded, Some(0), Some(5_000)),
            step(1, StepState::Running, Some(5_000), None),
            step(2, StepState::Pending, None, None),
        ];
        let chart = Chart::of(&timeline(RunState::Running, steps, None), Some(at(10_000)), Some(20_000));
        assert_eq!(bars(&chart), [vec![(0, 250, Look::Ok)], vec![(250, 250, Look::Run)], vec![]]);
        assert_eq!((chart.usual, chart.now, chart.millis), (Some(1_000), Some(500), 20_000));
    }

    #[test]
    fn a_wait_for_a_person_is_told_apart_from_work() {
        let approved = Step { answer: Some(ControlAction::Approve), ..step(1, StepState::Succeeded, Some(8_000), Some(9_000)) };
        let steps = vec![step(0, StepState::Succeeded, Some(0), Some(2_000)), approved, step(2, StepState::Waiting, None, None)];
        let chart = Chart::of(&timeline(RunState::Waiting, steps, None), Some(at(10_000)), None);
        let expected =
            [vec![(0, 200, Look::Ok)], vec![(200, 600, Look::Wait), (800, 100, Look::Ok)], vec![(900, 100, Look::Wait)]];
        assert_eq!(bars(&chart), expected);
    }

    #[test]
    fn every_attempt_has_a_bar() {
        let first = step(0, StepState::Failed, Some(0), Some(4_000));
        let second = Step { attempt: 2, block_id: first.block_id, ..step(0, StepState::Succeeded, Some(6_000), Some(10_000)) };
        let chart = Chart::of(&timeline(RunState::Succeeded, vec![first, second], Some(10_000)), None, None);
        assert_eq!(bars(&chart), [vec![(0, 400, Look::Bad), (600, 400, Look::Ok)]]);
        assert_eq!(chart.now, None);
    }

    #[test]
    fn many_hosts_share_a_row() {
        let lanes = |count: u32| {
            let block = BlockId::new();
            (0..count).map(move |n| Step { block_id: block, ..step(n, StepState::Succeeded, Some(0), Some(1_000)) }).collect()
        };
        let rows = |count| Chart::of(&timeline(RunState::Succeeded, lanes(count), Some(1_000)), None, None).rows.len();
        assert_eq!((rows(3), rows(200)), (3, 1));
    }

    #[test]
    fn what_never_ran_has_no_row() {
        let steps = vec![step(0, StepState::Succeeded, Some(0), Some(1_000)), step(1, StepState::Skipped, None, None)];
        let timeline = timeline(RunState::Succeeded, steps, Some(1_000));
        let chart = Chart::of(&timeline, None, Some(3_000));
        assert_eq!(chart.rows.len(), 1);
        let summary = chart.summary(&timeline, Some(3_000));
        assert_eq!(summary, "Timeline over 3.0 s: 1 of 1 steps began, 1 of 2 blocks done; it usually takes 3.0 s.");
        assert_eq!(Chart::of(&Timeline::clone(&timeline), Some(at(9_000)), None).now, None);
    }
}
