//! The OpenAPI document, generated from the handlers, and the page that shows it with assets from the binary.
//!
//! utoipa makes it of the types of the handlers; what no type says (limits, patterns, the shapes of what the domain reads by itself,
//! what every call may answer) is added here, with the domain's own numbers.

mod answers;
mod blocks;
mod bodies;
mod shapes;

use axum::Router;
use domain::{AuditAction, pattern};
use serde_json::{Map, Value, json};
use service::MAX_REQUEST_KEY;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use super::extract::LARGEST_PAGE;
use super::{AppState, rest};

#[derive(OpenApi)]
#[openapi(
    info(title = "Runbook Studio", description = "Write runbooks, run them, watch them live. Errors are RFC 9457 problems."),
    servers((url = "/api/v1")),
    security(("key" = [])),
    modifiers(&Key)
)]
struct Document;

struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-KEY")));
        document.components.get_or_insert_default().add_security_scheme("key", key);
    }
}

/// The calls, to be put under `/api/v1`, and the routes that document them, absolute.
pub fn split() -> (Router<AppState>, Router<AppState>) {
    let (calls, document) = OpenApiRouter::with_openapi(Document::openapi()).merge(rest::routes()).split_for_parts();
    let document = serde_json::to_value(document).map(complete).unwrap_or_default();
    (calls, SwaggerUi::new("/api/docs").external_url_unchecked("/api/v1/openapi.json", document).into())
}

/// Adds what the types do not say.
fn complete(mut document: Value) -> Value {
    let schemas = &mut document["components"]["schemas"];
    for (name, schema) in blocks::schemas().into_iter().chain(bodies::schemas()) {
        schemas[name] = schema;
    }
    let actions: Vec<&str> = AuditAction::ALL.iter().map(|action| action.as_str()).collect();
    schemas["AuditAction"] = json!({ "type": "string", "description": "What was done.", "enum": actions });
    for (name, field, more) in bodies::fields() {
        merge(&mut schemas[name]["properties"][field], more);
    }
    for (name, more) in bodies::rules() {
        merge(&mut schemas[name], more);
    }
    let blocks =
        json!({ "type": "array", "items": { "allOf": [{ "$ref": "#/components/schemas/Block" }, { "required": ["id"] }] } });
    merge(&mut schemas["RunbookRead"]["properties"]["blocks"], blocks);
    merge(&mut schemas["AuditRead"]["properties"]["action"], json!({ "$ref": "#/components/schemas/AuditAction" }));
    for item in document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
            let name = name(operation);
            for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
                describe_parameter(parameter);
            }
            describe_texts(operation);
            answers::complete(operation);
            answers::link(&name, operation);
            operation.insert("operationId".to_owned(), name.into());
        }
    }
    document
}

/// `runbooks_list` and `executions_list`, not `list` twice: generators make function names of them.
fn name(operation: &Map<String, Value>) -> String {
    let tags = operation.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let name = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
    tags.chain([name]).collect::<Vec<_>>().join("_")
}

/// What a parameter holds, by its name: they mean the same everywhere.
fn describe_parameter(parameter: &mut Value) {
    let name = parameter["name"].as_str().unwrap_or_default().to_owned();
    let is_text = parameter["schema"]["type"] == "string" && parameter["schema"].get("format").is_none();
    let more = match (parameter["in"].as_str().unwrap_or_default(), name.as_str()) {
        ("query", "limit") => json!({ "minimum": 1, "maximum": LARGEST_PAGE }),
        ("query", "action") => json!({ "anyOf": [{ "$ref": "#/components/schemas/AuditAction" }, { "maxLength": 0 }] }),
        ("query", "head") => json!({ "pattern": pattern::AUDIT_HEAD }),
        ("query", _) if is_text => json!({ "pattern": pattern::TEXT }),
        ("path", "n") => json!({ "minimum": 1 }),
        // A header is there or not: it is never `null`.
        ("header", "If-Match") => json!({ "type": "string", "pattern": r#"^(?:\*|"[0-9]{1,9}"|[0-9]{1,9})$"# }),
        ("header", "Idempotency-Key") => {
            json!({ "type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": MAX_REQUEST_KEY })
        }
        _ => return,
    };
    merge(&mut parameter["schema"], more);
}

/// A body of a text type is a text, whatever it holds.
fn describe_texts(operation: &mut Map<String, Value>) {
    let content = operation.get_mut("requestBody").and_then(|body| body["content"].as_object_mut());
    for (_, content) in content.into_iter().flatten().filter(|(kind, _)| kind.starts_with("text/")) {
        content["schema"] = json!({ "minLength": 1, "pattern": pattern::NOT_BLANK, "description": "The document as it is." });
    }
}

fn merge(schema: &mut Value, more: Value) {
    if let (Value::Object(schema), Value::Object(more)) = (schema, more) {
        schema.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn made() -> Value {
        let router = OpenApiRouter::with_openapi(Document::openapi()).merge(rest::routes());
        serde_json::to_value(router.into_openapi()).expect("JSON")
    }

    fn operations(document: &Value) -> Vec<(String, Value)> {
        let items = document["paths"].as_object().expect("paths");
        let calls = items.iter().flat_map(|(path, item)| {
            item.as_object().expect("calls").iter().map(move |(method, call)| (format!("{method} {path}"), call.clone()))
        });
        calls.collect()
    }

    #[test]
    fn what_is_added_is_added_to_something() {
        let document = made();
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        for (name, field, _) in bodies::fields() {
            assert!(schemas[name]["properties"][field].is_object(), "{name}.{field}");
        }
        for (name, _) in bodies::rules() {
            assert!(schemas.contains_key(name), "{name}");
        }
        let document = complete(document);
        let names: BTreeSet<_> =
            operations(&document).iter().map(|(_, call)| call["operationId"].as_str().expect("a name").to_owned()).collect();
        assert_eq!(names.len(), operations(&document).len(), "two calls have one name");
        for name in answers::linked() {
            assert!(names.contains(name), "a link names {name}");
        }
    }

    #[test]
    fn every_name_that_is_referred_to_is_there() {
        fn references(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(map) => {
                    found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    map.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = complete(made());
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        for reference in found {
            let place = reference.strip_prefix('#').expect("a place in the document");
            assert!(document.pointer(place).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_call_says_how_it_refuses_and_every_list_how_long_it_may_be() {
        for (call, operation) in operations(&complete(made())) {
            for status in ["400", "401", "429", "503"] {
                assert!(operation["responses"][status].is_object(), "{call}: {status}");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let schema = &parameter["schema"];
                assert!(parameter["name"] != "limit" || schema["maximum"] == LARGEST_PAGE, "{call}");
                assert!(parameter["in"] != "path" || parameter["required"] == true, "{call}");
            }
        }
    }
}
