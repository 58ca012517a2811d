use serde_json::json;

use super::*;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

fn web() -> Value {
    json!({ "name": "web-1", "address": "web-1.example.net", "user": "deploy" })
}

fn with(key: &str, value: Value) -> Value {
    let mut draft = web();
    draft[key] = value;
    draft
}

/// The paths of the faults.
fn paths(value: &Value) -> Vec<String> {
    HostDraft::parse(value).map_or_else(|faults| faults.0.into_iter().map(|fault| fault.path).collect(), |_| Vec::new())
}

#[test]
fn what_is_not_said_has_a_default() {
    let draft = HostDraft::parse(&web()).expect("a host");
    assert_eq!((draft.port, draft.roles.as_slice()), (22, &DEFAULT_ROLES[..]));
    assert_eq!((draft.credential, draft.host_key.clone(), draft.description.clone()), (None, None, None));
    assert_eq!(draft.check(), Ok(draft));
}

#[test]
fn a_full_draft_reads_back_as_itself() {
    let full = json!({
        "name": "db.1:a", "address": "2001:db8::1", "port": 2222, "user": "svc_db", "tags": ["Prod"], "roles": ["admin", "sre", "sre"],
        "credential": "01932c07-0000-7000-8000-000000000001", "host_key": format!("  {KEY}\troot@db "), "env": { "B": "2", "A": 1 },
        "description": "The first"
    });
    let draft = HostDraft::parse(&full).expect("a host");
    assert_eq!(draft.roles, [Role::Sre, Role::Admin]);
    assert_eq!(draft.host_key, Some(format!("{KEY} root@db")));
    assert_eq!(draft.env, [("B".to_owned(), "2".to_owned()), ("A".to_owned(), "1".to_owned())]);
    assert_eq!(draft.check(), Ok(draft.clone()));
    let host = Host::new(draft, "ann", chrono::Utc::now());
    let text = serde_json::to_string(&host).expect("JSON");
    assert_eq!(serde_json::from_str::<Host>(&text).expect("a host"), host);
    assert!(host.may_run(Role::Admin) && !host.may_run(Role::Developer));
}

#[test]
fn every_fault_is_listed_with_its_path() {
    let wrong = json!({ "name": "-x", "address": "a b", "port": 0, "user": "a@b", "tags": ["-"], "roles": ["root", "viewer"],
        "credential": "mine", "host_key": "ssh-rsa", "env": { "1": "" }, "description": 3, "colour": "red" });
    let expected = [
        "$.name",
        "$.address",
        "$.port",
        "$.user",
        "$.credential",
        "$.host_key",
        "$.tags[0]",
        "$.roles[0]",
        "$.roles[1]",
        "$.env[\"1\"]",
        "$.description",
        "$.colour",
    ];
    assert_eq!(paths(&wrong), expected);
    assert_eq!(paths(&json!({})), ["$.name", "$.address", "$.user"]);
    assert_eq!(paths(&json!([])), ["$"]);
}

#[test]
fn odd_names_addresses_users_and_keys_are_refused() {
    let long = "a".repeat(300);
    for name in ["-oProxyCommand=x", "../etc", "a..b", "a b", "a\nb", "ä", "a/b", "$(x)", "Local", "LOCAL", &long] {
        assert_eq!(paths(&with("name", json!(name))), ["$.name"], "{name:?}");
    }
    for address in [
        "-oProxyCommand=x",
        "a b",
        "a\nb",
        "a@b",
        "a:22",
        "http://a",
        "[::1]",
        "a..b",
        ".a",
        "a.",
        "-a.b",
        "a-.b",
        "127.1",
        "2130706433",
        "0x7f.1",
        "1.2.3.256",
        "a.0x7f",
        "fe80::1%eth0",
        "ä.example",
        "a/b",
        "$(x)",
        &long,
    ] {
        assert_eq!(paths(&with("address", json!(address))), ["$.address"], "{address:?}");
    }
    for address in ["192.0.2.1", "::1", "2001:db8::7", "db", "DB-1.example.net", "a_b.c", "xn--4ca.example", "10.0.0.1.nip.io"] {
        assert_eq!(paths(&with("address", json!(address))), Vec::<String>::new(), "{address:?}");
    }
    for user in ["-l", "a b", "a\tb", "a\nb", "a:b", "a@b", "a\u{7f}", "a\u{a0}b", &long] {
        assert_eq!(paths(&with("user", json!(user))), ["$.user"], "{user:?}");
    }
    let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----";
    let renamed = KEY.replace("ssh-ed25519", "ssh-rsa");
    let known_host = format!("web-1 {KEY}");
    let twice = format!("{KEY}\n{KEY}");
    for key in
        ["x", "ssh-ed25519 AAAA", "ssh-ed25519 !!!!", "ssh-ed25519 ////", private, &renamed, &known_host, &twice, &KEY[..40]]
    {
        assert_eq!(paths(&with("host_key", json!(key))), ["$.host_key"], "{key:?}");
    }
    for nul in ["name", "address", "user", "host_key", "description", "credential"] {
        assert!(paths(&with(nul, json!("a\0b"))).contains(&format!("$.{nul}")), "{nul}");
    }
}

#[test]
fn nobody_connects_to_local() {
    let local = json!({ "name": "local", "tags": ["a"], "roles": [], "env": { "STAGE": "prod" }, "port": 22, "address": "" });
    let draft = HostDraft::parse(&local).expect("local");
    assert_eq!((draft.address.as_str(), draft.user.as_str(), draft.roles.as_slice()), ("", "", &[][..]));
    assert_eq!(draft.check(), Ok(draft));
    let told = json!({ "name": "local", "address": "::1", "user": "root", "credential": "x", "host_key": KEY });
    assert_eq!(paths(&told), ["$.address", "$.user", "$.credential", "$.host_key"]);
}
