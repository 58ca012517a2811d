//! Blocks that run on a host over SSH: a real OpenSSH server on loopback.

use chrono::Utc;
use domain::block::{BlockKind, Check, CommandBlock, ConditionBlock, OnFalse, OnWorkerLoss};
use domain::{AuditAction, Block, ControlAction, Host, HostDraft, RunState, StepState, Stream};
use serde_json::json;
use store::Store;

use crate::sshd::Sshd;
use crate::world::{World, audit, named, timer, until};

pub async fn add_host(world: &World, name: &str, sshd: &Sshd, host_key: &str) {
    let credential = world.credential(&format!("key of {name}"), &sshd.client_key()).await;
    let draft = HostDraft::parse(&json!({
        "name": name, "address": "127.0.0.1", "port": sshd.port(), "user": sshd.user(),
        "credential": credential, "host_key": host_key, "env": { "REGION": "north" },
    }));
    let host = Host::new(draft.unwrap(), "ann", Utc::now());
    assert!(world.store.create_host(&host, &audit(AuditAction::HostCreated)).await.unwrap());
}

fn on(host: &str, text: &str) -> Block {
    Block::new("", BlockKind::Command(CommandBlock { command: text.into(), host: host.into(), ..CommandBlock::default() }))
}

fn condition(check: Check, then: Block) -> Block {
    let condition = ConditionBlock { check, nested_blocks: vec![then], else_blocks: Vec::new(), on_false: OnFalse::Stop };
    Block::new("", BlockKind::Condition(condition))
}

async fn audited(store: &Store, action: AuditAction) -> bool {
    store.audit_entries(50).await.unwrap().iter().any(|entry| entry.action == action)
}

#[tokio::test]
async fn commands_and_checks_run_on_their_host_over_one_connection() {
    let (world, sshd) = (World::new().await, Sshd::start());
    add_host(&world, "web-1", &sshd, &sshd.host_key()).await;
    let file = sshd.dir().join("flag with 'quotes'").display().to_string();
    let expected = || Check::EnvVarEquals { name: "REGION".into(), value: "north".into(), host: "web-1".into() };
    let exists = Check::FileExists { path: file.clone(), host: "web-1".into() };
    let exits = Check::CommandExitCode { command: "exit 4".into(), expected: 4, host: "web-1".into() };
    let id = world
        .start(vec![
            named("say", on("web-1", "echo in {{ env.REGION }} $REGION; echo oops >&2; echo $SSH_CONNECTION | wc -w")),
            named(
                "mark",
                on("web-1", &format!("touch \"$(printf %s {})\"", "'".to_owned() + &file.replace('\'', "'\\''") + "'")),
            ),
            condition(expected(), condition(exists, condition(exits, on("web-1", "echo {{ steps.say.stdout }}; exit 3")))),
        ])
        .await;
    let (_, steps) = world.reaches(id, RunState::Failed).await;
    assert_eq!(world.stdout(id, &steps[0]).await, "in north north\n4\n");
    assert_eq!(world.output(id, &steps[0], Stream::Stderr).await, "oops\n");
    let last = steps.last().unwrap();
    assert_eq!((last.exit_code, last.error.as_deref()), (Some(3), Some("exit 3")), "{steps:#?}");
    assert_eq!(world.stdout(id, last).await, "in north north\n4\n\n");
    assert!(sshd.sessions().len() <= 1, "one connection a run and host: {:?}", sshd.sessions());
    assert!(audited(&world.store, AuditAction::CredentialUsed).await);
}

#[tokio::test]
async fn the_login_of_a_host_is_masked_before_a_step_on_it_has_begun() {
    let world = World::new().await;
    // As short as a secret may be to be masked.
    let credential = world.credential("login", "deploy:pw12").await;
    let draft = HostDraft::parse(&json!({
        "name": "web-1", "address": "127.0.0.1", "port": 1, "user": "deploy", "credential": credential,
    }));
    let host = Host::new(draft.unwrap(), "ann", Utc::now());
    assert!(world.store.create_host(&host, &audit(AuditAction::HostCreated)).await.unwrap());
    let id = world.start(vec![on("local", "printf 'pw%s\\n' 12"), on("web-1", "true")]).await;
    let (_, steps) = world.reaches(id, RunState::Failed).await;
    assert_eq!((steps[0].state, world.stdout(id, &steps[0]).await.as_str()), (StepState::Succeeded, "••••••\n"));
}

#[tokio::test]
async fn a_host_with_another_key_gets_nothing_and_the_audit_trail_says_so() {
    let (world, sshd, other) = (World::new().await, Sshd::start(), Sshd::start());
    add_host(&world, "web-1", &sshd, &other.host_key()).await;
    let id = world.start(vec![on("web-1", "echo never")]).await;
    let (_, steps) = world.reaches(id, RunState::Failed).await;
    assert!(steps[0].error.as_ref().unwrap().contains("shows another key than the pinned one"), "{:?}", steps[0].error);
    assert_eq!(steps[0].last_output, 0);
    assert!(audited(&world.store, AuditAction::HostKeyChanged).await);
}

