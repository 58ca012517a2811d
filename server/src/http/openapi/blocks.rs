//! The shapes of blocks and parameters: a body for each type, as `domain::block` reads them.
//!
//! What they say is what a reader needs and a program can check. What only the domain can say (that ids and names are used once,
//! that an expression or template can be read, that a host or credential exists) is answered with 422.

use domain::block::api::{MAX_URL, Method};
use domain::block::command::{MAX_CONCURRENCY, MAX_INTERPRETER};
use domain::block::condition::CONDITION_TYPES;
use domain::block::places::MAX_PLACES;
use domain::block::{BlockType, MAX_ATTEMPTS, MAX_BLOCKS, MAX_CAPTURES, MAX_NAME, MAX_NESTING, MAX_ORDER, MAX_TEXT};
use domain::parameter::ParameterKind;
use domain::{duration, pattern};
use serde_json::{Map, Value, json};

use super::shapes::{both, one_of, pairs, refer, text, words, written};

/// Every schema, by its name.
pub fn schemas() -> Vec<(String, Value)> {
    let mut schemas: Vec<(String, Value)> = BlockType::ALL.map(|kind| (block_name(kind), block(kind))).into();
    let by_type: Vec<Value> = BlockType::ALL.map(|kind| refer(&block_name(kind))).into();
    let mapping: Map<String, Value> = BlockType::ALL
        .map(|kind| (kind.as_str().to_owned(), format!("#/components/schemas/{}", block_name(kind)).into()))
        .into_iter()
        .collect();
    let all = json!({
        "description": format!("One block of a runbook. Conditions nest {MAX_NESTING} deep; a runbook has at most {MAX_BLOCKS} blocks."),
        "oneOf": by_type,
        "discriminator": { "propertyName": "type", "mapping": mapping },
    });
    schemas.push(("Block".to_owned(), all));
    schemas.extend([
        ("Capture".to_owned(), capture()),
        ("CredentialUse".to_owned(), credential_use()),
        ("Duration".to_owned(), a_duration()),
        ("HostName".to_owned(), host_name()),
        ("Parameter".to_owned(), parameter()),
        ("Retry".to_owned(), retry()),
    ]);
    schemas
}

/// A list of blocks.
pub fn list() -> Value {
    json!({ "type": "array", "items": refer("Block"), "maxItems": MAX_BLOCKS })
}

fn block_name(kind: BlockType) -> String {
    let word = kind.as_str();
    format!("{}{}Block", word[..1].to_uppercase(), &word[1..])
}

fn block(kind: BlockType) -> Value {
    let config = match kind {
        BlockType::Instruction => written(
            &[("text", long_text("Markdown (CommonMark)."))],
            &[("acknowledge", json!({ "type": "boolean", "description": "Wait until a person ticks it." }))],
        ),
        BlockType::Command => command(),
        BlockType::Api => api(),
        BlockType::Condition => json!({ "oneOf": CONDITION_TYPES.map(|(word, _)| condition(word)) }),
        BlockType::Timer => written(&[("duration", refer("Duration"))], &[]),
    };
    let longer_than_nothing = json!({ "allOf": [refer("Duration"), { "minimum": 0.0005 }],
        "description": "How long one attempt may take." });
    written(
        &[("type", json!({ "type": "string", "enum": [kind.as_str()] })), ("config", config)],
        &[
            ("id", json!({ "type": "string", "format": "uuid", "description": "Stays the same from version to version." })),
            ("name", json!({ "type": "string", "maxLength": MAX_NAME, "pattern": pattern::TEXT })),
            (
                "order",
                json!({ "type": "integer", "minimum": -MAX_ORDER, "maximum": MAX_ORDER,
                "description": "Where sent, it sorts before those without." }),
            ),
            ("on_failure", words(&["stop", "continue"])),
            ("timeout", longer_than_nothing),
            ("retry", refer("Retry")),
            ("on_worker_loss", words(&["ask", "retry", "fail"])),
            ("confirm", json!({ "type": "boolean", "description": "Ask a person before it runs, in every mode." })),
            ("when", text("An expression; the block is skipped where it is false.")),
        ],
    )
}

