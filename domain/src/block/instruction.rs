//! Instruction: prose for a person.

use serde::Serialize;

use super::check_length;
use crate::Faults;
use crate::parse::Object;

/// Markdown to read, and perhaps to tick.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct InstructionBlock {
    /// Markdown (CommonMark).
    pub text: String,
    /// The run waits until a person ticks it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub acknowledge: bool,
}

impl InstructionBlock {
    pub(super) fn parse(config: &mut Object<'_>, faults: &mut Faults) -> Self {
        let text = config.required_text("text", faults);
        check_length(config.at("text"), &text, faults);
        Self { text, acknowledge: config.flag("acknowledge", faults) }
    }
}

/// A line of Markdown as a heading shows it: without the marks of headings, lists, quotes, emphasis, code and links.
///
/// For titles alone: what it takes for a mark may now and then have been meant as a character.
pub(super) fn without_marks(line: &str) -> String {
    let numbered = line.split_once(". ").filter(|(number, _)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    let mut rest = match numbered {
        Some((_, text)) => text,
        None => line.trim_start_matches(['#', '>', '-', '*', '+', ' ']),
    };
    rest = ["[ ] ", "[x] ", "[X] "].iter().find_map(|tick| rest.strip_prefix(tick)).unwrap_or(rest);

    let mut plain = String::with_capacity(rest.len());
    while let Some(at) = rest.find(['*', '_', '`', '[', '!', ']']) {
        plain.push_str(&rest[..at]);
        let mark = rest.as_bytes()[at];
        let after = &rest[at + 1..];
        // An underscore between two letters is part of a name.
        let is_inside_a_word = plain.ends_with(char::is_alphanumeric) && after.starts_with(char::is_alphanumeric);
        let stays = match mark {
            b'_' | b'*' => {
                (mark == b'_' && is_inside_a_word) || after.starts_with(' ') && (plain.is_empty() || plain.ends_with(' '))
            }
            b'!' => !after.starts_with('['),
            b'[' => !after.contains("]("),
            b']' => !after.starts_with('('),
            _ => false,
        };
        if stays {
            plain.push(char::from(mark));
        }
        let is_end_of_link = mark == b']' && after.starts_with('(');
        rest = match after.find(')') {
            Some(end) if is_end_of_link => &after[end + 1..],
            _ => after,
        };
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::without_marks;

    #[test]
    fn a_title_shows_no_marks() {
        for (line, title) in [
            ("## Check **the queue**", "Check the queue"),
            ("Tell **#ops** that you begin.", "Tell #ops that you begin."),
            ("- [ ] Run `kubectl get pods` _first_", "Run kubectl get pods first"),
            ("3. See [the wiki](https://example.org/a_b) and ![graph](x.png)", "See the wiki and graph"),
            ("> restart_queue is a name, 2 * 3 is 6", "restart_queue is a name, 2 * 3 is 6"),
            ("an [unfinished link", "an [unfinished link"),
            ("Wait! [x] stays", "Wait! [x] stays"),
            ("", ""),
        ] {
            assert_eq!(without_marks(line), title, "{line}");
        }
    }
}