#[tokio::test]
async fn stop_ends_what_runs_on_the_host() {
    let (world, sshd) = (World::new().await, Sshd::start());
    add_host(&world, "web-1", &sshd, &sshd.host_key()).await;
    let id = world.start(vec![on("web-1", "setsid sleep 300 & echo begun; sleep 300"), timer(1)]).await;
    let step = world.step_is(id, 0, StepState::Running).await;
    until("its output", || async { world.stdout(id, &step).await.contains("begun").then_some(()) }).await;
    world.control(id, RunState::Running, RunState::Stopping).await;
    let (_, steps) = world.reaches(id, RunState::Stopped).await;
    assert!(steps[0].error.as_ref().unwrap().starts_with("stopped, 0 processes left"), "{:?}", steps[0].error);
}

#[tokio::test]
async fn a_connection_that_is_cut_leaves_the_outcome_to_a_person() {
    let (world, sshd) = (World::new().await, Sshd::start());
    add_host(&world, "web-1", &sshd, &sshd.host_key()).await;
    let id = world.start(vec![on("web-1", "echo begun; sleep 300"), on("web-1", "echo next")]).await;
    let step = world.step_is(id, 0, StepState::Running).await;
    until("its output", || async { world.stdout(id, &step).await.contains("begun").then_some(()) }).await;
    sshd.cut();
    let (run, steps) = world.reaches(id, RunState::Interrupted).await;
    assert!(run.error.unwrap().contains("the connection to web-1 was lost; outcome unknown"));
    assert_eq!((steps.len(), steps[0].state), (2, StepState::Interrupted), "never tried again by itself");
    let error = steps[0].error.as_ref().unwrap();
    assert!(error.ends_with("stopped, 0 processes left"), "what it left is looked for: {error}");
    world.go_on(id, Some((steps[0].clone(), ControlAction::Skip))).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!(world.stdout(id, &steps[1]).await, "next\n");
}

#[tokio::test]
async fn a_command_whose_connection_is_cut_is_ended_on_its_host_before_it_is_tried_again() {
    let (world, sshd) = (World::new().await, Sshd::start());
    add_host(&world, "web-1", &sshd, &sshd.host_key()).await;
    let pids = sshd.dir().join("pids");
    let script = format!("echo $$ >> {0}; [ $(wc -l < {0}) -gt 1 ] || sleep 300", pids.display());
    let id = world.start(vec![Block { on_worker_loss: OnWorkerLoss::Retry, ..on("web-1", &script) }]).await;
    let written = || async { std::fs::read_to_string(&pids).ok().filter(|pids| pids.ends_with('\n')) };
    let first: u32 = until("its process", written).await.trim().parse().unwrap();
    sshd.cut();
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    let error = steps[0].error.as_ref().unwrap();
    assert!(error.contains("outcome unknown; stopped, 0 processes left") && error.ends_with("it is tried again"), "{error}");
    // Its parent is gone: until somebody else has reaped it, it is there without a command line.
    let line = std::fs::read_to_string(format!("/proc/{first}/cmdline")).unwrap_or_default();
    assert_eq!(line, "", "the first one still runs");
}

#[tokio::test]
async fn a_connection_that_was_cut_between_two_steps_is_made_anew() {
    let (world, sshd) = (World::new().await, Sshd::start());
    add_host(&world, "web-1", &sshd, &sshd.host_key()).await;
    let id = world.start(vec![on("web-1", "echo one"), timer(1_500), on("web-1", "echo two")]).await;
    world.step_is(id, 1, StepState::Running).await;
    sshd.cut();
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!((steps.len(), world.stdout(id, &steps[2]).await.as_str()), (3, "two\n"));
}

#[tokio::test]
async fn a_command_on_a_host_whose_server_was_lost_is_ended_there_before_it_is_tried_again() {
    let (mut world, sshd) = (World::new().await, Sshd::start());
    add_host(&world, "web-1", &sshd, &sshd.host_key()).await;
    let pids = sshd.dir().join("pids");
    let script = format!("echo $$ >> {0}; [ $(wc -l < {0}) -gt 1 ] || sleep 300", pids.display());
    let id = world.start(vec![Block { on_worker_loss: OnWorkerLoss::Retry, ..on("web-1", &script) }]).await;
    until("its process", || async { pids.exists().then_some(()) }).await;
    world.task.abort();
    world.restart(true);
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    let error = steps[0].error.as_ref().unwrap();
    assert!(error.contains("stopped, 0 processes left") && error.ends_with("it is tried again"), "{error}");
    let first: u32 = std::fs::read_to_string(&pids).unwrap().lines().next().unwrap().parse().unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{first}")).exists(), "the first one still runs");
}
