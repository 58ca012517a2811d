//! All runbooks: filtered as one types, or by a plain form.

use std::time::Duration;

use domain::{Listing, Permission, RunbookSummary};
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::Form;
use leptos_router::hooks::{use_navigate, use_query_map};
use leptos_router::params::ParamsMap;
use wasm_bindgen::JsCast;

use crate::api::runbooks::{DeleteRunbook, DuplicateRunbook, list_runbooks, list_tags};
use crate::api::session::Me;
use crate::components::confirm::Confirm;
use crate::components::icon::Icon;
use crate::components::notice::{ErrorPage, Outcome};
use crate::components::page_head::PageHead;
use crate::components::pager::Pager;
use crate::components::pill::RunPill;
use crate::components::star::Star;
use crate::components::time::When;
use crate::components::toasts::use_toasts;
use crate::state::number::grouped;
use crate::use_me;

/// How many tags are offered at once; the others are behind a button.
const TAGS: usize = 8;

/// `/runbooks`.
#[component]
pub fn RunbooksPage() -> impl IntoView {
    let query = use_query_map();
    let duplicate = ServerAction::<DuplicateRunbook>::new();
    let delete = ServerAction::<DeleteRunbook>::new();
    let page = Resource::new_blocking(
        move || (query.with(Asked::of), delete.version().get()),
        |(asked, _)| list_runbooks(Some(asked.q), asked.tag, asked.favourites, asked.cursor),
    );
    let me = use_me();
    let toasts = use_toasts();
    // What is being deleted: its title is gone with it.
    let leaving = RwSignal::new(String::new());
    Effect::new(move || {
        if matches!(delete.value().get(), Some(Ok(()))) {
            toasts.tell(format!("Deleted “{}”. Its runs stay readable.", leaving.get_untracked()));
            close_menus();
        }
    });
    Effect::new(move || {
        query.track();
        close_menus();
    });
    view! {
        <div class="page">
            <Suspense>
                {move || Suspend::new(async move {
                    let may_write = me.await.ok().flatten().is_some_and(|me| me.may(Permission::Write));
                    view! {
                        <PageHead title="Runbooks">
                            {may_write.then(|| view! {
                                <a class="btn" href="/import"><Icon icon=icondata_lu::LuUpload/>"Import"</a>
                                <a class="btn primary" href="/runbooks/new"><Icon icon=icondata_lu::LuPlus/>"New runbook"</a>
                            })}
                        </PageHead>
                    }
                })}
            </Suspense>
            <Filters/>
            <p class="runbooks__count faint num" role="status">
                <Transition>
                    {move || Suspend::new(async move { page.await.map(|page| count(&page)).unwrap_or_default() })}
                </Transition>
            </p>
            <Outcome action=duplicate/>
            <Outcome action=delete/>
            <Transition>
                {move || Suspend::new(async move {
                    let me = me.await.ok().flatten();
                    match page.await {
                        Ok(page) => view! { <List page=page me=me duplicate=duplicate delete=delete leaving=leaving/> }.into_any(),
                        Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                    }
                })}
            </Transition>
        </div>
    }
}

/// What the address asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Asked {
    q: String,
    tag: Option<String>,
    favourites: bool,
    cursor: Option<String>,
}

impl Asked {
    fn of(query: &ParamsMap) -> Self {
        let part = |name: &str| query.get(name).filter(|text| !text.is_empty());
        Self {
            q: part("q").unwrap_or_default(),
            tag: part("tag"),
            favourites: part("favourites").is_some_and(|text| text == "true"),
            cursor: part("cursor"),
        }
    }

    fn is_filtered(&self) -> bool {
        !self.q.is_empty() || self.tag.is_some() || self.favourites
    }

    /// The address that asks for it.
    fn address(&self) -> String {
        let mut query = ParamsMap::new();
        let favourites = self.favourites.then_some("true");
        let parts = [
            ("q", Some(self.q.as_str())),
            ("tag", self.tag.as_deref()),
            ("favourites", favourites),
            ("cursor", self.cursor.as_deref()),
        ];
        for (name, value) in parts {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                query.insert(name, value.to_owned());
            }
        }
        format!("/runbooks{}", query.to_query_string())
    }
}

