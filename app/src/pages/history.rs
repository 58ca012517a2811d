//! Every run there was.

use domain::{Page, Run, RunState};
use leptos::prelude::*;
use leptos_router::components::Form;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use crate::api::runs::list_runs;
use crate::components::icon::Icon;
use crate::components::notice::ErrorPage;
use crate::components::page_head::PageHead;
use crate::components::pager::Pager;
use crate::components::pill::{RunPill, run_look};
use crate::components::time::{When, elapsed};

/// `/history`.
#[component]
pub fn HistoryPage() -> impl IntoView {
    let query = use_query_map();
    let page = Resource::new_blocking(
        move || query.get(),
        |query| {
            let runbook = query.get_str("runbook").and_then(|text| text.parse().ok());
            let state = query.get_str("state").and_then(|text| RunState::ALL.into_iter().find(|state| state.as_str() == text));
            list_runs(runbook, state, query.get("user"), query.get("cursor"))
        },
    );
    view! {
        <div class="page">
            <PageHead title="History"/>
            <Filters/>
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
fn Filters() -> impl IntoView {
    let query = use_query_map();
    let part = move |name: &'static str| query.with_untracked(|query| query.get(name)).unwrap_or_default();
    let chosen = part("state");
    let states = RunState::ALL.into_iter().map(move |state| {
        view! {
            <option value=state.as_str() selected=chosen == state.as_str()>{run_look(state).2}</option>
        }
    });
    let runbook = move || query.with(|query| query.get("runbook")).filter(|id| !id.is_empty());
    view! {
        <Form method="get" action="/history" attr:class="filters" attr:role="search">
            {move || runbook().map(|id| view! {
                <input type="hidden" name="runbook" value=id/>
                <a class="tag" href="/history" aria-current="true">"One runbook "<Icon icon=icondata_lu::LuX/></a>
            })}
            <label class="visually-hidden" for="state">"State"</label>
            <select id="state" name="state">
                <option value="">"Every state"</option>
                {states.collect_view()}
            </select>
            <label class="find"><Icon icon=icondata_lu::LuSearch/><input name="user" aria-label="Started by" placeholder="Started by…" value=part("user") autocapitalize="none"/></label>
            <button class="btn">"Filter"</button>
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
    let to = |cursor: Option<String>| {
        let mut next = ParamsMap::new();
        for name in ["runbook", "state", "user"] {
            if let Some(value) = query.get(name).filter(|value| !value.is_empty()) {
                next.insert(name, value);
            }
        }
        if let Some(cursor) = cursor {
            next.insert("cursor", cursor);
        }
        format!("/history{}", next.to_query_string())
    };
    let first = query.get_str("cursor").is_some().then(|| to(None));
    let next = page.next.map(|cursor| to(Some(cursor)));
    let rows = page.items.into_iter().map(|run| {
        let took = match (run.started_at, run.ended_at) {
            (Some(from), Some(to)) => elapsed(from, to),
            _ => "–".to_owned(),
        };
        view! {
            <tr>
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
        <div class="card">
            <table class="table table--stack history">
                <thead><tr>
                    <th scope="col">"Run"</th><th scope="col">"Runbook"</th><th scope="col">"State"</th>
                    <th scope="col">"Started by"</th><th scope="col">"Started"</th><th scope="col" class="right">"Took"</th>
                </tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
        <Pager first=first next=next to_first="Newest" to_next="Older"/>
    }
    .into_any()
}