fn command() -> Value {
    let interpreter = json!({ "type": "string", "maxLength": MAX_INTERPRETER,
        "anyOf": [{ "pattern": pattern::BLANK }, { "pattern": r"^[^\-\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$" }],
        "description": "What runs the script, with its arguments; /bin/sh where nothing is said." });
    let places = json!({ "type": "array", "items": place(), "minItems": 1, "maxItems": MAX_PLACES, "uniqueItems": true });
    let exit_codes = json!({ "type": "array", "items": { "type": "integer", "minimum": 0, "maximum": 255 },
        "description": "Exit codes that count as success; 0 where nothing is said." });
    written(
        &[("command", long_text("The script."))],
        &[
            (
                "host",
                json!({ "oneOf": [empty(), place(), places],
                "description": "A host, or `tag:` and a tag, or several of them; `local` where nothing is said." }),
            ),
            (
                "concurrency",
                json!({ "type": "integer", "minimum": 1, "maximum": MAX_CONCURRENCY,
                "description": "On how many of several hosts at once." }),
            ),
            ("interpreter", interpreter),
            ("working_dir", text("Where it starts.")),
            ("env", variables()),
            ("credentials", json!({ "type": "array", "items": refer("CredentialUse") })),
            ("expected_exit_codes", exit_codes),
            ("capture", captures(&["stdout"])),
        ],
    )
}

fn api() -> Value {
    let status = || json!({ "type": "integer", "minimum": 100, "maximum": 599 });
    let token = json!({ "anyOf": [empty(), { "type": "string", "pattern": pattern::TOKEN }],
        "description": "The header for it; `Authorization` where none is named." });
    written(
        &[("method", json!({ "type": "string", "enum": Method::ALL.map(Method::as_str) })), ("url", url())],
        &[
            ("headers", pairs(&json!({ "pattern": pattern::TOKEN }), pattern::HEADER_VALUE)),
            ("body", json!({ "description": "A text as it is, anything else as JSON." })),
            ("credential_id", json!({ "anyOf": [empty(), { "type": "string", "format": "uuid" }] })),
            ("auth", words(&["bearer", "basic", "header"])),
            ("auth_header_name", token),
            (
                "expected_status",
                json!({ "anyOf": [status(), { "type": "array", "items": status() }],
                "description": "Any 2xx where nothing is said." }),
            ),
            ("capture", captures(&["body", "status", "header"])),
        ],
    )
}

fn condition(kind: &str) -> Value {
    let host = || ("host", json!({ "anyOf": [empty(), refer("HostName")] }));
    let code = |least: u32, most: u32| json!({ "type": "integer", "minimum": least, "maximum": most });
    let (required, optional) = match kind {
        "command_exit_code" => {
            (vec![("check_command", long_text("The command."))], vec![("expected_exit_code", code(0, 255)), host()])
        }
        "api_status_code" => (vec![("check_url", url())], vec![("expected_status_code", code(100, 599))]),
        "file_exists" => (vec![("file_path", json!({ "type": "string", "pattern": pattern::NOT_BLANK }))], vec![host()]),
        "env_var_equals" => {
            let name = json!({ "type": "string", "pattern": pattern::IDENTIFIER });
            (vec![("env_var_name", name), ("env_var_value", text("The value that makes it true."))], vec![host()])
        }
        _ => (vec![("expression", long_text("Over parameters and earlier steps."))], vec![]),
    };
    let kind = ("condition_type", json!({ "type": "string", "enum": [kind] }));
    let branches = [("nested_blocks", list()), ("else_blocks", list()), ("on_false", words(&["continue", "pause", "stop"]))];
    written(&[vec![kind], required].concat(), &[optional, branches.into()].concat())
}

