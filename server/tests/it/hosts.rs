//! Hosts over the API: who sees what, what a run asks them, and what hostile callers send.

use serde_json::{Value, json};

use crate::world::Studio;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

fn web() -> Value {
    json!({ "name": "web-1", "address": "web-1.example.net", "user": "deploy", "roles": ["sre", "admin"] })
}

fn with(key: &str, value: impl Into<Value>) -> Value {
    let mut body = web();
    body[key] = value.into();
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_kept_and_told_to_each_what_concerns_them() {
    let studio = Studio::new().await;
    let admin = studio.sign_up(None, "ann", None).await;
    let viewer = studio.sign_up(Some(&admin), "vic", Some("viewer")).await;
    let call = async |method: &str, path: &str, body: Option<Value>| studio.call(Some(&admin), method, path, body).await;

    let listed = call("GET", "/api/v1/hosts", None).await.json();
    assert_eq!((&listed[0]["name"], listed[0].get("address")), (&json!("local"), None));
    let made = call("POST", "/api/v1/hosts", Some(with("host_key", KEY))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let path = made.headers["location"].to_str().expect("an address").to_owned();
    let made = made.json();
    assert_eq!((&made["port"], &made["created_by"]), (&json!(22), &json!("ann")));
    assert_eq!(made["fingerprint"], "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
    assert_eq!(call("POST", "/api/v1/hosts", Some(web())).await.status, 409);

    let seen = studio.call(Some(&viewer), "GET", &path, None).await.json();
    let keys: Vec<&str> = seen.as_object().expect("a host").keys().map(String::as_str).collect();
    assert_eq!(keys, ["id", "name", "tags", "roles"]);
    assert_eq!(studio.call(Some(&viewer), "GET", "/api/v1/hosts", None).await.json()[1], seen);

    let no_roles = json!({ "name": "web-1", "address": "192.0.2.1", "user": "a b" });
    let refused = call("PUT", &path, Some(no_roles)).await;
    let paths: Vec<_> = refused.json()["errors"].as_array().expect("faults").iter().map(|fault| fault["path"].clone()).collect();
    assert_eq!((refused.status.as_u16(), paths), (422, vec![json!("$.roles"), json!("$.user")]));
    let changed = call("PUT", &path, Some(with("port", 2222))).await.json();
    assert_eq!((&changed["id"], &changed["port"], changed.get("host_key")), (&made["id"], &json!(2222), None));

    let local = format!("/api/v1/hosts/{}", listed[0]["id"].as_str().expect("an id"));
    assert_eq!(call("DELETE", &format!("{local}?force=true"), None).await.status, 409);
    let closed = json!({ "name": "local", "roles": [], "env": { "STAGE": "prod" } });
    assert_eq!(call("PUT", &local, Some(closed)).await.json()["roles"], json!([]));
    assert_eq!(call("DELETE", &path, None).await.status, 204);
    assert_eq!(call("DELETE", &path, None).await.status, 404);
    assert_eq!(call("PUT", &path, Some(web())).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_refused_where_a_host_is_missing_or_does_not_list_the_role() {
    let studio = Studio::new().await;
    let admin = studio.sign_up(None, "ann", None).await;
    // Commands of the server itself may be an sre's only: that depends on what keeps them from its files here.
    let sre = studio.sign_up(Some(&admin), "sam", Some("sre")).await;
    let on = |host: &str| json!({ "type": "command", "config": { "command": "true", "host": host } });
    let runbook = studio.runbook(&sre, json!([on("local"), on("web-1")])).await;
    let execute = format!("/api/v1/runbooks/{runbook}/execute");

    let missing = studio.call(Some(&sre), "POST", &execute, None).await;
    assert_eq!((missing.status.as_u16(), &missing.json()["errors"][0]["path"]), (422, &json!("$.blocks[1].config.host")));
    let made = studio.call(Some(&admin), "POST", "/api/v1/hosts", Some(with("roles", json!(["admin"])))).await.json();
    let forbidden = studio.call(Some(&sre), "POST", &execute, None).await;
    assert_eq!(forbidden.status, 403);
    assert!(forbidden.json()["detail"].as_str().is_some_and(|detail| detail.contains("web-1")), "{}", forbidden.text);

    let path = format!("/api/v1/hosts/{}", made["id"].as_str().expect("an id"));
    let used = studio.call(Some(&admin), "DELETE", &path, None).await;
    assert!(used.status == 409 && used.text.contains("A test"), "{}", used.text);
    assert_eq!(studio.call(Some(&admin), "PUT", &path, Some(with("name", "web-2"))).await.status, 409);
    assert_eq!(studio.call(Some(&admin), "DELETE", &format!("{path}?force=true"), None).await.status, 204);
    let first = studio.call(Some(&sre), "GET", &format!("/api/v1/runbooks/{runbook}"), None).await.json();
    let only = json!({ "blocks": [first["blocks"][0]["id"]] });
    assert_eq!(studio.call(Some(&sre), "POST", &execute, Some(only)).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_hosts_are_refused_at_the_place_that_is_odd() {
    let studio = Studio::new().await;
    let key = studio.sign_up(None, "ann", None).await;
    let long = "x".repeat(400);
    let odd: [(&str, Vec<Value>); 10] = [
        ("name", vec!["".into(), "-o".into(), "../x".into(), "a\nb".into(), "Local".into(), 7.into(), long.as_str().into()]),
        (
            "address",
            vec![
                "".into(),
                "-oProxyCommand=sh".into(),
                "a:22".into(),
                "127.1".into(),
                "a b".into(),
                json!({}),
                long.as_str().into(),
            ],
        ),
        ("port", vec![0.into(), (-1).into(), 65_536.into(), 2.5.into(), "22".into(), u64::MAX.into()]),
        ("user", vec!["".into(), "-l".into(), "a@b".into(), "a:b".into(), "a\tb".into(), json!(["root"]), long.as_str().into()]),
        ("tags", vec!["prod".into(), json!([""]), json!([1]), json!([long])]),
        ("roles", vec!["sre".into(), json!(["viewer"]), json!(["root"]), json!([["sre"]]), json!([null])]),
        ("credential", vec!["nowhere".into(), "01932c07-0000-7000-8000-000000000000".into(), 5.into()]),
        ("host_key", vec!["x".into(), "ssh-ed25519 AAAA".into(), format!("{KEY}\n{KEY}").into(), format!("web-1 {KEY}").into()]),
        ("env", vec!["A=1".into(), json!({ "A-B": "1" }), json!({ "": "1" }), json!({ "A": {} })]),
        ("description", vec![json!([]), "x".repeat(501).into()]),
    ];
    for (part, values) in odd {
        for value in values {
            let answer = studio.call(Some(&key), "POST", "/api/v1/hosts", Some(with(part, value.clone()))).await;
            let path = answer.json()["errors"][0]["path"].as_str().unwrap_or_default().to_owned();
            assert_eq!(answer.status, 422, "{part} {value}: {}", answer.text);
            assert!(path.starts_with(&format!("$.{part}")), "{part} {value}: {path}");
        }
    }
    assert_eq!(studio.call(Some(&key), "POST", "/api/v1/hosts", Some(with("colour", "red"))).await.status, 422);
    assert_eq!(studio.call(Some(&key), "GET", "/api/v1/hosts", None).await.json().as_array().map(Vec::len), Some(1));
}
