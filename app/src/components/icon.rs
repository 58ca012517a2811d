//! Icons: Lucide drawings, inlined.

use leptos::prelude::*;

/// An icon for the eye only; the words beside it say what it means.
#[component]
pub fn Icon(
    /// The drawing, such as `icondata_lu::LuPlay`.
    icon: icondata_core::Icon,
    /// Further classes: `icon--big`, `spin`, `ok-t`, …
    #[prop(optional)]
    class: &'static str,
) -> impl IntoView {
    let class = if class.is_empty() { "icon".to_owned() } else { format!("icon {class}") };
    view! { <svg class=class viewBox="0 0 24 24" aria-hidden="true" inner_html=icon.data></svg> }
}
