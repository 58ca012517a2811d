//! The first table of the contract, call by call, with what hostile callers send.

use serde_json::{Value, json};

use crate::world::{PASSWORD, Studio};

const NOBODY: &str = "01932c07-0000-7000-8000-000000000000";

#[tokio::test(flavor = "multi_thread")]
async fn accounts_come_and_go() {
    let studio = Studio::new().await;
    let admin = studio.sign_up(None, "ann", None).await;
    assert!(admin.starts_with("rbs_"));
    let post = async |path: &str, body: Value| studio.call(None, "POST", path, Some(body)).await;

    let taken = post("/api/v1/users/signup", json!({ "username": "Ann", "password": PASSWORD })).await;
    assert_eq!(taken.status, 400);
    for weak in ["short", "password1234"] {
        let answer = post("/api/v1/users/signup", json!({ "username": "bob", "password": weak })).await;
        assert_eq!((answer.status.as_u16(), answer.json()["errors"][0]["path"].as_str()), (422, Some("$.password")));
    }
    let greedy = json!({ "username": "eve", "password": PASSWORD, "role": "admin" });
    assert_eq!(post("/api/v1/users/signup", greedy).await.status, 403);

    let wrong = post("/api/v1/users/login", json!({ "username": "ann", "password": "wrong wrong wrong" })).await;
    let unknown = post("/api/v1/users/login", json!({ "username": "nobody", "password": "wrong wrong wrong" })).await;
    assert_eq!((wrong.status.as_u16(), unknown.status.as_u16()), (401, 401));
    assert_eq!(wrong.json()["detail"], unknown.json()["detail"]);

    let key = post("/api/v1/users/login", json!({ "username": "ann", "password": PASSWORD })).await.json();
    let key = key["api_key"].as_str();
    assert_eq!(studio.call(key, "GET", "/api/v1/users/me", None).await.json()["role"], "admin");
    let out = studio.call(key, "POST", "/api/v1/users/logout", None).await;
    assert_eq!((out.status.as_u16(), out.json()), (200, json!({ "detail": "Logged out" })));
    assert_eq!(studio.call(key, "GET", "/api/v1/users/me", None).await.status, 401);
    assert_eq!(studio.call(Some(&admin), "GET", "/api/v1/users/me", None).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn runbooks_are_written_versioned_and_deleted() {
    let studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let call = async |method: &str, path: &str, body: Option<Value>| studio.call(Some(&key), method, path, body).await;

    let first = json!({ "title": "Disk full", "description": "What to do", "tags": ["disk"],
        "blocks": [{ "type": "command", "config": { "command": "df -h" } }] });
    let made = call("POST", "/api/v1/runbooks", Some(first)).await;
    assert_eq!(made.status, 201);
    let made = made.json();
    assert_eq!((&made["version"], &made["created_by"]), (&json!(1), &json!("ann")));
    let path = format!("/api/v1/runbooks/{}", made["id"].as_str().expect("an id"));

    let second = json!({ "title": "Disk nearly full", "description": "", "blocks": [] });
    let no_blocks = call("PUT", &path, Some(json!({ "title": "x", "description": "" }))).await;
    assert_eq!((no_blocks.status.as_u16(), no_blocks.json()["errors"][0]["path"].as_str()), (422, Some("$.blocks")));
    assert_eq!(call("PUT", &path, Some(second)).await.json()["version"], 2);
    assert_eq!(call("GET", &format!("{path}/versions/1"), None).await.json()["title"], "Disk full");

    let rolled = call("POST", &format!("{path}/versions/1/rollback"), None).await.json();
    assert_eq!((&rolled["version"], &rolled["title"], &rolled["tags"]), (&json!(3), &json!("Disk full"), &json!(["disk"])));
    assert_eq!(rolled["blocks"], made["blocks"]);
    assert_eq!(call("GET", &format!("{path}/versions"), None).await.json().as_array().map(Vec::len), Some(3));
    assert_eq!(call("POST", &format!("{path}/versions/99/rollback"), None).await.status, 404);

    let another = json!({ "title": "Another", "description": "", "blocks": [] });
    assert_eq!(call("POST", "/api/v1/runbooks", Some(another)).await.status, 201);
    let listed = call("GET", "/api/v1/runbooks?limit=1&tag=disk", None).await;
    assert_eq!(listed.json()[0]["title"], "Disk full");
    let everything = call("GET", "/api/v1/runbooks?limit=1", None).await;
    let link = everything.headers["link"].to_str().expect("a link");
    let next = link.trim_start_matches('<').split('>').next().expect("an address").to_owned();
    assert_eq!(call("GET", &next, None).await.json().as_array().map(Vec::len), Some(1));

    let imported =
        call("POST", "/api/v1/runbooks/import", Some(json!({ "markdown": "# From text\n\n```bash\nuptime\n```\n" }))).await;
    assert_eq!((imported.status.as_u16(), imported.json()["title"].as_str()), (201, Some("From text")));

    assert_eq!(call("DELETE", &path, None).await.status, 204);
    assert_eq!(call("GET", &path, None).await.status, 404);
    assert_eq!(call("DELETE", &path, None).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_moved_is_not_overwritten() {
    let studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let id = studio.runbook(&key, json!([])).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let base = studio.address();
    let put = async |tag: &str| {
        let request = client.put(format!("{base}/api/v1/runbooks/{id}")).header("X-API-KEY", &key).header("If-Match", tag);
        request.json(&json!({ "title": "New", "description": "", "blocks": [] })).send().await.expect("an answer")
    };
    assert_eq!(put("\"1\"").await.status(), 200);
    let moved = put("\"1\"").await;
    assert_eq!((moved.status().as_u16(), moved.headers()["etag"].to_str().ok()), (412, Some("\"2\"")));
    assert_eq!(put("nonsense").await.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_started_watched_and_controlled() {
    let studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let call = async |method: &str, path: &str, body: Option<Value>| studio.call(Some(&key), method, path, body).await;
    let id = studio
        .runbook(&key, json!([
            { "name": "Say", "type": "command", "config": { "command": "echo out; echo err >&2; exit 3", "expected_exit_codes": [3] } },
            { "name": "Rest", "type": "timer", "config": { "duration": "60s" } }
        ]))
        .await;

    let run = studio.execute(&key, &id).await;
    let path = format!("/api/v1/executions/{run}");
    let running = studio.until(&key, &run, 20, |run| run["steps"][1]["status"] == "running").await;
    assert_eq!((&running["status"], &running["state"]), (&json!("running"), &json!("running")));
    let step = &running["steps"][0];
    assert_eq!((&step["status"], &step["exit_code"], &step["block_name"]), (&json!("success"), &json!(3), &json!("Say")));
    let text = call("GET", &format!("{path}/steps/{}/output", step["id"].as_str().expect("an id")), None).await.text;
    assert!(text.contains("out\n") && text.contains("err\n"), "{text}");

    let control = format!("{path}/control");
    assert_eq!(call("POST", &control, Some(json!({ "action": "approve" }))).await.status, 409);
    assert_eq!(call("POST", &control, Some(json!({ "action": "explode" }))).await.status, 422);
    assert_eq!(call("POST", &control, Some(json!({ "action": "stop" }))).await.status, 202);
    studio.until(&key, &run, 20, |run| run["state"] == "stopped").await;
    let again = call("POST", &control, Some(json!({ "action": "stop" }))).await;
    assert_eq!(again.status, 409, "{}", again.text);

    let events = call("GET", &format!("{path}/events"), None).await.text;
    assert!(events.contains("event: output") && events.contains("id: "), "{events}");
    assert!(call("GET", &format!("/api/v1/executions?runbook={id}"), None).await.text.contains(&run));
    for body in [
        json!({ "blocks": [NOBODY] }),
        json!({ "from": NOBODY }),
        json!({ "parameters": { "no": 1 } }),
        json!({ "mode": "fast" }),
    ] {
        let answer = call("POST", &format!("/api/v1/runbooks/{id}/execute"), Some(body.clone())).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_block_runs_by_itself_as_a_run_of_its_own() {
    let studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let call = async |method: &str, path: &str, body: Option<Value>| studio.call(Some(&key), method, path, body).await;
    let say = |text: &str| json!({ "type": "command", "config": { "command": format!("echo {text}") } });
    let runbook = studio.runbook(&key, json!([say("first"), say("second")])).await;
    let block = call("GET", &format!("/api/v1/runbooks/{runbook}"), None).await.json()["blocks"][1]["id"].clone();

    let body = json!({ "runbook_id": runbook, "block_id": block, "reason": "only this" });
    let started = call("POST", "/api/v1/blocks/execute", Some(body)).await;
    assert_eq!(started.status, 202, "{}", started.text);
    let run = started.json()["job_id"].as_str().expect("an id").to_owned();
    let ended = studio.until(&key, &run, 20, |run| run["status"] == "completed").await;
    assert_eq!((&ended["steps"][0]["state"], &ended["steps"][1]["output"]), (&json!("skipped"), &json!("second\n")), "{ended:#}");

    let unknown = call("POST", "/api/v1/blocks/execute", Some(json!({ "runbook_id": runbook, "block_id": NOBODY }))).await;
    assert_eq!(unknown.status, 422);
    let nowhere = call("POST", "/api/v1/blocks/execute", Some(json!({ "runbook_id": NOBODY, "block_id": block }))).await;
    assert_eq!(nowhere.status, 404);
    assert_eq!(call("POST", "/api/v1/blocks/execute", Some(json!({ "runbook_id": runbook }))).await.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_twice_starts_one_run() {
    let studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let runbook = studio.runbook(&key, json!([{ "type": "timer", "config": { "duration": "1h" } }])).await;
    let path = format!("/api/v1/runbooks/{runbook}/execute");
    let send = async |named: &str, body: Value| {
        let headers = [("x-api-key", key.as_str()), ("idempotency-key", named)];
        studio.exchange("POST", &path, &headers, Some(("application/json", body.to_string().into_bytes()))).await
    };
    let alert = json!({ "reason": "alert 7" });
    let (one, two) = tokio::join!(send("7f3a", alert.clone()), send("7f3a", alert.clone()));
    assert_eq!((one.status.as_u16(), two.status.as_u16()), (202, 202), "{} {}", one.text, two.text);
    assert_eq!(one.json(), two.json());
    assert_eq!(send("7f3a", alert.clone()).await.json(), one.json(), "later too");
    let runs = studio.call(Some(&key), "GET", "/api/v1/executions", None).await.json();
    assert_eq!(runs.as_array().map(Vec::len), Some(1), "{runs:#}");

    assert_eq!(send("7f3a", json!({ "reason": "alert 8" })).await.status, 422, "the key stands for another request");
    assert_ne!(send("7f3b", alert.clone()).await.json(), one.json());
    assert_eq!(send("", alert).await.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_go_in_and_never_come_out() {
    let studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let call = async |method: &str, path: &str, body: Option<Value>| studio.call(Some(&key), method, path, body).await;
    let body = json!({ "name": "token", "type": "api", "secret": "a-very-secret-token" });
    let made = call("POST", "/api/v1/credentials", Some(body.clone())).await;
    assert_eq!(made.status, 201);
    assert!(!made.text.contains("a-very-secret-token"));
    let taken = call("POST", "/api/v1/credentials", Some(body)).await;
    assert!(matches!(taken.status.as_u16(), 400 | 409), "{}", taken.text);
    let path = format!("/api/v1/credentials/{}", made.json()["id"].as_str().expect("an id"));

    let uses = json!([{ "type": "command", "config": { "command": "true", "credentials": [{ "credential": "token", "env": "TOKEN" }] } }]);
    studio.runbook(&key, uses).await;
    let used = call("DELETE", &path, None).await;
    assert_eq!(used.status, 409);
    assert!(used.json()["detail"].as_str().is_some_and(|detail| detail.contains("A test")), "{}", used.text);
    assert_eq!(call("DELETE", &format!("{path}?force=true"), None).await.status, 204);
    assert_eq!(call("DELETE", &path, None).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_bodies_are_refused_politely() {
    let studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let id = studio.runbook(&key, json!([{ "type": "command", "config": { "command": "true" } }])).await;
    let runbook = format!("/api/v1/runbooks/{id}");
    let execute = format!("{runbook}/execute");
    let run = studio.execute(&key, &id).await;
    let control = format!("/api/v1/executions/{run}/control");
    let hosts = studio.call(Some(&key), "GET", "/api/v1/hosts", None).await.json();
    let host = format!("/api/v1/hosts/{}", hosts[0]["id"].as_str().expect("an id"));

    for (method, path) in [
        ("POST", "/api/v1/users/signup"),
        ("POST", "/api/v1/users/login"),
        ("POST", "/api/v1/runbooks"),
        ("PUT", &runbook),
        ("POST", "/api/v1/runbooks/import"),
        ("POST", &execute),
        ("POST", &control),
        ("POST", "/api/v1/credentials"),
        ("POST", "/api/v1/hosts"),
        ("PUT", &host),
    ] {
        let json = "application/json";
        let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        let huge = if path.ends_with("import") { 17 } else { 2 } * 1024 * 1024;
        let huge = format!("{{\"title\": \"{}\"}}", "x".repeat(huge));
        for (kind, body, status) in [
            (json, "{\"title\": ".to_owned(), 400),
            (json, "{]".to_owned(), 400),
            (json, "\u{feff}nonsense".to_owned(), 400),
            (json, deep, 400),
            (json, "[]".to_owned(), 422),
            (json, "\"text\"".to_owned(), 422),
            (json, "7".to_owned(), 422),
            (json, "{\"unheard_of\": true}".to_owned(), 422),
            (json, "{\"username\": 5, \"title\": [], \"action\": {}, \"name\": 1}".to_owned(), 422),
            (json, "{\"username\": \"a\\u0000b\"}".to_owned(), 422),
            (json, huge, 413),
            ("application/x-www-form-urlencoded", "title=a".to_owned(), 415),
            ("text/html", "<p>".to_owned(), 415),
        ] {
            let shown: String = body.chars().take(60).collect();
            let answer = studio.send(Some(&key), method, path, Some((kind, body.into_bytes()))).await;
            assert_eq!(answer.status, status, "{method} {path} {kind} {shown}: {}", answer.text);
            let problem = answer.json();
            for field in ["type", "title", "status", "detail", "code", "request_id"] {
                assert!(!problem[field].is_null(), "{field} is missing: {problem}");
            }
        }
        let not_text = studio.send(Some(&key), method, path, Some((json, vec![0xff, 0xfe, 0x00]))).await;
        assert_eq!(not_text.status, 400, "{method} {path}");
    }

    let many = json!({ "title": "", "description": 3, "colour": 1, "blocks": [{ "type": "command", "config": {} }, { "type": "dance", "config": {} }] });
    let problem = studio.call(Some(&key), "POST", "/api/v1/runbooks", Some(many)).await.json();
    assert!(problem["errors"].as_array().is_some_and(|errors| errors.len() >= 5), "{problem:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_addresses_are_refused_politely() {
    let studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    for id in ["x", "..%2f..%2fetc", "%00", "%ff", "-1", NOBODY, &"9".repeat(3_000), "runbook:x", "'%20OR%201=1"] {
        for (method, path) in [
            ("GET", format!("/api/v1/runbooks/{id}")),
            ("DELETE", format!("/api/v1/runbooks/{id}")),
            ("GET", format!("/api/v1/runbooks/{id}/versions")),
            ("GET", format!("/api/v1/runbooks/{id}/versions/1")),
            ("POST", format!("/api/v1/runbooks/{id}/versions/1/rollback")),
            ("POST", format!("/api/v1/runbooks/{id}/execute")),
            ("GET", format!("/api/v1/executions/{id}")),
            ("GET", format!("/api/v1/executions/{id}/events")),
            ("GET", format!("/api/v1/executions/{id}/steps/{id}/output")),
            ("DELETE", format!("/api/v1/credentials/{id}")),
            ("GET", format!("/api/v1/hosts/{id}")),
            ("DELETE", format!("/api/v1/hosts/{id}")),
        ] {
            assert_eq!(studio.call(Some(&key), method, &path, None).await.status, 404, "{method} {path}");
        }
    }
    for (path, status) in [
        ("/api/v1/nothing", 404),
        ("/api/v2/runbooks", 404),
        ("/api", 404),
        ("/api/v1/runbooks?limit=0", 422),
        ("/api/v1/runbooks?limit=x", 422),
        ("/api/v1/runbooks?colour=red", 422),
        ("/api/v1/runbooks?q=%00", 422),
        ("/api/v1/executions?state=odd", 422),
        ("/api/v1/executions?since=yesterday", 422),
        ("/api/v1/users/signup", 405),
        ("/api/v1/runbooks?q=%27%20OR%201%3D1", 200),
    ] {
        let answer = studio.call(Some(&key), "GET", path, None).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
    }
    let odd = studio.call(Some(&key), "GET", "/api/v1/runbooks?cursor=nonsense", None).await;
    assert!(odd.status.as_u16() < 500);
    for wrong in ["", "x", "rbs_0000", &"k".repeat(4_000)] {
        assert_eq!(studio.call(Some(wrong), "GET", "/api/v1/runbooks", None).await.status, 401, "{wrong:.10}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_and_readers_are_served() {
    let studio = Studio::new().await;
    for (path, part) in [
        ("/healthz", "alive"),
        ("/readyz", "ready"),
        ("/metrics", "http_requests_total"),
        ("/api/v1/openapi.json", "/executions/{job_id}/control"),
        ("/api/docs/", "swagger"),
    ] {
        let answer = studio.call(None, "GET", path, None).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.text.contains(part), "{path} does not hold {part}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    }
}
