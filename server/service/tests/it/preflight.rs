use domain::plan::Selection;
use domain::{AuditAction, BlockPreview, CheckOutcome, CredentialKind, HostDraft, Preflight, Role, Runbook, RunbookDraft};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use service::{ServiceError, StartRun};
use tokio::net::TcpListener;

use crate::world::{TestStudio, developer, echo, runbook, somebody};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

async fn made(studio: &TestStudio, draft: Value) -> Runbook {
    let draft = RunbookDraft::parse(&draft).expect("a draft");
    studio.services.runbooks.create(&developer(), draft).await.expect("a runbook")
}

fn given(parameters: Value) -> StartRun {
    StartRun { parameters: parameters.as_object().cloned().expect("an object"), ..StartRun::default() }
}

async fn check(studio: &TestStudio, role: Role, runbook: &Runbook, options: StartRun) -> Preflight {
    studio.services.runs.preflight(&somebody("ann", role), runbook.id, options).await.expect("a look")
}

/// The sentence about a thing, and how it stands.
fn about<'a>(found: &'a Preflight, what: &str) -> (CheckOutcome, &'a str) {
    let check = found.checks.iter().find(|check| check.what == what).unwrap_or_else(|| panic!("{what}: {found:#?}"));
    (check.outcome, &check.sentence)
}

fn command(name: &str, command: &str, host: &str) -> Value {
    json!({ "name": name, "type": "command", "config": { "command": command, "host": host } })
}

#[tokio::test]
async fn a_runbook_that_can_run_says_exactly_what_would_run() {
    let studio = TestStudio::idle().await;
    let blocks = json!([
        { "name": "say", "type": "command", "config": { "command": "echo {{ params.word }} by {{ run.started_by }}" } },
        { "name": "again", "type": "command", "config": { "command": "echo {{ steps.say.stdout }}" }, "confirm": true },
        { "type": "timer", "config": { "duration": "5s" } },
    ]);
    let parameters = json!([{ "name": "word", "type": "string", "default": "it's fine" }]);
    let runbook = made(&studio, json!({ "title": "Say", "blocks": blocks, "parameters": parameters })).await;
    let found = check(&studio, Role::Developer, &runbook, StartRun::default()).await;
    assert!(found.can_start, "{found:#?}");
    assert!(found.checks.iter().all(|check| check.outcome == CheckOutcome::Ok), "{found:#?}");
    let steps: Vec<_> = found.steps.iter().map(|step| (step.text.as_str(), step.resolved)).collect();
    assert_eq!(
        steps,
        [(r"echo 'it'\''s fine' by ann", true), ("echo {{ steps.say.stdout }}", false), ("Wait 5s", true)],
        "{found:#?}"
    );
    assert_eq!(found.steps[1].notes, ["Asks first", "With steps.say.stdout, known only when it runs"]);
    assert_eq!(found.steps[0].hosts, ["local"]);
}

#[tokio::test]
async fn what_refuses_the_start_is_named_all_at_once() {
    let studio = TestStudio::idle().await;
    let sre = somebody("sam", Role::Sre);
    let closed = json!({ "name": "db-1", "address": "192.0.2.1", "user": "deploy", "roles": ["admin"] });
    studio.services.hosts.create(&sre, HostDraft::parse(&closed).expect("a host")).await.expect("a host");
    let blocks = json!([
        command("one", "true", "db-1"),
        command("two", "true", "nowhere"),
        { "name": "three", "type": "command", "config": { "command": "true", "host": "tag:none" } },
        command("four", "echo {{ params.many }}", "local"),
    ]);
    let parameters = json!([{ "name": "word", "type": "string", "required": true }, { "name": "many", "type": "number" }]);
    let runbook = made(&studio, json!({ "title": "Refused", "blocks": blocks, "parameters": parameters })).await;
    let found = check(&studio, Role::Developer, &runbook, given(json!({ "many": "x", "other": "1" }))).await;
    assert!(!found.can_start);
    for (what, sentence) in [
        ("db-1", "The role developer may not run on it, so a run is refused; these may: admin."),
        ("nowhere", "There is no such host, so a run is refused."),
        ("Hosts", "No host has the tag “none”."),
        ("Parameter word", "“word” needs an answer."),
        ("Parameter many", "Expected a number."),
        ("Parameter other", "This runbook asks for no such parameter."),
    ] {
        assert_eq!(about(&found, what), (CheckOutcome::Problem, sentence));
    }
    let four = found.steps.iter().find(|step| step.name == "four").expect("the step");
    assert_eq!(four.notes, ["With params.many, which has no good answer yet"], "the parameter is there, its answer is wrong");
    // One that is right is refused no more, and the start says the same.
    let only = StartRun { selection: Selection::Only(vec![runbook.blocks[0].id]), ..given(json!({ "word": "x" })) };
    assert!(!check(&studio, Role::Developer, &runbook, only.clone()).await.can_start);
    assert!(check(&studio, Role::Admin, &runbook, only.clone()).await.can_start);
    studio.services.runs.start(&somebody("root", Role::Admin), runbook.id, only).await.expect("a run");
}

