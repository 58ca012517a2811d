//! Home: what runs, what waits for a person, what failed, what one did last.

use domain::{Permission, Run, Runbook};
use leptos::prelude::*;

use crate::api::runs::{Home, get_home};
use crate::api::session::Me;
use crate::components::icon::Icon;
use crate::components::notice::ErrorPage;
use crate::components::page_head::PageHead;
use crate::components::pill::RunPill;
use crate::components::time::When;
use crate::use_me;

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
                    Ok(home) => view! { <Overview home=home me=me/> }.into_any(),
                    Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Overview(home: Home, me: Option<Me>) -> impl IntoView {
    let may_write = me.is_some_and(|me| me.may(Permission::Write));
    view! {
        <div class="page">
            <PageHead title="Home">
                {may_write.then(|| view! {
                    <a class="btn" href="/import"><Icon icon=icondata_lu::LuUpload/>"Import"</a>
                    <a class="btn primary" href="/runbooks/new"><Icon icon=icondata_lu::LuPlus/>"New runbook"</a>
                })}
            </PageHead>
            <form class="filters" method="get" action="/runbooks" role="search">
                <label class="find"><Icon icon=icondata_lu::LuSearch/><input type="search" name="q" aria-label="Search runbooks" placeholder="Find a runbook…" autofocus=true/></label>
            </form>
            <div class="home">
                <div class="stats">
                    <a class="stat" href="/history?state=running"><b>{home.running.len()}</b><span>"running"</span></a>
                    <a class="stat" href="/history?state=waiting"><b>{home.waiting.len()}</b><span>"waiting for a person"</span></a>
                    <a class="stat" href="/history?state=failed"><b>{home.failed.len()}</b><span>"failed in the last day"</span></a>
                    <a class="stat" href="/runbooks"><b>{home.runbook_count}</b><span>"runbooks"</span></a>
                </div>
                <RunSection title="Waiting for a person" runs=home.waiting empty="Nothing waits for an answer."/>
                <RunSection title="Running" runs=home.running empty="Nothing runs right now."/>
                <RunSection title="Failed in the last day" runs=home.failed empty="Nothing failed. Good."/>
                <RunSection title="Started by you" runs=home.mine empty="You have not run anything yet. Open a runbook and press Run."/>
                <RunbookSection runbooks=home.runbooks/>
            </div>
        </div>
    }
}

#[component]
fn RunSection(title: &'static str, runs: Vec<Run>, empty: &'static str) -> impl IntoView {
    let body = if runs.is_empty() {
        view! { <p>{empty}</p> }.into_any()
    } else {
        let rows = runs.into_iter().map(|run| view! {
            <li><a href=format!("/runs/{}", run.id)><RunPill state=run.state/><b>{run.runbook_title}</b><span class="faint num">{format!("#{}", run.number)}</span><span class="spacer"></span><When at=run.created_at/></a></li>
        });
        view! { <ul class="home__list">{rows.collect_view()}</ul> }.into_any()
    };
    view! { <section class="home__section"><header><h2>{title}</h2></header>{body}</section> }
}

#[component]
fn RunbookSection(runbooks: Vec<Runbook>) -> impl IntoView {
    let body = if runbooks.is_empty() {
        view! { <p>"There is no runbook yet."</p> }.into_any()
    } else {
        let rows = runbooks.into_iter().map(|runbook| view! {
            <li><a href=format!("/runbooks/{}", runbook.id)><b>{runbook.title}</b><span class="spacer"></span><When at=runbook.updated_at/></a></li>
        });
        view! { <ul class="home__list">{rows.collect_view()}</ul> }.into_any()
    };
    view! { <section class="home__section home__section--wide"><header><h2>"Runbooks changed last"</h2></header>{body}</section> }
}
