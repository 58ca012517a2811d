//! What a look before a run found: the checks, what is wrong first, and exactly what would run.

use domain::{BlockType, CheckOutcome, Preflight, PreflightCheck, PreflightStep};
use icondata_core::Icon as IconData;
use leptos::prelude::*;

use super::command_text::CommandText;
use super::icon::Icon;
use super::notice::ProblemNotice;
use super::pill::block_icon;
use crate::error::Result;
use crate::state::where_to;

/// The id of the place where it stands.
pub const PREFLIGHT: &str = "check";

/// What was found, or why nobody looked.
#[component]
pub fn PreflightResult(
    /// What came of it.
    found: Result<Preflight>,
    /// The form was changed since.
    changed: RwSignal<bool>,
) -> impl IntoView {
    match found {
        Ok(found) => view! { <Shown found changed/> }.into_any(),
        Err(error) => view! { <ProblemNotice problem=error.0/> }.into_any(),
    }
}

#[component]
fn Shown(found: Preflight, changed: RwSignal<bool>) -> impl IntoView {
    let (problems, warnings) = (found.count(CheckOutcome::Problem), found.count(CheckOutcome::Warning));
    let (icon, class, summary) = match (found.can_start, problems, warnings) {
        (false, ..) => (icondata_lu::LuCircleX, "bad-t", "It cannot start".to_owned()),
        (true, 0, 0) => (icondata_lu::LuCircleCheck, "ok-t", "Ready to run".to_owned()),
        (true, 0, many) => (icondata_lu::LuTriangleAlert, "warn-t", format!("It can run, with {}", counted(many, "warning"))),
        (true, many, _) => (icondata_lu::LuCircleX, "bad-t", format!("It would start, and {}", would_fail(many))),
    };
    let mut checks = found.checks;
    // Stable: of those that are equally bad the order stays.
    checks.sort_by_key(|check| std::cmp::Reverse(check.outcome));
    let (bad, good): (Vec<_>, Vec<_>) = grouped(checks).into_iter().partition(|check| check.outcome != CheckOutcome::Ok);
    let good_ones = counted(good.len(), "check");
    let steps = found.steps.len();
    view! {
        <section class="card preflight" aria-labelledby="check-heading">
            <header><Icon icon=icon class=class/><h2 id="check-heading">{summary}</h2>
                {move || changed.get().then(|| view! { <span class="pill idle">"The form has changed since"</span> })}
            </header>
            {(!bad.is_empty()).then(|| view! { <ul class="checks">{bad.into_iter().map(line).collect_view()}</ul> })}
            {(!good.is_empty()).then(|| view! {
                <details open=problems == 0 && warnings == 0 aria-live="off">
                    <summary>{format!("{good_ones} passed")}</summary>
                    <ul class="checks">{good.into_iter().map(line).collect_view()}</ul>
                </details>
            })}
            <details open=steps <= 12 aria-live="off">
                <summary>{format!("Exactly what would run: {}", counted(steps, "step"))}</summary>
                <ol class="rehearsal">{found.steps.into_iter().map(|step| view! { <Step step/> }).collect_view()}</ol>
            </details>
        </section>
    }
}

/// Neighbours of which the same is to be said in one line: many hosts are often in the same state.
fn grouped(checks: Vec<PreflightCheck>) -> Vec<PreflightCheck> {
    let mut lines: Vec<PreflightCheck> = Vec::new();
    for check in checks {
        match lines.last_mut() {
            Some(last) if (last.outcome, &last.sentence) == (check.outcome, &check.sentence) => {
                last.what = format!("{}, {}", last.what, check.what);
            }
            _ => lines.push(check),
        }
    }
    lines
}

fn counted(many: usize, what: &str) -> String {
    if many == 1 { format!("1 {what}") } else { format!("{many} {what}s") }
}

fn would_fail(many: usize) -> String {
    if many == 1 { "1 thing would fail".to_owned() } else { format!("{many} things would fail") }
}

fn line(check: PreflightCheck) -> impl IntoView {
    let (icon, class) = look(check.outcome);
    view! {
        <li class="checks__one">
            <Icon icon=icon class=class/>
            <p><span class="visually-hidden">{check.outcome.label()}": "</span><b>{check.what}</b>" "<span>{check.sentence}</span></p>
        </li>
    }
}

const fn look(outcome: CheckOutcome) -> (IconData, &'static str) {
    match outcome {
        CheckOutcome::Ok => (icondata_lu::LuCheck, "ok-t"),
        CheckOutcome::Warning => (icondata_lu::LuTriangleAlert, "warn-t"),
        CheckOutcome::Problem => (icondata_lu::LuX, "bad-t"),
    }
}

#[component]
fn Step(step: PreflightStep) -> impl IntoView {
    let places: Vec<String> = step.hosts.iter().map(|host| where_to::called(host)).collect();
    let (short, all) = (where_to::on("", &places), where_to::whole(&places));
    view! {
        <li class="rehearsal__step" class:rehearsal__step--nested=step.depth != 0>
            <p class="rehearsal__head">
                <Icon icon=block_icon(step.kind)/><b>{step.name}</b>
                {(!places.is_empty()).then(|| view! { <span class="tag" title=all>{short.trim_start().to_owned()}</span> })}
                {step.notes.into_iter().map(|note| view! { <span class="muted">{note}</span> }).collect_view()}
            </p>
            {match step.kind {
                BlockType::Instruction | BlockType::Timer => view! { <p class="rehearsal__text">{step.text}</p> }.into_any(),
                _ => view! { <CommandText text=step.text/> }.into_any(),
            }}
        </li>
    }
}
