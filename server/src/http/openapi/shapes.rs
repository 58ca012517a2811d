//! Small schemas (JSON Schema 2020-12) that others are made of.

use domain::pattern;
use serde_json::{Map, Value, json};

/// A schema of the document.
pub fn refer(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A text, and what it is.
pub fn text(what: &str) -> Value {
    json!({ "type": "string", "pattern": pattern::TEXT, "description": what })
}

/// One of some words.
pub fn words(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

/// What fits both patterns; the wider one stands first, for those who read one only.
pub fn both([exact, rough]: [&str; 2]) -> Value {
    json!({ "type": "string", "pattern": rough, "allOf": [{ "pattern": exact }] })
}

/// Exactly one of some shapes.
pub fn one_of(shapes: &[Value]) -> Value {
    json!({ "oneOf": shapes })
}

/// An object whose values are texts, or numbers and truths that are taken as such.
pub fn pairs(names: &Value, values: &str) -> Value {
    json!({ "type": "object", "propertyNames": names,
        "additionalProperties": { "type": ["string", "number", "boolean"], "pattern": values } })
}

/// An object that a person writes: what must be there, what may, and nothing else. `null` stands for what is not there.
pub fn written(required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let mut properties = Map::new();
    properties.extend(required.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())));
    properties.extend(optional.iter().map(|(name, schema)| ((*name).to_owned(), or_null(schema.clone()))));
    let required: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

/// The same, or `null`.
pub fn or_null(mut schema: Value) -> Value {
    match schema.get_mut("type") {
        Some(Value::Array(kinds)) => kinds.push("null".into()),
        Some(kind) => *kind = json!([kind.take(), "null"]),
        None => {
            // Without any rule it is `null` too.
            let is_ruled = ["$ref", "allOf", "anyOf", "oneOf"].iter().any(|key| schema.get(key).is_some());
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            let mut schema = if is_ruled { json!({ "anyOf": [schema, { "type": "null" }] }) } else { schema };
            if let Some(description) = description {
                schema["description"] = description;
            }
            return schema;
        }
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_stands_for_what_is_not_there() {
        for (schema, expected) in [
            (json!({ "type": "string" }), json!({ "type": ["string", "null"] })),
            (json!({ "type": ["string", "number"] }), json!({ "type": ["string", "number", "null"] })),
            (words(&["a"]), json!({ "type": ["string", "null"], "enum": ["a", null] })),
            (refer("Block"), json!({ "anyOf": [refer("Block"), { "type": "null" }] })),
            (json!({ "description": "Anything." }), json!({ "description": "Anything." })),
        ] {
            assert_eq!(or_null(schema), expected);
        }
    }
}
