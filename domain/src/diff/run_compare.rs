//! Finds what went differently in two runs: steps by their block and host.

use std::collections::HashMap;
use std::time::Instant;

use serde_json::{Map, Value};

use super::text::{one_sided, rows};
use super::{Change, FieldDiff, Row, RunDiff, StepDiff, StepSide};
use crate::{BlockId, Run, Step};

/// How many lines are shown around each change of an output.
const AROUND: usize = 2;
/// How many of the last lines of an output are compared.
const LINES: usize = 400;
/// How many rows of what is different are told of a step.
const MAX_ROWS: usize = 60;

/// A run and every attempt at its steps, each with the end of what it wrote.
pub type Told<'a> = (&'a Run, &'a [(Step, String)]);

/// What went differently in the later run. Whatever takes longer than `until` is found less finely.
#[must_use]
pub fn compare_runs(old: Told<'_>, new: Told<'_>, until: Option<Instant>) -> RunDiff {
    let (left, right) = (places(old.1), places(new.1));
    let mut steps: Vec<StepDiff> = Vec::new();
    let mut before = left.iter().peekable();
    for place in &right {
        // Those that the later run does not have stand where they stood.
        while let Some(gone) = before.next_if(|other| find(&right, other).is_none()) {
            steps.extend(told(Some(gone), None, until));
        }
        before.next_if(|other| other.key == place.key);
        steps.extend(told(find(&left, place), Some(place), until));
    }
    steps.extend(before.filter(|other| find(&right, other).is_none()).filter_map(|gone| told(Some(gone), None, until)));
    let parameters = parameters(&old.0.parameters, &new.0.parameters);
    RunDiff { old: old.0.clone(), new: new.0.clone(), parameters, steps }
}

/// All attempts at one step.
struct Place<'a> {
    /// The block, the host, and the how-manieth of these in the run.
    key: (BlockId, Option<&'a str>, u32),
    attempts: Vec<&'a (Step, String)>,
}

fn find<'a, 'b>(places: &'b [Place<'a>], place: &Place<'_>) -> Option<&'b Place<'a>> {
    places.iter().find(|other| other.key == place.key)
}

fn places(steps: &[(Step, String)]) -> Vec<Place<'_>> {
    let mut places: Vec<Place<'_>> = Vec::new();
    let mut seen: HashMap<(BlockId, Option<&str>), u32> = HashMap::new();
    let mut at: HashMap<u32, usize> = HashMap::new();
    for attempt in steps {
        let step = &attempt.0;
        if let Some(place) = at.get(&step.ordinal) {
            places[*place].attempts.push(attempt);
            continue;
        }
        let same = seen.entry((step.block_id, step.host.as_deref())).or_default();
        at.insert(step.ordinal, places.len());
        places.push(Place { key: (step.block_id, step.host.as_deref(), *same), attempts: vec![attempt] });
        *same += 1;
    }
    places
}

fn told(old: Option<&Place<'_>>, new: Option<&Place<'_>>, until: Option<Instant>) -> Option<StepDiff> {
    let last = |place: &Place<'_>| place.attempts.last().map(|(step, output)| (step.clone(), output.clone()));
    let (left, right) = (old.and_then(last), new.and_then(last));
    let (what, output) = match (&left, &right) {
        (Some((left, wrote_before)), Some((right, wrote))) => {
            (rows(&left.what, &right.what, AROUND, until), differing_ends(wrote_before, wrote, until))
        }
        _ => (Vec::new(), Vec::new()),
    };
    let (shown, _) = right.or(left)?;
    Some(StepDiff {
        name: shown.name,
        kind: shown.kind,
        host: shown.host,
        depth: shown.depth,
        old: old.and_then(side),
        new: new.and_then(side),
        what: bounded(what),
        output,
    })
}

fn side(place: &Place<'_>) -> Option<StepSide> {
    let (first, last) = (&place.attempts.first()?.0, &place.attempts.last()?.0);
    let millis = first.started_at.zip(last.ended_at).map(|(from, to)| (to - from).num_milliseconds().max(0));
    Some(StepSide {
        ordinal: last.ordinal,
        state: last.state,
        exit_code: last.exit_code,
        attempts: last.attempt,
        millis,
        error: last.error.clone(),
    })
}

/// What differs of the last lines of two outputs; where one of them wrote nothing there is nothing to compare.
fn differing_ends(old: &str, new: &str, until: Option<Instant>) -> Vec<Row> {
    if old.is_empty() || new.is_empty() {
        return Vec::new();
    }
    bounded(rows(&last_lines(old), &last_lines(new), AROUND, until))
}

