//! The Leptos application: pages, components and server functions, compiled for the server and for the browser.

#![recursion_limit = "256"]

pub mod api;
pub mod components;
#[cfg(feature = "ssr")]
pub mod cookie;
pub mod error;
pub mod lazy;
pub mod pages;
pub mod state;

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{Outlet, ParentRoute, Route, Router, Routes};
use leptos_router::{Lazy, SsrMode, path};

use api::session::{Me, me};
use components::keys::{KeysDialog, mind_keys};
use components::offline::Offline;
use components::overlay::provide_overlays;
use components::palette::Palette;
use components::sidebar::Sidebar;
use components::time::provide_clock;
use components::toasts::{ToastRegion, provide_toasts};
use error::Result;

/// The page around the application: head, scripts, and what the browser may load.
#[must_use]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    #[cfg(feature = "ssr")]
    policy::send();
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" type="image/svg+xml" href="/favicon.svg"/>
                <link rel="stylesheet" id="leptos" href=format!("/{}/{}.css", options.site_pkg_dir, options.output_name)/>
                <AutoReload options=options.clone()/>
                <HydrationScripts options=options/>
                <leptos_meta::MetaTags/>
            </head>
            <body><App/></body>
        </html>
    }
}

/// The application.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_clock();
    provide_context(CurrentMe(Resource::new_blocking(|| (), |()| me())));
    view! {
        <Title formatter=page_title/>
        <Router>
            <Routes fallback=pages::not_found::NotFound>
                <Route path=path!("/sign-in") view=pages::setup_and_sign_in::SignInPage ssr=SsrMode::Async/>
                <Route path=path!("/sign-up") view=pages::setup_and_sign_in::SignUpPage ssr=SsrMode::Async/>
                <Route path=path!("/invite/:token") view=pages::link::InvitePage ssr=SsrMode::Async/>
                <Route path=path!("/reset/:token") view=pages::link::ResetPage ssr=SsrMode::Async/>
                <ParentRoute path=path!("") view=Layout ssr=SsrMode::Async>
                    <Route path=path!("/") view=pages::home::HomePage ssr=SsrMode::Async/>
                    <Route path=path!("/runbooks") view=pages::runbooks::RunbooksPage ssr=SsrMode::Async/>
                    <Route path=path!("/runbooks/new") view={Lazy::<lazy::Editor>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/runbooks/:id") view=pages::runbook::RunbookPage ssr=SsrMode::Async/>
                    <Route path=path!("/runbooks/:id/edit") view={Lazy::<lazy::Editor>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/runbooks/:id/versions") view={Lazy::<lazy::Versions>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/runbooks/:id/versions/compare") view={Lazy::<lazy::CompareVersions>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/runbooks/:id/versions/:n") view={Lazy::<lazy::Version>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/runs/compare") view={Lazy::<lazy::CompareRuns>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/runs/:id/compare") view={Lazy::<lazy::CompareRuns>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/runs/:id") view={Lazy::<lazy::Run>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/history") view=pages::history::HistoryPage ssr=SsrMode::Async/>
                    <Route path=path!("/hosts") view={Lazy::<lazy::Hosts>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/credentials") view={Lazy::<lazy::Credentials>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/audit") view={Lazy::<lazy::Audit>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/import") view={Lazy::<lazy::Import>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/users") view={Lazy::<lazy::Users>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/settings") view={Lazy::<lazy::Settings>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/profile") view={Lazy::<lazy::Profile>::new()} ssr=SsrMode::Async/>
                </ParentRoute>
            </Routes>
        </Router>
    }
}

/// Marks the page: its script has taken over.
#[cfg(feature = "hydrate")]
pub fn mark_hydrated() {
    if let Some(body) = document().body() {
        let _ = body.set_attribute("data-hydrated", "");
    }
}

/// What all pages but the sign-in share.
#[component]
fn Layout() -> impl IntoView {
    let overlays = provide_overlays();
    let toaster = provide_toasts();
    mind_keys(overlays);
    view! {
        // For the browser, not for the router: that would scroll there and leave the focus behind.
        <a class="skip-link" href="#main" rel="external">"Skip to content"</a>
        <div class="app">
            <Sidebar/>
            <main id="main" tabindex="-1"><Outlet/></main>
        </div>
        <ToastRegion toaster=toaster/>
        <Offline/>
        <Palette overlays=overlays/>
        <KeysDialog overlays=overlays/>
    }
}

#[derive(Clone, Copy)]
struct CurrentMe(Resource<Result<Option<Me>>>);

/// Who is signed in. Await it within a `Suspend`.
///
/// # Panics
/// Outside of [`App`].
#[must_use]
pub fn use_me() -> Resource<Result<Option<Me>>> {
    expect_context::<CurrentMe>().0
}

#[cfg(feature = "ssr")]
mod policy {
    use http::{HeaderValue, header};
    use leptos::nonce::use_nonce;
    use leptos::prelude::use_context;
    use leptos_axum::ResponseOptions;

    /// Says what a page may load: scripts with this answer's nonce, everything else from here.
    pub fn send() {
        let nonce = use_nonce().map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
        let reload = if std::env::var_os("LEPTOS_WATCH").is_some() { " ws://127.0.0.1:3001 ws://localhost:3001" } else { "" };
        let policy = format!(
            "default-src 'self'; script-src 'self'{nonce} 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self'{reload}; frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'; \
             report-uri /csp-report"
        );
        if let (Some(options), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(&policy)) {
            options.insert_header(header::CONTENT_SECURITY_POLICY, value);
        }
    }
}

/// What a tab is called. A title is put into the page's head as it is, where `</title>` would end it: no `<` gets there, neither from
/// the server nor, so that both say the same, from the browser.
fn page_title(title: String) -> String {
    if title.is_empty() { "Runbook Studio".to_owned() } else { format!("{} · Runbook Studio", title.replace('<', "‹")) }
}
