//! Somebody else saved first: what they changed, and what saving over it would change in theirs.

use domain::diff::RunbookDiff;
use domain::{RunbookDraft, RunbookId};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::diff_view::DiffView;
use crate::api::compare::{compare_draft, diff_versions};
use crate::error::Result;

/// What came in between, folded open; below it, closed, what one's own draft would make of it.
#[component]
pub fn TheirChange(
    /// The runbook.
    id: RunbookId,
    /// The version that one began from.
    base: u32,
    /// The version that came in between.
    theirs: u32,
    /// Who saved it.
    by: String,
    /// What one is about to save.
    draft: RunbookDraft,
) -> impl IntoView {
    let change = found(diff_versions(id, base, theirs));
    let mine = found(compare_draft(id, draft, theirs));
    view! {
        <details class="conflict" open>
            <summary>{format!("What {by} changed since version {base}")}</summary>
            {move || show(change.get())}
        </details>
        <details class="conflict">
            <summary>{format!("What saving yours would change in version {theirs}")}</summary>
            {move || show(mine.get())}
        </details>
    }
}

/// What the server answers, once it has. A conflict only comes up in the browser: there is nothing to render before.
fn found(asking: impl Future<Output = Result<RunbookDiff>> + 'static) -> RwSignal<Option<Result<RunbookDiff>>> {
    let answer = RwSignal::new(None);
    spawn_local(async move {
        let found = asking.await;
        answer.try_set(Some(found));
    });
    answer
}

fn show(found: Option<Result<RunbookDiff>>) -> AnyView {
    match found {
        None => view! { <p class="faint small-text">"Comparing…"</p> }.into_any(),
        Some(Err(error)) => view! { <p class="err">{error.0.detail}</p> }.into_any(),
        Some(Ok(diff)) => view! { <p><b>{format!("{}.", diff.summary)}</b></p><div class="conflict__diff" tabindex="0"><DiffView diff=diff/></div> }.into_any(),
    }
}
