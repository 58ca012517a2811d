//! The versions of a runbook: the list, one of them, and the way back.

use domain::{Permission, RunbookId};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::runbook::Document;
use super::use_param;
use crate::api::runbooks::{RollBack, Versions, get_version, list_versions};
use crate::api::session::Me;
use crate::components::confirm::Confirm;
use crate::components::icon::Icon;
use crate::components::notice::{ErrorPage, Outcome};
use crate::components::page_head::{RunbookHead, RunbookTab};
use crate::components::time::When;
use crate::use_me;

/// `/runbooks/:id/versions`.
#[component]
pub fn VersionsPage() -> impl IntoView {
    let id = use_param::<RunbookId>("id");
    let params = use_params_map();
    let versions = Resource::new_blocking(
        move || params.with(|params| params.get("id")),
        move |_| {
            let id = untrack(id);
            async move { list_versions(id?).await }
        },
    );
    let me = use_me();
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                let me = me.await.ok().flatten();
                match versions.await {
                    Ok(versions) => view! { <List versions=versions me=me/> }.into_any(),
                    Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// `/runbooks/:id/versions/:n`.
#[component]
pub fn VersionPage() -> impl IntoView {
    let id = use_param::<RunbookId>("id");
    let number = use_param::<u32>("n");
    let params = use_params_map();
    let page = Resource::new_blocking(
        move || params.with(|params| (params.get("id"), params.get("n"))),
        move |_| {
            let (id, number) = untrack(|| (id(), number()));
            async move { get_version(id?, number?).await }
        },
    );
    let me = use_me();
    let roll_back = ServerAction::<RollBack>::new();
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                let me = me.await.ok().flatten();
                match page.await {
                    Ok(page) => {
                        let (id, version, latest) = (page.runbook.id, page.runbook.version, page.latest);
                        let old = version != latest;
                        let may_write = me.as_ref().is_some_and(|me| me.may(Permission::Write));
                        view! {
                            <RunbookHead runbook=page.runbook.clone() tab=RunbookTab::Versions me=me/>
                            <div class="page">
                                <Outcome action=roll_back/>
                                {old.then(|| view! {
                                    <div class="notice info" role="status">
                                        <Icon icon=icondata_lu::LuHistory/>
                                        <div>{format!("This is version {version}; the newest is version {latest}. ")}<a href=format!("/runbooks/{id}/versions/compare?from={version}&to={latest}")>"Compare them"</a></div>
                                    </div>
                                })}
                                {(old && may_write).then(|| view! { <Restore id=id version=version latest=latest action=roll_back/> })}
                                <Document page=page run_form=None/>
                            </div>
                        }
                        .into_any()
                    }
                    Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn List(versions: Versions, me: Option<Me>) -> impl IntoView {
    let roll_back = ServerAction::<RollBack>::new();
    let may_write = me.as_ref().is_some_and(|me| me.may(Permission::Write));
    let Versions { newest, lines } = versions;
    let (id, latest) = (newest.id, newest.version);
    let rows = lines
        .into_iter()
        .map(|version| {
            let current = version.version == latest;
            let what = version.message.unwrap_or_else(|| if version.version == 1 { "First version".to_owned() } else { "No summary".to_owned() });
            view! {
                <li class=if current { "version version--current" } else { "version" }>
                    <b><a class="link" href=format!("/runbooks/{id}/versions/{}", version.version)>{format!("v{}", version.version)}</a></b>
                    <p>{what}" "<span class="faint">{version.by}</span></p>
                    {current.then(|| view! { <span class="pill ok"><Icon icon=icondata_lu::LuCheck/>"Current"</span> })}
                    <span class="faint"><When at=version.at/></span>
                    <span class="version__acts">
                        <Compare id=id version=version.version latest=latest/>
                        {(!current && may_write).then(|| view! { <Restore id=id version=version.version latest=latest action=roll_back/> })}
                    </span>
                </li>
            }
        })
        .collect_view();
    view! {
        <RunbookHead runbook=newest tab=RunbookTab::Versions me=me/>
        <div class="page">
            <Outcome action=roll_back/>
            <ol class="card versions">{rows}</ol>
        </div>
    }
}

/// The ways to what a version changed, and to what was changed since.
#[component]
fn Compare(id: RunbookId, version: u32, latest: u32) -> impl IntoView {
    let link = move |from: u32, to: u32, text: &'static str| {
        let name = format!("{text}: version {from} with version {to}");
        view! { <a class="btn quiet small" href=format!("/runbooks/{id}/versions/compare?from={from}&to={to}") aria-label=name>{text}</a> }
    };
    view! {
        {(version > 1).then(|| link(version - 1, version, "Compare with the one before"))}
        {(version < latest).then(|| link(version, latest, "Compare with the newest"))}
    }
}

/// The way back to an old version, which asks first.
#[component]
pub(super) fn Restore(id: RunbookId, version: u32, latest: u32, action: ServerAction<RollBack>) -> impl IntoView {
    view! {
        <Confirm of=format!("{version} of {latest}") label="Restore…" class="small" consequence=format!("Makes version {} with everything as it was in version {version}.", latest + 1)>
            <ActionForm action=action>
                <input type="hidden" name="id" value=id.to_string()/>
                <input type="hidden" name="version" value=version.to_string()/>
                <button class="btn small primary">{format!("Restore version {version}")}</button>
            </ActionForm>
        </Confirm>
    }
}
