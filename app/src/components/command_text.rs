//! Commands with a little colour, and a button that copies them.

use leptos::prelude::*;

use super::clipboard::CopyButton;

/// A command, highlighted, with its copy button.
#[component]
pub fn CommandText(
    /// The command.
    text: String,
) -> impl IntoView {
    let pieces = highlight(&text)
        .into_iter()
        .map(|(class, piece)| {
            let piece = piece.to_owned();
            if class.is_empty() { piece.into_any() } else { view! { <span class=class>{piece}</span> }.into_any() }
        })
        .collect_view();
    view! {
        <div class="command">
            <pre tabindex="0"><code>{pieces}</code></pre>
            <CopyButton text=move || text.clone() class="command__copy"/>
        </div>
    }
}

const KEYWORDS: [&str; 16] =
    ["if", "then", "else", "elif", "fi", "for", "in", "do", "done", "while", "until", "case", "esac", "function", "sudo", "exec"];

/// Cuts a shell script into pieces, each with its class; the pieces put together are the script.
fn highlight(text: &str) -> Vec<(&'static str, &str)> {
    let mut pieces: Vec<(&'static str, &str)> = Vec::new();
    let mut rest = text;
    let mut word_begins = true;
    while let Some(first) = rest.chars().next() {
        let (class, length) = match first {
            '#' if word_begins => ("hl-cmt", rest.find('\n').unwrap_or(rest.len())),
            '\'' => ("hl-str", quoted(rest, '\'')),
            '"' => ("hl-str", quoted(rest, '"')),
            '{' if rest.starts_with("{{") => ("hl-var", rest.find("}}").map_or(rest.len(), |end| end + 2)),
            '$' => ("hl-var", variable(rest)),
            '-' if word_begins => ("hl-flag", word(rest)),
            _ if word_begins && (first.is_alphanumeric() || first == '_') => {
                let length = word(rest);
                let text = &rest[..length];
                let class = if KEYWORDS.contains(&text) {
                    "hl-kw"
                } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
                    "hl-num"
                } else {
                    ""
                };
                (class, length)
            }
            _ => ("", first.len_utf8()),
        };
        let (piece, after) = rest.split_at(length);
        word_begins = piece.ends_with(|c: char| c.is_whitespace() || ";|&(".contains(c));
        match pieces.last_mut() {
            Some((last, whole)) if *last == class && class.is_empty() => {
                let begin = text.len() - rest.len() - whole.len();
                *whole = &text[begin..text.len() - after.len()];
            }
            _ => pieces.push((class, piece)),
        }
        rest = after;
    }
    pieces
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return index + quote.len_utf8();
        }
        escaped = c == '\\' && quote == '"' && !escaped;
    }
    text.len()
}

fn variable(text: &str) -> usize {
    if text.starts_with("${") {
        return text.find('}').map_or(text.len(), |end| end + 1);
    }
    1 + text[1..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len() - 1)
}

fn word(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace() || "\"'`$;|&(){}<>=".contains(c)).unwrap_or(text.len()).max(1)
}

#[cfg(test)]
mod tests {
    use super::highlight;

    #[test]
    fn the_pieces_make_the_whole() {
        for text in
            ["", "pg_ctl -D '/var' promote # now\necho \"$HOME\" ${X} {{ params.db }} 12 é", "echo 'open", "$", "\"a\\\"b\" c"]
        {
            assert_eq!(highlight(text).into_iter().map(|(_, piece)| piece).collect::<String>(), text);
        }
    }

    #[test]
    fn flags_strings_and_comments_are_told_apart() {
        let pieces = highlight("ls -l 'a b' # why");
        assert_eq!(pieces, [("", "ls "), ("hl-flag", "-l"), ("", " "), ("hl-str", "'a b'"), ("", " "), ("hl-cmt", "# why")]);
    }
}
