//! An address that leads nowhere.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::icon::Icon;

/// Says so, with status 404.
#[component]
pub fn NotFound() -> impl IntoView {
    #[cfg(feature = "ssr")]
    crate::error::server::set_status(404);
    view! {
        <Title text="Not found"/>
        <main id="main">
            <div class="errorpage">
                <Icon icon=icondata_lu::LuCompass class="icon--big"/>
                <h1>"Nothing is here"</h1>
                <p>"The address leads to no page. What you look for may have been deleted; its runs are still in the history."</p>
                <form class="errorpage__find" method="get" action="/runbooks" role="search">
                    <label class="find"><Icon icon=icondata_lu::LuSearch/><input type="search" name="q" aria-label="Search runbooks" placeholder="Find a runbook…" autocomplete="off"/></label>
                </form>
                <div class="errorpage__actions">
                    <a class="btn primary" href="/runbooks">"All runbooks"</a>
                    <a class="btn" href="/history">"History"</a>
                    <a class="btn" href="/">"Home"</a>
                </div>
            </div>
        </main>
    }
}
