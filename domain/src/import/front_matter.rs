//! The YAML front matter of a Markdown document: what a runbook has a place for, and the rest as text.
//!
//! Not a YAML parser: a line that is not plainly `key: value` is kept as text rather than guessed at.

/// What was found between the two `---` lines.
#[derive(Debug, Default)]
pub(super) struct FrontMatter {
    pub title: Option<String>,
    pub description: Option<String>,
    pub tags: Vec<String>,
    /// The lines that became neither title nor description.
    pub rest: String,
}

/// How many tags are read.
const MAX_TAGS: usize = 100;

/// Splits a document into its front matter and its body; a document without one is all body.
pub(super) fn split(source: &str) -> (FrontMatter, &str) {
    let whole = || (FrontMatter::default(), source);
    let Some(inner) = source.split_once('\n').filter(|(first, _)| first.trim_end() == "---").map(|(_, rest)| rest) else {
        return whole();
    };
    let mut at = 0;
    let mut lines = Vec::new();
    for line in inner.split_inclusive('\n') {
        at += line.len();
        if matches!(line.trim_end(), "---" | "...") {
            return (read(&lines), &inner[at..]);
        }
        if !is_yaml(line) {
            break;
        }
        lines.push(line.trim_end());
    }
    whole()
}

/// Whether a line may belong to a mapping; prose between two rules does not.
fn is_yaml(line: &str) -> bool {
    let text = line.trim_end();
    let is_key = |key: &str| !key.is_empty() && !key.contains(char::is_whitespace);
    text.is_empty()
        || text.starts_with([' ', '\t', '#', ']', '}'])
        || text == "-"
        || text.starts_with("- ")
        || text.split_once(':').is_some_and(|(key, value)| is_key(key) && (value.is_empty() || value.starts_with([' ', '\t'])))
}

fn read(lines: &[&str]) -> FrontMatter {
    let mut found = FrontMatter::default();
    let mut rest = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let goes_on = lines.get(index + 1).is_some_and(|next| next.starts_with([' ', '\t']));
        let value = line.split_once(':').map_or("", |(_, value)| value.trim());
        let taken = match line.split_once(':').map(|(key, _)| key) {
            Some("title") if !goes_on && found.title.is_none() => {
                found.title = scalar(value).filter(|title| title.chars().count() <= super::MAX_NAME);
                found.title.is_some()
            }
            Some("description") if !goes_on && found.description.is_none() => {
                found.description = scalar(value);
                found.description.is_some()
            }
            Some("tags") => {
                found.tags = tags(value, &lines[index + 1..]);
                false
            }
            _ => false,
        };
        if !taken {
            rest.push(*line);
        }
    }
    found.rest = rest.join("\n").trim_matches('\n').to_owned();
    found
}

/// A value on one line, without its quotation marks; nothing where YAML would read it in another way.
fn scalar(value: &str) -> Option<String> {
    let text = if let Some(inner) = quoted(value, '\'') {
        inner.replace("''", "'")
    } else if let Some(inner) = quoted(value, '"') {
        let plain = inner.replace("\\\"", "").replace("\\\\", "");
        if plain.contains(['\\', '"']) {
            return None;
        }
        inner.replace("\\\"", "\"").replace("\\\\", "\\")
    } else if value.starts_with(['|', '>', '[', '{', '\'', '"', '&', '*', '!', '#']) || value.contains(" #") {
        return None;
    } else {
        value.to_owned()
    };
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn quoted(value: &str, mark: char) -> Option<&str> {
    value.strip_prefix(mark)?.strip_suffix(mark)
}

/// `[a, b]`, `a, b`, or the `- a` lines that follow.
fn tags(value: &str, following: &[&str]) -> Vec<String> {
    let listed: Vec<&str> = if value.is_empty() {
        following.iter().map_while(|line| line.trim_start().strip_prefix("- ")).collect()
    } else {
        value.trim_start_matches('[').trim_end_matches(']').split(',').collect()
    };
    let mut tags: Vec<String> = Vec::new();
    // Far more than a runbook may have: those are refused later, one by one not.
    for tag in listed.into_iter().take(MAX_TAGS).filter_map(|tag| scalar(tag.trim())) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}
