//! Every run there was.

use domain::{Page, Run, RunState, RunbookId};
use leptos::prelude::*;
use leptos_router::components::Form;
use leptos_router::hooks::use_query_map;

use crate::api::runbooks::list_titles;
use crate::api::runs::list_runs;
use crate::components::filters::{DayFields, FindField, address, part};
use crate::components::icon::Icon;
use crate::components::notice::ErrorPage;
use crate::components::page_head::PageHead;
use crate::components::pager::Pager;
use crate::components::pill::{RunPill, run_look};
use crate::components::time::{When, elapsed};

/// What the list is narrowed by, as the address has it.
const FILTERS: [&str; 5] = ["runbook", "state", "user", "since", "until"];

/// `/history`.
#[component]
pub fn HistoryPage() -> impl IntoView {
    let query = use_query_map();
    let page = Resource::new_blocking(
        move || query.get(),
        |query| {
            let runbook = query.get_str("runbook").and_then(|text| text.parse().ok());
            let state = query.get_str("state").and_then(|text| RunState::ALL.into_iter().find(|state| state.as_str() == text));
            let part = |name| query.get(name);
            list_runs(runbook, state, part("user"), part("since"), part("until"), part("cursor"))
        },
    );
    let runbook =
        Memo::new(move |_| query.with(|query| query.get_str("runbook").and_then(|text| text.parse::<RunbookId>().ok())));
    let titles = Resource::new_blocking(move || runbook.get(), list_titles);
    view! {
        <div class="page">
            <PageHead title="History"/>
            <Transition>
                {move || Suspend::new(async move {
                    let titles = titles.await.unwrap_or_default();
                    view! { <Filters titles=titles/> }
                })}
            </Transition>
            <Transition>
                {move || Suspend::new(async move {
                    match page.await {
                        Ok(page) => view! { <List page=page/> }.into_any(),
                        Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                    }
                })}
            </Transition>
        </div>
    }
}

#[component]
fn Filters(titles: Vec<(RunbookId, String)>) -> impl IntoView {
    let (state, runbook) = (part("state"), part("runbook"));
    let states = RunState::ALL.into_iter().map(move |known| {
        view! {
            <option value=known.as_str() selected=state == known.as_str()>{run_look(known).2}</option>
        }
    });
    let runbooks = titles.into_iter().map(move |(id, title)| {
        let id = id.to_string();
        let selected = id == runbook;
        view! { <option value=id selected=selected>{title}</option> }
    });
    view! {
        <Form method="get" action="/history" attr:class="filters filters--many" attr:role="search">
            <select name="runbook" class="filters__runbook" aria-label="Runbook">
                <option value="">"Every runbook"</option>
                {runbooks.collect_view()}
            </select>
            <select name="state" aria-label="State">
                <option value="">"Every state"</option>
                {states.collect_view()}
            </select>
            <FindField name="user" label="Started by" placeholder="Started by…" icon=icondata_lu::LuUser/>
            <DayFields/>
            <button class="btn">"Filter"</button>
            <a class="btn quiet" href="/history">"All"</a>
        </Form>
    }
}

#[component]
fn List(page: Page<Run>) -> impl IntoView {
    if page.items.is_empty() {
        return view! {
            <div class="empty"><Icon icon=icondata_lu::LuHistory class="icon--big"/><h2>"No runs here"</h2><p>"Runs stay in this list with their output, whatever becomes of the runbook."</p>
                <div class="empty__actions"><a class="btn" href="/runbooks">"Choose a runbook"</a></div></div>
        }
        .into_any();
    }
    let query = use_query_map().get_untracked();
    let to = |cursor: Option<String>| address("/history", &query, &FILTERS, cursor);
    let first = query.get_str("cursor").is_some().then(|| to(None));
    let next = page.next.map(|cursor| to(Some(cursor)));
    let rows = page.items.into_iter().map(|run| {
        let took = match (run.started_at, run.ended_at) {
            (Some(from), Some(to)) => elapsed(from, to),
            _ => "–".to_owned(),
        };
        view! {
            <tr>
                <td class="history__pick"><input type="checkbox" name="run" value=run.id.to_string() aria-label=format!("Compare run #{}", run.number)/></td>
                <td class="history__num num"><a class="link" href=format!("/runs/{}", run.id)>{format!("#{}", run.number)}</a></td>
                <td><b><a href=format!("/runs/{}", run.id)>{run.runbook_title}</a></b><span class="faint">{format!(" v{}", run.version)}</span>
                    {run.reason.map(|reason| view! { <div class="faint small-text">{reason}</div> })}</td>
                <td data-label="State"><RunPill state=run.state/></td>
                <td data-label="Started by">{run.started_by}</td>
                <td data-label="Started" class="history__time"><When at=run.created_at/></td>
                <td data-label="Took" class="num right">{took}</td>
            </tr>
        }
    });
    view! {
        <Form method="get" action="/runs/compare" attr:class="card">
            <table class="table table--stack history">
                <thead><tr>
                    <th scope="col"><span class="visually-hidden">"Compare"</span></th>
                    <th scope="col">"Run"</th><th scope="col">"Runbook"</th><th scope="col">"State"</th>
                    <th scope="col">"Started by"</th><th scope="col">"Started"</th><th scope="col" class="right">"Took"</th>
                </tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
            <div class="history__compare">
                <button class="btn small"><Icon icon=icondata_lu::LuGitCompareArrows/>"Compare the two that are ticked"</button>
                <span class="faint small-text">"Two runs of the same runbook, step by step"</span>
            </div>
        </Form>
        <Pager first=first next=next to_first="Newest" to_next="Older"/>
    }
    .into_any()
}
