//! A quiet word where the page came over the network without encryption.

use leptos::prelude::*;

use super::icon::Icon;

/// The word.
#[component]
pub fn Unencrypted() -> impl IntoView {
    view! {
        <p class="unencrypted" role="note"><Icon icon=icondata_lu::LuLockOpen/><span>"This page came without encryption; others on the network can read it."</span></p>
    }
}
