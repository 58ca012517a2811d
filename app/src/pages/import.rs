//! A runbook from a document: pasted, or read from a file in the browser.

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

use crate::api::runbooks::ImportDocument;
use crate::components::icon::Icon;
use crate::components::notice::Outcome;
use crate::components::page_head::PageHead;

/// `/import`.
#[component]
pub fn ImportPage() -> impl IntoView {
    let import = ServerAction::<ImportDocument>::new();
    let pending = import.pending();
    let text = RwSignal::new(String::new());
    let file_name = RwSignal::new(String::new());
    let over = RwSignal::new(false);
    let read = move |file: web_sys::File| {
        file_name.set(file.name());
        let reading = file.text();
        spawn_local(async move {
            if let Ok(content) = JsFuture::from(reading).await {
                text.set(content.as_string().unwrap_or_default());
            }
        });
    };
    let chosen = move |event: ev::Event| {
        let input = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
        if let Some(file) = input.and_then(|input| input.files()?.get(0)) {
            read(file);
        }
    };
    let dropped = move |event: ev::DragEvent| {
        event.prevent_default();
        over.set(false);
        if let Some(file) = event.data_transfer().and_then(|data| data.files()?.get(0)) {
            read(file);
        }
    };
    let chosen_name = move || match file_name.get() {
        name if name.is_empty() => "or drop one here; it is read in your browser".to_owned(),
        name => name,
    };
    view! {
        <div class="page page--narrow">
            <PageHead title="Import"/>
            <p class="muted">"A runbook that was exported as YAML or JSON comes back as it was. Of Markdown, headings and prose become instructions, shell blocks become commands, and nothing of the text is lost. Look it over before you run it."</p>
            <Outcome action=import/>
            <ActionForm action=import attr:class="form">
                <input type="hidden" name="file_name" prop:value=file_name/>
                <label
                    class=move || if over.get() { "dropzone drop-target" } else { "dropzone" }
                    on:dragover=move |event| {
                        event.prevent_default();
                        over.set(true);
                    }
                    on:dragleave=move |_| over.set(false)
                    on:drop=dropped
                >
                    <Icon icon=icondata_lu::LuUpload class="icon--big"/>
                    <b>"Choose a file"</b>
                    <span>{chosen_name}</span>
                    <input type="file" accept=".yaml,.yml,.json,.md,.markdown,.txt,application/yaml,application/json,text/markdown,text/plain" on:change=chosen/>
                </label>
                <div class="field">
                    <label for="document">"YAML, JSON or Markdown"</label>
                    <textarea id="document" name="document" class="code" rows="16" required=true spellcheck="false" prop:value=text on:input:target=move |event| text.set(event.target().value())></textarea>
                </div>
                <div class="form__actions">
                    <button class="btn primary" disabled=pending><Icon icon=icondata_lu::LuUpload/>"Import as a runbook"</button>
                    <a class="btn" href="/runbooks">"Cancel"</a>
                </div>
            </ActionForm>
        </div>
    }
}
