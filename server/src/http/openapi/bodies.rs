//! Bodies that the domain reads by itself, and what the fields of the others may hold, where a type does not say it. The numbers and
//! patterns are the domain's own.

use domain::account::{MAX_PASSWORD, MIN_PASSWORD};
use domain::credential::MAX_SECRET;
use domain::parameter::MAX_PARAMETERS;
use domain::{Permission, Role, host, pattern, runbook};
use serde_json::{Value, json};
use service::{LONGEST_DAYS, MAX_COMMENT, MAX_REASON};

use super::blocks;
use super::shapes::{both, one_of, pairs, refer, written};

/// Every body that is written out here, by its name.
pub fn schemas() -> Vec<(String, Value)> {
    [
        ("RunbookDraft", runbook_body(false), "A new runbook."),
        ("RunbookChange", runbook_body(true), "The next version of a runbook: blocks must be said."),
        ("HostDraft", host_body(false), "A new host; developer, sre and admin may run on it where it does not say."),
        (
            "HostChange",
            host_body(true),
            "A host as it is to be; what is left out goes back to its default, but roles must be said.",
        ),
        ("CredentialBody", credential_body(), "A new credential."),
    ]
    .map(|(name, mut schema, what)| {
        schema["description"] = what.into();
        (name.to_owned(), schema)
    })
    .into()
}

/// What a field of a schema that a type made holds besides: schema, field, and what is to be added.
pub fn fields() -> Vec<(&'static str, &'static str, Value)> {
    let username = || both(pattern::USERNAME);
    let password = || json!({ "minLength": MIN_PASSWORD, "maxLength": MAX_PASSWORD, "pattern": pattern::TEXT });
    let any = || json!({ "pattern": pattern::TEXT });
    let reason = || json!({ "maxLength": MAX_REASON, "pattern": pattern::TEXT });
    let version = || json!({ "minimum": 1 });
    vec![
        ("SignUpBody", "username", username()),
        ("SignUpBody", "password", password()),
        ("SignUpBody", "setup_token", any()),
        ("LogInBody", "username", any()),
        ("LogInBody", "password", any()),
        ("UserBody", "username", username()),
        ("UserBody", "password", password()),
        ("AcceptBody", "token", any()),
        ("AcceptBody", "username", username()),
        ("AcceptBody", "password", password()),
        ("ResetBody", "token", any()),
        ("ResetBody", "password", password()),
        ("PasswordBody", "current_password", any()),
        ("PasswordBody", "new_password", password()),
        ("ApiKeyBody", "name", both(pattern::NAME)),
        ("ApiKeyBody", "scopes", json!({ "minItems": 1 })),
        ("ApiKeyBody", "expires_in_days", json!({ "minimum": 1, "maximum": LONGEST_DAYS })),
        ("ImportBody", "markdown", json!({ "pattern": pattern::NOT_BLANK })),
        ("ImportBody", "file_name", any()),
        ("ExecuteBody", "version", version()),
        ("ExecuteBody", "blocks", json!({ "minItems": 1 })),
        ("ExecuteBody", "reason", reason()),
        ("ExecuteBlockBody", "version", version()),
        ("ExecuteBlockBody", "reason", reason()),
        ("ControlBody", "comment", json!({ "maxLength": MAX_COMMENT, "pattern": pattern::TEXT })),
    ]
}

/// What no field says by itself: schema, and what is to be added to it.
pub fn rules() -> Vec<(&'static str, Value)> {
    let both_said = json!({ "required": ["blocks", "from"],
        "properties": { "blocks": { "type": "array" }, "from": { "type": "string" } } });
    vec![("ExecuteBody", json!({ "not": both_said }))]
}

fn runbook_body(changed: bool) -> Value {
    let title = json!({ "type": "string", "maxLength": runbook::MAX_TITLE, "pattern": pattern::LINE });
    let description = json!({ "type": "string", "maxLength": runbook::MAX_DESCRIPTION, "pattern": pattern::TEXT });
    let message = json!({ "type": "string", "maxLength": runbook::MAX_MESSAGE, "pattern": pattern::TEXT,
        "description": "What this version changes." });
    let parameters = json!({ "type": "array", "items": refer("Parameter"), "maxItems": MAX_PARAMETERS });
    let mut required = vec![("title", title), ("description", description)];
    let mut optional = vec![("tags", tags()), ("parameters", parameters), ("message", message)];
    let place = if changed { &mut required } else { &mut optional };
    place.push(("blocks", blocks::list()));
    written(&required, &optional)
}

