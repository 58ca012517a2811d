//! The bar on the left: where one can go, and who one is.

use domain::Permission;
use leptos::ev;
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos_router::hooks::use_location;

use super::icon::Icon;
use super::notice::{ErrorPage, ToSignIn};
use super::overlay::{Overlay, use_overlays};
use super::unencrypted::Unencrypted;

use crate::api::session::{Me, SignOut};
use crate::use_me;

/// The bar. It waits for who is signed in, and sends nobody to the sign-in.
#[component]
pub fn Sidebar() -> impl IntoView {
    let me = use_me();
    view! {
        <header class="side">
            <a class="brand" href="/" aria-label="Runbook Studio, home"><Icon icon=icondata_lu::LuTerminal/><span>"Runbook Studio"</span></a>
            <Search/>
            <Suspense>
                {move || Suspend::new(async move {
                    match me.await {
                        Ok(Some(me)) => view! {
                            <Nav me=me.clone()/>
                            <Foot/>
                            {me.is_unencrypted.then(|| view! { <Unencrypted/> })}
                            <Who me=me/>
                        }.into_any(),
                        Ok(None) => view! { <ToSignIn/> }.into_any(),
                        Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                    }
                })}
            </Suspense>
        </header>
    }
}

/// Opens the palette; without JavaScript a link to the list of runbooks, which has a search of its own.
#[component]
fn Search() -> impl IntoView {
    let overlays = use_overlays();
    // Known in the browser alone: `None` until the page is live.
    let key = RwSignal::new(None);
    Effect::new(move || {
        let is_mac = window().navigator().user_agent().is_ok_and(|agent| agent.contains("Mac OS X"));
        key.set(Some(if is_mac { "⌘K" } else { "Ctrl K" }));
    });
    let live = move || key.get().is_some();
    let open = move |event: ev::MouseEvent| {
        if !(event.ctrl_key() || event.meta_key() || event.shift_key()) {
            event.prevent_default();
            overlays.open(Overlay::Palette);
        }
    };
    let pressed = move |event: ev::KeyboardEvent| {
        if event.key() == " " {
            event.prevent_default();
            overlays.open(Overlay::Palette);
        }
    };
    view! {
        <a
            class="find" href="/runbooks" aria-label="Search" role=move || live().then_some("button")
            aria-haspopup=move || live().then_some("dialog") aria-keyshortcuts=move || live().then_some("Control+K Meta+K")
            on:click=open on:keydown=pressed
        >
            <Icon icon=icondata_lu::LuSearch/><span>"Search…"</span><kbd aria-hidden="true">{move || key.get().unwrap_or("Ctrl K")}</kbd>
        </a>
    }
}

/// What helps, out of the way. Without JavaScript there are no keys to list.
#[component]
fn Foot() -> impl IntoView {
    let overlays = use_overlays();
    view! {
        <button type="button" class="side__keys needs-script" aria-keyshortcuts="?" on:click=move |_| overlays.open(Overlay::Keys)>
            <Icon icon=icondata_lu::LuKeyboard/><span>"Keys"</span><kbd aria-hidden="true">"?"</kbd>
        </button>
    }
}

#[component]
fn Nav(me: Me) -> impl IntoView {
    let path = use_location().pathname;
    let current = move |root: &'static str| {
        move || path.with(|path| if root == "/" { path == "/" } else { path.starts_with(root) }).then_some("page")
    };
    view! {
        <nav aria-label="Main">
            <ul>
                <li><a href="/" aria-current=current("/")><Icon icon=icondata_lu::LuHouse/><span>"Home"</span></a></li>
                <li><a href="/runbooks" aria-current=current("/runbooks")><Icon icon=icondata_lu::LuBook/><span>"Runbooks"</span></a></li>
                <li><a href="/history" aria-current=current("/history")><Icon icon=icondata_lu::LuHistory/><span>"History"</span></a></li>
                {me.may(Permission::ManageHosts).then(|| view! {
                    <li class="group">"Manage"</li>
                    <li><a href="/hosts" aria-current=current("/hosts")><Icon icon=icondata_lu::LuServer/><span>"Hosts"</span></a></li>
                })}
                {me.may(Permission::ManageCredentials).then(|| view! {
                    <li><a href="/credentials" aria-current=current("/credentials")><Icon icon=icondata_lu::LuKeyRound/><span>"Credentials"</span></a></li>
                })}
                {me.may(Permission::ReadAudit).then(|| view! {
                    <li><a href="/audit" aria-current=current("/audit")><Icon icon=icondata_lu::LuScrollText/><span>"Audit"</span></a></li>
                })}
                {me.may(Permission::Administer).then(|| view! {
                    <li><a href="/users" aria-current=current("/users")><Icon icon=icondata_lu::LuUsers/><span>"Users"</span></a></li>
                    <li><a href="/settings" aria-current=current("/settings")><Icon icon=icondata_lu::LuSettings/><span>"Settings"</span></a></li>
                })}
            </ul>
        </nav>
    }
}

#[component]
fn Who(me: Me) -> impl IntoView {
    let initials: String = me.username.chars().filter(|c| c.is_alphanumeric()).take(2).collect::<String>().to_uppercase();
    let path = use_location().pathname;
    let current = move || path.with(|path| path == "/profile").then_some("page");
    // A plain form: what follows is another person's page, loaded afresh.
    view! {
        <div class="me">
            <a class="me__who" href="/profile" title="Profile" aria-current=current>
                <span class="avatar" aria-hidden="true">{initials}</span>
                <span class="me__name">{me.username}<small>{me.role.as_str()}</small></span>
            </a>
            <form method="post" action=SignOut::url()>
                <button class="btn quiet small icon" aria-label="Sign out" title="Sign out"><Icon icon=icondata_lu::LuLogOut/></button>
            </form>
        </div>
    }
}
