//! A command on several hosts: a step each, as many at once as its block allows.

use domain::plan::Targets;
use domain::{Block, ControlAction, RunMode, RunState, RunbookDraft, StepState};
use serde_json::{Value, json};

use crate::hosts::add_host;
use crate::sshd::Sshd;
use crate::world::{Start, World, named, until};

/// Three hosts, which are one machine.
const HOSTS: [&str; 3] = ["web-1", "web-2", "web-3"];

async fn world() -> (World, Sshd) {
    let (world, sshd) = (World::new().await, Sshd::start());
    for host in HOSTS {
        add_host(&world, host, &sshd, &sshd.host_key()).await;
    }
    (world, sshd)
}

/// A command on all three, with more of its block and of its config.
fn everywhere(text: &str, more: Value, config: Value) -> Block {
    let mut block = json!({ "name": "everywhere", "type": "command", "config": { "command": text, "host": HOSTS } });
    let merge = |into: &mut Value, from: Value| {
        let (Value::Object(into), Value::Object(from)) = (into, from) else { panic!("objects") };
        into.extend(from);
    };
    merge(&mut block["config"], config);
    merge(&mut block, more);
    RunbookDraft::parse(&json!({ "title": "t", "blocks": [block] })).unwrap().blocks.remove(0)
}

/// How to start a run of it.
fn start(block: &Block, mode: RunMode) -> Start {
    let targets = Targets::from([(block.id, HOSTS.map(str::to_owned).to_vec())]);
    Start { targets, mode, ..Start::default() }
}

fn local(text: &str) -> Block {
    let block = json!({ "type": "command", "config": { "command": text } });
    RunbookDraft::parse(&json!({ "title": "t", "blocks": [block] })).unwrap().blocks.remove(0)
}

/// Whether any two of the steps ran at the same time.
fn overlap(steps: &[domain::Step]) -> bool {
    let spans: Vec<_> = steps.iter().map(|step| (step.started_at.unwrap(), step.ended_at.unwrap())).collect();
    spans.iter().enumerate().any(|(at, one)| spans[at + 1..].iter().any(|other| one.0 < other.1 && other.0 < one.1))
}

#[tokio::test]
async fn each_host_has_a_step_of_its_own_with_its_own_output() {
    let (world, sshd) = world().await;
    let block = everywhere("echo line; sleep 0.1", json!({}), json!({}));
    let after = local("echo {{ steps.everywhere.hosts['web-2'].stdout }}");
    let options = start(&block, RunMode::Auto);
    let id = world.start_with(vec![block, after], options).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    let hosts: Vec<_> = steps.iter().map(|step| step.host.as_deref().unwrap()).collect();
    assert_eq!(hosts, ["web-1", "web-2", "web-3", "local"]);
    for step in &steps[..3] {
        assert_eq!(world.stdout(id, step).await, "line\n");
    }
    assert_eq!(world.stdout(id, &steps[3]).await, "line\n\n");
    assert!(!overlap(&steps[..3]), "one after the other where the block says nothing: {steps:#?}");
    drop(sshd);
}

#[tokio::test]
async fn as_many_run_at_once_as_the_block_allows() {
    let (world, sshd) = world().await;
    // Each waits until all three are there: one after the other they would wait in vain.
    let all = sshd.dir().join("all");
    let text = format!("echo x >> {0}; while [ $(wc -l < {0}) -lt 3 ]; do sleep 0.02; done; echo together", all.display());
    let block = everywhere(&text, json!({ "timeout": 30 }), json!({ "concurrency": 3 }));
    let options = start(&block, RunMode::Auto);
    let id = world.start_with(vec![block], options).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    for step in &steps {
        assert_eq!(world.stdout(id, step).await, "together\n");
    }
    let mut events: Vec<_> = steps.iter().flat_map(|step| [step.event, step.last_output]).collect();
    events.sort_unstable();
    events.dedup();
    assert_eq!(events.len(), 6, "every event has a number of its own: {steps:#?}");
}

