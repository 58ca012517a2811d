//! Runbooks as files over the API, and versions side by side.

use serde_json::{Value, json};

use crate::world::{Answered, Studio};

async fn send(studio: &Studio, key: &str, kind: &str, body: &str) -> Answered {
    studio.send(Some(key), "POST", "/api/v1/runbooks/import", Some((kind, body.as_bytes().to_vec()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_is_imported_again_as_it_was() {
    let studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let get = async |path: &str| studio.call(Some(&key), "GET", path, None).await;
    let draft = json!({
        "title": "Disk: full?", "description": "What to do\n", "tags": ["disk"],
        "parameters": [{ "name": "path", "type": "string", "default": "yes" }],
        "blocks": [
            { "name": "Look", "type": "command", "timeout": "90s", "config": { "command": "df -h {{ params.path }}\n# done\n" } },
            { "type": "condition", "config": { "condition_type": "file_exists", "file_path": "/x",
                "nested_blocks": [{ "type": "instruction", "config": { "text": "Tell **#ops**" } }] } }
        ]
    });
    let made = studio.call(Some(&key), "POST", "/api/v1/runbooks", Some(draft)).await.json();
    let path = format!("/api/v1/runbooks/{}", made["id"].as_str().expect("an id"));

    for (format, kind, name) in [
        ("yaml", "application/yaml", "disk-full.yaml"),
        ("json", "application/json", "disk-full.json"),
        ("markdown", "text/markdown", "disk-full.md"),
    ] {
        let file = get(&format!("{path}/export?format={format}")).await;
        assert_eq!(file.status, 200, "{}", file.text);
        assert!(file.headers["content-type"].to_str().is_ok_and(|found| found.starts_with(kind)), "{:?}", file.headers);
        assert_eq!(file.headers["content-disposition"], format!("attachment; filename=\"{name}\"").as_str());
        let imported = send(&studio, &key, kind, &file.text).await;
        assert_eq!(imported.status, 201, "{format}: {}", imported.text);
        if format != "markdown" {
            for part in ["title", "description", "tags", "parameters", "blocks"] {
                assert_eq!(imported.json()[part], made[part], "{part} of the {format}");
            }
        }
    }
    let default = get(&format!("{path}/export")).await;
    assert!(default.text.contains("\ntitle: \"Disk: full?\"\n"), "{}", default.text);
    assert_eq!(get(&format!("{path}/export?format=pdf")).await.status, 422);
    let rows = get(&format!("/api/v1/audit?action=runbook.exported&target={}", path.replace("/api/v1/runbooks/", "runbook:")))
        .await
        .json();
    assert_eq!(rows.as_array().map(Vec::len), Some(4), "{rows:#}");
    assert_eq!((&rows[0]["detail"]["format"], &rows[1]["detail"]["format"]), (&json!("yaml"), &json!("markdown")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_imported_is_refused_with_its_place() {
    let studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let bomb: String =
        (1..12).map(|level| format!("l{level}: &l{level} [{}]\n", format!("*l{}, ", level - 1).repeat(10))).collect();
    let bomb = format!("l0: &l0 ha\n{bomb}");
    for (kind, body, status, part) in [
        ("application/yaml", bomb.as_str(), 422, "line 7"),
        ("application/yaml", "title: [a\n", 422, "line "),
        ("text/yaml", "title: x\nblocks:\n- type: timr\n", 422, "(line 3)"),
        ("application/yaml", "title: a\0b\n", 422, ""),
        ("application/json", "{\"title\": \"x\", \"blocks\": [{}]}", 422, "$.blocks[0]"),
        ("application/json", "{\"title\": \"x\", \"blocks\": [}", 400, "not JSON"),
        ("application/json", "{\"markdown\": \"x\", \"yaml\": \"x\"}", 422, "not both"),
        ("application/json", "{\"file_name\": \"x\"}", 422, "$.markdown"),
        ("application/json", "{\"yaml\": \"title: [\"}", 422, "line "),
        ("application/xml", "<a/>", 415, "application/yaml"),
    ] {
        let answer = send(&studio, &key, kind, body).await;
        assert_eq!(answer.status, status, "{kind} {body:.60}: {}", answer.text);
        assert!(answer.text.contains(part), "{part} is not in {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_are_compared() {
    let studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let call = async |method: &str, path: &str, body: Option<Value>| studio.call(Some(&key), method, path, body).await;
    let first = json!({ "title": "Disk full", "description": "", "blocks": [
        { "name": "Look", "type": "command", "config": { "command": "df -h\n" } }] });
    let made = call("POST", "/api/v1/runbooks", Some(first)).await.json();
    let path = format!("/api/v1/runbooks/{}", made["id"].as_str().expect("an id"));
    let mut next = json!({ "title": "Disk full", "description": "", "blocks": made["blocks"] });
    next["blocks"][0]["config"]["command"] = json!("df -h /var\n");
    call("PUT", &path, Some(next)).await;

    let diff = call("GET", &format!("{path}/diff"), None).await.json();
    assert_eq!((&diff["from"]["version"], &diff["to"]["version"], &diff["to"]["by"]), (&json!(1), &json!(2), &json!("ann")));
    assert_eq!(diff["summary"]["changed"], 1);
    let field = &diff["blocks"][0]["fields"][0];
    assert_eq!((&field["name"], &field["rows"][0]["kind"]), (&json!("command"), &json!("changed")));
    assert_eq!(field["rows"][0]["new"][1], json!({ "text": " /var", "changed": true }));
    let back = call("GET", &format!("{path}/diff?from=2&to=1"), None).await.json();
    assert_eq!(back["to"]["version"], 1);
    for (query, status) in [("?from=9", 404), ("?to=0", 404), ("?from=x", 422), ("?versions=1", 422)] {
        assert_eq!(call("GET", &format!("{path}/diff{query}"), None).await.status, status, "{query}");
    }
}
