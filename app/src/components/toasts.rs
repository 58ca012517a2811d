//! What was done, told in passing in a corner of the window. How long a message stays is in [`crate::state::toasts`].

use std::time::Duration;

use leptos::prelude::*;

use super::icon::Icon;
use crate::state::toasts::{Toast, Toasts};

/// How often it is looked whether a message has been there long enough.
const TICK: Duration = Duration::from_millis(500);

/// Tells what was done. A clone is the same.
#[derive(Debug, Clone, Copy)]
pub struct Toaster(RwSignal<Toasts>);

impl Toaster {
    /// Tells that something was done, such as “Deleted “Failover db”.”.
    pub fn tell(self, text: impl Into<String>) {
        self.0.update(|toasts| toasts.show(text.into()));
    }
}

/// Provides the one who tells. Call it once, in the layout of the pages.
pub fn provide_toasts() -> Toaster {
    let toaster = Toaster(RwSignal::new(Toasts::default()));
    provide_context(toaster);
    toaster
}

/// The one who tells what was done.
///
/// # Panics
/// Outside of the layout.
#[must_use]
pub fn use_toasts() -> Toaster {
    expect_context()
}

/// Where the messages appear. It is always in the page, so that they are read aloud.
#[component]
pub fn ToastRegion(
    /// The one who tells.
    toaster: Toaster,
) -> impl IntoView {
    let toasts = toaster.0;
    let any = Memo::new(move |_| toasts.with(|toasts| !toasts.shown().is_empty()));
    Effect::new(move || {
        if !any.get() {
            return;
        }
        let pass = move || toasts.maybe_update(|toasts| toasts.pass(u32::try_from(TICK.as_millis()).unwrap_or_default()));
        if let Ok(timer) = set_interval_with_handle(pass, TICK) {
            on_cleanup(move || timer.clear());
        }
    });
    let hold = move |held: bool| toasts.update(|toasts| toasts.hold(held));
    view! {
        <div
            class="toasts" role="status"
            on:mouseenter=move |_| hold(true) on:mouseleave=move |_| hold(false)
            on:focusin=move |_| hold(true) on:focusout=move |_| hold(false)
        >
            <For
                each=move || toasts.with(|toasts| toasts.shown().to_vec()) key=|toast| toast.id
                children=move |toast| view! { <Message toast=toast toasts=toasts/> }
            />
        </div>
    }
}

#[component]
fn Message(toast: Toast, toasts: RwSignal<Toasts>) -> impl IntoView {
    let id = toast.id;
    view! {
        <div class="toast ok">
            <Icon icon=icondata_lu::LuCircleCheck/>
            <div>{toast.text}</div>
            <button type="button" class="btn quiet small icon" aria-label="Dismiss" on:click=move |_| toasts.update(|toasts| toasts.dismiss(id))>
                <Icon icon=icondata_lu::LuX/>
            </button>
        </div>
    }
}
