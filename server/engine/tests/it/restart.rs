//! What becomes of runs when servers come and go.

use std::time::Duration;

use chrono::Utc;
use domain::block::{ApiBlock, BlockKind, Check, ConditionBlock, Method, OnFalse, OnWorkerLoss};
use domain::{Block, ControlAction, Run, RunId, RunState, Step, StepState, Stream};
use engine::EngineConfig;
use serde_json::json;
use store::{Claim, Lease, Progress, Saved};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use vault::Vault;

use crate::world::{Start, World, command, config, timer, until};

#[tokio::test]
async fn shutdown_hands_a_timer_back_and_the_next_engine_goes_on() {
    let mut world = World::new().await;
    let id = world.start(vec![timer(1_500), command("echo done")]).await;
    let step = world.step_is(id, 0, StepState::Running).await;
    world.engine.shutdown(Duration::from_secs(10)).await;
    assert_eq!(world.run(id).await.state, RunState::Running);
    world.restart(true);
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!(steps[0].started_at, step.started_at);
    assert_eq!(steps.len(), 2);
    assert!(steps[0].ended_at.unwrap() >= step.due_at.unwrap());
}

#[tokio::test]
async fn shutdown_lets_a_command_end_within_the_grace_and_leaves_a_longer_one_to_the_next_engine() {
    let mut world = World::new().await;
    let quick = world.start(vec![command("sleep 0.3; echo done"), command("echo next")]).await;
    let slow = world.start(vec![command("echo one; sleep 2; echo two"), command("echo next")]).await;
    world.step_is(quick, 0, StepState::Running).await;
    world.step_is(slow, 0, StepState::Running).await;
    world.engine.shutdown(Duration::from_secs(1)).await;
    let steps = world.steps(quick).await;
    assert_eq!((steps[0].state, steps[1].state), (StepState::Succeeded, StepState::Pending));
    assert_eq!((world.run(slow).await.state, world.steps(slow).await[0].state), (RunState::Running, StepState::Running));
    world.restart(true);
    world.reaches(quick, RunState::Succeeded).await;
    let (_, steps) = world.reaches(slow, RunState::Succeeded).await;
    assert_eq!(steps.len(), 2, "no second attempt: {steps:?}");
    assert_eq!(world.stdout(slow, &steps[0]).await, "one\ntwo\n");
}

#[tokio::test]
async fn a_command_outlives_a_crash_of_its_server_and_its_output_comes_whole_and_once() {
    let mut world = World::new().await;
    let script = "for i in $(seq 1 2000); do echo line $i; done; sleep 1; echo err >&2; for i in $(seq 1 2000); do echo more $i; done; exit 3";
    let id = world.start(vec![command(script)]).await;
    let step = world.step_is(id, 0, StepState::Running).await;
    until("some output", || async { world.stdout(id, &step).await.contains("line 2000").then_some(()) }).await;
    // Its tasks end at once, as in a crash: nothing is handed back.
    world.task.abort();
    world.restart(true);
    let (_, steps) = world.reaches(id, RunState::Failed).await;
    assert_eq!((steps.len(), steps[0].exit_code, steps[0].error.as_deref()), (1, Some(3), Some("exit 3")));
    let lines = |word: &str| (1..=2000).map(|i| format!("{word} {i}\n")).collect::<String>();
    let out = world.stdout(id, &steps[0]).await;
    assert!(out == lines("line") + &lines("more"), "{} lines instead of 4000", out.lines().count());
    assert_eq!(world.output(id, &steps[0], Stream::Stderr).await, "err\n");
    let forgotten = || async { world.runner.steps().await.unwrap().is_empty().then_some(()) };
    until("the runner forgets what the store has", forgotten).await;
}

#[tokio::test]
async fn a_step_that_nobody_knows_of_is_settled_by_a_person() {
    let mut world = World::new().await;
    let id = world.start(vec![command("echo begun; sleep 0.3; exit 1"), command("echo next")]).await;
    world.step_is(id, 0, StepState::Running).await;
    world.task.abort();
    world.restart(false);
    let (run, steps) = world.reaches(id, RunState::Interrupted).await;
    assert!(run.error.unwrap().contains("the server was lost while this step ran"));
    assert_eq!(steps[0].state, StepState::Interrupted);
    world.go_on(id, Some((steps[0].clone(), ControlAction::Retry))).await;
    let (_, steps) = world.reaches(id, RunState::Failed).await;
    let seen: Vec<_> = steps.iter().map(|step| (step.ordinal, step.attempt, step.state)).collect();
    assert_eq!(seen, [(0, 1, StepState::Failed), (0, 2, StepState::Failed), (1, 1, StepState::Skipped)]);
}

