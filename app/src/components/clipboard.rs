//! Puts text on the clipboard, also where the page came over plain http, and the button that does it.

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, HtmlDocument, HtmlElement, HtmlTextAreaElement};

use super::icon::Icon;
use super::toasts::use_toasts;

/// How long a button shows that it copied.
const SHOWN: Duration = Duration::from_secs(2);

/// Copies a text; whether the browser allowed it. Call it while a click is handled: later a browser may refuse.
pub fn copy(text: &str) -> impl Future<Output = bool> + use<> {
    // Over plain http there is no clipboard to write to, but what is selected can be copied.
    let writing = window().is_secure_context().then(|| window().navigator().clipboard().write_text(text));
    let copied = writing.is_none() && copy_selected(text);
    async move {
        match writing {
            Some(writing) => JsFuture::from(writing).await.is_ok(),
            None => copied,
        }
    }
}

/// Selects the text in a field that nobody sees, and copies it as the key would.
fn copy_selected(text: &str) -> bool {
    let page = document();
    let field = page.create_element("textarea").ok().and_then(|field| field.dyn_into::<HtmlTextAreaElement>().ok());
    // What is beside an open dialog cannot have the focus.
    let within = page.query_selector("dialog[open]").ok().flatten().or_else(|| page.body().map(Element::from));
    let (Some(field), Some(within)) = (field, within) else { return false };
    field.set_value(text);
    field.set_read_only(true);
    // In sight, so that nothing scrolls to it; it can only fail for a name that is none.
    for (name, value) in [("position", "fixed"), ("top", "0"), ("opacity", "0")] {
        drop(HtmlElement::style(&field).set_property(name, value));
    }
    if within.append_child(&field).is_err() {
        return false;
    }
    let focused = page.active_element().and_then(|element| element.dyn_into::<HtmlElement>().ok());
    drop(field.focus());
    field.select();
    let copied = page.dyn_into::<HtmlDocument>().is_ok_and(|page| page.exec_command("copy").unwrap_or_default());
    field.remove();
    if let Some(focused) = focused {
        drop(focused.focus());
    }
    copied
}

/// Copies a text that is made when it is asked for.
#[component]
pub fn CopyButton(
    /// The text.
    text: impl Fn() -> String + 'static,
    /// What it copies, for those who cannot see where it stands.
    #[prop(into, default = "Copy".to_owned())]
    label: String,
    /// What it does, on hover.
    #[prop(default = "Copy")]
    title: &'static str,
    /// Another drawing.
    #[prop(default = icondata_lu::LuCopy)]
    icon: icondata_core::Icon,
    /// One more class.
    #[prop(optional)]
    class: &'static str,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let toasts = use_toasts();
    let copy = move |_| {
        let copying = copy(&text());
        leptos::task::spawn_local(async move {
            if !copying.await {
                toasts.tell("The browser does not allow copying here: select the text and copy it by key.");
                return;
            }
            copied.try_set(true);
            set_timeout(move || _ = copied.try_set(false), SHOWN);
        });
    };
    let drawing = move || {
        if copied.get() {
            view! { <Icon icon=icondata_lu::LuCheck/> }
        } else {
            view! { <Icon icon=icon/> }
        }
    };
    let label = move || if copied.get() { "Copied".to_owned() } else { label.clone() };
    let class = format!("btn quiet small icon needs-script {class}");
    view! { <button type="button" class=class title=title aria-label=label on:click=copy>{drawing}</button> }
}
