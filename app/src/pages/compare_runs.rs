//! Two runs of a runbook side by side: what went differently this time. Works without JavaScript.

use domain::diff::{RunDiff, StepDiff, StepSide};
use domain::{BlockType, Problem, Run, RunId};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::api::compare::compare_runs;
use crate::components::diff_rows::{DiffFields, DiffRows};
use crate::components::icon::Icon;
use crate::components::notice::{ErrorPage, sentence};
use crate::components::pill::{RunPill, StepPill, block_icon};
use crate::components::time::{When, elapsed, length};
use crate::error::{AppError, Result};

/// `/runs/:id/compare?with=` and, from two ticked rows of a list, `/runs/compare?run=&run=`.
#[component]
pub fn CompareRunsPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let asked = move || {
        let with = query.with(|query| query.get_str("with").and_then(|text| text.parse().ok()));
        let ticked = query.with(|query| query.get_all("run")).unwrap_or_default();
        (params.with(|params| params.get("id")), with, ticked)
    };
    let diff = Resource::new_blocking(asked, |(id, with, ticked)| async move {
        let (id, with) = pair(id, with, &ticked)?;
        compare_runs(id, with).await
    });
    view! {
        <Transition>
            {move || Suspend::new(async move {
                match diff.await {
                    Ok(diff) => view! { <Show diff=diff/> }.into_any(),
                    Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                }
            })}
        </Transition>
    }
}

/// Which run, and with which other one.
fn pair(id: Option<String>, with: Option<RunId>, ticked: &[String]) -> Result<(RunId, Option<RunId>)> {
    let problem = match (id, ticked) {
        (Some(id), _) => match id.parse() {
            Ok(id) => return Ok((id, with)),
            Err(_) => Problem::new(404, "not_found", "there is no such page"),
        },
        (None, [one, other]) => match (one.parse(), other.parse()) {
            (Ok(one), Ok(other)) => return Ok((one, Some(other))),
            _ => Problem::new(404, "not_found", "there is no such page"),
        },
        (None, ticked) => {
            let ticked = if ticked.len() == 1 { "1 was ticked".to_owned() } else { format!("{} were ticked", ticked.len()) };
            let detail = format!("two runs can be compared; {ticked}. Go back and tick two.");
            Problem::new(422, "invalid", detail)
        }
    };
    #[cfg(feature = "ssr")]
    crate::error::server::set_status(problem.status);
    Err(AppError(problem))
}

#[component]
fn Show(diff: RunDiff) -> impl IntoView {
    let first = diff.first_difference();
    let (old, new) = (diff.old, diff.new);
    let title = format!("Run #{} compared with #{}", new.number, old.number);
    let (from, to) = (old.version, new.version);
    let versions = (from != to).then(|| {
        view! {
            <div class="notice info">
                <Icon icon=icondata_lu::LuHistory/>
                <div>
                    {format!("They ran different versions of the runbook, {from} and {to}. ")}
                    <a href=format!("/runbooks/{}/versions/compare?from={from}&to={to}", new.runbook_id)>"Compare the versions"</a>
                </div>
            </div>
        }
    });
    let summary = match first.and_then(|at| diff.steps.get(at).map(|step| (at, step.name.clone()))) {
        Some((at, name)) => {
            view! { "They part at "<a class="link" href=format!("#step-{}", at + 1)>{format!("“{name}”")}</a> }.into_any()
        }
        None => "Every step went the same way".into_any(),
    };
    let parameters = (!diff.parameters.is_empty()).then(|| {
        view! {
            <section class="diff__block diff__block--changed">
                <header><h3>"Parameters"</h3></header>
                <DiffFields fields=diff.parameters exact=true/>
            </section>
        }
    });
    let numbers = (old.number, new.number);
    let rows = diff
        .steps
        .into_iter()
        .enumerate()
        .map(|(at, step)| view! { <StepRows at=at step=step numbers=numbers is_first=first == Some(at)/> });
    view! {
        <Title text=title.clone()/>
        <header class="head">
            <nav class="crumbs" aria-label="Breadcrumb">
                <ol>
                    <li><a href="/history">"History"</a></li>
                    <li><a href=format!("/runbooks/{}", new.runbook_id)>{new.runbook_title.clone()}</a></li>
                    <li><a href=format!("/runs/{}", new.id)>{format!("Run #{}", new.number)}</a></li>
                    <li aria-current="page">"Comparison"</li>
                </ol>
            </nav>
            <h1>{title}</h1>
        </header>
        <div class="page">
            <div class="diff__sides"><Side run=old/><Side run=new/></div>
            <h2 class="diff__summary">{summary}</h2>
            {versions}
            {parameters}
            <div class="card compare">
                <table class="table table--stack">
                    <thead><tr>
                        <th scope="col">"Step"</th>
                        <th scope="col">{format!("Run #{}", numbers.0)}</th>
                        <th scope="col">{format!("Run #{}", numbers.1)}</th>
                        <th scope="col" class="right">"Took longer by"</th>
                    </tr></thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
        </div>
    }
}