/// A run as a server leaves it that dies between its write that a step begins and its runner.
async fn begun_but_not_started() -> (World, RunId) {
    let world = World::with(EngineConfig { max_runs: 0, ..config("idle") }).await;
    let id = world.start(vec![command("echo once")]).await;
    let now = Utc::now();
    let Claim { run, lease, .. } =
        world.store.claim_runs("dead", now, now + Duration::from_secs(3_600), 1, &[]).await.unwrap().remove(0);
    let step = Step { state: StepState::Running, started_at: Some(now), event: run.event + 1, ..world.steps(id).await.remove(0) };
    let run = Run { started_at: Some(now), event: step.event, ..run };
    let begun = Progress { run: &run, expect: &[RunState::Running], mode: None, steps: &[step], release: false };
    assert_eq!(world.store.save_progress(&lease, &begun).await.unwrap(), Saved::Written);
    (world, id)
}

#[tokio::test]
async fn a_step_that_the_only_server_never_started_is_started_by_the_next_one() {
    let (mut world, id) = begun_but_not_started().await;
    world.restart_with(EngineConfig { alone: true, ..config("two") });
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!((steps.len(), world.stdout(id, &steps[0]).await.as_str()), (1, "once\n"));
}

#[tokio::test]
async fn a_step_that_was_never_started_says_so_when_its_run_is_stopped() {
    let (mut world, id) = begun_but_not_started().await;
    world.control(id, RunState::Running, RunState::Stopping).await;
    world.restart_with(EngineConfig { alone: true, ..config("two") });
    let (_, steps) = world.reaches(id, RunState::Stopped).await;
    assert_eq!((steps[0].state, steps[0].error.as_deref()), (StepState::Stopped, Some("not started")));
    assert!(steps[0].was_not_started());
}

#[tokio::test]
async fn a_block_may_say_what_becomes_of_a_step_that_nobody_knows_of() {
    let mut world = World::new().await;
    let says = |on_worker_loss, block| Block { on_worker_loss, ..block };
    let again = world.start(vec![says(OnWorkerLoss::Retry, command("sleep 0.5; echo done"))]).await;
    let fails = world.start(vec![says(OnWorkerLoss::Fail, command("sleep 0.5; echo done"))]).await;
    world.step_is(again, 0, StepState::Running).await;
    world.step_is(fails, 0, StepState::Running).await;
    world.task.abort();
    world.restart(false);
    let (_, steps) = world.reaches(again, RunState::Succeeded).await;
    let seen: Vec<_> = steps.iter().map(|step| (step.attempt, step.state)).collect();
    assert_eq!(seen, [(1, StepState::Failed), (2, StepState::Succeeded)]);
    let (_, steps) = world.reaches(fails, RunState::Failed).await;
    assert_eq!((steps.len(), steps[0].state), (1, StepState::Failed));
}

#[tokio::test]
async fn what_no_runner_knows_of_is_ended_before_it_is_started_again() {
    // Where the server is alone, a step that no runner knows and that printed nothing would else count as never started.
    for alone in [false, true] {
        let mut world = World::new().await;
        let dir = tempfile::tempdir().unwrap();
        let pids = dir.path().join("pids");
        let script = format!("echo $$ >> {0}; [ $(wc -l < {0}) -gt 1 ] || sleep 300", pids.display());
        let id = world.start(vec![Block { on_worker_loss: OnWorkerLoss::Retry, ..command(&script) }]).await;
        let written = || async { std::fs::read_to_string(&pids).ok().filter(|pids| pids.ends_with('\n')) };
        let first: u32 = until("its process", written).await.trim().parse().unwrap();
        world.task.abort();
        world.forget_the_runner();
        world.restart_with(EngineConfig { alone, ..config("two") });
        let (_, steps) = world.reaches(id, RunState::Succeeded).await;
        let error = steps[0].error.as_ref().unwrap();
        assert!(error.ends_with("stopped, 0 processes left; it is tried again"), "{error}");
        assert_eq!(steps.len(), 2, "{steps:#?}");
        let line = std::fs::read_to_string(format!("/proc/{first}/cmdline")).unwrap_or_default();
        assert_eq!(line, "", "the first one still runs");
    }
}

