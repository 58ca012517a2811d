//! A second thought before something that cannot be undone; works without JavaScript.

use leptos::prelude::*;
use leptos::tachys::view::keyed::keyed;

/// A closed button that opens to a sentence and the real one, which names its target.
#[component]
pub fn Confirm(
    /// What it is done to: where a list moves up and another takes the place, its menu is closed.
    #[prop(into)]
    of: String,
    /// What the closed button says, such as “Delete…”.
    label: &'static str,
    /// What will happen.
    #[prop(into)]
    consequence: String,
    /// Further classes of the closed button.
    #[prop(optional)]
    class: &'static str,
    /// The form with the button that does it.
    children: Children,
) -> impl IntoView {
    let menu = view! {
        // Of one name, so that opening one closes the other.
        <details class="menu" name="confirm">
            <summary class=format!("btn {class}")>{label}</summary>
            <div class="menu__list">
                <p class="small-text">{consequence}</p>
                {children()}
            </div>
        </details>
    };
    keyed([(of, menu.into_any())], |(of, _)| of.clone(), |_, (_, menu)| (|_| {}, menu))
}
