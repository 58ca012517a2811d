//! Runbooks as files: YAML and JSON hold all of one and read back equal; Markdown is for reading.

mod markdown;
#[cfg(feature = "yaml")]
mod read_yaml;
mod write_yaml;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::RunbookDraft;
#[cfg(feature = "yaml")]
use crate::{Faults, import};

/// How a runbook is written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Format {
    /// All of it, for people and version control.
    #[default]
    Yaml,
    /// All of it, for programs.
    Json,
    /// A page to read or to print. Read back, its prose and its shell scripts become blocks.
    Markdown,
}

impl Format {
    /// Every format, the one to offer first at first.
    pub const ALL: [Self; 3] = [Self::Yaml, Self::Json, Self::Markdown];

    /// The word for it in addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Markdown => "markdown",
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Yaml => "YAML",
            Self::Json => "JSON",
            Self::Markdown => "Markdown",
        }
    }

    /// How the names of such files end.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Markdown => "md",
        }
    }

    /// Its media type (RFC 9512, RFC 8259, RFC 7763).
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Yaml => "application/yaml",
            Self::Json => "application/json",
            Self::Markdown => "text/markdown; charset=utf-8",
        }
    }

    /// What a document is, by the name of its file, else by how it begins and what it holds.
    #[must_use]
    pub fn of(text: &str, file_name: Option<&str>) -> Self {
        let extension = file_name.and_then(|name| name.rsplit_once('.')).map(|(_, end)| end.to_ascii_lowercase());
        match extension.as_deref() {
            Some("yaml" | "yml") => return Self::Yaml,
            Some("json") => return Self::Json,
            Some("md" | "markdown") => return Self::Markdown,
            _ => {}
        }
        let has_key = |key: &str| text.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
        if text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
            Self::Json
        } else if has_key("title") && has_key("blocks") {
            Self::Yaml
        } else {
            Self::Markdown
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is the name of no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a format is yaml, json or markdown")]
pub struct NoFormat;

impl FromStr for Format {
    type Err = NoFormat;

    fn from_str(text: &str) -> Result<Self, NoFormat> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or(NoFormat)
    }
}

/// A runbook as a file.
#[must_use]
pub fn write(draft: &RunbookDraft, format: Format) -> String {
    match format {
        Format::Yaml => write_yaml::document(&value(draft)),
        Format::Json => serde_json::to_string_pretty(&value(draft)).unwrap_or_default() + "\n",
        Format::Markdown => markdown::document(draft),
    }
}

/// The name of a runbook's file: `restart-the-queue.yaml`.
#[must_use]
pub fn file_name(title: &str, format: Format) -> String {
    let mut name = String::new();
    for c in title.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
        if name.len() >= 60 {
            break;
        }
    }
    let name = name.trim_end_matches('-');
    format!("{}.{}", if name.is_empty() { "runbook" } else { name }, format.extension())
}

/// Reads a file. Markdown without a title gets `fallback_title`.
///
/// # Errors
/// Every fault with its path, in YAML with its line too. What is no YAML or JSON at all is a fault at `$.yaml` or `$.json` that says
/// where it stops being one.
#[cfg(feature = "yaml")]
pub fn read(text: &str, format: Format, fallback_title: &str) -> Result<RunbookDraft, Faults> {
    match format {
        Format::Yaml => {
            let value = read_yaml::value(text)?;
            RunbookDraft::parse(&value).map_err(|faults| read_yaml::with_lines(faults, text))
        }
        Format::Json => {
            let text = text.trim_start_matches('\u{feff}');
            let value: Value = serde_json::from_str(text).map_err(|error| {
                let what = error.to_string();
                let what = what.split(" at line ").next().unwrap_or_default();
                Faults::one("$.json", format!("line {}, column {}: {what}", error.line(), error.column()))
            })?;
            RunbookDraft::parse(&value)
        }
        Format::Markdown => {
            let imported = import::markdown(text, fallback_title)?;
            Ok(RunbookDraft {
                title: imported.title,
                description: imported.description,
                tags: imported.tags,
                blocks: imported.blocks,
                ..RunbookDraft::default()
            })
        }
    }
}

/// What a file holds: nothing that is empty, so that it reads like what a person wrote.
fn value(draft: &RunbookDraft) -> Value {
    let mut all = Map::new();
    let parts = [
        ("title", serde_json::to_value(&draft.title)),
        ("description", serde_json::to_value(&draft.description)),
        ("tags", serde_json::to_value(&draft.tags)),
        ("parameters", serde_json::to_value(&draft.parameters)),
        ("blocks", serde_json::to_value(&draft.blocks)),
    ];
    for (key, value) in parts {
        let value = value.unwrap_or_default();
        let is_empty = value.as_str().is_some_and(str::is_empty) || value.as_array().is_some_and(Vec::is_empty);
        if !is_empty || key == "blocks" {
            all.insert(key.to_owned(), value);
        }
    }
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_known_by_its_name_or_by_what_it_holds() {
        for (name, text, format) in [
            (Some("a.YML"), "# x", Format::Yaml),
            (Some("a.json"), "# x", Format::Json),
            (Some("a.md"), "{", Format::Markdown),
            (Some("notes.txt"), "# x", Format::Markdown),
            (None, " {\"title\": 1}", Format::Json),
            (None, "# A comment\ntitle: x\nblocks:\n  - type: timer\n", Format::Yaml),
            (None, "---\ntitle: x\n---\n# Text\n", Format::Markdown),
            (None, "", Format::Markdown),
        ] {
            assert_eq!(Format::of(text, name), format, "{name:?} {text:?}");
        }
    }

    #[test]
    fn the_name_of_a_file_is_made_of_letters_digits_and_dashes() {
        for (title, name) in [
            ("Restart the queue", "restart-the-queue.yaml"),
            ("../../etc/passwd \"x\"\r\n", "etc-passwd-x.yaml"),
            ("日本語", "runbook.yaml"),
            ("--", "runbook.yaml"),
        ] {
            assert_eq!(file_name(title, Format::Yaml), name);
        }
        assert_eq!(file_name(&"ab ".repeat(100), Format::Markdown).len(), 62);
    }
}
