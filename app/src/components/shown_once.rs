//! A secret where it was made: it is shown this once, with a button that copies it.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::clipboard::CopyButton;
use super::icon::Icon;
use crate::api::once::{Once, shown_once};
use crate::error::{AppError, Result};

/// Shows the secret that was made last, by this page or by a form that was sent without JavaScript.
#[component]
pub fn ShownOnce(
    /// The one that this page made.
    made: RwSignal<Option<Once>>,
    /// The one that a form without JavaScript made: [`kept_once`].
    kept: Resource<Result<Option<Once>>>,
) -> impl IntoView {
    view! {
        <div class="once" role="status">
            <Transition>
                {move || Suspend::new(async move {
                    let kept = kept.await.ok().flatten();
                    move || made.get().or_else(|| kept.clone()).map(|once| view! { <Secret once=once/> })
                })}
            </Transition>
        </div>
    }
}

#[component]
fn Secret(once: Once) -> impl IntoView {
    let label = once.what.clone();
    view! {
        <section class="notice ok" aria-label=label>
            <Icon icon=icondata_lu::LuKeyRound/>
            <div>
                <p><b>{once.what}</b>" — copy it now: it is not shown again."</p>
                <div class="command">
                    <pre tabindex="0"><code>{once.secret.clone()}</code></pre>
                    <CopyButton text=move || once.secret.clone() class="command__copy"/>
                </div>
            </div>
        </section>
    }
}

/// What a form without JavaScript made just before. Ask for it at the top of a page.
#[must_use]
pub fn kept_once() -> Resource<Result<Option<Once>>> {
    Resource::new_blocking(|| (), |()| shown_once())
}

/// Puts what an action makes where [`ShownOnce`] shows it.
pub fn show_result<S>(action: ServerAction<S>, made: RwSignal<Option<Once>>)
where
    S: ServerFn<Output = Once, Error = AppError> + Clone + Send + Sync + 'static,
{
    Effect::new(move |_| {
        if let Some(Ok(once)) = action.value().get() {
            made.set(Some(once));
        }
    });
}

/// How often an action has made one: a number by which the form that asked for it is made anew.
#[must_use]
pub fn count_successes<S>(action: ServerAction<S>) -> RwSignal<u32>
where
    S: ServerFn<Output = Once, Error = AppError> + Clone + Send + Sync + 'static,
{
    let count = RwSignal::new(0);
    Effect::new(move |_| {
        if action.value().with(|made| matches!(made, Some(Ok(_)))) {
            count.update(|count| *count += 1);
        }
    });
    count
}
