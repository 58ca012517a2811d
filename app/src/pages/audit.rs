//! Who did what, when, from where; and whether the trail of it is whole. Reads and filters without JavaScript.

use domain::{AuditAction, AuditRecord, AuditVerdict, Page};
use leptos::prelude::*;
use leptos_router::components::Form;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use crate::api::audit::{list_audit, verify_audit};
use crate::components::filters::{DayFields, FindField, address, kept, part};
use crate::components::icon::Icon;
use crate::components::notice::{ErrorPage, ProblemNotice};
use crate::components::page_head::PageHead;
use crate::components::pager::Pager;
use crate::components::time::When;
use crate::error::Result;
use crate::state::audit::{Told, words};
use crate::state::day::{after_day, beginning_of_day};
use crate::state::number::grouped;

/// What the list is narrowed by, as the address has it.
const FILTERS: [&str; 5] = ["actor", "action", "target", "since", "until"];

/// `/audit`.
#[component]
pub fn AuditPage() -> impl IntoView {
    let query = use_query_map();
    let page = Resource::new_blocking(
        move || query.get(),
        |query| {
            let part = |name| query.get(name);
            list_audit(part("actor"), part("action"), part("target"), part("since"), part("until"), part("cursor"))
        },
    );
    view! {
        <div class="page">
            <PageHead title="Audit">
                <Form method="get" action="/audit">
                    <input type="hidden" name="verify" value="1"/>
                    <button class="btn"><Icon icon=icondata_lu::LuShieldCheck/>"Verify"</button>
                </Form>
                {move || query.with(|query| view! {
                    <a class="btn" rel="external" href=export_address(query, "csv") download=""><Icon icon=icondata_lu::LuDownload/>"CSV"</a>
                    <a class="btn" rel="external" href=export_address(query, "jsonl") download=""><Icon icon=icondata_lu::LuDownload/>"JSON Lines"</a>
                })}
            </PageHead>
            <Verdict/>
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

/// What a verification found, where one was asked for.
#[component]
fn Verdict() -> impl IntoView {
    let query = use_query_map();
    let asked = move || query.with(|query| query.get("verify").is_some().then(|| query.get("head")));
    let verdict = Resource::new_blocking(asked, |asked| async move {
        match asked {
            Some(head) => Some(verify_audit(head).await),
            None => None,
        }
    });
    view! {
        <Transition>
            {move || Suspend::new(async move { verdict.await.map(|verdict| view! { <Found verdict=verdict/> }) })}
        </Transition>
    }
}

#[component]
fn Found(verdict: Result<AuditVerdict>) -> impl IntoView {
    let verdict = match verdict {
        Ok(verdict) => verdict,
        // Who may not read the trail is told so once, by the list.
        Err(error) if matches!(error.0.status, 401 | 403) => return ().into_any(),
        Err(error) => return view! { <div class="verdict"><ProblemNotice problem=error.0/></div> }.into_any(),
    };
    let kept = use_query_map().with_untracked(|query| query.get("head")).unwrap_or_default();
    let sentence = crate::components::notice::sentence(&verdict.to_string());
    let (class, role, word, icon, its_head) = match verdict.broken {
        None => ("notice ok verdict", "status", "Verified", icondata_lu::LuCircleCheck, "Its head, to be kept elsewhere: "),
        Some(_) => ("notice bad verdict", "alert", "Broken", icondata_lu::LuTriangleAlert, "Its head: "),
    };
    view! {
        <div class=class role=role>
            <Icon icon=icon/>
            <div>
                <p><b>{word}": "</b>{sentence}</p>
                <p class="small-text">{its_head}<code>{verdict.head.to_string()}</code></p>
                <Form method="get" action="/audit">
                    <input type="hidden" name="verify" value="1"/>
                    <input name="head" class="mono" aria-label="A head that was kept elsewhere" placeholder="A head that you kept: NUMBER:HASH" value=kept autocomplete="off" spellcheck="false"/>
                    <button class="btn small">"Verify against it"</button>
                </Form>
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn Filters() -> impl IntoView {
    let chosen = part("action");
    let actions = AuditAction::ALL.iter().map(move |action| {
        view! { <option value=action.as_str() selected=chosen == action.as_str()>{words(*action)}</option> }
    });
    view! {
        <Form method="get" action="/audit" attr:class="filters filters--many" attr:role="search">
            <FindField name="actor" label="Who" placeholder="Who…" icon=icondata_lu::LuUser/>
            <select name="action" aria-label="What was done">
                <option value="">"Every action"</option>
                {actions.collect_view()}
            </select>
            <FindField name="target" label="To what: a kind, an id, or kind:id" placeholder="To what…" icon=icondata_lu::LuSearch/>
            <DayFields/>
            <button class="btn">"Filter"</button>
            <a class="btn quiet" href="/audit">"All"</a>
        </Form>
    }
}

#[component]
fn List(page: Page<AuditRecord>) -> impl IntoView {
    let query = use_query_map().get_untracked();
    let to = |cursor: Option<String>| address("/audit", &query, &FILTERS, cursor);
    let first = query.get_str("cursor").is_some().then(|| to(None));
    let next = page.next.map(|cursor| to(Some(cursor)));
    if page.items.is_empty() {
        // Where little fits, a page may be empty and a later one not.
        let text = if next.is_some() {
            "Nothing here so far; older entries may fit."
        } else {
            "No entry fits. Filter by less, or look at all."
        };
        return view! {
            <div class="empty"><Icon icon=icondata_lu::LuScrollText class="icon--big"/><h2>"No entries"</h2><p>{text}</p></div>
            <Pager first=first next=next to_first="Newest" to_next="Older"/>
        }
        .into_any();
    }
    let rows = page.items.into_iter().map(|record| view! { <Row record=record/> });
    view! {
        <div class="card">
            <table class="table table--stack audit">
                <thead><tr>
                    <th scope="col">"No."</th><th scope="col">"When"</th><th scope="col">"Who"</th>
                    <th scope="col">"What"</th><th scope="col">"To what"</th><th scope="col">"Details"</th>
                </tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
        <Pager first=first next=next to_first="Newest" to_next="Older"/>
    }
    .into_any()
}

#[component]
fn Row(record: AuditRecord) -> impl IntoView {
    let AuditRecord { seq, prev, hash, entry } = record;
    let told = Told::of(&entry.detail);
    let (kind, id) = entry.target.split_once(':').unwrap_or(("", &entry.target));
    let place = match kind {
        "runbook" => format!("/runbooks/{id}"),
        "run" => format!("/runs/{id}"),
        _ => filtered("target", &entry.target),
    };
    let name = told.name.clone().unwrap_or_else(|| id.chars().take(13).collect());
    let changes = told.changes.into_iter().map(|(field, before, after)| {
        view! { <dt>{field}</dt><dd><del>{before}</del>" → "<ins>{after}</ins></dd> }
    });
    let facts = told.facts.into_iter().map(|(field, value)| view! { <dt>{field}</dt><dd>{value}</dd> });
    view! {
        <tr>
            <td class="num">{grouped(seq)}</td>
            <td data-label="When" class="audit__time"><When at=entry.at/></td>
            <td data-label="Who"><span><a href=filtered("actor", &entry.actor_name)>{entry.actor_name.clone()}</a>
                {entry.address.map(|address| view! { <span class="faint small-text">" "{address}</span> })}</span></td>
            <td data-label="What">{words(entry.action)}</td>
            <td data-label="To what"><span><span class="faint">{kind.to_owned()}" "</span><a class="link" href=place>{name}</a></span></td>
            <td>
                <details>
                    <summary>"Show"<span class="visually-hidden">{format!(" entry {seq}")}</span></summary>
                    <dl>
                        {changes.collect_view()}
                        {facts.collect_view()}
                        <dt>"time"</dt><dd>{entry.at.to_rfc3339()}</dd>
                        <dt>"target"</dt><dd><a class="link" href=filtered("target", &entry.target)>{entry.target.clone()}</a></dd>
                        <dt>"hash"</dt><dd class="mono">{hash}</dd>
                        <dt>"hash before"</dt><dd class="mono">{prev}</dd>
                    </dl>
                </details>
            </td>
        </tr>
    }
}

/// The trail narrowed by one thing.
fn filtered(name: &'static str, value: &str) -> String {
    let mut query = ParamsMap::new();
    query.insert(name, value.to_owned());
    format!("/audit{}", query.to_query_string())
}

/// The same rows as a file.
fn export_address(query: &ParamsMap, format: &'static str) -> String {
    let mut wanted = kept(query, &FILTERS);
    let day = |name: &str, read: fn(&str) -> Option<domain::Timestamp>| query.get_str(name).and_then(read);
    let (since, until) = (day("since", beginning_of_day), day("until", after_day));
    for (name, at) in [("since", since), ("until", until)] {
        wanted.remove(name);
        if let Some(at) = at {
            wanted.insert(name, at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        }
    }
    wanted.insert("format", format.to_owned());
    format!("/api/v1/audit/export{}", wanted.to_query_string())
}
