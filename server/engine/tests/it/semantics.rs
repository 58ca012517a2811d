//! What a run means, row by row: its states, those of its steps, what they printed, and what a viewer was told.

use chrono::Utc;
use domain::block::{Backoff, BlockKind, Check, ConditionBlock, OnFailure, OnFalse, Retry};
use domain::host::LOCAL;
use domain::plan::Selection;
use domain::{AuditAction, Block, ControlAction, Host, RunState, Seconds, Step, StepState};

use crate::world::{Start, World, audit, command, named, timer};

const SUCCEEDED: StepState = StepState::Succeeded;
const SKIPPED: StepState = StepState::Skipped;

fn states(steps: &[Step]) -> Vec<(u32, u32, StepState)> {
    steps.iter().map(|step| (step.ordinal, step.attempt, step.state)).collect()
}

#[tokio::test]
async fn a_failed_step_is_tried_again_and_every_attempt_is_told() {
    let world = World::new().await;
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("mark");
    let script = format!("if test -e {0}; then echo good; else touch {0}; echo bad; exit 1; fi", mark.display());
    let retry = Retry { attempts: 3, delay: Seconds::from_millis(20).unwrap(), backoff: Backoff::Fixed, max_delay: None };
    let blocks = vec![Block { retry: Some(retry), ..command(&script) }, command("echo next")];
    let (id, mut viewer) = world.start_watched(blocks, Start::default()).await;
    let told = viewer.until(RunState::Succeeded).await;
    assert_eq!(
        told,
        [
            "step 0.1 running",
            "run running",
            "step 0.1 stdout \"bad\\n\"",
            "step 0.1 failed",
            "step 0.2 pending",
            "step 0.2 running",
            "step 0.2 stdout \"good\\n\"",
            "step 1.1 running",
            "step 0.2 succeeded",
            "step 1.1 stdout \"next\\n\"",
            "step 1.1 succeeded",
            "run succeeded",
        ]
    );
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!(states(&steps), [(0, 1, StepState::Failed), (0, 2, SUCCEEDED), (1, 1, SUCCEEDED)]);
    assert_eq!(steps[0].error.as_deref(), Some("exit 1"));
}

