//! Home: what waits for one, what goes on, what one uses, what failed. Looked up again every few seconds while somebody looks at it.

use std::time::Duration;

use domain::{Overview, Permission, Run, RunbookSummary};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::runbooks::CreateSample;
use crate::api::runs::get_home;
use crate::api::session::Me;
use crate::components::icon::Icon;
use crate::components::notice::{ErrorPage, Outcome};
use crate::components::page_head::PageHead;
use crate::components::pill::RunPill;
use crate::components::star::Star;
use crate::components::time::When;
use crate::state::number::grouped;
use crate::use_me;

/// How often it is looked up again.
const AGAIN: Duration = Duration::from_secs(4);

/// `/`.
#[component]
pub fn HomePage() -> impl IntoView {
    let home = Resource::new_blocking(|| (), |()| get_home());
    let me = use_me();
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                let me = me.await.ok().flatten();
                match home.await {
                    Ok(home) => view! { <Show home=home me=me/> }.into_any(),
                    Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Show(home: Overview, me: Option<Me>) -> impl IntoView {
    let may_write = me.as_ref().is_some_and(|me| me.may(Permission::Write));
    let may_run = me.as_ref().is_some_and(|me| me.may(Permission::Execute));
    let home = RwSignal::new(home);
    let empty = Memo::new(move |_| home.with(|home| home.runbooks == 0));
    look_again(home);
    view! {
        <div class="page">
            <PageHead title="Home">
                {may_write.then(|| view! {
                    <a class="btn" href="/import"><Icon icon=icondata_lu::LuUpload/>"Import"</a>
                    <a class="btn primary" href="/runbooks/new"><Icon icon=icondata_lu::LuPlus/>"New runbook"</a>
                })}
            </PageHead>
            {move || if empty.get() {
                view! { <Welcome may_write=may_write/> }.into_any()
            } else {
                view! { <Lists home=home may_run=may_run/> }.into_any()
            }}
        </div>
    }
}

/// What a new installation shows: what this is for, and something that runs.
#[component]
fn Welcome(may_write: bool) -> impl IntoView {
    let make = ServerAction::<CreateSample>::new();
    let pending = make.pending();
    view! {
        <Outcome action=make/>
        <section class="card welcome">
            <Icon icon=icondata_lu::LuBook class="icon--big"/>
            <h2>"Nothing here yet"</h2>
            <p>"A runbook is a page of instructions and commands that runs: it does one step after the other, shows what each of them says, and asks where you want it to."</p>
            {if may_write {
                view! {
                    <ol class="welcome__steps">
                        <li><b>"Make the sample"</b>" – it looks at this machine and changes nothing."</li>
                        <li><b>"Run it"</b>" – it asks once before it does anything, and you watch its output."</li>
                        <li><b>"Edit it"</b>" – until it is the page you want at 3 a.m."</li>
                    </ol>
                    <div class="empty__actions">
                        <ActionForm action=make>
                            <button class="btn primary" disabled=pending><Icon icon=icondata_lu::LuSparkles/>"Make the sample runbook"</button>
                        </ActionForm>
                        <a class="btn" href="/runbooks/new"><Icon icon=icondata_lu::LuPlus/>"Write one"</a>
                        <a class="btn" href="/import"><Icon icon=icondata_lu::LuUpload/>"Import Markdown"</a>
                    </div>
                }.into_any()
            } else {
                view! { <p class="muted">"Your role reads runbooks. A developer can write the first one; it appears here."</p> }.into_any()
            }}
        </section>
    }
}

#[component]
fn Lists(home: RwSignal<Overview>, may_run: bool) -> impl IntoView {
    let waiting = Memo::new(move |_| home.with(|home| home.waiting.clone()));
    let going = Memo::new(move |_| home.with(|home| home.going.clone()));
    let failed = Memo::new(move |_| home.with(|home| home.failed.clone()));
    let favourites = Memo::new(move |_| home.with(|home| home.favourites.clone()));
    let recent = Memo::new(move |_| home.with(|home| home.recent.clone()));
    let count = Memo::new(move |_| home.with(|home| home.runbooks));
    let asking = Memo::new(move |_| waiting.with(Vec::len));
    let news = move || match asking.get() {
        0 => String::new(),
        1 => "1 run waits for you".to_owned(),
        many => format!("{many} runs wait for you"),
    };
    let all = move || match count.get() {
        1 => "1 runbook".to_owned(),
        many => format!("All {} runbooks", grouped(many)),
    };
    view! {
        <form class="filters" method="get" action="/runbooks" role="search">
            <label class="find">
                <Icon icon=icondata_lu::LuSearch/>
                <input
                    type="search" name="q" aria-label="Search runbooks" placeholder="Find a runbook…" autocomplete="off"
                    autofocus=true
                />
                <kbd aria-hidden="true">"/"</kbd>
            </label>
            <a class="link small-text" href="/runbooks">{all}</a>
        </form>
        <p class="visually-hidden" role="status">{news}</p>
        <div class="home">
            {move || (asking.get() > 0).then(|| view! {
                <section class="home__section home__section--wide home__section--asks" aria-labelledby="home-waiting">
                    <header><Icon icon=icondata_lu::LuHand/><h2 id="home-waiting">"Waits for you"</h2></header>
                    <ul class="home__list">{move || waiting.get().into_iter().map(|run| view! { <RunLine run=run/> }).collect_view()}</ul>
                </section>
            })}
            <RunSection id="home-going" title="Now" runs=going empty="Nothing runs right now." more="/history?state=running"/>
            <RunSection id="home-failed" title="Failed in the last day" runs=failed empty="Nothing failed." more="/history?state=failed"/>
            <RunbookSection id="home-favourites" title="Favourites" runbooks=favourites may_run=may_run empty="Mark a runbook with its star, and it stays here."/>
            <RunbookSection id="home-recent" title="You ran lately" runbooks=recent may_run=may_run empty="What you run stays here for the next time."/>
        </div>
    }
}

#[component]
fn RunSection(
    id: &'static str,
    title: &'static str,
    runs: Memo<Vec<Run>>,
    empty: &'static str,
    more: &'static str,
) -> impl IntoView {
    let body = move || {
        let runs = runs.get();
        if runs.is_empty() {
            return view! { <p>{empty}</p> }.into_any();
        }
        view! { <ul class="home__list">{runs.into_iter().map(|run| view! { <RunLine run=run/> }).collect_view()}</ul> }.into_any()
    };
    view! {
        <section class="home__section" aria-labelledby=id>
            <header>
                <h2 id=id>{title}</h2><span class="spacer"></span>
                <a class="link small-text" href=more aria-label=format!("{title}: all of them")>"All"</a>
            </header>
            {body}
        </section>
    }
}

#[component]
fn RunLine(run: Run) -> impl IntoView {
    view! {
        <li><a href=format!("/runs/{}", run.id)>
            <RunPill state=run.state/><b>{run.runbook_title}</b><span class="faint num">{format!("#{}", run.number)}</span>
            <span class="spacer"></span>
            <span class="faint">{run.started_by}", "<When at=run.created_at/></span>
        </a></li>
    }
}

#[component]
fn RunbookSection(
    id: &'static str,
    title: &'static str,
    runbooks: Memo<Vec<RunbookSummary>>,
    may_run: bool,
    empty: &'static str,
) -> impl IntoView {
    let line = move |runbook: RunbookSummary| {
        let (id, title) = (runbook.id, runbook.title);
        let last = runbook.last_run.map(|last| {
            let label = format!("Last run of {title}: {}", last.state.as_str());
            view! { <a class="home__last" href=format!("/runs/{}", last.id) aria-label=label><RunPill state=last.state/></a> }
        });
        let run = may_run.then(|| {
            let label = format!("Run {title}…");
            view! { <a class="btn small" href=format!("/runbooks/{id}#run") aria-label=label><Icon icon=icondata_lu::LuPlay/>"Run"</a> }
        });
        view! {
            <li><div>
                <Star id=id title=title.clone() favourite=runbook.favourite/>
                <b><a href=format!("/runbooks/{id}")>{title}</a></b>
                <span class="spacer"></span>{last}{run}
            </div></li>
        }
    };
    let body = move || {
        let runbooks = runbooks.get();
        if runbooks.is_empty() {
            return view! { <p>{empty}</p> }.into_any();
        }
        view! { <ul class="home__list">{runbooks.into_iter().map(line).collect_view()}</ul> }.into_any()
    };
    view! { <section class="home__section" aria-labelledby=id><header><h2 id=id>{title}</h2></header>{body}</section> }
}

/// Looks it up again every few seconds, while somebody sees it.
fn look_again(home: RwSignal<Overview>) {
    Effect::new(move || {
        let busy = RwSignal::new(false);
        let look = move || {
            if document().hidden() || busy.get_untracked() {
                return;
            }
            busy.set(true);
            spawn_local(async move {
                // A moment without the server changes nothing here: what is shown stays.
                if let Ok(now) = get_home().await {
                    home.try_maybe_update(|home| {
                        let is_news = *home != now;
                        *home = now;
                        (is_news, ())
                    });
                }
                busy.try_set(false);
            });
        };
        if let Ok(timer) = set_interval_with_handle(look, AGAIN) {
            on_cleanup(move || timer.clear());
        }
    });
}