#[tokio::test]
async fn an_api_call_whose_server_was_lost_is_not_sent_again() {
    let mut world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let call = Block::new("call", BlockKind::Api(ApiBlock { url, method: Method::Post, ..ApiBlock::default() }));
    let id = world.start(vec![call, command("echo next")]).await;
    // It is sent, and nobody answers.
    let (mut first, _) = listener.accept().await.unwrap();
    let mut begun = [0; 4];
    first.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"POST");
    world.task.abort();
    world.restart(true);
    let (_, steps) = world.reaches(id, RunState::Interrupted).await;
    let error = steps[0].error.as_deref();
    assert_eq!(error, Some("the server was lost while this step ran; it may or may not have taken effect"));
    world.go_on(id, Some((steps[0].clone(), ControlAction::Skip))).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!(steps.len(), 2, "no second attempt: {steps:?}");
    // Had it been sent a second time, that would be the next in the line.
    let own = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (_, next) = listener.accept().await.unwrap();
    assert_eq!(next, own.local_addr().unwrap(), "it was sent a second time");
}

#[tokio::test]
async fn a_run_that_was_to_stop_when_its_server_was_lost_is_stopped_by_the_next_one() {
    let mut world = World::new().await;
    let id = world.start(vec![command("echo begun; sleep 300")]).await;
    let step = world.step_is(id, 0, StepState::Running).await;
    until("its output", || async { (world.stdout(id, &step).await == "begun\n").then_some(()) }).await;
    world.task.abort();
    world.control(id, RunState::Running, RunState::Stopping).await;
    world.restart(true);
    let (_, steps) = world.reaches(id, RunState::Stopped).await;
    assert_eq!(steps[0].error.as_deref(), Some("stopped, 0 processes left"));
}

#[tokio::test]
async fn a_run_that_cannot_be_taken_up_leaves_no_process_behind() {
    let mut world = World::new().await;
    let start = Start { secret: Some(json!({"token": "tok-123456789"})), ..Start::default() };
    let id = world.start_with(vec![command("echo $$; sleep 300"), command("echo next")], start).await;
    let step = world.step_is(id, 0, StepState::Running).await;
    let pid = until("its process", || async { world.stdout(id, &step).await.trim().parse::<u32>().ok() }).await;
    world.task.abort();
    // The next server has lost the keys.
    world.vault = Vault::ephemeral();
    world.restart(true);
    let (run, steps) = world.reaches(id, RunState::Failed).await;
    let why = run.error.unwrap();
    assert!(why.contains("cannot be opened"), "{why}");
    assert_eq!(steps[0].error, Some(format!("{why}; stopped, 0 processes left")));
    assert_eq!((steps[0].state, steps[1].state), (StepState::Failed, StepState::Skipped));
    assert!(!std::path::Path::new("/proc").join(pid.to_string()).exists());
}

#[tokio::test]
async fn a_timer_of_a_lost_server_goes_on_and_one_that_came_due_ends_at_once() {
    let mut world = World::new().await;
    let id = world.start(vec![timer(500), command("echo done")]).await;
    let step = world.step_is(id, 0, StepState::Running).await;
    world.task.abort();
    world.restart(true);
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!((steps[0].id, steps[0].started_at), (step.id, step.started_at));
    // The lease outlived the timer.
    assert!((steps[0].ended_at.unwrap() - step.due_at.unwrap()).num_milliseconds() > 500);
}

