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

/// The largest file that the server would take, in bytes.
const LARGEST: f64 = 1_048_576.0;

/// How it stands with the chosen file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reading {
    /// None was chosen.
    None,
    /// It is being read.
    Under(String),
    /// Its text is in the field.
    Done(String),
    /// Why it is not.
    Failed(String),
}

/// `/import`.
#[component]
pub fn ImportPage() -> impl IntoView {
    let import = ServerAction::<ImportDocument>::new();
    let pending = import.pending();
    let text = RwSignal::new(String::new());
    let file_name = RwSignal::new(String::new());
    let over = RwSignal::new(false);
    let reading = RwSignal::new(Reading::None);
    let read = move |file: web_sys::File| {
        let name = file.name();
        if file.size() > LARGEST {
            reading
                .set(Reading::Failed(format!("“{name}” is larger than 1 MiB, the most that can be imported. Nothing was read.")));
            return;
        }
        reading.set(Reading::Under(name.clone()));
        let content = JsFuture::from(file.text());
        spawn_local(async move {
            let content = content.await.ok().and_then(|content| content.as_string());
            // Another file may have been chosen meanwhile, or the page be gone.
            if reading.try_get_untracked() != Some(Reading::Under(name.clone())) {
                return;
            }
            reading.set(match content {
                None => {
                    Reading::Failed(format!("“{name}” cannot be read. It may be a folder, or changed since; choose it again."))
                }
                Some(content) if content.contains(['\0', '\u{fffd}']) => {
                    Reading::Failed(format!("“{name}” is no text in UTF-8. Save it as one, and choose it again."))
                }
                Some(content) => {
                    text.set(content);
                    file_name.set(name.clone());
                    Reading::Done(name)
                }
            });
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
    let said = move || {
        let text = match (pending.get(), reading.get()) {
            (true, _) => "Saving the runbook…".to_owned(),
            (false, Reading::Under(name)) => format!("Reading “{name}”…"),
            (false, Reading::Done(name)) => format!("Read “{name}”. Look it over below, then import it."),
            (false, Reading::Failed(why)) => return view! { <span class="bad-t">{why}</span> }.into_any(),
            (false, Reading::None) => return ().into_any(),
        };
        let busy = pending.get() || matches!(reading.get(), Reading::Under(_));
        view! { {busy.then(|| view! { <Icon icon=icondata_lu::LuLoaderCircle class="spin"/> })}<span>{text}</span> }.into_any()
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
                    <span>"or drop one here; it is read in your browser"</span>
                    // What is chosen a second time is read a second time: the browser tells of it only where nothing is chosen already.
                    <input type="file" accept=".yaml,.yml,.json,.md,.markdown,.txt,application/yaml,application/json,text/markdown,text/plain" on:change=chosen on:click:target=|event| event.target().set_value("")/>
                </label>
                // Always there, so that what comes into it is read aloud.
                <p class="row muted" role="status" aria-label="The file">{said}</p>
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