#[tokio::test]
async fn what_would_fail_is_named_with_its_step_and_does_not_refuse_the_start() {
    let studio = TestStudio::idle().await;
    let nested = json!({ "name": "check", "type": "condition", "config": { "condition_type": "expression", "expression": "params.nope > 1",
        "nested_blocks": [command("inner", "echo {{ params.missing }}", "local")] } });
    let blocks = json!([
        command("lag", "echo 1", "local"),
        command("typo", "echo {{ steps.lagg.stdout }}", "local"),
        nested,
        { "name": "call", "type": "api", "config": { "method": "GET", "url": "http://169.254.169.254/latest" } },
        command("late", "echo {{ steps.lag.stdout }}", "local"),
    ]);
    let runbook = made(&studio, json!({ "title": "Fails", "blocks": blocks })).await;
    let found = check(&studio, Role::Sre, &runbook, StartRun::default()).await;
    assert!(found.can_start);
    let (typo, sentence) = about(&found, "Step 2 “typo”");
    assert_eq!(
        (typo, sentence),
        (CheckOutcome::Problem, "It would fail: it uses steps.lagg.stdout, and no step before it is called so.")
    );
    assert_eq!(about(&found, "Step 3 “check”").0, CheckOutcome::Problem);
    assert_eq!(about(&found, "Step 4 “inner”").0, CheckOutcome::Warning);
    let (call, sentence) = about(&found, "Step 5 “call”");
    assert!(call == CheckOutcome::Problem && sentence.contains("metadata"), "{sentence}");
    assert!(!found.checks.iter().any(|check| check.what.contains("late")), "{found:#?}");

    // Alone the last one has nothing to look back at.
    let alone = StartRun { selection: Selection::Only(vec![runbook.blocks[4].id]), ..StartRun::default() };
    let found = check(&studio, Role::Sre, &runbook, alone).await;
    assert!(about(&found, "Step 6 “late”").1.contains("is not part of this run"), "{found:#?}");
}

#[tokio::test]
async fn credentials_are_opened_and_never_shown() {
    let studio = TestStudio::idle().await;
    let sre = somebody("sam", Role::Sre);
    let secret = SecretString::from("s3cret-token-1");
    let token = studio.services.credentials.create(&sre, "token", CredentialKind::Api, secret).await.expect("a credential");
    let block = |text: &str| {
        json!({ "name": "use", "type": "command", "config": { "command": text,
        "credentials": [{ "credential": "token", "env": "TOKEN" }] } })
    };
    let asks = json!([{ "name": "pin", "type": "secret" }]);
    let runbook =
        made(&studio, json!({ "title": "Use", "blocks": [block("echo s3cret-token-1 9137-pin")], "parameters": asks })).await;
    let found = check(&studio, Role::Developer, &runbook, given(json!({ "pin": "9137-pin" }))).await;
    assert_eq!(about(&found, "Credential “token”"), (CheckOutcome::Ok, "It is there and can be opened."));
    let told = serde_json::to_string(&found).expect("JSON");
    assert!(!told.contains("s3cret-token-1") && !told.contains("9137-pin"), "{told}");
    let trail = studio.store.audit_entries(1).await.expect("the trail");
    assert_eq!((trail[0].action, &trail[0].target), (AuditAction::RunChecked, &format!("runbook:{}", runbook.id)));
    assert!(!format!("{trail:?}").contains("9137-pin"));

    studio.services.credentials.delete(&sre, token.id, true).await.expect("deleted");
    let found = check(&studio, Role::Developer, &runbook, StartRun::default()).await;
    assert_eq!(
        about(&found, "Credential “token”"),
        (CheckOutcome::Problem, "There is no such credential. Step 1 “use” would fail.")
    );
    assert!(found.can_start);
}

