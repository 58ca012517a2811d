//! The steps of a run before it starts: exactly what each would run, which values are missing, and where API calls would go.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use domain::plan::Planned;
use domain::{Actor, BlockKind, CheckOutcome, PreflightStep};
use engine::AddressCheck;
use engine::plan_steps::unrendered;
use engine::preview::{Preview, Unresolved, names_step, uses_raw};
use futures::future::join_all;

use super::{Findings, chosen, sentence, step};
use crate::runs::Runs;

/// How long a name may take to be found.
const PATIENCE: Duration = Duration::from_secs(3);

/// What would happen.
#[derive(Debug, Default)]
pub(super) struct Rehearsed {
    pub steps: Vec<PreflightStep>,
    /// The addresses that would be called, and by which step.
    pub addresses: BTreeMap<String, String>,
}

/// Goes through the chosen places as a run would.
pub(super) fn rehearse<'e>(
    plan: &[Planned<'_>],
    selected: &HashSet<u32>,
    environment: impl Fn(&str) -> Option<&'e [(String, String)]>,
    preview: &mut Preview,
    findings: &mut Findings,
) -> Rehearsed {
    let mut rehearsed = Rehearsed::default();
    let mut faults = 0;
    for planned in chosen(plan, selected) {
        let block = planned.block;
        // Where no host is touched there is no environment either.
        let environment = planned.host.map_or(Some(&[] as &[_]), &environment);
        let mut notes = notes(planned);
        let mut wrong = Vec::new();
        if let Some(when) = &block.when {
            match preview.holds(when, environment) {
                Ok(true) => {}
                Ok(false) => notes.push(format!("Is skipped: {when} is false")),
                Err(Unresolved::Later(names)) => {
                    notes.push(format!("Runs only when {when}"));
                    wrong.extend(names.iter().filter_map(|name| unknown_step(plan, selected, planned, name)));
                }
                Err(Unresolved::Wrong(why)) => wrong.push(format!("its condition: {why}")),
            }
        }
        let (text, resolved) = match preview.block(block, environment) {
            Ok(text) => (text, true),
            Err(Unresolved::Later(names)) => {
                wrong.extend(names.iter().filter_map(|name| unknown_step(plan, selected, planned, name)));
                notes.extend(what_is_missing(&names));
                (preview.mask(&unrendered(block)), false)
            }
            Err(Unresolved::Wrong(why)) => {
                wrong.push(why);
                (preview.mask(&unrendered(block)), false)
            }
        };
        if let Some(address) = preview.address(block, environment) {
            rehearsed.addresses.entry(address).or_insert_with(|| step(planned));
        }
        wrong.dedup();
        for why in wrong {
            faults += 1;
            // A step in a branch, or with a condition, may never be reached.
            let certain = planned.depth == 0 && block.when.is_none();
            let outcome = if certain { CheckOutcome::Problem } else { CheckOutcome::Warning };
            let would = if certain { "It would fail" } else { "It would fail where it is reached" };
            let what = sentence(&step(planned));
            findings.note(outcome, what.trim_end_matches('.'), format!("{would}: {why}."));
        }
        add(&mut rehearsed.steps, planned, text, resolved, notes);
    }
    if faults == 0 {
        findings.note(CheckOutcome::Ok, "Values", "Every command, text and address gets its values.");
    }
    rehearsed
}

/// Another line, or another host of the line before where it does the same there.
fn add(steps: &mut Vec<PreflightStep>, planned: &Planned<'_>, text: String, resolved: bool, notes: Vec<String>) {
    if let Some(last) = steps.last_mut()
        && planned.lane.is_one_of_several()
        && (last.block_id, &last.text, &last.notes) == (planned.block.id, &text, &notes)
    {
        last.hosts.extend(planned.host.map(str::to_owned));
        return;
    }
    steps.push(PreflightStep {
        block_id: planned.block.id,
        ordinal: planned.ordinal,
        depth: planned.depth,
        name: planned.block.title(),
        kind: planned.block.block_type(),
        hosts: planned.host.map(str::to_owned).into_iter().collect(),
        text,
        resolved,
        notes,
    });
}

fn notes(planned: &Planned<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if planned.depth > 0 {
        notes.push("Only where its branch is taken".to_owned());
    }
    match &planned.block.kind {
        BlockKind::Instruction(instruction) if instruction.acknowledge => notes.push("Waits until somebody ticks it".to_owned()),
        _ if planned.block.confirm => notes.push("Asks first".to_owned()),
        _ => {}
    }
    if uses_raw(planned.block) {
        notes.push("Puts values in unquoted (raw)".to_owned());
    }
    notes
}

/// What the text has no value for yet: answers that were not given well, and what only a run knows.
fn what_is_missing(names: &[String]) -> Vec<String> {
    let (answers, later): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| name.starts_with("params."));
    let joined = |names: &[&String]| names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    let mut notes = Vec::new();
    if !answers.is_empty() {
        notes.push(format!("With {}, which has no good answer yet", joined(&answers)));
    }
    if !later.is_empty() {
        notes.push(format!("With {}, known only when it runs", joined(&later)));
    }
    notes
}

/// What is wrong with the name of a step, `steps.lag.stdout`, where no step before this one is called so or runs.
fn unknown_step(plan: &[Planned<'_>], selected: &HashSet<u32>, planned: &Planned<'_>, name: &str) -> Option<String> {
    let mut before =
        plan.iter().take_while(|other| other.ordinal < planned.ordinal).filter(|other| names_step(name, &other.block.title()));
    match before.next() {
        // `steps` alone, or by an index: nobody knows which one is meant.
        _ if !name.contains('.') => None,
        None => Some(format!("it uses {name}, and no step before it is called so")),
        Some(first) if !selected.contains(&first.ordinal) => {
            Some(format!("it uses {name}, and {} is not part of this run", step(first)))
        }
        Some(_) => None,
    }
}

impl Runs {
    /// Whether the addresses would be called.
    pub(super) async fn look_at_addresses(&self, actor: &Actor, addresses: BTreeMap<String, String>, findings: &mut Findings) {
        let looks = addresses.keys().map(|address| self.engine.check_address(actor.role, address, PATIENCE));
        let found = join_all(looks).await;
        let mut allowed = 0;
        for (step, found) in addresses.into_values().zip(found) {
            let what = sentence(&step);
            let what = what.trim_end_matches('.');
            match found {
                AddressCheck::Allowed => allowed += 1,
                AddressCheck::Refused(why) => findings.note(CheckOutcome::Problem, what, format!("It would fail: {why}.")),
                AddressCheck::Unknown(why) => findings.note(CheckOutcome::Warning, what, sentence(&why)),
            }
        }
        if allowed > 0 {
            let addresses = if allowed == 1 {
                "The address of the API call may be called."
            } else {
                "The addresses of the API calls may be called."
            };
            findings.note(CheckOutcome::Ok, "API calls", addresses);
        }
    }
}
