//! Hostile names and ids in every place that the OpenAPI document names: paths, queries, members of bodies.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::tally::Tally;
use crate::studio::{Client, Studio};

/// Calls that would lock out the caller, or that never end.
const LEFT_OUT: [(&str, &str); 4] = [
    ("post", "/users/logout"),
    ("put", "/users/me/password"),
    ("delete", "/users/me/sessions"),
    ("get", "/executions/{job_id}/events"),
];
/// An id of nothing.
const NOTHING: &str = "00000000-0000-7000-8000-000000000000";
/// Members that name a person or a machine: nothing hostile may become one.
const NAMES: [&str; 6] = ["username", "name", "address", "user", "host", "interpreter"];

/// What is tried everywhere.
fn hostile() -> Vec<String> {
    let texts = [
        "",
        "-rf",
        "--help",
        "..",
        "../../etc/passwd",
        "..%2f..%2fetc",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "a b",
        "a\nb",
        "a\rb",
        "a\u{1}b",
        "a\tb",
        "'",
        "\"",
        "' OR 1=1 --",
        "\"; DROP TABLE run; --",
        "$(touch pwned)",
        "`id`",
        ";id",
        "|id",
        "&id",
        "{{7*7}}",
        "${7*7}",
        "#{7*7}",
        "%00",
        "%0a",
        "%",
        "%zz",
        "%ff%fe",
        "<script>alert(1)</script>",
        "javascript:alert(1)",
        "\u{202e}txt",
        "\u{0}",
        "a\u{0}b",
        "\u{feff}",
        "\u{200b}",
        "null",
        "undefined",
        "NaN",
        "-1",
        "0",
        "1e309",
        "9223372036854775808",
        "99999999999999999999999999",
        "true",
        "[]",
        "{}",
        "*",
        "?",
        "user:⟨x⟩",
        "run:1",
        "@/etc/passwd",
        "file:///etc/passwd",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "CON",
        "local ",
    ];
    let mut all: Vec<String> = texts.map(str::to_owned).into();
    all.extend(["a".repeat(300), "\u{1f480}".repeat(200), "../".repeat(100), "%2e%2e%2f".repeat(50), "9".repeat(400)]);
    all
}

/// Values of other kinds than a member has.
fn other_kinds() -> Vec<Value> {
    let mut deep = json!("x");
    for _ in 0..100 {
        deep = json!([deep]);
    }
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!([]),
        json!({}),
        json!([[]]),
        json!({ "$ref": "#" }),
        deep,
    ]
}

pub fn play(studio: &Studio) -> Result<Tally> {
    let mut tally = Tally::new("names and ids");
    let client = studio.client();
    let document = client.call("GET", "/openapi.json", None)?.expect(200)?.json()?;
    for (path, operations) in document["paths"].as_object().context("a document without paths")? {
        for (method, operation) in operations.as_object().context("a path without operations")? {
            if !LEFT_OUT.contains(&(method.as_str(), path.as_str())) {
                call(&client, &document, (method, path), operation, &mut tally);
            }
        }
    }
    // Whoever attacked is still who they were.
    let me = client.call("GET", "/users/me", None)?;
    tally.count("after all of it, /users/me", &Ok(me), true);
    Ok(tally)
}

fn call(client: &Client, document: &Value, (method, path): (&str, &str), operation: &Value, tally: &mut Tally) {
    let verb = method.to_uppercase();
    let body = operation["requestBody"]["content"]["application/json"]["schema"].as_object();
    let sample = body.map(|schema| sample(document, &Value::Object(schema.clone()), 0));
    let plain = fill(path, None, NOTHING);
    let mut send = |what: String, path: &str, body: Option<&Value>, may_be_taken: bool| {
        tally.count(&format!("{verb} {what}"), &client.call(&verb, path, body), may_be_taken);
    };
    for name in names_in(path) {
        for text in hostile() {
            // A path without its last part, or with dots that clients resolve, is another call.
            if !text.is_empty() && text != ".." {
                send(format!("{path} with {name} = {text:?}"), &fill(path, Some(name), &encode(&text)), sample.as_ref(), false);
            }
        }
    }
    for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "query") {
        let name = parameter["name"].as_str().unwrap_or_default();
        for text in hostile() {
            let address = format!("{plain}?{name}={}", encode(&text));
            send(format!("{path}?{name}={text:?}"), &address, sample.as_ref(), true);
        }
    }
    let Some(Value::Object(sample)) = sample else { return };
    for member in sample.keys() {
        let values = hostile().into_iter().map(Value::from).chain(other_kinds());
        for value in values {
            let names_something = NAMES.contains(&member.as_str()) && is_dangerous(&value) && !is_label(path);
            let mut body = sample.clone();
            body.insert(member.clone(), value.clone());
            let what = format!("{path} with {member} = {}", value.to_string().chars().take(60).collect::<String>());
            send(what, &plain, Some(&Value::Object(body)), !names_something);
        }
    }
    let mut body = sample;
    body.insert("__proto__".to_owned(), json!({ "role": "admin" }));
    send(format!("{path} with a member that nobody knows"), &plain, Some(&Value::Object(body)), false);
}

/// Names that are shown only: any line may be one.
fn is_label(path: &str) -> bool {
    path == "/credentials" || path.contains("api-keys")
}

/// What a tool would take for an option or a path, or that ends a line.
fn is_dangerous(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with('-') || text.contains(['/', '\n', '\0', '\r']) || text.contains(".."))
}

/// `{id}` and its like.
fn names_in(path: &str) -> Vec<&str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect()
}

/// The path with one of its names replaced, the others by an id of nothing.
fn fill(path: &str, name: Option<&str>, text: &str) -> String {
    let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(inner) if name.is_none_or(|name| name == inner) => text.to_owned(),
        Some(_) => NOTHING.to_owned(),
        None => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Percent-encoded; what is encoded already stays, so that both are tried.
fn encode(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte);
    text.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The smallest right thing of a schema, as far as the document says.
fn sample(document: &Value, schema: &Value, depth: usize) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return if depth > 6 { Value::Null } else { sample(document, &document["components"]["schemas"][name], depth + 1) };
    }
    if let Some(first) =
        ["oneOf", "anyOf", "allOf"].iter().find_map(|key| schema[*key].as_array()?.iter().find(|one| one["type"] != "null"))
    {
        return sample(document, first, depth + 1);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|words| words.first()) {
        return first.clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("object") if schema["properties"].is_object() => {
            let members = schema["properties"].as_object().into_iter().flatten();
            members.map(|(name, schema)| (name.clone(), sample(document, schema, depth + 1))).collect::<Map<_, _>>().into()
        }
        Some("object") => json!({}),
        Some("array") => json!([]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(false),
        _ if schema["format"] == "uuid" => json!(NOTHING),
        _ if schema["maxLength"] == 0 => json!(""),
        _ => json!("plain"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_made_of_what_the_document_says() {
        let document = json!({ "components": { "schemas": { "A": { "type": "object", "properties": {
            "id": { "type": "string", "format": "uuid" }, "n": { "type": ["integer", "null"] }, "kind": { "enum": ["x", "y"] },
        } } } } });
        let made = sample(&document, &json!({ "$ref": "#/components/schemas/A" }), 0);
        assert_eq!(made, json!({ "id": NOTHING, "n": 1, "kind": "x" }));
        assert_eq!(fill("/a/{id}/b/{n}", Some("n"), "x"), format!("/a/{NOTHING}/b/x"));
        assert_eq!(encode("a b%2f\n"), "a%20b%2f%0A");
    }
}