#[tokio::test]
async fn what_the_runner_still_keeps_of_steps_that_are_over_is_forgotten_by_the_next_engine() {
    let mut world = World::new().await;
    let dir = tempfile::tempdir().unwrap();
    let gate = dir.path().join("gate");
    let wait = format!("until test -e {}; do sleep 0.02; done; echo done", gate.display());
    let over = world.start(vec![command("echo over; sleep 0.3")]).await;
    let goes_on = world.start(vec![command(&wait)]).await;
    let ended = world.step_is(over, 0, StepState::Running).await;
    let running = world.step_is(goes_on, 0, StepState::Running).await;
    until("both processes", || async { (world.runner.steps().await.unwrap().len() == 2).then_some(()) }).await;
    world.task.abort();
    _ = (&mut world.task).await;
    // As a server leaves it that dies right after it wrote the end of a step, and with it that of its run.
    let lease = Lease { run: over, owner: "one".to_owned(), fence: 1 };
    let run = world.run(over).await;
    let last = run.event + 1_000;
    let step = Step { state: StepState::Succeeded, ended_at: Some(Utc::now()), event: last, ..ended };
    let run = Run { state: RunState::Succeeded, ended_at: Some(Utc::now()), event: last + 1, ..run };
    let end = Progress { run: &run, expect: &[RunState::Running], mode: None, steps: &[step], release: true };
    assert_eq!(world.store.save_progress(&lease, &end).await.unwrap(), Saved::Written);

    world.restart(true);
    let kept = || async { (world.runner.steps().await.unwrap() == [running.id.to_string()]).then_some(()) };
    until("only what is under way is kept", kept).await;
    std::fs::write(&gate, "").unwrap();
    let (_, steps) = world.reaches(goes_on, RunState::Succeeded).await;
    assert_eq!((steps.len(), world.stdout(goes_on, &steps[0]).await.as_str()), (1, "done\n"));
    until("nothing is kept", || async { world.runner.steps().await.unwrap().is_empty().then_some(()) }).await;
}

#[tokio::test]
async fn a_step_that_a_person_settled_is_forgotten_by_the_runner_too() {
    let world = World::new().await;
    let check = Check::CommandExitCode { command: "exit 1".into(), expected: 0, host: "local".into() };
    let asking = ConditionBlock { check, nested_blocks: vec![], else_blocks: vec![], on_false: OnFalse::Pause };
    let id = world.start(vec![Block::new("check", BlockKind::Condition(asking))]).await;
    let (_, steps) = world.reaches(id, RunState::Waiting).await;
    // Nobody tells the runner: no worker holds the run.
    world.settle(id, RunState::Failed, vec![Step { state: StepState::Failed, ..steps[0].clone() }]).await;
    until("the runner forgets it", || async { world.runner.steps().await.unwrap().is_empty().then_some(()) }).await;
}

#[tokio::test]
async fn a_step_that_was_lost_with_its_runner_stays_known_until_its_end_is_stored() {
    let world = World::with(EngineConfig { sweep: Duration::from_secs(3_600), ..config("one") }).await;
    let id = world.start(vec![command("echo begun; sleep 300")]).await;
    let step = world.step_is(id, 0, StepState::Running).await;
    until("its output", || async { (world.stdout(id, &step).await == "begun\n").then_some(()) }).await;
    let pid = world.runner.info().await.unwrap().pid.to_string();
    assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    let (_, steps) = world.reaches(id, RunState::Interrupted).await;
    assert!(steps[0].error.as_ref().unwrap().ends_with("stopped, 0 processes left"), "{:?}", steps[0].error);
    // Forgotten earlier, it would count as never started for a server that follows in this moment, and be started again.
    assert_eq!(world.runner.steps().await.unwrap(), [step.id.to_string()]);
    world.go_on(id, Some((steps[0].clone(), ControlAction::Skip))).await;
    world.reaches(id, RunState::Succeeded).await;
}

#[tokio::test]
async fn a_runner_that_dies_before_it_starts_a_step_is_followed_by_one_that_does() {
    let world = World::new().await;
    // What is killed at any moment of a start leaves a step that ended once, or one that asks a person: never one that failed.
    for _ in 0..30 {
        let pid = world.runner.info().await.unwrap().pid.to_string();
        let id = world.start(vec![command("echo once")]).await;
        world.step_is_past(id, 0, StepState::Pending).await;
        _ = std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap();
        let run = until("an end", || async {
            let run = world.run(id).await;
            (run.state.is_final() || run.state == RunState::Interrupted).then_some(run)
        })
        .await;
        assert_ne!(run.state, RunState::Failed, "{:#?}", world.steps(id).await);
    }
}