#[tokio::test]
async fn a_failed_step_is_rolled_back_by_a_later_one_that_looks_how_it_ended() {
    let world = World::new().await;
    let blocks = vec![
        named("deploy", Block { on_failure: OnFailure::Continue, ..command("echo half; exit 4") }),
        named(
            "undo",
            Block {
                when: Some("steps.deploy.status == 'failed'".into()),
                ..command("echo undone after {{ steps.deploy.exit_code }}")
            },
        ),
        named("announce", Block { when: Some("steps.deploy.status == 'succeeded'".into()), ..command("echo live") }),
    ];
    let (id, mut viewer) = world.start_watched(blocks, Start::default()).await;
    let told = viewer.until(RunState::Succeeded).await;
    assert_eq!(
        told,
        [
            "step 0.1 running",
            "run running",
            "step 0.1 stdout \"half\\n\"",
            "step 0.1 failed",
            "step 1.1 running",
            "step 1.1 stdout \"undone after 4\\n\"",
            "step 1.1 succeeded",
            "step 2.1 skipped",
            "run succeeded",
        ]
    );
    let (run, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!(states(&steps), [(0, 1, StepState::Failed), (1, 1, SUCCEEDED), (2, 1, SKIPPED)]);
    assert_eq!(run.error, None);
    assert_eq!(world.stdout(id, &steps[1]).await, "undone after 4\n");
}

#[tokio::test]
async fn a_step_that_asks_waits_and_runs_once_when_it_is_approved() {
    let world = World::new().await;
    let blocks = vec![named("drop", Block { confirm: true, ..command("echo dropped") }), command("echo next")];
    let (id, mut viewer) = world.start_watched(blocks, Start::default()).await;
    assert_eq!(viewer.until(RunState::Waiting).await, ["step 0.1 waiting", "run waiting"]);
    let (run, steps) = world.reaches(id, RunState::Waiting).await;
    assert_eq!(run.error.as_deref(), Some("run “drop” on this server?"));
    assert_eq!((steps[0].what.as_str(), steps[0].started_at), ("echo dropped", None));

    world.go_on(id, Some((steps[0].clone(), ControlAction::Approve))).await;
    let told = viewer.until(RunState::Succeeded).await;
    assert_eq!(
        told,
        [
            "step 0.1 running",
            "run running",
            "step 0.1 stdout \"dropped\\n\"",
            "step 0.1 succeeded",
            "step 1.1 running",
            "step 1.1 stdout \"next\\n\"",
            "step 1.1 succeeded",
            "run succeeded",
        ]
    );
    let (run, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!(states(&steps), [(0, 1, SUCCEEDED), (1, 1, SUCCEEDED)]);
    assert_eq!(run.error, None);
}

#[tokio::test]
async fn an_approval_of_something_else_than_would_run_now_is_asked_again() {
    let world = World::new().await;
    stage(&world, "blue").await;
    let id = world.start(vec![named("drop", Block { confirm: true, ..command("echo {{ env.STAGE }}") })]).await;
    let (_, steps) = world.reaches(id, RunState::Waiting).await;
    assert_eq!(steps[0].what, "echo blue");

    stage(&world, "green").await;
    world.go_on(id, Some((steps[0].clone(), ControlAction::Approve))).await;
    let (run, steps) = world.reaches(id, RunState::Waiting).await;
    assert_eq!(run.error.as_deref(), Some("what would run has changed since it was approved; run “drop” on this server?"));
    assert_eq!((steps[0].what.as_str(), steps[0].last_output), ("echo green", 0), "nothing ran yet");

    world.go_on(id, Some((steps[0].clone(), ControlAction::Approve))).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!(world.stdout(id, &steps[0]).await, "green\n");
}

/// Says in which stage this server is.
async fn stage(world: &World, value: &str) {
    let local = world.store.hosts_named(&[LOCAL]).await.unwrap().remove(0);
    let changed = Host { env: vec![("STAGE".into(), value.into())], updated_at: Utc::now(), ..local };
    assert_eq!(world.store.update_host(&changed, &audit(AuditAction::HostUpdated)).await.unwrap(), store::HostChange::Done);
}

#[tokio::test]
async fn a_run_that_is_paused_in_a_timer_holds_at_once_and_goes_on_with_what_is_left() {
    let world = World::new().await;
    let blocks = vec![command("echo before"), timer(3_000), command("echo after")];
    let (id, mut viewer) = world.start_watched(blocks, Start::default()).await;
    let begun = world.step_is(id, 1, StepState::Running).await;
    world.control(id, RunState::Running, RunState::Pausing).await;
    let told = viewer.until(RunState::Paused).await;
    assert_eq!(
        told,
        [
            "step 0.1 running",
            "run running",
            "step 0.1 stdout \"before\\n\"",
            "step 0.1 succeeded",
            "step 1.1 running",
            "run pausing",
            "step 1.1 waiting",
            "run paused",
        ]
    );
    let (_, steps) = world.reaches(id, RunState::Paused).await;
    assert_eq!(states(&steps), [(0, 1, SUCCEEDED), (1, 1, StepState::Waiting), (2, 1, StepState::Pending)]);
    let left = steps[1].due_at.unwrap() - steps[1].ended_at.unwrap();
    assert!(Utc::now() < begun.due_at.unwrap(), "it held before it was due");

    let resumed = Utc::now();
    world.go_on(id, None).await;
    let told = viewer.until(RunState::Succeeded).await;
    assert_eq!(
        told,
        [
            "step 1.1 running",
            "step 1.1 succeeded",
            "step 2.1 running",
            "step 2.1 stdout \"after\\n\"",
            "step 2.1 succeeded",
            "run succeeded",
        ]
    );
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!(states(&steps), [(0, 1, SUCCEEDED), (1, 1, SUCCEEDED), (2, 1, SUCCEEDED)]);
    assert!(steps[1].ended_at.unwrap() >= resumed + left, "all that was left was waited for");
    assert_eq!(steps[1].started_at, begun.started_at);
}

#[tokio::test]
async fn a_run_that_is_stopped_inside_a_branch_leaves_both_branches_and_the_rest() {
    let world = World::new().await;
    let check = Check::Expression { expression: "true".into() };
    let nested_blocks = vec![command("echo in; sleep 300"), command("echo never")];
    let condition =
        ConditionBlock { check, nested_blocks, else_blocks: vec![command("echo other")], on_false: OnFalse::Continue };
    let blocks = vec![Block::new("", BlockKind::Condition(condition)), command("echo after")];
    let (id, mut viewer) = world.start_watched(blocks, Start::default()).await;
    let step = world.step_is(id, 1, StepState::Running).await;
    crate::world::until("its output", || async { (world.stdout(id, &step).await == "in\n").then_some(()) }).await;
    world.control(id, RunState::Running, RunState::Stopping).await;
    let told = viewer.until(RunState::Stopped).await;
    assert_eq!(
        told,
        [
            "step 0.1 running",
            "run running",
            "step 0.1 stdout \"the expression → true\\n\"",
            "step 0.1 succeeded",
            "step 1.1 running",
            "step 3.1 skipped",
            "step 1.1 stdout \"in\\n\"",
            "run stopping",
            "step 1.1 stopped",
            "step 2.1 skipped",
            "step 4.1 skipped",
            "run stopped",
        ]
    );
    let (run, steps) = world.reaches(id, RunState::Stopped).await;
    let expected = [(0, 1, SUCCEEDED), (1, 1, StepState::Stopped), (2, 1, SKIPPED), (3, 1, SKIPPED), (4, 1, SKIPPED)];
    assert_eq!(states(&steps), expected);
    let reasons: Vec<_> = steps[1..].iter().map(|step| step.error.as_deref().unwrap()).collect();
    assert_eq!(reasons, ["stopped, 0 processes left", "run stopped", "branch not taken", "run stopped"]);
    assert_eq!((run.error, world.stdout(id, &steps[1]).await.as_str()), (None, "in\n"));
}

#[tokio::test]
async fn a_failed_run_is_run_again_from_the_step_that_failed() {
    let world = World::new().await;
    let dir = tempfile::tempdir().unwrap();
    let (gate, log) = (dir.path().join("gate"), dir.path().join("log"));
    let log_line = |word: &str| format!("echo {word} | tee -a {}", log.display());
    let blocks = vec![
        command(&log_line("first")),
        command(&format!("test -e {} && {}", gate.display(), log_line("second"))),
        command(&log_line("third")),
    ];
    let from = blocks[1].id;
    let (failed, mut viewer) = world.start_watched(blocks.clone(), Start::default()).await;
    let told = viewer.until(RunState::Failed).await;
    assert_eq!(
        told,
        [
            "step 0.1 running",
            "run running",
            "step 0.1 stdout \"first\\n\"",
            "step 0.1 succeeded",
            "step 1.1 running",
            "step 1.1 failed",
            "step 2.1 skipped",
            "run failed",
        ]
    );
    let (run, steps) = world.reaches(failed, RunState::Failed).await;
    assert_eq!(states(&steps), [(0, 1, SUCCEEDED), (1, 1, StepState::Failed), (2, 1, SKIPPED)]);
    assert_eq!(steps[2].error.as_deref(), Some("not reached"));
    assert!(run.error.as_deref().unwrap().starts_with("block 2 ") && run.error.unwrap().ends_with("exit 1"));

    std::fs::write(&gate, "").unwrap();
    let (again, mut viewer) = world.start_watched(blocks, Start { selection: Selection::From(from), ..Start::default() }).await;
    let told = viewer.until(RunState::Succeeded).await;
    assert_eq!(
        told,
        [
            "step 1.1 running",
            "run running",
            "step 1.1 stdout \"second\\n\"",
            "step 1.1 succeeded",
            "step 2.1 running",
            "step 2.1 stdout \"third\\n\"",
            "step 2.1 succeeded",
            "run succeeded",
        ]
    );
    let (_, steps) = world.reaches(again, RunState::Succeeded).await;
    assert_eq!(states(&steps), [(0, 1, SKIPPED), (1, 1, SUCCEEDED), (2, 1, SUCCEEDED)]);
    assert_eq!(steps[0].error.as_deref(), Some("not selected"));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "first\nsecond\nthird\n");
}