fn bounded(mut rows: Vec<Row>) -> Vec<Row> {
    let over = rows.len().saturating_sub(MAX_ROWS);
    if over > 0 {
        rows.truncate(MAX_ROWS);
        rows.push(Row::Cut { lines: over });
    }
    rows
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

fn parameters(left: &Map<String, Value>, right: &Map<String, Value>) -> Vec<FieldDiff> {
    let written = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut found = Vec::new();
    for (name, value) in right {
        let (change, rows) = match left.get(name) {
            Some(was) if was == value => continue,
            Some(was) => (Change::Changed, rows(&written(was), &written(value), AROUND, None)),
            None => (Change::Added, one_sided(&written(value), Change::Added)),
        };
        found.push(FieldDiff { name: name.clone(), change, rows });
    }
    for (name, value) in left.iter().filter(|(name, _)| !right.contains_key(*name)) {
        let rows = one_sided(&written(value), Change::Removed);
        found.push(FieldDiff { name: name.clone(), change: Change::Removed, rows });
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{AccountId, BlockType, RunId, RunMode, RunState, RunbookId, StepId, StepState, Timestamp};

    fn at(millis: i64) -> Option<Timestamp> {
        Timestamp::from_timestamp_millis(millis)
    }

    fn run(parameters: &Value) -> Run {
        Run {
            id: RunId::new(),
            number: 1,
            runbook_id: RunbookId::new(),
            runbook_title: "Restart".to_owned(),
            version: 1,
            state: RunState::Succeeded,
            mode: RunMode::Auto,
            parameters: parameters.as_object().cloned().unwrap_or_default(),
            reason: None,
            started_by: "ann".to_owned(),
            started_by_id: AccountId::new(),
            created_at: at(0).expect("the epoch"),
            started_at: None,
            ended_at: None,
            error: None,
            event: 1,
        }
    }

    fn step(block: BlockId, ordinal: u32, attempt: u32, exit_code: i32, millis: i64) -> Step {
        Step {
            id: StepId::new(),
            block_id: block,
            name: format!("step {ordinal}"),
            kind: BlockType::Command,
            ordinal,
            depth: 0,
            attempt,
            state: if exit_code == 0 { StepState::Succeeded } else { StepState::Failed },
            what: "echo".to_owned(),
            host: Some("web-1".to_owned()),
            exit_code: Some(exit_code),
            result: None,
            started_at: at(i64::from(attempt) * 1_000),
            ended_at: at(i64::from(attempt) * 1_000 + millis),
            due_at: None,
            error: None,
            answer: None,
            event: 1,
            last_output: 1,
        }
    }

    #[test]
    fn attempts_times_and_outputs_of_the_same_block_stand_side_by_side() {
        let (one, two, gone, new) = (BlockId::new(), BlockId::new(), BlockId::new(), BlockId::new());
        let told = |text: &str| text.to_owned();
        let old = [
            (step(one, 0, 1, 0, 500), told("a\nlag 3\n")),
            (step(gone, 1, 1, 0, 1), told("")),
            (step(two, 2, 1, 0, 40), told("same")),
        ];
        let new = [
            (step(one, 0, 1, 1, 100), told("first")),
            (step(one, 0, 2, 0, 700), told("a\nlag 9\n")),
            (step(two, 1, 1, 0, 40), told("same")),
            (step(new, 2, 1, 0, 1), told("")),
        ];
        let (before, after) = (run(&json!({ "a": 1, "b": "x" })), run(&json!({ "a": 2, "c": true })));
        let diff = compare_runs((&before, &old), (&after, &new), None);
        let sides: Vec<_> = diff.steps.iter().map(|step| (step.old.is_some(), step.new.is_some())).collect();
        assert_eq!(sides, [(true, true), (true, false), (true, true), (false, true)]);
        let first = &diff.steps[0];
        assert_eq!(first.new.as_ref().map(|side| (side.attempts, side.millis)), Some((2, Some(1_700))));
        assert_eq!((first.longer_by(), first.output.len(), first.went_the_same()), (Some(1_200), 2, false));
        assert!(diff.steps[2].went_the_same() && diff.steps[2].output.is_empty());
        assert_eq!(diff.first_difference(), Some(0));
        let parameters: Vec<_> = diff.parameters.iter().map(|field| (field.name.as_str(), field.change)).collect();
        assert_eq!(parameters, [("a", Change::Changed), ("c", Change::Added), ("b", Change::Removed)]);
    }

    #[test]
    fn what_differs_of_a_long_output_is_bounded() {
        let block = BlockId::new();
        let text = |seed: u32| (0..9_000).map(|line| format!("{} of {seed}\n", line * seed)).collect::<String>();
        let side = |seed| [(step(block, 0, 1, 0, 1), text(seed))];
        let (before, after) = (run(&json!({})), run(&json!({})));
        let diff = compare_runs((&before, &side(3)), (&after, &side(7)), None);
        assert_eq!(diff.steps[0].output.len(), MAX_ROWS + 1);
    }

    #[test]
    fn a_step_on_each_of_several_hosts_is_compared_with_its_own() {
        let block = BlockId::new();
        let on = |host: &str, ordinal| (Step { host: Some(host.to_owned()), ..step(block, ordinal, 1, 0, 1) }, String::new());
        let (before, after) = (run(&json!({})), run(&json!({})));
        let diff = compare_runs((&before, &[on("a", 0), on("b", 1)]), (&after, &[on("b", 0), on("a", 1)]), None);
        let pairs: Vec<_> =
            diff.steps.iter().map(|step| (step.host.as_deref(), step.old.as_ref().map(|side| side.ordinal))).collect();
        assert_eq!(pairs, [(Some("b"), Some(1)), (Some("a"), Some(0))]);
    }
}
