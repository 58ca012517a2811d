//! What runs here and how it is set, for administrators.

use std::time::Duration;

use domain::{InstallationStatus, KeptDays, KeyStatus, RotationState, SetValue};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::settings::{SetRetention, get_settings};
use crate::components::icon::Icon;
use crate::components::notice::{ErrorPage, Outcome};
use crate::components::page_head::PageHead;
use crate::components::time::When;
use crate::components::toasts::use_toasts;
use crate::state::number::{grouped, size};

/// How often a rotation that is under way is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// `/settings`.
#[component]
pub fn SettingsPage() -> impl IntoView {
    let keep = ServerAction::<SetRetention>::new();
    let status = Resource::new_blocking(move || keep.version().get(), |_| get_settings());
    let toasts = use_toasts();
    Effect::new(move || {
        if matches!(keep.value().get(), Some(Ok(()))) {
            toasts.tell("Saved. What is too old now goes within an hour.");
        }
    });
    view! {
        <Transition>
            {move || Suspend::new(async move {
                match status.await {
                    Ok(status) => view! { <Show status=status keep=keep/> }.into_any(),
                    Err(error) => view! { <ErrorPage error=error/> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Show(status: InstallationStatus, keep: ServerAction<SetRetention>) -> impl IntoView {
    let InstallationStatus { version, build, started_at, store, queue, audit_days, output_days, keys, settings } = status;
    view! {
        <div class="page">
            <PageHead title="Settings">
                <a class="btn" href="/metrics" rel="external"><Icon icon=icondata_lu::LuActivity/>"Metrics"</a>
                <a class="btn" href="/api/docs/" rel="external"><Icon icon=icondata_lu::LuBraces/>"API documentation"</a>
            </PageHead>
            <div class="settings">
                <section class="card" aria-labelledby="settings-server">
                    <div class="card__head"><h2 id="settings-server">"Server"</h2></div>
                    <dl class="settings__list">
                        <dt>"Version"</dt><dd class="num">{version}<span class="faint">{format!(" · {build}")}</span></dd>
                        <dt>"Up since"</dt><dd><When at=started_at/></dd>
                        <dt>"Runs"</dt>
                        <dd class="num">{format!("{} queued, {} running, {} waiting for a person", grouped(queue.queued), grouped(queue.running), grouped(queue.waiting))}</dd>
                        <dt>"Workers"</dt>
                        <dd class="num">{format!("{} at work; this process executes up to {} runs at once", grouped(queue.workers), grouped(queue.at_once))}</dd>
                    </dl>
                </section>
                <section class="card" aria-labelledby="settings-store">
                    <div class="card__head"><h2 id="settings-store">"Database"</h2></div>
                    <dl class="settings__list">
                        <dt>"Kind"</dt><dd>{store.kind}</dd>
                        <dt>"Place"</dt><dd class="mono">{store.place}</dd>
                        {store.size.map(|bytes| view! { <dt>"On the disk"</dt><dd class="num">{size(bytes)}</dd> })}
                        <dt>"Stored"</dt><dd>{store.sync}</dd>
                    </dl>
                </section>
                <section class="card" aria-labelledby="settings-keep">
                    <div class="card__head"><h2 id="settings-keep">"What is kept"</h2></div>
                    <div class="card__body">
                        <Outcome action=keep/>
                        <Kept keep=keep audit_days=audit_days output_days=output_days/>
                    </div>
                </section>
                <section class="card" aria-labelledby="settings-keys">
                    <div class="card__head"><h2 id="settings-keys">"Key to the stored secrets"</h2></div>
                    <Keys keys=keys/>
                </section>
                <section class="card settings__wide" aria-labelledby="settings-set">
                    <div class="card__head"><h2 id="settings-set">"Set at the start"</h2><span class="faint small-text">"They stay as they are until the server starts again."</span></div>
                    <table class="table table--dense table--stack">
                        <thead><tr><th scope="col">"Setting"</th><th scope="col">"Value"</th><th scope="col">"Set by"</th></tr></thead>
                        <tbody>{settings.into_iter().map(|set| view! { <Line set=set/> }).collect_view()}</tbody>
                    </table>
                </section>
            </div>
        </div>
    }
}

/// The key, and how far its replacement has come: looked at again and again while it is under way.
#[component]
fn Keys(keys: KeyStatus) -> impl IntoView {
    let keys = RwSignal::new(keys);
    let under_way = Memo::new(move |_| keys.with(|keys| keys.rotation == RotationState::Running));
    Effect::new(move || {
        if !under_way.get() {
            return;
        }
        let look = move || {
            spawn_local(async move {
                // Where the server cannot be asked the next look may do better.
                if let Ok(status) = get_settings().await {
                    keys.try_set(status.keys);
                }
            });
        };
        if let Ok(timer) = set_interval_with_handle(look, LOOK) {
            on_cleanup(move || timer.clear());
        }
    });
    let progress = move || {
        under_way.get().then(|| {
            let (done, total) = (keys.with(|keys| keys.done.to_string()), keys.with(|keys| keys.total.max(1).to_string()));
            view! { <progress class="bar bar--inline" aria-label="Secrets encrypted anew" max=total value=done></progress> }
        })
    };
    view! {
        <dl class="settings__list">
            <dt>"Recipient"</dt><dd class="mono">{move || keys.with(|keys| keys.recipient.clone())}</dd>
            <dt>"Rotation"</dt>
            <dd>
                <span class="num">{move || keys.with(rotation)}</span>
                {progress}
                {move || keys.with(|keys| keys.error.clone()).map(|why| view! { <div class="bad-t">{why}</div> })}
            </dd>
            <dt>"Replace it"</dt><dd><code>"runbook-studio keys rotate"</code></dd>
        </dl>
    }
}

/// Where a rotation stands.
fn rotation(keys: &KeyStatus) -> String {
    match keys.rotation {
        RotationState::Running => format!("Under way: {} of {} secrets", grouped(keys.done), grouped(keys.total)),
        RotationState::Finished => format!("Finished: {} secrets encrypted anew", grouped(keys.done)),
        RotationState::Failed => "Stopped half way; everything can be read, and rotating again goes on".to_owned(),
        RotationState::None if keys.identities > 1 => "Not finished: the key file holds several keys".to_owned(),
        RotationState::None => "None since the server started".to_owned(),
    }
}

#[component]
fn Kept(keep: ServerAction<SetRetention>, audit_days: KeptDays, output_days: KeptDays) -> impl IntoView {
    let pending = keep.pending();
    let changeable = audit_days.set_by.is_none() || output_days.set_by.is_none();
    view! {
        <ActionForm action=keep attr:class="form">
            <Days name="audit_days" label="Audit trail, days" kept=audit_days/>
            <Days name="output_days" label="Output of runs after their end, days" kept=output_days/>
            {changeable.then(|| view! {
                <div class="form__actions"><button class="btn primary" disabled=pending>"Save"</button></div>
            })}
        </ActionForm>
    }
}

#[component]
fn Days(name: &'static str, label: &'static str, kept: KeptDays) -> impl IntoView {
    let hint = match &kept.set_by {
        Some(set_by) => format!("Set by {set_by}; change it there."),
        None => "0 keeps it for ever. What is older goes within an hour.".to_owned(),
    };
    let (id, hint_id) = (format!("settings-{name}"), format!("settings-{name}-hint"));
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input
                id=id name=name type="number" min="0" max="36500" step="1" required=true value=kept.days.to_string()
                disabled=kept.set_by.is_some() aria-describedby=hint_id.clone()
            />
            <p class="field__hint" id=hint_id>{hint}</p>
        </div>
    }
}

#[component]
fn Line(set: SetValue) -> impl IntoView {
    let class = if set.set_by == "default" { "faint" } else { "" };
    view! {
        <tr>
            <td data-label="Setting" class="mono">{set.name}</td>
            <td data-label="Value" class="mono">{set.value}</td>
            <td data-label="Set by" class=class>{set.set_by}</td>
        </tr>
    }
}
