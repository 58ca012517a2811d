use std::time::Duration;

use domain::plan::Selection;
use domain::{
    AuditAction, CheckOutcome, ControlAction, CredentialKind, HostDraft, HostSummary, Problem, Role, RunState, StepState,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use service::{LocalCommands, Result, ServiceError, Settings, StartRun};

use crate::world::{TestStudio, developer, draft, somebody};

fn host(name: &str) -> Value {
    json!({ "name": name, "address": "192.0.2.1", "user": "deploy" })
}

fn parsed(value: &Value) -> HostDraft {
    HostDraft::parse(value).expect("a host")
}

fn with(mut value: Value, key: &str, part: Value) -> HostDraft {
    value[key] = part;
    parsed(&value)
}

fn on(host: &str) -> Value {
    json!({ "type": "command", "config": { "command": "true", "host": host } })
}

async fn add(studio: &TestStudio, draft: HostDraft) -> HostSummary {
    studio.services.hosts.create(&somebody("sam", Role::Sre), draft).await.expect("a host")
}

/// Status and sentence of a refusal.
fn refusal<T: std::fmt::Debug>(result: Result<T>) -> (u16, String) {
    let problem = Problem::from(result.expect_err("a refusal"));
    (problem.status, problem.detail)
}

#[tokio::test]
async fn everybody_sees_where_and_only_sre_and_above_how() {
    let studio = TestStudio::idle().await;
    let hosts = &studio.services.hosts;
    let made = add(&studio, with(host("web-1"), "env", json!({ "STAGE": "prod" }))).await;
    for role in Role::ALL {
        let actor = somebody("someone", role);
        let manages = role >= Role::Sre;
        let listed = hosts.list(&actor).await.expect("a list");
        assert_eq!(listed.iter().map(|host| host.name.as_str()).collect::<Vec<_>>(), ["local", "web-1"]);
        assert!(listed.iter().all(|host| host.details.is_some() == manages), "{role}");
        assert_eq!(hosts.get(&actor, made.id).await.expect("a host").details.is_some(), manages);
        assert_eq!(hosts.create(&actor, parsed(&host(&format!("by-{role}")))).await.is_ok(), manages);
        assert_eq!(hosts.update(&actor, made.id, parsed(&host("web-1"))).await.is_ok(), manages);
        let other = add(&studio, parsed(&host("other"))).await;
        assert_eq!(hosts.delete(&actor, other.id, true).await.is_ok(), manages);
        let sre = somebody("sam", Role::Sre);
        for host in hosts.list(&sre).await.expect("a list").iter().filter(|host| !host.is_local() && host.name != "web-1") {
            hosts.delete(&sre, host.id, true).await.expect("deleted");
        }
    }
}

#[tokio::test]
async fn a_change_is_in_the_trail_with_what_it_was_before_and_no_value_of_a_variable() {
    let studio = TestStudio::idle().await;
    let sre = somebody("sam", Role::Sre);
    let made = add(&studio, with(host("web-1"), "env", json!({ "TOKEN": "hush-1" }))).await;
    let mut changed = with(host("web-1"), "env", json!({ "TOKEN": "hush-2" }));
    changed.roles = vec![Role::Admin];
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    changed.host_key = Some(key.to_owned());
    let shown = studio.services.hosts.update(&sre, made.id, changed).await.expect("changed");
    let details = shown.details.expect("details");
    assert_eq!(details.fingerprint.as_deref(), Some("SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"));
    assert!(details.updated_at > details.created_at);

    let trail = studio.store.audit_entries(2).await.expect("the trail");
    assert_eq!((trail[0].action, trail[1].action), (AuditAction::HostUpdated, AuditAction::HostCreated));
    assert_eq!(trail[0].target, format!("host:{}", made.id));
    assert_eq!(trail[0].detail["before"], json!({ "roles": ["developer", "sre", "admin"], "host_key": null, "env": ["TOKEN"] }));
    assert_eq!(trail[0].detail["after"]["roles"], json!(["admin"]));
    assert!(!format!("{trail:?}").contains("hush"));
}

#[tokio::test]
async fn a_name_is_taken_once_and_local_stays_what_it_is() {
    let studio = TestStudio::idle().await;
    let hosts = &studio.services.hosts;
    let sre = somebody("sam", Role::Sre);
    let made = add(&studio, parsed(&host("web-1"))).await;
    assert_eq!(
        refusal(hosts.create(&sre, parsed(&host("web-1"))).await),
        (409, "there is a host named “web-1” already".to_owned())
    );
    let local_draft = || json!({ "name": "local", "roles": ["sre"], "tags": ["here"], "env": { "A": "1" } });
    assert_eq!(refusal(hosts.create(&sre, parsed(&local_draft())).await).0, 409);
    assert_eq!(refusal(hosts.update(&sre, made.id, parsed(&local_draft())).await).0, 409);

    let local = hosts.list(&sre).await.expect("a list").remove(0);
    let changed = hosts.update(&sre, local.id, parsed(&local_draft())).await.expect("changed");
    assert_eq!((changed.roles, changed.tags), (vec![Role::Sre], vec!["here".to_owned()]));
    assert_eq!(refusal(hosts.update(&sre, local.id, parsed(&host("web-9"))).await).0, 422);
    assert_eq!(refusal(hosts.delete(&sre, local.id, true).await).0, 409);
}

#[tokio::test]
async fn a_host_that_runbooks_name_is_renamed_by_nobody_and_deleted_by_force_alone() {
    let studio = TestStudio::idle().await;
    let hosts = &studio.services.hosts;
    let sre = somebody("sam", Role::Sre);
    let made = add(&studio, parsed(&host("web-1"))).await;
    let nested = json!([{ "type": "condition", "config": {
        "condition_type": "expression", "expression": "true", "else_blocks": [on("web-1")] } }]);
    studio.services.runbooks.create(&developer(), draft("Roll out", nested)).await.expect("a runbook");

    let used = (409, "“web-1” is used by “Roll out”".to_owned());
    assert_eq!(refusal(hosts.update(&sre, made.id, parsed(&host("web-2"))).await), used);
    assert_eq!(refusal(hosts.delete(&sre, made.id, false).await), used);
    hosts.update(&sre, made.id, with(host("web-1"), "address", json!("192.0.2.2"))).await.expect("changed");
    hosts.delete(&sre, made.id, true).await.expect("by force");
    assert_eq!(refusal(hosts.delete(&sre, made.id, true).await).0, 404);
    let trail = studio.store.audit_entries(1).await.expect("the trail");
    assert_eq!((trail[0].action, trail[0].detail["force"].as_bool()), (AuditAction::HostDeleted, Some(true)));
}

#[tokio::test]
async fn a_host_is_let_in_by_an_ssh_credential_which_then_is_in_use() {
    let studio = TestStudio::idle().await;
    let (hosts, credentials) = (&studio.services.hosts, &studio.services.credentials);
    let sre = somebody("sam", Role::Sre);
    let secret = || SecretString::from("s3cret-value");
    let ssh = credentials.create(&sre, "deploy key", CredentialKind::Ssh, secret()).await.expect("a credential");
    let api = credentials.create(&sre, "token", CredentialKind::Api, secret()).await.expect("a credential");
    for wrong in [api.id.to_string(), domain::CredentialId::new().to_string()] {
        let refused = hosts.create(&sre, with(host("web-1"), "credential", json!(wrong))).await;
        let Err(ServiceError::Invalid(faults)) = refused else { panic!("{refused:?}") };
        assert_eq!(faults.0[0].path, "$.credential");
    }
    add(&studio, with(host("web-1"), "credential", json!(ssh.id))).await;
    let used = refusal(credentials.delete(&sre, ssh.id, false).await);
    assert_eq!(used, (409, "“deploy key” is used by host “web-1”".to_owned()));
    credentials.delete(&sre, ssh.id, true).await.expect("by force");
}

#[tokio::test]
async fn a_run_asks_every_host_that_it_would_touch() {
    let studio = TestStudio::idle().await;
    let runs = &studio.services.runs;
    add(&studio, with(host("open"), "roles", json!(["developer"]))).await;
    add(&studio, with(host("closed"), "roles", json!(["admin"]))).await;
    let check = json!({ "type": "condition", "config": {
        "condition_type": "file_exists", "file_path": "/x", "host": "closed", "nested_blocks": [on("gone")] } });
    let blocks = json!([on("open"), check, on("local")]);
    let made = studio.services.runbooks.create(&developer(), draft("Touch", blocks)).await.expect("a runbook");
    let only = |index: usize| StartRun { selection: Selection::Only(vec![made.blocks[index].id]), ..StartRun::default() };
    let [nested, _] = made.blocks[1].branches();
    let inside = StartRun { selection: Selection::Only(vec![nested[0].id]), ..StartRun::default() };

    let refused = refusal(runs.start(&developer(), made.id, StartRun::default()).await);
    assert_eq!(refused, (403, "the role developer may not run on “closed”".to_owned()));
    let admin = somebody("root", Role::Admin);
    let refused = refusal(runs.start(&admin, made.id, only(0)).await);
    assert_eq!(refused, (403, "the role admin may not run on “open”".to_owned()));
    for (who, start) in [(&admin, only(1)), (&developer(), inside)] {
        let Err(ServiceError::Invalid(faults)) = runs.start(who, made.id, start).await else { panic!("started") };
        assert_eq!(faults.0[0].path, "$.blocks[1].config.nested_blocks[0].config.host");
        assert_eq!(faults.0[0].message, "there is no host “gone”");
    }
    runs.start(&developer(), made.id, only(0)).await.expect("an open host");
    runs.start(&developer(), made.id, only(2)).await.expect("the server itself");

    let sre = somebody("sam", Role::Sre);
    let local = studio.services.hosts.list(&sre).await.expect("a list").remove(0);
    let nobody = parsed(&json!({ "name": "local", "roles": [] }));
    studio.services.hosts.update(&sre, local.id, nobody).await.expect("changed");
    assert_eq!(refusal(runs.start(&developer(), made.id, only(2)).await).0, 403);
}

#[tokio::test]
async fn a_tag_stands_for_the_hosts_that_have_it_when_the_run_starts() {
    let studio = TestStudio::idle().await;
    let runs = &studio.services.runs;
    for name in ["web-2", "web-1"] {
        add(&studio, with(host(name), "tags", json!(["web"]))).await;
    }
    add(&studio, parsed(&host("db-1"))).await;
    let several = |place: Value| json!({ "type": "command", "config": { "command": "true", "host": place } });
    let blocks = json!([several(json!(["db-1", "tag:web", "web-2"])), several(json!("tag:none")), several(json!("tag:web"))]);
    let made = studio.services.runbooks.create(&developer(), draft("Everywhere", blocks)).await.expect("a runbook");
    let chosen = |indices: &[usize]| StartRun {
        selection: Selection::Only(indices.iter().map(|index| made.blocks[*index].id).collect()),
        ..StartRun::default()
    };
    let Err(ServiceError::Invalid(faults)) = runs.start(&developer(), made.id, StartRun::default()).await else {
        panic!("started")
    };
    assert_eq!((faults.0[0].path.as_str(), faults.0.len()), ("$.blocks[1].config.host", 1));
    assert_eq!(faults.0[0].message, "no host has the tag “none”");

    let run = runs.start(&developer(), made.id, chosen(&[0, 2])).await.expect("a run");
    let (_, steps) = runs.get(&developer(), run.id).await.expect("its steps");
    let seen: Vec<_> = steps.iter().map(|step| (step.ordinal, step.host.as_deref(), step.state.as_str())).collect();
    assert_eq!(
        seen,
        [
            (0, Some("db-1"), "pending"),
            (1, Some("web-2"), "pending"),
            (2, Some("web-1"), "pending"),
            (3, None, "skipped"),
            (4, Some("web-1"), "pending"),
            (5, Some("web-2"), "pending"),
        ]
    );

    add(&studio, with(with_tag("web-3"), "roles", json!(["admin"]))).await;
    let refused = refusal(runs.start(&developer(), made.id, chosen(&[2])).await);
    assert_eq!(refused, (403, "the role developer may not run on “web-3”".to_owned()));
}

fn with_tag(name: &str) -> Value {
    let mut value = host(name);
    value["tags"] = json!(["web"]);
    value
}

/// A studio with the hosts `web` and `db`, open to these roles, and a run of sam's that has paused before it touched them.
async fn paused(roles: Value) -> (TestStudio, domain::Run, [HostSummary; 2]) {
    let studio = TestStudio::idle().await;
    let hosts =
        [add(&studio, with(host("web"), "roles", roles.clone())).await, add(&studio, with(host("db"), "roles", roles)).await];
    let made = studio.services.runbooks.create(&developer(), draft("Touch", json!([on("web"), on("db")]))).await;
    let run = studio.services.runs.start(&sam(), made.expect("a runbook").id, StartRun::default()).await.expect("a run");
    let run = studio.services.runs.control(&sam(), run.id, ControlAction::Pause, None, None).await.expect("paused");
    (studio, run, hosts)
}

fn sam() -> domain::Actor {
    somebody("sam", Role::Sre)
}

async fn closed_to_sre(studio: &TestStudio, host: &HostSummary) {
    let draft = with(self::host(&host.name), "roles", json!(["admin"]));
    studio.services.hosts.update(&sam(), host.id, draft).await.expect("changed");
}

/// As a worker leaves a run whose first step is in this state.
async fn left_as(studio: &TestStudio, run: RunState, step: StepState) -> domain::RunId {
    let made = studio.services.runbooks.create(&developer(), draft("Touch", json!([on("web"), on("db")]))).await;
    let started = studio.services.runs.start(&sam(), made.expect("a runbook").id, StartRun::default()).await.expect("a run");
    let now = chrono::Utc::now();
    let claims = studio.store.claim_runs("worker", now, now + Duration::from_secs(60), 1, &[]).await.expect("a claim");
    let [claim] = &claims[..] else { panic!("{claims:?}") };
    let mut steps = studio.store.steps(started.id).await.expect("steps");
    (steps[0].state, steps[0].started_at) = (step, Some(now));
    let left = domain::Run { state: run, event: claim.run.event + 1, ..claim.run.clone() };
    let progress = store::Progress { run: &left, expect: &[RunState::Running], mode: None, steps: &steps[..1], release: true };
    let saved = studio.store.save_progress(&claim.lease, &progress).await.expect("saved");
    assert_eq!(saved, store::Saved::Written);
    started.id
}

#[tokio::test]
async fn a_paused_run_is_resumed_by_those_only_who_may_run_on_every_host_that_it_has_still_to_touch() {
    let (studio, run, [web, db]) = paused(json!(["sre", "admin"])).await;
    let runs = &studio.services.runs;
    let resume = async |who| runs.control(&who, run.id, ControlAction::Resume, None, None).await;
    closed_to_sre(&studio, &db).await;
    assert_eq!(refusal(resume(sam()).await), (403, "the role sre may not run on “db”".to_owned()));
    closed_to_sre(&studio, &web).await;
    assert_eq!(refusal(resume(sam()).await), (403, "the role sre may not run on “db”, “web”".to_owned()));
    assert_eq!(runs.get(&sam(), run.id).await.expect("a run").0.state, RunState::Paused, "nothing was changed");
    let resumed = resume(somebody("root", Role::Admin)).await.expect("resumed");
    assert_eq!(resumed.state, RunState::Running);
}

#[tokio::test]
async fn whoever_ends_a_run_needs_no_right_to_its_hosts() {
    let (studio, run, [web, _]) = paused(json!(["sre", "admin"])).await;
    closed_to_sre(&studio, &web).await;
    let stopped = studio.services.runs.control(&sam(), run.id, ControlAction::Stop, None, None).await.expect("stopped");
    assert_eq!(stopped.state, RunState::Stopped);
}

#[tokio::test]
async fn an_answer_that_lets_a_run_go_on_asks_its_hosts_again() {
    let studio = TestStudio::idle().await;
    let runs = &studio.services.runs;
    let web = add(&studio, with(host("web"), "roles", json!(["sre", "admin"]))).await;
    let db = add(&studio, with(host("db"), "roles", json!(["sre", "admin"]))).await;
    let questions = [
        (RunState::Waiting, StepState::Waiting, ControlAction::Approve),
        (RunState::Interrupted, StepState::Interrupted, ControlAction::Retry),
        (RunState::Interrupted, StepState::Interrupted, ControlAction::Done),
        (RunState::Interrupted, StepState::Interrupted, ControlAction::Skip),
    ];
    let mut asking = Vec::new();
    for (run, step, action) in questions {
        asking.push((left_as(&studio, run, step).await, action));
    }
    let answer = async |who, run, action| runs.control(&who, run, action, None, None).await;

    // What is skipped or done is not run any more, what comes after it is.
    closed_to_sre(&studio, &web).await;
    for (run, action) in &asking[..2] {
        let refused = refusal(answer(sam(), *run, *action).await);
        assert_eq!(refused, (403, "the role sre may not run on “web”".to_owned()), "{action:?}");
    }
    closed_to_sre(&studio, &db).await;
    for (run, action) in &asking[2..] {
        let refused = refusal(answer(sam(), *run, *action).await);
        assert_eq!(refused, (403, "the role sre may not run on “db”".to_owned()), "{action:?}");
    }
    let open = with(host("db"), "roles", json!(["sre", "admin"]));
    studio.services.hosts.update(&sam(), db.id, open).await.expect("changed");
    for (run, action) in &asking[2..] {
        assert_eq!(answer(sam(), *run, *action).await.expect("answered").state, RunState::Running, "{action:?}");
    }
    for (run, action) in &asking[..2] {
        let answered = answer(somebody("root", Role::Admin), *run, *action).await.expect("answered");
        assert_eq!(answered.state, RunState::Running, "{action:?}");
    }
}

#[tokio::test]
async fn where_commands_share_the_servers_user_only_sre_and_admin_run_any_on_it() {
    for (local, is_shared) in
        [(LocalCommands::Shared, true), (LocalCommands::Hidden, false), (LocalCommands::OtherUser("nobody".to_owned()), false)]
    {
        let studio = TestStudio::idle().await.with_settings(Settings { local, ..Settings::default() });
        let runs = &studio.services.runs;
        let check = json!({ "type": "condition", "config": {
            "condition_type": "file_exists", "file_path": "/x", "nested_blocks": [on("local")] } });
        let bare = json!({ "type": "command", "config": { "command": "true" } });
        // By name, by default, within a branch, and beside a host that is open to all.
        add(&studio, parsed(&host("web-1"))).await;
        for block in [on("local"), bare, check, on("web-1")] {
            let blocks = json!([on("web-1"), block]);
            let reaches_server = blocks[0] != blocks[1];
            let made = studio.services.runbooks.create(&developer(), draft("Here", blocks)).await.expect("a runbook");
            for role in [Role::Developer, Role::Sre, Role::Admin] {
                let refused = is_shared && reaches_server && role < Role::Sre;
                let actor = somebody("someone", role);
                let preflight = runs.preflight(&actor, made.id, StartRun::default()).await.expect("a look");
                let before = studio.store.audit_entries(1_000).await.expect("the trail").len();
                let started = runs.start(&actor, made.id, StartRun::default()).await;
                assert_eq!((started.is_err(), preflight.can_start), (refused, !refused), "{role}: {started:?}");
                if refused {
                    let (status, said) = refusal(started);
                    assert!(status == 403 && said.contains("only an sre may run any"), "{status}: {said}");
                    let found = preflight.checks.iter().find(|check| check.what == "This server").expect("a line");
                    assert_eq!(found.outcome, CheckOutcome::Problem, "{found:?}");
                    assert_eq!(
                        studio.store.audit_entries(1_000).await.expect("the trail").len(),
                        before,
                        "something was started"
                    );
                }
            }
        }
        // Everybody is told why, beside the host.
        for role in Role::ALL {
            let listed = studio.services.hosts.list(&somebody("someone", role)).await.expect("a list").remove(0);
            let note = listed.note.expect("a note");
            assert_eq!(note.contains("only sre and admin may run here"), is_shared, "{note}");
        }
    }
}

#[tokio::test]
async fn a_run_that_waits_on_the_shared_server_is_let_go_on_by_an_sre_alone() {
    let studio = TestStudio::idle().await;
    let (runs, dev) = (&studio.services.runs, developer());
    let timer = json!({ "type": "timer", "config": { "duration": "1h" } });
    let made = studio.services.runbooks.create(&dev, draft("Here", json!([timer, on("local")]))).await.expect("a runbook");
    let run = runs.start(&dev, made.id, StartRun::default()).await.expect("a run");
    runs.control(&dev, run.id, ControlAction::Pause, None, None).await.expect("paused");

    // Started again where nothing keeps commands from the server's files.
    let studio = studio.with_settings(Settings { local: LocalCommands::Shared, ..Settings::default() });
    let runs = &studio.services.runs;
    let (status, said) = refusal(runs.control(&dev, run.id, ControlAction::Resume, None, None).await);
    assert!(status == 403 && said.contains("only an sre may run any"), "{status}: {said}");
    let only = StartRun { selection: Selection::Only(vec![made.blocks[0].id]), ..StartRun::default() };
    runs.start(&dev, made.id, only).await.expect("what does not touch the server is theirs to run");
    let resumed = runs.control(&sam(), run.id, ControlAction::Resume, None, None).await.expect("resumed");
    assert_eq!(resumed.state, RunState::Running);
}
