//! A secret, a password and an API key are used, and then looked for everywhere.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use serde_json::{Value, json};

use crate::access::functions::sign_in;
use crate::world::{PASSWORD, Studio};

const SECRET: &str = "tk-9f31c0a7-hunting-for-this";

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_found_in_data_logs_or_answers() {
    let mut studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let credential = json!({ "name": "deploy token", "type": "api", "secret": SECRET });
    assert_eq!(studio.call(Some(&key), "POST", "/api/v1/credentials", Some(credential)).await.status, 201);
    let uses = json!([{ "name": "Leak", "type": "command", "config": {
        "command": format!("[ $(printf %s \"$TOKEN\" | wc -c) -eq {} ] && echo length fits; echo \"plain $TOKEN\"; echo \"$TOKEN\" >&2; printf %s \"$TOKEN\" | base64", SECRET.len()),
        "credentials": [{ "credential": "deploy token", "env": "TOKEN" }]
    } }]);
    let runbook = studio.runbook(&key, uses).await;
    let run = studio.execute(&key, &runbook).await;
    let ended = studio.until(&key, &run, 30, |run| run["status"] == "completed").await;
    let output = ended["steps"][0]["output"].as_str().expect("output");
    assert!(output.contains("length fits"), "the command did not get the secret: {output}");
    assert!(output.contains("plain "), "{output}");

    let wrong = json!({ "username": "ann", "password": PASSWORD, "extra": SECRET });
    studio.call(None, "POST", "/api/v1/users/login", Some(wrong)).await;

    // What is shown once: a key, a password that was made up, the token of a link, which is also the end of an address.
    let post = async |path: &str, body: Value| {
        let made = studio.call(Some(&key), "POST", &format!("/api/v1/users{path}"), Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()
    };
    let api_key = post("/me/api-keys", json!({ "name": "ci" })).await["api_key"].as_str().expect("a key").to_owned();
    let made_up = post("", json!({ "username": "bob", "role": "viewer" })).await["password"].as_str().expect("one").to_owned();
    let token = post("/invites", json!({ "role": "viewer" })).await["token"].as_str().expect("a token").to_owned();
    assert_eq!(studio.exchange("GET", &format!("/invite/{token}"), &[], None).await.status, 200);

    let step = ended["steps"][0]["id"].as_str().expect("an id");
    let hidden = [SECRET, PASSWORD, &key, "dGstOWYzMWMwYTctaHVudGluZy1mb3ItdGhpcw", &api_key, &made_up, &token];
    for path in [
        "runbooks".to_owned(),
        format!("runbooks/{runbook}"),
        "credentials".to_owned(),
        "executions".to_owned(),
        format!("executions/{run}"),
        format!("executions/{run}/events"),
        format!("executions/{run}/steps/{step}/output"),
        "users/me".to_owned(),
        "users/me/api-keys".to_owned(),
        "users/me/sessions".to_owned(),
        "users".to_owned(),
        "users/invites".to_owned(),
    ] {
        let answer = studio.call(Some(&key), "GET", &format!("/api/v1/{path}"), None).await;
        assert_eq!(answer.status, 200, "{path}");
        for hidden in hidden {
            assert!(!answer.text.contains(hidden), "{hidden:?} is in the answer of {path}");
        }
    }
    assert!(!studio.call(None, "GET", "/metrics", None).await.text.contains(SECRET));

    studio.kill();
    let files = studio.files();
    assert!(files.iter().any(|file| file.ends_with("identity.age")), "the data folder is elsewhere: {files:?}");
    for file in files {
        let bytes = fs::read(&file).expect("a file");
        for hidden in hidden {
            let found = bytes.windows(hidden.len()).any(|window| window == hidden.as_bytes());
            assert!(!found, "{hidden:?} is in {}", file.display());
        }
    }
}

/// An answer to a secret parameter: every coding writes it in another way.
const ANSWER: &str = "pw/9f31c0a7+\"hunting\" for=this?>";
/// What opens the private key.
const PASSPHRASE: &str = "correct/horse \"battery\"+staple=9";

/// Prints `$secret` as tools write it: plain, base64 at each of the three places within a group, base64url, hexadecimal,
/// percent-encoded, escaped for JSON.
const CODINGS: &str = r#"
for before in '' x xy; do printf '%s%s' "$before" "$secret" | base64 -w 0; echo; done
for before in '' x xy; do printf '%s%s' "$before" "$secret" | base64 -w 0 | tr '+/' '-_'; echo; done
printf %s "$secret" | od -An -v -tx1 | tr -d ' \n'; echo
printf %s "$secret" | od -An -v -tx1 | tr -d ' \n' | tr a-f A-F; echo
printf %s "$secret" | sed 's/%/%25/g; s/ /%20/g; s/"/%22/g; s,/,%2F,g; s/+/%2B/g; s/=/%3D/g; s/?/%3F/g; s/>/%3E/g'; echo
printf %s "$secret" | sed 's/"/\\"/g'; echo
printf '%s\n' "$secret"
"#;

/// A secret as it may be written, each with what that is called.
fn codings(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let mut found = vec![("plain", secret.to_owned())];
    for (name, engine) in [("base64", &BASE64_STANDARD), ("base64url", &BASE64_URL_SAFE)] {
        for before in 0..3 {
            // Only the characters that hold nothing but the secret: the same, whatever stands around it.
            let coded = engine.encode([&[0; 3][..before], bytes].concat());
            found.push((name, coded[(8 * before).div_ceil(6)..8 * (before + bytes.len()) / 6].to_owned()));
        }
    }
    let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    found.extend([("hexadecimal", hexadecimal.to_uppercase()), ("hexadecimal", hexadecimal)]);
    let percent: String = bytes
        .iter()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(*byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    found.extend([("percent-encoded", percent), ("a form's", url::form_urlencoded::byte_serialize(bytes).collect())]);
    let json = Value::from(secret).to_string();
    found.push(("JSON", json[1..json.len() - 1].to_owned()));
    // What writes a text as JSON twice, as logs do.
    let twice = Value::from(found.last().map_or("", |(_, json)| json)).to_string();
    found.push(("JSON in JSON", twice[1..twice.len() - 1].to_owned()));
    found
}

/// A new private key that this passphrase opens.
fn private_key(folder: &Path) -> String {
    let file = folder.join("key");
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-C", "of the test", "-N", PASSPHRASE, "-f"]).arg(&file).status();
    assert!(made.is_ok_and(|status| status.success()), "ssh-keygen made no key");
    fs::read_to_string(file).expect("a key")
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_answers_captured_values_and_errors_are_found_in_no_coding_anywhere() {
    let mut studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let folder = tempfile::tempdir().expect("a folder");
    let private_key = private_key(folder.path());
    let credentials = [
        json!({ "name": "deploy key", "type": "ssh", "secret": private_key, "passphrase": PASSPHRASE }),
        json!({ "name": "deploy token", "type": "api", "secret": SECRET }),
    ];
    let mut ids = Vec::new();
    for credential in credentials {
        let made = studio.call(Some(&key), "POST", "/api/v1/credentials", Some(credential)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        ids.push(made.json()["id"].clone());
    }
    let block = |name: &str, command: String, more: Value| {
        let mut config = json!({ "command": command });
        config.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        json!({ "name": name, "type": "command", "config": config, "on_failure": "continue" })
    };
    let uses = json!({ "credentials": [
        { "credential": "deploy key", "file": "KEY" }, { "credential": "deploy token", "env": "TOKEN" } ] });
    let every = "cat \"$KEY\"; base64 \"$KEY\"; base64 -w 0 \"$KEY\"; echo";
    // The passphrase by itself, and each line of the key.
    let lines = format!(
        "sed 's/^passphrase: //' \"$KEY\" | grep -v -e ----- | while read -r secret; do {CODINGS} done; secret=$TOKEN; {CODINGS}"
    );
    let captures = json!({ "capture": [
        { "name": "got", "from": "stdout", "regex": "token=(.*)" }, { "name": "json", "from": "stdout", "json_path": "$.x" } ] });
    let call = |name: &str, url: &str| {
        let config = json!({ "url": url, "method": "GET", "credential_id": ids[1], "headers": { "X-Got": "{{ steps.take.captured.got }}" } });
        json!({ "name": name, "type": "api", "config": config, "on_failure": "continue" })
    };
    let blocks = json!([
        block("print", format!("echo what is no secret; {every}; {lines}"), uses.clone()),
        block("complain", format!("{{ {every}; {lines}\n}} >&2; exit 3"), uses),
        block("answer", format!("secret=$PARAM_ANSWER; {CODINGS}"), json!({})),
        block("take", "printf 'token=%s\\n' \"$PARAM_ANSWER\"".to_owned(), captures),
        block("show", "echo {{ steps.take.captured.got }}; exit 4".to_owned(), json!({})),
        call("call", "http://127.0.0.1:1/{{ steps.take.captured.got }}"),
        call("stray", "http://[{{ steps.print.stdout }}]/"),
    ]);
    let parameters = json!([{ "name": "answer", "type": "secret" }]);
    let body = json!({ "title": "Hunt", "description": "", "blocks": blocks, "parameters": parameters });
    let made = studio.call(Some(&key), "POST", "/api/v1/runbooks", Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let runbook = made.json()["id"].as_str().expect("an id").to_owned();
    let answers = json!({ "parameters": { "answer": ANSWER } });
    let started = studio.call(Some(&key), "POST", &format!("/api/v1/runbooks/{runbook}/execute"), Some(answers)).await;
    assert_eq!(started.status, 202, "{}", started.text);
    let run = started.json()["job_id"].as_str().expect("an id").to_owned();
    let ended = studio.until(&key, &run, 60, |run| !matches!(run["status"].as_str(), Some("pending" | "running"))).await;
    let steps = ended["steps"].as_array().expect("steps");
    let output = |name: &str| {
        let step = steps.iter().find(|step| step["block_name"] == name).unwrap_or_else(|| panic!("{name}: {ended:#}"));
        step["output"].as_str().unwrap_or_default().to_owned()
    };
    assert!(output("print").starts_with("what is no secret\n") && output("print").contains("••••••"), "{ended:#}");
    assert!(output("answer").contains("••••••") && output("take").contains("token=••••••"), "{ended:#}");
    assert!(steps.iter().filter(|step| step["error"].is_string()).count() >= 4, "{ended:#}");

    let mut hidden: Vec<(&str, String)> = [ANSWER, PASSPHRASE, SECRET].iter().flat_map(|secret| codings(secret)).collect();
    let lines = private_key.lines().filter(|line| line.len() >= 16 && !line.starts_with("-----"));
    hidden.extend(lines.flat_map(codings));
    assert!(hidden.iter().all(|(_, coded)| coded.len() >= 16), "{hidden:?}");
    let look = |text: &str, place: &str| {
        for (coding, coded) in &hidden {
            assert!(!text.contains(coded.as_str()), "{coded} ({coding}) is in {place}");
        }
    };
    // What is looked for is what the tools write.
    let printed = Command::new("sh").args(["-c", CODINGS]).env("secret", ANSWER).output().expect("a shell").stdout;
    let printed = String::from_utf8(printed).expect("a text");
    let missed: Vec<_> = codings(ANSWER).into_iter().filter(|(_, coded)| !printed.contains(coded.as_str())).collect();
    assert!(missed.iter().all(|(coding, _)| matches!(*coding, "a form's" | "JSON in JSON")), "{missed:?}");

    for path in [
        format!("executions/{run}"),
        format!("executions/{run}/events"),
        format!("executions/{run}/report?format=markdown"),
        format!("executions/{run}/report?format=json"),
        format!("runbooks/{runbook}"),
        format!("runbooks/{runbook}/export?format=yaml"),
        format!("runbooks/{runbook}/export?format=json"),
        format!("runbooks/{runbook}/export?format=markdown"),
        "audit/export?format=jsonl".to_owned(),
        "audit/export?format=csv".to_owned(),
        "executions".to_owned(),
        "credentials".to_owned(),
    ] {
        let answer = studio.call(Some(&key), "GET", &format!("/api/v1/{path}"), None).await;
        assert_eq!(answer.status, 200, "{path}");
        look(&answer.text, &path);
    }
    for step in steps {
        let path = format!("/api/v1/executions/{run}/steps/{}/output", step["id"].as_str().expect("an id"));
        let answer = studio.call(Some(&key), "GET", &path, None).await;
        look(&answer.text, &path);
    }
    look(&studio.call(None, "GET", "/metrics", None).await.text, "the metrics");
    let cookie = sign_in(&studio, "ann").await;
    let page = studio.exchange("GET", &format!("/runs/{run}"), &[("cookie", &cookie)], None).await;
    assert!(page.text.contains("what is no secret"), "the page shows no output");
    look(&page.text, "the page of the run");

    studio.kill();
    let mut stored = false;
    for file in studio.files() {
        let bytes = fs::read(&file).expect("a file");
        let text = String::from_utf8_lossy(&bytes);
        stored |= text.contains("what is no secret\n");
        look(&text, &file.display().to_string());
    }
    assert!(stored, "the output is stored elsewhere");
}