#[tokio::test]
async fn a_host_is_looked_at_and_how_it_is_reached_is_told_to_those_who_manage_hosts() {
    let studio = TestStudio::idle().await;
    let sre = somebody("sam", Role::Sre);
    let login = SecretString::from("a password of that host");
    let login = studio.services.credentials.create(&sre, "login", CredentialKind::Ssh, login).await.expect("a credential");
    // Nobody listens there any more.
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address").port();
    let host = |name: &str| json!({ "name": name, "address": "127.0.0.1", "port": port, "user": "deploy" });
    let with = |mut host: Value, more: Value| {
        host.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        HostDraft::parse(&host).expect("a host")
    };
    for draft in [
        with(host("bare"), json!({})),
        with(host("keyed"), json!({ "host_key": KEY })),
        with(host("gone"), json!({ "host_key": KEY, "credential": login.id })),
    ] {
        studio.services.hosts.create(&sre, draft).await.expect("a host");
    }
    let blocks = json!([command("a", "true", "bare"), command("b", "true", "keyed"), command("c", "true", "gone")]);
    let runbook = runbook(&studio, blocks).await;
    for (role, tells) in [(Role::Developer, false), (Role::Sre, true)] {
        let found = check(&studio, role, &runbook, StartRun::default()).await;
        assert!(found.can_start, "{found:#?}");
        assert!(about(&found, "bare").1.contains("Nobody has pinned its key"), "{found:#?}");
        assert!(about(&found, "keyed").1.contains("no credential"), "{found:#?}");
        let (outcome, sentence) = about(&found, "gone");
        assert_eq!((outcome, sentence.contains("127.0.0.1")), (CheckOutcome::Problem, tells), "{sentence}");
        assert!(sentence.starts_with("It does not answer"), "{sentence}");
    }
}

#[tokio::test]
async fn lanes_that_do_the_same_stand_in_one_line() {
    let studio = TestStudio::idle().await;
    let sre = somebody("sam", Role::Sre);
    for (name, stage) in [("web-1", "prod"), ("web-2", "prod"), ("web-3", "test")] {
        let host = json!({ "name": name, "address": "192.0.2.1", "user": "u", "tags": ["web"], "env": { "STAGE": stage } });
        studio.services.hosts.create(&sre, HostDraft::parse(&host).expect("a host")).await.expect("a host");
    }
    let runbook = runbook(&studio, json!([command("all", "echo {{ env.STAGE }}", "tag:web")])).await;
    let found = check(&studio, Role::Sre, &runbook, StartRun::default()).await;
    let steps: Vec<_> = found.steps.iter().map(|step| (step.hosts.join(" "), step.text.as_str())).collect();
    assert_eq!(steps, [("web-1 web-2".to_owned(), "echo prod"), ("web-3".to_owned(), "echo test")]);
}

#[tokio::test]
async fn nobody_looks_who_may_not_run() {
    let studio = TestStudio::idle().await;
    let made = runbook(&studio, echo()).await;
    let runs = &studio.services.runs;
    let refused = runs.preflight(&somebody("vic", Role::Viewer), made.id, StartRun::default()).await;
    assert!(matches!(refused, Err(ServiceError::Forbidden { .. })));
    let empty = runbook(&studio, json!([])).await;
    assert!(matches!(runs.preflight(&developer(), empty.id, StartRun::default()).await, Err(ServiceError::Conflict { .. })));
}

#[tokio::test]
async fn blocks_of_a_draft_are_resolved_with_defaults_and_nothing_is_written_down() {
    let studio = TestStudio::idle().await;
    let runbooks = &studio.services.runbooks;
    let before = studio.store.audit_entries(100).await.expect("the trail").len();
    let parameters = [
        json!({ "name": "path", "type": "string", "default": "/a b" }),
        json!({ "name": "open", "type": "string", "required": true }),
        json!({ "name": "token", "type": "secret" }),
        json!({ "name": "half", "type": "no such type" }),
    ];
    let blocks = [
        command("a", "ls {{ params.path }}", "local"),
        command("b", "ls plain", "local"),
        command("c", "ls {{ params.open }} {{ steps.a.stdout }}", "local"),
        command("d", "ls {{ params.nope }}", "local"),
        command("e", "ls {{ params.token }}", "local"),
        json!({ "type": "command", "config": { "comand": 1 } }),
        command("g", "ls {{ params.path | raw }}", "local"),
    ];
    let found = runbooks.preview(&developer(), "Draft", &blocks, &parameters).await.expect("previews");
    let text = |text: &str, raw| BlockPreview::Resolved { text: text.to_owned(), raw };
    assert_eq!(found[0], text("ls '/a b'", false));
    assert_eq!((&found[1], &found[5]), (&BlockPreview::AsWritten, &BlockPreview::AsWritten));
    assert_eq!(found[2], BlockPreview::Later { names: vec!["params.open".to_owned(), "steps.a.stdout".to_owned()] });
    assert!(matches!(&found[3], BlockPreview::Wrong { sentence } if sentence.contains("params.nope")), "{found:?}");
    assert!(matches!(&found[4], BlockPreview::Wrong { sentence } if sentence.contains("$PARAM_TOKEN")), "{found:?}");
    assert_eq!(found[6], text("ls /a b", true));
    assert_eq!(studio.store.audit_entries(100).await.expect("the trail").len(), before);
    let refused = runbooks.preview(&somebody("vic", Role::Viewer), "Draft", &blocks, &parameters).await;
    assert!(matches!(refused, Err(ServiceError::Forbidden { .. })));
    assert_eq!(runbooks.preview(&developer(), "", &[Value::Null], &[Value::from(Map::new())]).await.expect("none").len(), 1);
}