#[tokio::test]
async fn a_host_that_fails_keeps_the_next_ones_from_being_touched() {
    let (world, sshd) = world().await;
    let seen = sshd.dir().join("seen");
    let text = format!("echo x >> {0}; [ $(wc -l < {0}) -ne 2 ]", seen.display());
    let block = everywhere(&text, json!({}), json!({}));
    let options = start(&block, RunMode::Auto);
    let id = world.start_with(vec![block, local("echo never")], options).await;
    let (run, steps) = world.reaches(id, RunState::Failed).await;
    let states: Vec<_> = steps.iter().map(|step| step.state).collect();
    assert_eq!(states, [StepState::Succeeded, StepState::Failed, StepState::Skipped, StepState::Skipped]);
    assert_eq!(run.error.as_deref(), Some("block 1 “everywhere” on web-2: exit 1"));
}

#[tokio::test]
async fn a_failure_that_does_not_end_the_run_leaves_the_other_hosts_alone() {
    let (world, sshd) = world().await;
    let seen = sshd.dir().join("seen");
    let text = format!("echo x >> {0}; [ $(wc -l < {0}) -ne 2 ]", seen.display());
    let retried = json!({ "on_failure": "continue", "retry": { "attempts": 2, "delay": 0 } });
    let once = everywhere(&text, json!({ "on_failure": "continue" }), json!({}));
    let id = world.start_with(vec![once.clone(), local("true")], start(&once, RunMode::Auto)).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    let states: Vec<_> = steps.iter().map(|step| step.state).collect();
    assert_eq!(states, [StepState::Succeeded, StepState::Failed, StepState::Succeeded, StepState::Succeeded]);

    std::fs::remove_file(&seen).unwrap();
    let again = everywhere(&text, retried, json!({}));
    let id = world.start_with(vec![again.clone()], start(&again, RunMode::Auto)).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    let seen: Vec<_> = steps.iter().map(|step| (step.ordinal, step.attempt, step.state)).collect();
    let (good, bad) = (StepState::Succeeded, StepState::Failed);
    assert_eq!(seen, [(0, 1, good), (1, 1, bad), (1, 2, good), (2, 1, good)]);
}

#[tokio::test]
async fn one_answer_lets_the_same_text_run_on_every_host() {
    let (world, _sshd) = world().await;
    let block = everywhere("echo yes", json!({}), json!({ "concurrency": 2 }));
    let options = start(&block, RunMode::Guided);
    let id = world.start_with(vec![block], options).await;
    let (run, steps) = world.reaches(id, RunState::Waiting).await;
    assert_eq!(run.error.as_deref(), Some("run “everywhere” on web-1, web-2 and web-3?"));
    world.go_on(id, Some((steps[0].clone(), ControlAction::Approve))).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert!(steps.iter().all(|step| step.state == StepState::Succeeded), "{steps:#?}");
}

#[tokio::test]
async fn a_host_that_would_run_something_else_is_asked_for_by_itself() {
    let (world, sshd) = (World::new().await, Sshd::start());
    for host in ["web-1", "web-2"] {
        add_host(&world, host, &sshd, &sshd.host_key()).await;
    }
    // A host's environment differs, and with it what would run.
    let mut other = world.store.hosts_named(&["web-2"]).await.unwrap().remove(0);
    other.env = vec![("REGION".to_owned(), "south".to_owned())];
    world.store.update_host(&other, &crate::world::audit(domain::AuditAction::HostUpdated)).await.unwrap();
    let block = everywhere("echo {{ env.REGION }}", json!({ "confirm": true }), json!({ "host": ["web-1", "web-2"] }));
    let targets = Targets::from([(block.id, vec!["web-1".to_owned(), "web-2".to_owned()])]);
    let id = world.start_with(vec![block], Start { targets, ..Start::default() }).await;
    let (run, steps) = world.reaches(id, RunState::Waiting).await;
    assert_eq!((run.error.as_deref(), steps[0].what.as_str()), (Some("run “everywhere” on web-1?"), "echo north"));
    world.go_on(id, Some((steps[0].clone(), ControlAction::Approve))).await;
    until("the second question", || async {
        let step = world.steps(id).await.remove(1);
        (step.state == StepState::Waiting).then_some(())
    })
    .await;
    let (run, steps) = world.reaches(id, RunState::Waiting).await;
    assert_eq!((run.error.as_deref(), steps[1].what.as_str()), (Some("run “everywhere” on web-2?"), "echo south"));
    world.go_on(id, Some((steps[1].clone(), ControlAction::Skip))).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!(steps[1].state, StepState::Skipped);
}

