//! The audit trail as people read it: what an entry says.

use domain::AuditAction;
use serde_json::Value;

/// An action in words: `runbook.rolled_back` → `Runbook rolled back`.
#[must_use]
pub fn words(action: AuditAction) -> String {
    capital(&action.as_str().replace(['.', '_'], " "))
}

/// A text that begins with a capital letter.
#[must_use]
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What an entry says beside who, what and when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// What people call the thing that was touched.
    pub name: Option<String>,
    /// What changed: the field, its value before and after.
    pub changes: Vec<(String, String, String)>,
    /// Everything else.
    pub facts: Vec<(String, String)>,
}

impl Told {
    /// Reads the detail of an entry.
    #[must_use]
    pub fn of(detail: &Value) -> Self {
        let Some(fields) = detail.as_object() else { return Self::default() };
        let name = ["title", "name", "username"].into_iter().find_map(|field| fields.get(field)?.as_str());
        let (before, after) = (fields.get("before"), fields.get("after"));
        let has_changes = after.is_some_and(Value::is_object);
        let side = |side: Option<&Value>, field: &str| side.and_then(|side| side.get(field)).map_or_else(none, text);
        let mut changed: Vec<&String> = Vec::new();
        for field in [before, after].into_iter().flatten().filter_map(Value::as_object).flat_map(|object| object.keys()) {
            if !changed.contains(&field) {
                changed.push(field);
            }
        }
        let changes = if has_changes {
            changed.into_iter().map(|field| (label(field), side(before, field), side(after, field))).collect()
        } else {
            Vec::new()
        };
        let facts = fields
            .iter()
            .filter(|(field, value)| {
                let told = ["before", "after"].contains(&field.as_str()) || after.is_some_and(|after| after.get(field).is_some());
                !(value.is_null() || has_changes && told)
            })
            .map(|(field, value)| (label(field), text(value)));
        Self { name: name.map(str::to_owned), changes, facts: facts.collect() }
    }
}

fn label(field: &str) -> String {
    field.replace('_', " ")
}

fn none() -> String {
    "–".to_owned()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => none(),
        Value::String(text) if text.is_empty() => none(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) if items.is_empty() => none(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(fields) if fields.is_empty() => none(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_action_is_a_sentence_without_a_subject() {
        assert_eq!(words(AuditAction::RunbookRolledBack), "Runbook rolled back");
    }

    #[test]
    fn a_change_shows_what_was_before_beside_what_is_after() {
        let told = Told::of(&json!({
            "name": "web-1", "force": true, "gone": null, "port": 2222,
            "before": { "port": 22, "tags": [] }, "after": { "port": 2222, "tags": ["db", "eu"], "user": "deploy" }
        }));
        let line = |field: &str, before: &str, after: &str| (field.to_owned(), before.to_owned(), after.to_owned());
        assert_eq!(told.name.as_deref(), Some("web-1"));
        assert_eq!(told.changes, [line("port", "22", "2222"), line("tags", "–", "db, eu"), line("user", "–", "deploy")]);
        assert_eq!(told.facts, [("name".to_owned(), "web-1".to_owned()), ("force".to_owned(), "yes".to_owned())]);
        assert_eq!(Told::of(&json!(null)), Told::default());
    }
}