#[component]
fn Filters() -> impl IntoView {
    let query = use_query_map();
    let tags = Resource::new_blocking(|| (), |()| list_tags());
    let asked = Memo::new(move |_| query.with(Asked::of));
    let initial = asked.get_untracked().q;
    let navigate = use_navigate();
    let mut filter = debounce(Duration::from_millis(120), move |q: String| {
        let to = Asked { q, cursor: None, ..asked.get_untracked() }.address();
        navigate(&to, NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() });
    });
    let chip = move |name: String| {
        let is_chosen = {
            let name = name.clone();
            move || asked.with(|asked| asked.tag.as_deref() == Some(name.as_str()))
        };
        let current = {
            let is_chosen = is_chosen.clone();
            move || is_chosen().then_some("true")
        };
        let this = name.clone();
        let to = move || {
            let tag = (!is_chosen()).then(|| this.clone());
            Asked { tag, cursor: None, ..asked.get() }.address()
        };
        view! { <a class="tag" href=to aria-current=current>{name}</a> }
    };
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
                    on:input=move |event| filter(event_target_value(&event))
                />
                <kbd aria-hidden="true">"/"</kbd>
            </label>
            {move || asked.get().tag.map(|tag| view! { <input type="hidden" name="tag" value=tag/> })}
            {move || asked.get().favourites.then(|| view! { <input type="hidden" name="favourites" value="true"/> })}
            <a
                class="tag" aria-current=move || asked.get().favourites.then_some("true")
                href=move || { let now = asked.get(); Asked { favourites: !now.favourites, cursor: None, ..now }.address() }
            ><Icon icon=icondata_lu::LuStar/>"Favourites"</a>
            <Suspense>
                {move || Suspend::new(async move {
                    let mut tags = tags.await.unwrap_or_default();
                    tags.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
                    let further = tags.split_off(TAGS.min(tags.len()));
                    let more = (!further.is_empty()).then(|| view! {
                        <details class="menu">
                            <summary class="tag">{format!("+ {}", further.len())}<span class="visually-hidden">" more tags"</span></summary>
                            <div class="menu__list menu__list--tags">{further.into_iter().map(|(name, _)| chip(name)).collect_view()}</div>
                        </details>
                    });
                    view! { {tags.into_iter().map(|(name, _)| chip(name)).collect_view()}{more} }
                })}
            </Suspense>
            // A browser that runs scripts reads the inside of `noscript` as text: it must not be hydrated.
            <noscript inner_html="<button class=\"btn small\">Filter</button>"></noscript>
        </Form>
    }
}

#[component]
fn List(
    page: Listing,
    me: Option<Me>,
    duplicate: ServerAction<DuplicateRunbook>,
    delete: ServerAction<DeleteRunbook>,
    leaving: RwSignal<String>,
) -> impl IntoView {
    let asked = use_query_map().with_untracked(Asked::of);
    if page.items.is_empty() {
        return view! { <Nothing filtered=asked.is_filtered()/> }.into_any();
    }
    let next = page.next.map(|cursor| Asked { cursor: Some(cursor), ..asked.clone() }.address());
    let first = asked.cursor.is_some().then(|| Asked { cursor: None, ..asked }.address());
    let rows = page.items.into_iter().map(|runbook| {
        view! { <Row runbook=runbook me=me.clone() duplicate=duplicate delete=delete leaving=leaving/> }
    });
    view! {
        <div class="card">
            <table class="table runbooks">
                <thead><tr>
                    <th scope="col">"Runbook"</th><th scope="col">"Last run"</th><th scope="col">"Changed"</th>
                    <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                </tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
        <Pager first=first next=next to_first="First page" to_next="Next page"/>
    }
    .into_any()
}

