//! Two versions of a runbook side by side, and the way back to the older one. Works without JavaScript.

use domain::diff::Side;
use domain::{Permission, RunbookId};
use leptos::prelude::*;
use leptos_router::components::Form;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::use_param;
use super::versions::Restore;
use crate::api::compare::{Comparison, compare_versions};
use crate::api::runbooks::{RollBack, VersionLine, Versions};
use crate::api::session::Me;
use crate::components::diff_view::DiffView;
use crate::components::icon::Icon;
use crate::components::notice::{ErrorPage, Outcome};
use crate::components::page_head::{RunbookHead, RunbookTab};
use crate::components::time::When;
use crate::use_me;

/// `/runbooks/:id/versions/compare?from=&to=`.
#[component]
pub fn CompareVersionsPage() -> impl IntoView {
    let id = use_param::<RunbookId>("id");
    let params = use_params_map();
    let query = use_query_map();
    let asked = move || {
        let number = |name: &str| query.with(|query| query.get_str(name).and_then(|text| text.parse::<u32>().ok()));
        (params.with(|params| params.get("id")), number("from"), number("to"))
    };
    let page = Resource::new_blocking(asked, move |(_, from, to)| {
        let id = untrack(id);
        async move { compare_versions(id?, from, to).await }
    });
    let me = use_me();
    let roll_back = ServerAction::<RollBack>::new();
    view! {
        <Transition>
            {move || Suspend::new(async move {
                let me = me.await.ok().flatten();
                match page.await {
                    Ok(page) => view! { <Show page=page me=me roll_back=roll_back/> }.into_any(),
                    Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Show(page: Comparison, me: Option<Me>, roll_back: ServerAction<RollBack>) -> impl IntoView {
    let Comparison { versions: Versions { newest: runbook, lines: versions }, diff } = page;
    let may_write = me.as_ref().is_some_and(|me| me.may(Permission::Write));
    let (id, latest) = (runbook.id, runbook.version);
    let side = |side: &Side| {
        let version = side.version.unwrap_or(latest);
        let restore =
            (may_write && version != latest).then(|| view! { <Restore id=id version=version latest=latest action=roll_back/> });
        let current =
            (version == latest).then(|| view! { <span class="pill ok"><Icon icon=icondata_lu::LuCheck/>"Current"</span> });
        view! {
            <div class="diff__side">
                <b><a class="link" href=format!("/runbooks/{id}/versions/{version}")>{format!("Version {version}")}</a></b>
                {current}
                <span class="faint">{side.by.clone()}{side.at.map(|at| view! { ", "<When at=at/> })}</span>
                <span class="spacer"></span>
                {restore}
            </div>
        }
    };
    let (left, right) = (side(&diff.from), side(&diff.to));
    let summary = diff.summary.to_string();
    let (from, to) = (diff.from.version, diff.to.version);
    view! {
        <RunbookHead runbook=runbook tab=RunbookTab::Versions me=me/>
        <div class="page">
            <Outcome action=roll_back/>
            <Form method="get" action=format!("/runbooks/{id}/versions/compare") attr:class="filters filters--compare">
                <Picker name="from" label="From" versions=versions.clone() chosen=from/>
                <Picker name="to" label="To" versions=versions chosen=to/>
                <button class="btn"><Icon icon=icondata_lu::LuGitCompareArrows/>"Compare"</button>
                <span class="spacer"></span>
                <a class="btn quiet" href=format!("/runbooks/{id}/versions")>"All versions"</a>
            </Form>
            <h2 class="diff__summary">{summary}</h2>
            <div class="diff__sides">{left}{right}</div>
            <DiffView diff=diff/>
        </div>
    }
}

#[component]
fn Picker(name: &'static str, label: &'static str, versions: Vec<VersionLine>, chosen: Option<u32>) -> impl IntoView {
    let options = versions.into_iter().map(|line| {
        let VersionLine { version, by, at, .. } = line;
        view! {
            <option value=version.to_string() selected=chosen == Some(version)>{format!("v{version} · {by} · {}", at.format("%Y-%m-%d %H:%M"))}</option>
        }
    });
    view! {
        <label class="filters__day"><span>{label}</span><select name=name>{options.collect_view()}</select></label>
    }
}
