//! Markdown as HTML: rendered and cleaned on the server, so that the browser needs neither a parser nor trust.

use leptos::prelude::*;

/// Clean HTML, made by this module on the server.
#[component]
pub fn Prose(
    /// The HTML.
    #[prop(into)]
    html: Signal<String>,
) -> impl IntoView {
    view! { <div class="prose" inner_html=html></div> }
}

#[cfg(feature = "ssr")]
pub(crate) mod server {
    use domain::{Block, BlockId, BlockKind};
    use pulldown_cmark::{Options, Parser, html};

    /// The instructions among the blocks, nested ones included, as clean HTML.
    pub fn render_blocks(blocks: &[Block]) -> Vec<(BlockId, String)> {
        blocks
            .iter()
            .flat_map(Block::with_nested)
            .filter_map(|block| match &block.kind {
                BlockKind::Instruction(instruction) => Some((block.id, render(&instruction.text))),
                _ => None,
            })
            .collect()
    }

    /// CommonMark with tables and task lists as clean HTML.
    pub fn render(markdown: &str) -> String {
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
        let mut unclean = String::new();
        html::push_html(&mut unclean, Parser::new_ext(markdown, options));
        // What a task list is made of: boxes that show, and take no input.
        let mut cleaner = ammonia::Builder::default();
        cleaner
            .add_tags(["input"])
            .set_tag_attribute_value("input", "type", "checkbox")
            .set_tag_attribute_value("input", "disabled", "");
        cleaner.add_tag_attribute_values("input", "checked", [""]);
        cleaner.clean(&unclean).to_string()
    }

    #[cfg(test)]
    mod tests {
        use super::render;

        #[test]
        fn hostile_markup_does_not_get_through() {
            let html = render("# Hi\n\n<script>alert(1)</script> <img src=x onerror=alert(1)>\n\n[x](javascript:alert(1))");
            for trace in ["<script", "onerror", "javascript:"] {
                assert!(!html.contains(trace), "{html}");
            }
            assert!(html.contains("<h1>Hi</h1>"), "{html}");
        }

        #[test]
        fn task_lists_have_boxes_that_nobody_can_type_into() {
            let html = render("- [x] done\n- [ ] open\n\n<input type=\"text\" name=\"password\" autofocus onfocus=\"x\">");
            assert_eq!(html.matches("type=\"checkbox\"").count(), 3, "{html}");
            assert_eq!(html.matches("disabled").count(), 3, "{html}");
            assert_eq!(html.matches("checked").count(), 1, "{html}");
            for trace in ["text\"", "name", "autofocus", "onfocus"] {
                assert!(!html.contains(trace), "{html}");
            }
        }
    }
}
