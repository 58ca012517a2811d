//! The browser entry point: hydrates the server-rendered page.

use leptos::mount::hydrate_from_async;
use leptos::prelude::document;
use leptos::wasm_bindgen::JsCast;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;

/// Takes over the page that the server rendered, once the page's own part of the script is there.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    let Some(body) = document().body() else { return };
    spawn_local(async {
        hydrate_from_async(body.unchecked_into(), app::App).await.forget();
        app::mark_hydrated();
    });
}