/// `local` is reached by nobody: what would say how is empty there.
fn host_body(changed: bool) -> Value {
    let roles: Vec<&str> = Role::ALL.iter().filter(|role| role.may(Permission::Execute)).map(|role| role.as_str()).collect();
    let roles = json!({ "type": "array", "items": { "type": "string", "enum": roles },
        "description": "Who may run on it; none: nobody." });
    let port = json!({ "type": "integer", "minimum": 1, "maximum": u16::MAX });
    let mut env = pairs(&json!({ "pattern": pattern::IDENTIFIER }), pattern::TEXT);
    env["maxProperties"] = host::MAX_ENV.into();
    env["description"] = "Environment variables of what runs on it.".into();
    let description = json!({ "type": "string", "maxLength": host::MAX_DESCRIPTION, "pattern": pattern::TEXT });
    let mut optional = vec![("port", port), ("tags", tags()), ("env", env), ("description", description)];
    let mut required = Vec::new();
    let place = if changed { &mut required } else { &mut optional };
    place.push(("roles", roles));

    let empty = || json!({ "type": "string", "maxLength": 0 });
    let local = json!({ "type": "string", "pattern": format!("^{white}*{}{white}*$", host::LOCAL, white = pattern::WHITE) });
    let unreached = ["address", "user", "credential", "host_key"].map(|name| (name, empty()));
    let itself = written(&[vec![("name", local)], required.clone()].concat(), &[optional.clone(), unreached.into()].concat());

    let name = json!({ "type": "string", "maxLength": 253, "pattern": pattern::HOST_NAME_LINE,
        "not": { "pattern": format!("^{white}*(?:tag:|[Ll][Oo][Cc][Aa][Ll]{white}*$)", white = pattern::WHITE) } });
    let address = json!({ "type": "string", "maxLength": 253, "pattern": pattern::ADDRESS,
        "description": "A name of the DNS or an IP address, without a port." });
    let user =
        json!({ "type": "string", "maxLength": 256, "pattern": pattern::HOST_USER, "description": "Who commands run as." });
    let credential = json!({ "anyOf": [empty(), { "type": "string", "format": "uuid" }], "description": "An ssh credential." });
    let host_key = json!({ "type": "string", "anyOf": [{ "pattern": pattern::BLANK }, { "pattern": pattern::HOST_KEY }],
        "description": "The public key it must show, as OpenSSH writes it: `type base64 [comment]`." });
    let reached = written(
        &[vec![("name", name), ("address", address), ("user", user)], required].concat(),
        &[optional, vec![("credential", credential), ("host_key", host_key)]].concat(),
    );
    one_of(&[reached, itself])
}

/// A secret with the user name or the passphrase that belong to it, as `domain::credential` puts them together.
fn credential_body() -> Value {
    let name = || {
        let mut name = both(pattern::NAME);
        name["not"] = json!({ "pattern": format!("^{white}*[0-9A-Fa-f]{{8}}(?:-[0-9A-Fa-f]{{4}}){{3}}-[0-9A-Fa-f]{{12}}{white}*$", white = pattern::WHITE) });
        ("name", name)
    };
    let kind = |word: &str| ("type", json!({ "type": "string", "enum": [word] }));
    let secret = |pattern: &str| json!({ "type": "string", "format": "password", "minLength": 1, "maxLength": MAX_SECRET, "pattern": pattern });
    let optional = |mut schema: Value, fields: &[(&str, Value)]| {
        for (field, rule) in fields {
            schema["properties"][field] = rule.clone();
        }
        schema
    };
    let none = || json!({ "type": "string", "maxLength": 0 });
    let username = json!({ "type": "string", "pattern": r"^[^:\u0000-\u001f\u007f-\u009f]*$",
        "description": "Whose password the secret is, for basic authentication." });
    let passphrase = json!({ "type": "string", "format": "password", "minLength": 1, "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$",
        "description": "What opens the private key." });
    let protected = written(
        &[name(), kind("ssh"), ("secret", secret(r"^[^\u0000]*PRIVATE KEY[^\u0000]*$")), ("passphrase", passphrase)],
        &[],
    );
    one_of(&[
        optional(
            written(&[name(), kind("api"), ("secret", secret(pattern::TEXT))], &[]),
            &[("username", username), ("passphrase", none())],
        ),
        optional(
            written(&[name(), kind("ssh"), ("secret", secret(pattern::TEXT))], &[]),
            &[("username", none()), ("passphrase", none())],
        ),
        optional(protected, &[("username", none())]),
    ])
}

fn tags() -> Value {
    json!({ "type": "array", "items": both(pattern::TAG), "maxItems": runbook::MAX_TAGS, "description": "Words to find it by." })
}