#[tokio::test]
async fn stop_ends_all_of_them_and_starts_no_other() {
    let (world, _sshd) = world().await;
    let block = everywhere("echo begun; sleep 300", json!({}), json!({ "concurrency": 2 }));
    let options = start(&block, RunMode::Auto);
    let id = world.start_with(vec![block], options).await;
    for ordinal in 0..2 {
        let step = world.step_is(id, ordinal, StepState::Running).await;
        until("its output", || async { world.stdout(id, &step).await.contains("begun").then_some(()) }).await;
    }
    world.control(id, RunState::Running, RunState::Stopping).await;
    let (_, steps) = world.reaches(id, RunState::Stopped).await;
    for step in &steps[..2] {
        assert_eq!(step.state, StepState::Stopped);
        assert!(step.error.as_ref().unwrap().starts_with("stopped, 0 processes left"), "{:?}", step.error);
    }
    assert_eq!(steps[2].state, StepState::Skipped);
}

#[tokio::test]
async fn connections_that_are_cut_leave_each_host_to_a_person() {
    let (world, sshd) = world().await;
    let marks = sshd.dir().join("marks");
    let text = format!("echo $$ >> {0}; echo begun; [ $(wc -l < {0}) -gt 2 ] || sleep 300", marks.display());
    let block = everywhere(&text, json!({}), json!({ "concurrency": 2 }));
    let options = start(&block, RunMode::Auto);
    let id = world.start_with(vec![block], options).await;
    for ordinal in 0..2 {
        let step = world.step_is(id, ordinal, StepState::Running).await;
        until("its output", || async { world.stdout(id, &step).await.contains("begun").then_some(()) }).await;
    }
    sshd.cut();
    let (_, steps) = world.reaches(id, RunState::Interrupted).await;
    let states: Vec<_> = steps.iter().map(|step| step.state).collect();
    assert_eq!(states, [StepState::Interrupted, StepState::Interrupted, StepState::Pending], "none is tried again by itself");
    world.go_on(id, Some((steps[0].clone(), ControlAction::Skip))).await;
    until("the second question", || async {
        let (run, steps) = (world.run(id).await, world.steps(id).await);
        (run.state == RunState::Interrupted && steps[0].state == StepState::Skipped && run.error.unwrap().contains("web-2"))
            .then_some(())
    })
    .await;
    world.go_on(id, Some((world.steps(id).await.remove(1), ControlAction::Retry))).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    let ended: Vec<_> = steps.iter().map(|step| (step.ordinal, step.attempt, step.state)).collect();
    assert_eq!(ended[1..], [(1, 1, StepState::Failed), (1, 2, StepState::Succeeded), (2, 1, StepState::Succeeded)]);
}

#[tokio::test]
async fn a_pause_waits_for_those_that_run_and_resume_goes_on_with_the_others() {
    let (world, sshd) = world().await;
    let gate = sshd.dir().join("gate");
    let text = format!("echo begun; while [ ! -e {} ]; do sleep 0.02; done", gate.display());
    let block = everywhere(&text, json!({ "timeout": 60 }), json!({ "concurrency": 2 }));
    let options = start(&block, RunMode::Auto);
    let id = world.start_with(vec![named("first", local("true")), block], options).await;
    world.step_is(id, 2, StepState::Running).await;
    world.control(id, RunState::Running, RunState::Pausing).await;
    std::fs::write(&gate, "").unwrap();
    let (_, steps) = world.reaches(id, RunState::Paused).await;
    let states: Vec<_> = steps[1..].iter().map(|step| step.state).collect();
    assert_eq!(states, [StepState::Succeeded, StepState::Succeeded, StepState::Pending]);
    world.go_on(id, None).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!(steps[3].state, StepState::Succeeded);
}
