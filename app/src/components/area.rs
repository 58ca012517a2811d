//! What stands in a text area when its page comes from the server.

/// The text as the content of a `<textarea>`. Leptos writes it into the page as it is, where `</textarea>` would end it and what
/// follows would become part of the page; in the browser it is set as a text and means nothing.
pub fn area_text(text: impl Into<String>) -> String {
    let text = text.into();
    if !cfg!(feature = "ssr") {
        return text;
    }
    // The first line end after the tag is dropped by browsers (HTML, section 13.1.2.5): one that is meant gets another before it.
    let begins = if text.starts_with('\n') { "\n" } else { "" };
    format!("{begins}{}", text.replace('&', "&amp;").replace('<', "&lt;"))
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_the_area_that_it_stands_in() {
        assert_eq!(area_text("</textarea><b>&amp;"), "&lt;/textarea>&lt;b>&amp;amp;");
        assert_eq!(area_text("\na\n"), "\n\na\n");
    }
}
