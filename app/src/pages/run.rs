//! A run.

use leptos::prelude::*;

/// Watches a run.
#[component]
pub fn RunPage() -> impl IntoView {
    view! { <leptos_meta::Title text="Run"/> }
}