#[component]
fn Row(
    runbook: RunbookSummary,
    me: Option<Me>,
    duplicate: ServerAction<DuplicateRunbook>,
    delete: ServerAction<DeleteRunbook>,
    leaving: RwSignal<String>,
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
    let pending = delete.pending();
    let writing = may_write.then(|| {
        let (name, shown) = (target.clone(), target.clone());
        view! {
            <ActionForm action=duplicate>
                <input type="hidden" name="id" value=id.to_string()/>
                <button><Icon icon=icondata_lu::LuCopy/>"Duplicate"</button>
            </ActionForm>
            <hr/>
            <Confirm of=id.to_string() label="Delete…" class="danger small" consequence="Its runs and versions stay readable.">
                <ActionForm action=delete on:submit=move |_| leaving.set(name.clone())>
                    <input type="hidden" name="id" value=id.to_string()/>
                    <button class="danger" disabled=pending><Icon icon=icondata_lu::LuTrash2/>{format!("Delete “{shown}”")}</button>
                </ActionForm>
            </Confirm>
        }
    });
    view! {
        <tr>
            <td class="runbooks__what">
                <div class="runbooks__title">
                    <Star id=id title=title.clone() favourite=runbook.favourite/>
                    <b><a href=format!("/runbooks/{id}")>{title.clone()}</a></b>
                </div>
                {(!runbook.description.is_empty()).then(|| view! { <div class="runbooks__desc">{runbook.description.clone()}</div> })}
                {(!runbook.tags.is_empty()).then(|| view! {
                    <div class="tags">{runbook.tags.into_iter().map(|tag| view! { <span class="tag">{tag}</span> }).collect_view()}</div>
                })}
            </td>
            <td class="runbooks__run">{last_run}</td>
            <td class="runbooks__changed">{format!("v{} · ", runbook.version)}<When at=runbook.updated_at/><div class="faint">{runbook.updated_by}</div></td>
            <td class="runbooks__acts"><div>
                {may_run.then(|| view! { <a class="btn small" href=format!("/runbooks/{id}#run") aria-label=format!("Run {title}…")><Icon icon=icondata_lu::LuPlay/>"Run"</a> })}
                {may_write.then(|| view! { <a class="btn quiet small icon" href=format!("/runbooks/{id}/edit") aria-label=format!("Edit {title}") title="Edit"><Icon icon=icondata_lu::LuPencil/></a> })}
                <details class="menu">
                    <summary class="btn quiet small icon" aria-label=format!("More for {target}")><Icon icon=icondata_lu::LuEllipsis/></summary>
                    <div class="menu__list">
                        <a href=format!("/runbooks/{id}/versions")><Icon icon=icondata_lu::LuHistory/>"Versions"</a>
                        <a href=format!("/api/v1/runbooks/{id}/export?format=yaml") rel="external" download=""><Icon icon=icondata_lu::LuDownload/>"Export"</a>
                        {writing}
                    </div>
                </details>
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
            <div class="empty__actions"><a class="btn primary" href="/runbooks/new">"New runbook"</a><a class="btn" href="/import">"Import"</a></div></div>
    }
    .into_any()
}

/// Closes the menus of all rows. The rows of a new list take the places of the old ones, and no question about another runbook may get
/// under the hand that has just answered one.
fn close_menus() {
    let Ok(open) = document().query_selector_all(".runbooks details[open]") else { return };
    let details = (0..open.length()).filter_map(|place| open.get(place)?.dyn_into::<web_sys::HtmlDetailsElement>().ok());
    details.for_each(|details| details.set_open(false));
}

/// How many there are, and how many of them fit.
fn count(page: &Listing) -> String {
    let word = if page.total == 1 { "runbook" } else { "runbooks" };
    let total = grouped(page.total);
    if page.matched == page.total { format!("{total} {word}") } else { format!("{} of {total} {word}", grouped(page.matched)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_holds_only_what_was_asked() {
        let asked = |q: &str, tag: Option<&str>| Asked { q: q.to_owned(), tag: tag.map(str::to_owned), ..Asked::default() };
        assert_eq!(asked("", None).address(), "/runbooks");
        assert_eq!(asked("a b", Some("db")).address(), "/runbooks?q=a%20b&tag=db");
        assert_eq!(Asked { favourites: true, ..Asked::default() }.address(), "/runbooks?favourites=true");
    }

    #[test]
    fn how_many_fit_is_told_beside_how_many_there_are() {
        let told = |matched, total| count(&Listing { matched, total, ..Listing::default() });
        assert_eq!(
            (told(24, 10_000), told(2, 2), told(1, 1)),
            ("24 of 10,000 runbooks".into(), "2 runbooks".into(), "1 runbook".into())
        );
    }
}
