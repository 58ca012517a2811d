//! The way through a list that is longer than a page.

use leptos::prelude::*;

/// Links to the beginning of the list and to its next page; nothing where one page holds it all.
#[component]
pub fn Pager(
    /// Where the list begins, on a later page than the first.
    first: Option<String>,
    /// Where it goes on.
    next: Option<String>,
    /// What the link to the beginning says.
    to_first: &'static str,
    /// What the link to the next page says.
    to_next: &'static str,
) -> impl IntoView {
    (first.is_some() || next.is_some()).then(|| {
        view! {
            <nav class="pager" aria-label="Pages">
                <span class="spacer"></span>
                {first.map(|to| view! { <a class="btn small" href=to>{to_first}</a> })}
                {next.map(|to| view! { <a class="btn small" href=to>{to_next}</a> })}
            </nav>
        }
    })
}