#[component]
fn Side(run: Run) -> impl IntoView {
    let took = run.started_at.zip(run.ended_at).map(|(from, to)| elapsed(from, to));
    view! {
        <div class="diff__side">
            <b><a class="link" href=format!("/runs/{}", run.id)>{format!("Run #{}", run.number)}</a></b>
            <RunPill state=run.state/>
            <span class="faint num">{format!("v{} · {} · ", run.version, run.started_by)}<When at=run.created_at/>{took.map(|took| format!(" · took {took}"))}</span>
        </div>
    }
}

#[component]
fn StepRows(at: usize, step: StepDiff, numbers: (u64, u64), is_first: bool) -> impl IntoView {
    let same = step.went_the_same();
    let longer = step.longer_by().filter(|millis| millis.abs() >= 100).map(difference);
    let depth = (step.depth > 0).then(|| step.depth.min(3).to_string());
    let error = |side: Option<&StepSide>, number: u64| {
        let error = side.and_then(|side| side.error.as_deref()).map(sentence)?;
        Some(view! { <p class="small-text"><b>{format!("#{number}: ")}</b>{error}</p> })
    };
    let errors = (!same).then(|| (error(step.old.as_ref(), numbers.0), error(step.new.as_ref(), numbers.1)));
    let (said_old, said_new) = errors.unwrap_or_default();
    let has_more = said_old.is_some() || said_new.is_some() || !step.what.is_empty() || !step.output.is_empty();
    let part = |name: &'static str, rows: Vec<domain::diff::Row>| {
        (!rows.is_empty()).then(|| view! { <div class="diff__field"><p class="diff__name">{name}</p><DiffRows rows=rows/></div> })
    };
    let more = has_more.then(|| {
        let what = part("What it did", step.what);
        let output = part("The end of what it wrote", step.output);
        let label = if same { "Its output differs" } else { "What was different" };
        view! {
            <tr class="compare__more">
                <td colspan="4">
                    <details open=is_first>
                        <summary>{label}<span class="visually-hidden">{format!(" in “{}”", step.name)}</span></summary>
                        {said_old}{said_new}
                        {what}{output}
                    </details>
                </td>
            </tr>
        }
    });
    let kind = step.kind;
    view! {
        <tr id=format!("step-{}", at + 1) class=if same { "" } else { "compare__differs" }>
            <td data-depth=depth>
                <span class="row">
                    <Icon icon=block_icon(kind)/><b>{step.name.clone()}</b>
                    {step.host.map(|host| view! { <span class="tag">{host}</span> })}
                    {(!same).then(|| view! { <span class="pill warn"><Icon icon=icondata_lu::LuDiff/>"Different"</span> })}
                </span>
            </td>
            <td data-label=format!("Run #{}", numbers.0)><Outcome side=step.old kind=kind/></td>
            <td data-label=format!("Run #{}", numbers.1)><Outcome side=step.new kind=kind/></td>
            <td data-label="Took longer by" class="num right">{longer.unwrap_or_else(|| "–".to_owned())}</td>
        </tr>
        {more}
    }
}

/// How a step went in one run.
#[component]
fn Outcome(side: Option<StepSide>, kind: BlockType) -> impl IntoView {
    let Some(side) = side else { return view! { <span class="faint">"not in this run"</span> }.into_any() };
    let mut facts = Vec::new();
    if let Some(code) = side.exit_code {
        facts.push(format!("{} {code}", if kind == BlockType::Api { "status" } else { "exit" }));
    }
    if side.attempts > 1 {
        facts.push(format!("{} attempts", side.attempts));
    }
    facts.extend(side.millis.map(length));
    view! { <span class="row row--wrap"><StepPill state=side.state/><span class="faint num">{facts.join(" · ")}</span></span> }
        .into_any()
}

/// A length of time that was added or saved, with its sign.
fn difference(millis: i64) -> String {
    format!("{}{}", if millis < 0 { "−" } else { "+" }, length(millis.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_are_compared_and_neither_one_nor_three() {
        let (one, other) = (RunId::new(), RunId::new());
        let text = |id: RunId| id.to_string();
        assert_eq!(pair(Some(text(one)), None, &[]), Ok((one, None)));
        assert_eq!(pair(Some(text(one)), Some(other), &[]), Ok((one, Some(other))));
        assert_eq!(pair(None, None, &[text(one), text(other)]), Ok((one, Some(other))));
        let refused = |ticked: &[String]| pair(None, None, ticked).map_err(|error| error.0.status);
        assert_eq!(refused(&[text(one)]), Err(422));
        assert_eq!(refused(&[text(one), text(other), text(one)]), Err(422));
        assert_eq!(refused(&[text(one), "x".to_owned()]), Err(404));
    }

    #[test]
    fn a_difference_has_a_sign() {
        assert_eq!((difference(3_100), difference(-65_000)), ("+3.1 s".to_owned(), "−1 min 5 s".to_owned()));
    }
}
