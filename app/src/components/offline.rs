//! Says when the browser has no network: nothing on the page is lost, and nothing new comes.

use leptos::ev;
use leptos::prelude::*;

use super::icon::Icon;

/// A note at the lower edge while there is no network.
#[component]
pub fn Offline() -> impl IntoView {
    let offline = RwSignal::new(false);
    Effect::new(move || {
        offline.set(!window().navigator().on_line());
        let gone = window_event_listener(ev::offline, move |_| offline.set(true));
        let back = window_event_listener(ev::online, move |_| offline.set(false));
        on_cleanup(move || {
            gone.remove();
            back.remove();
        });
    });
    view! {
        <div class="offline-region" role="status">
            {move || offline.get().then(|| view! {
                <div class="offline"><Icon icon=icondata_lu::LuWifiOff/>"No network. What you see stays; it goes on when the network is back."</div>
            })}
        </div>
    }
}