fn parameter() -> Value {
    let kinds = ParameterKind::ALL.map(|(word, _)| word);
    let mut schema = written(
        &[
            (
                "name",
                json!({ "type": "string", "pattern": pattern::IDENTIFIER,
                "description": "`params.<this>` in templates, `PARAM_<THIS>` in the environment of commands." }),
            ),
            ("type", json!({ "type": "string", "enum": kinds })),
        ],
        &[
            ("label", text("What the form calls it; the name where there is none.")),
            ("default", json!({ "type": ["string", "number", "boolean"], "description": "The answer where none is given." })),
            ("required", json!({ "type": "boolean", "description": "There must be an answer." })),
            ("options", json!({ "type": "array", "items": { "type": "string" }, "description": "The choices of a `select`." })),
            ("pattern", text("A regular expression that the whole answer matches.")),
            ("description", text("Help for the person who answers.")),
        ],
    );
    schema["description"] = "One question a runbook asks before it runs.".into();
    schema["if"] = json!({ "properties": { "type": { "enum": ["select"] } } });
    schema["then"] = json!({ "required": ["options"], "properties": { "options": { "type": "array", "minItems": 1 } } });
    schema
}

fn retry() -> Value {
    let attempts = json!({ "type": "integer", "minimum": 1, "maximum": MAX_ATTEMPTS,
        "description": "How many in all, the first included." });
    written(
        &[("attempts", attempts)],
        &[("delay", refer("Duration")), ("backoff", words(&["fixed", "exponential"])), ("max_delay", refer("Duration"))],
    )
}

fn capture() -> Value {
    let name = json!({ "type": "string", "pattern": pattern::IDENTIFIER, "description": "`steps.<name>.captured.<this>`" });
    let mut schema = written(
        &[("name", name), ("from", words(&["stdout", "body", "status", "header"]))],
        &[
            ("regex", text("A regular expression: its first group, or the whole match.")),
            ("json_path", text("A JSON path (RFC 9535), instead of `regex`.")),
        ],
    );
    let is_given = json!({ "type": "string" });
    schema["not"] =
        json!({ "required": ["regex", "json_path"], "properties": { "regex": is_given.clone(), "json_path": is_given } });
    schema
}

fn captures(places: &[&str]) -> Value {
    let items = json!({ "allOf": [refer("Capture"), { "properties": { "from": { "enum": places } } }] });
    json!({ "type": "array", "items": items, "maxItems": MAX_CAPTURES })
}

fn credential_use() -> Value {
    let credential =
        || ("credential", json!({ "type": "string", "pattern": pattern::NOT_BLANK, "description": "Its id or name." }));
    let variable = |what: &str| json!({ "type": "string", "pattern": pattern::IDENTIFIER, "description": what });
    let null = || json!({ "type": "null" });
    let by = |way: &'static str, other: &'static str, what: &str| {
        let mut schema = written(&[credential(), (way, variable(what))], &[]);
        schema["properties"][other] = null();
        schema
    };
    one_of(&[
        by("env", "file", "The environment variable that holds it."),
        by("file", "env", "The environment variable that holds the path of a private file with it."),
    ])
}

fn a_duration() -> Value {
    json!({
        "description": "Seconds as a number, or a text such as `90s`, `5m`, `1h 30m`; at most 30 days.",
        "oneOf": [
            { "type": "number", "minimum": 0, "maximum": duration::MAX_SECONDS },
            { "type": "string", "pattern": pattern::DURATION },
        ],
    })
}

fn host_name() -> Value {
    json!({ "type": "string", "maxLength": 253, "pattern": pattern::HOST_NAME, "not": { "pattern": "^tag:" } })
}

/// A host or a tag.
fn place() -> Value {
    json!({ "anyOf": [refer("HostName"), both(pattern::HOST_TAG)] })
}

fn url() -> Value {
    json!({ "type": "string", "maxLength": MAX_URL, "pattern": pattern::URL,
        "anyOf": [{ "pattern": "^[^ ]*$" }, { "pattern": r"\{\{" }], "description": "http or https." })
}

fn variables() -> Value {
    pairs(&json!({ "pattern": pattern::IDENTIFIER }), pattern::TEXT)
}

fn long_text(what: &str) -> Value {
    json!({ "type": "string", "maxLength": MAX_TEXT, "pattern": pattern::NOT_BLANK, "description": what })
}

fn empty() -> Value {
    json!({ "type": "string", "maxLength": 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_block_has_a_schema() {
        let names: Vec<String> = schemas().into_iter().map(|(name, _)| name).collect();
        for kind in BlockType::ALL {
            assert!(names.contains(&block_name(kind)), "{kind:?}");
        }
    }
}
