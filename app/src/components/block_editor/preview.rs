//! What a block would do with the defaults and samples of the parameters, as the engine's own templates say: the server is asked.

use std::time::Duration;

use domain::BlockPreview;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::EditorState;
use crate::api::preflight::preview_blocks;
use crate::components::icon::Icon;
use crate::state::asked::Asked;
use crate::state::{places, where_to};

/// How long a draft stays as it is before the server is asked.
const PAUSE: Duration = Duration::from_millis(250);
/// How many blocks it is asked about at once.
const MOST: usize = 200;

/// Keeps the previews in step with the draft.
pub fn follow(state: EditorState) {
    let asked = StoredValue::new(Asked::default());
    let busy = StoredValue::new(false);
    let soon = StoredValue::new(None::<TimeoutHandle>);
    Effect::new(move |_| {
        state.draft.track();
        if let Some(before) = soon.get_value() {
            before.clear();
        }
        soon.set_value(set_timeout_with_handle(move || ask(state, asked, busy), PAUSE).ok());
    });
}

fn ask(state: EditorState, asked: StoredValue<Asked>, busy: StoredValue<bool>) {
    // While an answer is on its way nothing is asked: it is asked again when that is there.
    if busy.try_get_value().unwrap_or(true) {
        return;
    }
    let news = |asked: &mut Asked| state.draft.try_with_untracked(|draft| asked.news(draft, MOST)).flatten();
    let Some(question) = asked.try_update_value(news).flatten() else { return };
    busy.set_value(true);
    spawn_local(async move {
        let answer = preview_blocks(question.title, question.blocks, question.parameters).await;
        if busy.try_set_value(false).is_some() {
            // The page is gone.
            return;
        }
        match answer {
            Ok(found) => {
                for (key, found) in question.keys.into_iter().zip(found) {
                    state.preview(key).set(Some(found));
                }
                ask(state, asked, busy);
            }
            Err(_) => asked.update_value(|asked| asked.forget(&question.keys)),
        }
    });
}

/// The line below the fields of a block.
#[component]
pub fn Preview(
    /// The editor.
    state: EditorState,
    /// The block.
    key: u64,
) -> impl IntoView {
    let answer = state.preview(key);
    // Of a block that holds no templates any more nothing is asked, and what was answered counts no more.
    let preview = Memo::new(move |_| answer.get().filter(|_| state.mark(key).templated));
    let names =
        Memo::new(move |_| places::listed(&state.mark(key).host).iter().map(|place| where_to::called(place)).collect::<Vec<_>>());
    move || {
        preview.get().and_then(|preview| match preview {
            BlockPreview::AsWritten => None,
            BlockPreview::Resolved { text, raw } => Some(
                view! {
                    <div class="preview">
                        <p class="muted">{move || where_to::on("Would run", &names.get())}{raw.then_some(", some values unquoted (raw)")}":"</p>
                        <code>{text}</code>
                    </div>
                }
                .into_any(),
            ),
            BlockPreview::Later { names } => {
                let hint = if names.iter().any(|name| name.starts_with("params.")) { " Type a sample under Parameters to see it." } else { "" };
                let text = format!("Needs {}: known only when it runs.{hint}", names.join(", "));
                Some(view! { <p class="field__hint">{text}</p> }.into_any())
            }
            BlockPreview::Wrong { sentence } => Some(
                view! {
                    <p class="field__warning"><Icon icon=icondata_lu::LuTriangleAlert/><span>{format!("It would fail: {sentence}")}</span></p>
                }
                .into_any(),
            ),
        })
    }
}
