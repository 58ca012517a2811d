//! The star that makes a runbook a favourite of the one who looks.

use domain::RunbookId;
use leptos::prelude::*;

use super::icon::Icon;
use crate::api::runbooks::SetFavourite;

/// A star; pressed, it is one. A plain form without JavaScript.
#[component]
pub fn Star(
    /// The runbook.
    id: RunbookId,
    /// What it is called.
    title: String,
    /// Whether it is a favourite.
    favourite: bool,
) -> impl IntoView {
    let action = ServerAction::<SetFavourite>::new();
    let is = RwSignal::new(favourite);
    Effect::new(move || {
        if matches!(action.value().get(), Some(Ok(()))) {
            is.update(|is| *is = !*is);
        }
    });
    // While it is on its way it shows what was asked for.
    let shown = move || is.get() != action.pending().get();
    let label = format!("Favourite: {title}");
    view! {
        <ActionForm action=action attr:class="star">
            <input type="hidden" name="id" value=id.to_string()/>
            <input type="hidden" name="favourite" value=move || (!is.get()).to_string()/>
            <button
                class="btn quiet small icon" aria-label=label aria-pressed=move || shown().to_string()
                title=move || if shown() { "No longer a favourite" } else { "Make it a favourite" }
            >
                <Icon icon=icondata_lu::LuStar/>
            </button>
        </ActionForm>
    }
}
