//! What any call may answer: problems of RFC 9457, said once for all of them, and the links from what was made to what is done with it.

use serde_json::{Map, Value, json};

use super::shapes::refer;

/// What makes something, and what uses it: operation, status, where its id stands, and the calls with their parameter.
type Link = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const LINKS: &[Link] = &[
    (
        "runbooks_create",
        "201",
        "id",
        &[
            ("runbooks_read", "id"),
            ("runbooks_update", "id"),
            ("runbooks_versions", "id"),
            ("executions_execute", "id"),
            ("runbooks_delete", "id"),
        ],
    ),
    (
        "executions_execute",
        "202",
        "job_id",
        &[("executions_read", "job_id"), ("executions_report", "job_id"), ("executions_control", "job_id")],
    ),
    (
        "executions_execute_block",
        "202",
        "job_id",
        &[("executions_read", "job_id"), ("executions_report", "job_id"), ("executions_control", "job_id")],
    ),
    ("credentials_create", "201", "id", &[("credentials_delete", "id")]),
    ("hosts_create", "201", "id", &[("hosts_read", "id"), ("hosts_update", "id"), ("hosts_check", "id"), ("hosts_delete", "id")]),
    ("users_create", "201", "id", &[("users_update", "id"), ("users_offer_reset", "id")]),
    ("users_invite", "201", "id", &[("users_withdraw", "id")]),
    ("users_create_api_key", "201", "id", &[("users_revoke_api_key", "id")]),
];

/// Adds to an operation what it may answer besides what its handler says.
pub fn complete(operation: &mut Map<String, Value>) {
    let parameters = operation.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let has_path = parameters.iter().any(|parameter| parameter["in"] == "path");
    let has_body = operation.contains_key("requestBody");
    // A key that is not good is refused also where none is needed.
    let mut refusals = vec![
        ("400", "Malformed"),
        ("401", "No key, or one that is not good"),
        ("408", "Not answered in time"),
        ("429", "Too many tries"),
        ("503", "Too busy, or the store cannot be reached"),
    ];
    if operation.get("security").is_none() {
        refusals.push(("403", "The role or the key does not allow it"));
    }
    if !parameters.is_empty() || has_body {
        refusals.push(("422", "Invalid: every fault is named"));
    }
    if has_path {
        refusals.push(("404", "There is no such thing, or it is gone"));
    }
    if has_body {
        refusals.extend([("413", "The body is too large"), ("415", "Not the media type that is read")]);
    }
    let responses = &mut operation["responses"];
    for (status, description) in refusals {
        if responses.get(status).is_none() {
            responses[status] = json!({ "description": description });
        }
    }
    let Some(responses) = responses.as_object_mut() else { return };
    for (status, response) in responses.iter_mut() {
        if status.starts_with(['4', '5']) {
            response["content"] = json!({ "application/problem+json": { "schema": refer("Problem") } });
        }
        if matches!(status.as_str(), "429" | "503") {
            let seconds = json!({ "type": "integer", "minimum": 1 });
            response["headers"] = json!({ "Retry-After": { "description": "Seconds to wait", "schema": seconds } });
        }
    }
    responses.sort_keys();
}

/// Adds the links to what an operation answers.
pub fn link(name: &str, operation: &mut Map<String, Value>) {
    for (_, status, field, targets) in LINKS.iter().filter(|(from, ..)| *from == name) {
        let links = targets.iter().map(|(target, parameter)| {
            let parameters = json!({ (*parameter): format!("$response.body#/{field}") });
            ((*target).to_owned(), json!({ "operationId": target, "parameters": parameters }))
        });
        operation["responses"][*status]["links"] = links.collect::<Map<_, _>>().into();
    }
}

/// The operations that links name.
#[cfg(test)]
pub fn linked() -> impl Iterator<Item = &'static str> {
    LINKS.iter().flat_map(|(from, _, _, targets)| std::iter::once(*from).chain(targets.iter().map(|(target, _)| *target)))
}
