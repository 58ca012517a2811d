//! All runbooks: filtered as one types, or by a plain form.

use std::time::Duration;

use domain::{Page, Permission, Runbook};
use leptos::ev;
use leptos::html::Input;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::Form;
use leptos_router::hooks::{use_navigate, use_query_map};
use leptos_router::params::ParamsMap;

use crate::api::runbooks::{DeleteRunbook, DuplicateRunbook, count_runbooks, list_runbooks, list_tags};
use crate::api::session::Me;
use crate::components::confirm::Confirm;
use crate::components::icon::Icon;
use crate::components::notice::{ErrorPage, Outcome};
use crate::components::page_head::PageHead;
use crate::components::pager::Pager;
use crate::components::pill::RunPill;
use crate::components::time::When;
use crate::state::number::grouped;
use crate::use_me;

/// `/runbooks`.
#[component]
pub fn RunbooksPage() -> impl IntoView {
    let query = use_query_map();
    let part = move |name: &'static str| move || query.with(|query| query.get(name));
    let duplicate = ServerAction::<DuplicateRunbook>::new();
    let delete = ServerAction::<DeleteRunbook>::new();
    let page = Resource::new_blocking(
        move || (part("q")(), part("tag")(), part("cursor")(), delete.version().get()),
        |(q, tag, cursor, _)| list_runbooks(q, tag, cursor),
    );
    let head = Resource::new_blocking(move || delete.version().get(), |_| count_runbooks());
    let me = use_me();
    view! {
        <div class="page">
            <Suspense>
                {move || Suspend::new(async move {
                    let may_write = me.await.ok().flatten().is_some_and(|me| me.may(Permission::Write));
                    let count = head.await.ok().map(grouped).unwrap_or_default();
                    view! {
                        <PageHead title="Runbooks" count=count>
                            {may_write.then(|| view! {
                                <a class="btn" href="/import"><Icon icon=icondata_lu::LuUpload/>"Import"</a>
                                <a class="btn primary" href="/runbooks/new"><Icon icon=icondata_lu::LuPlus/>"New runbook"</a>
                            })}
                        </PageHead>
                    }
                })}
            </Suspense>
            <Filters/>
            <Outcome action=duplicate/>
            <Outcome action=delete/>
            <Transition>
                {move || Suspend::new(async move {
                    let me = me.await.ok().flatten();
                    match page.await {
                        Ok(page) => view! { <List page=page me=me duplicate=duplicate delete=delete/> }.into_any(),
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
    let tags = Resource::new_blocking(|| (), |()| list_tags());
    let tag = move || query.with(|query| query.get("tag")).filter(|tag| !tag.is_empty());
    let initial = query.with_untracked(|query| query.get("q")).unwrap_or_default();
    let field = NodeRef::<Input>::new();
    let navigate = use_navigate();
    let mut filter = debounce(Duration::from_millis(120), move |text: String| {
        let to = address(&text, query.with_untracked(|query| query.get("tag")).as_deref(), None);
        navigate(&to, NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() });
    });
    focus_on_slash(field);
    view! {
        <Form method="get" action="/runbooks" attr:class="filters" attr:role="search">
            <label class="find">
                <Icon icon=icondata_lu::LuSearch/>
                <input
                    type="search"
                    name="q"
                    aria-label="Filter runbooks"
                    placeholder="Filter by title, text, tag…"
                    autocomplete="off"
                    value=initial
                    node_ref=field
                    on:input=move |event| filter(event_target_value(&event))
                />
                <kbd>"/"</kbd>
            </label>
            {move || tag().map(|tag| view! { <input type="hidden" name="tag" value=tag/> })}
            <Suspense>
                {move || Suspend::new(async move {
                    let tags = tags.await.unwrap_or_default();
                    tags.into_iter().take(12).map(|(name, _)| {
                        let this = name.clone();
                        let current = move || (tag().as_deref() == Some(this.as_str())).then_some("true");
                        let this = name.clone();
                        let to = move || {
                            let chosen = tag().as_deref() == Some(this.as_str());
                            query.with(|query| address(query.get_str("q").unwrap_or_default(), (!chosen).then_some(this.as_str()), None))
                        };
                        view! { <a class="tag" href=to aria-current=current>{name}</a> }
                    }).collect_view()
                })}
            </Suspense>
            // A browser that runs scripts reads the inside of `noscript` as text: it must not be hydrated.
            <noscript inner_html="<button class=\"btn small\">Filter</button>"></noscript>
        </Form>
    }
}

#[component]
fn List(
    page: Page<Runbook>,
    me: Option<Me>,
    duplicate: ServerAction<DuplicateRunbook>,
    delete: ServerAction<DeleteRunbook>,
) -> impl IntoView {
    let query = use_query_map();
    let filtered =
        query.with_untracked(|query| ["q", "tag"].iter().any(|name| query.get_str(name).is_some_and(|text| !text.is_empty())));
    let further = query.with_untracked(|query| query.get_str("cursor").is_some());
    if page.items.is_empty() {
        return view! { <Nothing filtered=filtered/> }.into_any();
    }
    let next = page.next.map(|cursor| {
        query.with_untracked(|query| address(query.get_str("q").unwrap_or_default(), query.get_str("tag"), Some(&cursor)))
    });
    let first = further
        .then(|| query.with_untracked(|query| address(query.get_str("q").unwrap_or_default(), query.get_str("tag"), None)));
    let rows =
        page.items.into_iter().map(|runbook| view! { <Row runbook=runbook me=me.clone() duplicate=duplicate delete=delete/> });
    view! {
        <div class="card">
            <table class="table runbooks">
                <thead><tr>
                    <th scope="col">"Runbook"</th>
                    <th scope="col">"Last run"</th>
                    <th scope="col" class="runbooks__changed">"Changed"</th>
                    <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                </tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
        <Pager first=first next=next to_first="First page" to_next="Next"/>
    }
    .into_any()
}

#[component]
fn Row(
    runbook: Runbook,
    me: Option<Me>,
    duplicate: ServerAction<DuplicateRunbook>,
    delete: ServerAction<DeleteRunbook>,
) -> impl IntoView {
    let id = runbook.id;
    let title = runbook.title;
    let may_write = me.as_ref().is_some_and(|me| me.may(Permission::Write));
    let may_run = me.as_ref().is_some_and(|me| me.may(Permission::Execute));
    let last_run = match runbook.last_run {
        Some(last) => view! {
            <a href=format!("/runs/{}", last.id) aria-label=format!("Last run of {title}: {}", last.state.as_str())><RunPill state=last.state/></a>
            <div class="faint"><When at=last.at/>", by "{last.by}</div>
        }
        .into_any(),
        None => view! { <span class="pill idle"><Icon icon=icondata_lu::LuMinus/>"Never run"</span> }.into_any(),
    };
    let target = title.clone();
    let menu = may_write.then(|| view! {
        <details class="menu">
            <summary class="btn quiet small icon" aria-label=format!("More for {target}")><Icon icon=icondata_lu::LuEllipsis/></summary>
            <div class="menu__list">
                <a href=format!("/runbooks/{id}/versions")><Icon icon=icondata_lu::LuHistory/>"Versions"</a>
                <ActionForm action=duplicate>
                    <input type="hidden" name="id" value=id.to_string()/>
                    <button><Icon icon=icondata_lu::LuCopy/>"Duplicate"</button>
                </ActionForm>
                <hr/>
                <Confirm label="Delete…" class="danger small" consequence="Its runs and versions stay readable.">
                    <ActionForm action=delete>
                        <input type="hidden" name="id" value=id.to_string()/>
                        <button class="danger"><Icon icon=icondata_lu::LuTrash2/>{format!("Delete “{target}”")}</button>
                    </ActionForm>
                </Confirm>
            </div>
        </details>
    });
    view! {
        <tr>
            <td class="runbooks__what">
                <b><a href=format!("/runbooks/{id}")>{title.clone()}</a></b>
                {(!runbook.description.is_empty()).then(|| view! { <div class="runbooks__desc">{summary(&runbook.description)}</div> })}
                {(!runbook.tags.is_empty()).then(|| view! {
                    <div class="tags">{runbook.tags.into_iter().map(|tag| view! { <span class="tag">{tag}</span> }).collect_view()}</div>
                })}
            </td>
            <td class="runbooks__run">{last_run}</td>
            <td class="runbooks__changed">{format!("v{} · ", runbook.version)}<When at=runbook.updated_at/><div class="faint">{runbook.updated_by}</div></td>
            <td class="runbooks__acts"><div>
                {may_run.then(|| view! { <a class="btn small" href=format!("/runbooks/{id}#run") aria-label=format!("Run {title}…")><Icon icon=icondata_lu::LuPlay/>"Run"</a> })}
                {may_write.then(|| view! { <a class="btn quiet small icon" href=format!("/runbooks/{id}/edit") aria-label=format!("Edit {title}") title="Edit"><Icon icon=icondata_lu::LuPencil/></a> })}
                {menu}
            </div></td>
        </tr>
    }
}

#[component]
fn Nothing(filtered: bool) -> impl IntoView {
    if filtered {
        return view! {
            <div class="empty"><Icon icon=icondata_lu::LuSearch class="icon--big"/><h2>"No runbook matches"</h2><p>"Try fewer words or another tag."</p>
                <div class="empty__actions"><a class="btn" href="/runbooks">"Show all"</a></div></div>
        }
        .into_any();
    }
    view! {
        <div class="empty"><Icon icon=icondata_lu::LuBook class="icon--big"/><h2>"No runbooks yet"</h2>
            <p>"A runbook is a page of instructions and commands that runs. Write one, or bring the Markdown you have."</p>
            <div class="empty__actions"><a class="btn primary" href="/runbooks/new">"New runbook"</a><a class="btn" href="/import">"Import Markdown"</a></div></div>
    }
    .into_any()
}

/// The address of the list, filtered.
fn address(q: &str, tag: Option<&str>, cursor: Option<&str>) -> String {
    let mut query = ParamsMap::new();
    for (name, value) in [("q", Some(q)), ("tag", tag), ("cursor", cursor)] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            query.insert(name, value.to_owned());
        }
    }
    format!("/runbooks{}", query.to_query_string())
}

/// `/` puts the cursor into the field, unless one types elsewhere.
fn focus_on_slash(field: NodeRef<Input>) {
    use wasm_bindgen::JsCast;

    Effect::new(move || {
        let handle = window_event_listener(ev::keydown, move |event| {
            let typing = event
                .target()
                .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
                .is_some_and(|target| matches!(target.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT"));
            if event.key() == "/" && !typing && !event.ctrl_key() && !event.meta_key() {
                event.prevent_default();
                if let Some(field) = field.get_untracked() {
                    let _ = field.focus();
                }
            }
        });
        on_cleanup(move || handle.remove());
    });
}

/// The beginning of a description.
fn summary(text: &str) -> String {
    let mut short: String = text.chars().take(160).collect();
    if text.chars().nth(160).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_holds_only_what_was_asked() {
        assert_eq!(address("", None, None), "/runbooks");
        assert_eq!(address("a b", Some("db"), None), "/runbooks?q=a%20b&tag=db");
    }
}
