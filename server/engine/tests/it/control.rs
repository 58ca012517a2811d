//! What people ask of runs.

use std::time::Duration;

use chrono::Utc;
use domain::block::{BlockKind, InstructionBlock};
use domain::{AuditAction, Block, ControlAction, RunMode, RunState, StepState};
use engine::EngineConfig;
use store::ControlChange;

use crate::world::{Start, World, audit, command, config, named, timer, until};

#[tokio::test]
async fn a_timer_pauses_at_once_and_keeps_what_is_left() {
    let world = World::new().await;
    let id = world.start(vec![timer(60_000), command("echo done")]).await;
    world.step_is(id, 0, StepState::Running).await;
    world.control(id, RunState::Running, RunState::Pausing).await;
    let (_, steps) = world.reaches(id, RunState::Paused).await;
    assert_eq!(steps[0].state, StepState::Waiting);
    assert_eq!(steps[0].what, "Wait 1m more");
    let left = steps[0].due_at.unwrap() - steps[0].ended_at.unwrap();
    world.go_on(id, None).await;
    let step = world.step_is(id, 0, StepState::Running).await;
    let again = step.due_at.unwrap() - Utc::now();
    assert!((left - again).num_seconds().abs() <= 2, "{left} became {again}");
    assert_eq!(step.what, "Wait 1m");
    world.control(id, RunState::Running, RunState::Stopping).await;
    let (_, steps) = world.reaches(id, RunState::Stopped).await;
    assert_eq!((steps[0].state, steps[1].state), (StepState::Stopped, StepState::Skipped));
}

#[tokio::test]
async fn pause_lets_a_command_end_and_resume_goes_on() {
    let world = World::new().await;
    let dir = tempfile::tempdir().unwrap();
    let gate = dir.path().join("gate");
    let wait = format!("until test -e {}; do sleep 0.02; done", gate.display());
    let id = world.start(vec![command(&wait), command("echo second")]).await;
    world.step_is(id, 0, StepState::Running).await;
    world.control(id, RunState::Running, RunState::Pausing).await;
    std::fs::write(&gate, "").unwrap();
    let (_, steps) = world.reaches(id, RunState::Paused).await;
    assert_eq!((steps[0].state, steps[1].state), (StepState::Succeeded, StepState::Pending));
    world.go_on(id, None).await;
    world.reaches(id, RunState::Succeeded).await;
}

#[tokio::test]
async fn stop_ends_everything_a_command_started() {
    let world = World::new().await;
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    let script = format!("sleep 300 & echo $! > {0}; (setsid sleep 301 & echo $! >> {0}); echo ready; wait", pids.display());
    let id = world.start(vec![command(&script), command("echo never")]).await;
    until("both processes", || async {
        let written = std::fs::read_to_string(&pids).unwrap_or_default();
        (written.lines().count() == 2).then_some(())
    })
    .await;
    world.control(id, RunState::Running, RunState::Stopping).await;
    let (run, steps) = world.reaches(id, RunState::Stopped).await;
    assert_eq!(steps[0].state, StepState::Stopped);
    assert_eq!(steps[0].error.as_deref(), Some("stopped, 0 processes left"));
    assert_eq!((steps[1].state, steps[1].error.as_deref()), (StepState::Skipped, Some("run stopped")));
    assert_eq!(run.error, None);
    for pid in std::fs::read_to_string(&pids).unwrap().lines() {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        assert!(!line.contains("sleep"), "{pid} is alive");
    }
}

#[tokio::test]
async fn guided_runs_and_confirmed_blocks_ask_first() {
    let world = World::new().await;
    let id = world
        .start_with(
            vec![named("first", command("echo one")), named("second", command("echo two"))],
            Start { mode: RunMode::Guided, ..Start::default() },
        )
        .await;
    let (run, steps) = world.reaches(id, RunState::Waiting).await;
    assert_eq!(run.error.as_deref(), Some("run “first” on this server?"));
    assert_eq!(steps[0].started_at, None);
    world.go_on(id, Some((steps[0].clone(), ControlAction::Approve))).await;
    let asking = world.step_is(id, 1, StepState::Waiting).await;
    world.reaches(id, RunState::Waiting).await;
    world.go_on(id, Some((asking, ControlAction::Skip))).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!((steps[0].state, steps[1].state), (StepState::Succeeded, StepState::Skipped));

    let id = world.start(vec![Block { confirm: true, ..command("echo sure") }]).await;
    world.reaches(id, RunState::Waiting).await;
}

#[tokio::test]
async fn a_confirmed_timer_or_instruction_asks_before_it_begins_in_every_mode() {
    let world = World::new().await;
    let read = InstructionBlock { text: "Look at the dashboard".into(), acknowledge: false };
    let look = Block { confirm: true, ..Block::new("look", BlockKind::Instruction(read)) };
    let rest = Block { confirm: true, ..named("rest", timer(20)) };
    for mode in [RunMode::Auto, RunMode::Guided] {
        let id = world.start_with(vec![look.clone(), rest.clone()], Start { mode, ..Start::default() }).await;
        for (ordinal, question) in [(0, "begin “look”?"), (1, "begin “rest”?")] {
            let asking = world.step_is(id, ordinal, StepState::Waiting).await;
            let (run, _) = world.reaches(id, RunState::Waiting).await;
            assert_eq!(run.error.as_deref(), Some(question));
            assert_eq!((asking.started_at, asking.due_at), (None, None), "not begun");
            world.go_on(id, Some((asking, ControlAction::Approve))).await;
        }
        let (_, steps) = world.reaches(id, RunState::Succeeded).await;
        assert_eq!(steps.len(), 2);
        assert!(steps.iter().all(|step| step.state == StepState::Succeeded && step.started_at.is_some()), "{steps:#?}");
    }
}

#[tokio::test]
async fn an_instruction_that_is_to_be_ticked_and_confirmed_asks_once() {
    let world = World::new().await;
    let read = InstructionBlock { text: "Look at the dashboard".into(), acknowledge: true };
    let look = Block { confirm: true, ..Block::new("look", BlockKind::Instruction(read)) };
    let id = world.start(vec![look]).await;
    let (run, steps) = world.reaches(id, RunState::Waiting).await;
    assert_eq!(run.error.as_deref(), Some("tick this when it is done"));
    world.go_on(id, Some((steps[0].clone(), ControlAction::Approve))).await;
    world.reaches(id, RunState::Succeeded).await;
}

#[tokio::test]
async fn an_instruction_may_wait_to_be_ticked() {
    let world = World::new().await;
    let read = InstructionBlock { text: "Look at the dashboard".into(), acknowledge: true };
    let id = world.start(vec![Block::new("look", BlockKind::Instruction(read))]).await;
    let (_, steps) = world.reaches(id, RunState::Waiting).await;
    world.go_on(id, Some((steps[0].clone(), ControlAction::Approve))).await;
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!(steps[0].state, StepState::Succeeded);
    assert_eq!(steps.len(), 1);
}

#[tokio::test]
async fn a_run_that_goes_on_by_itself_can_be_told_to_ask_from_the_next_step_on() {
    let hour = Duration::from_secs(3_600);
    let world = World::with(EngineConfig { poll: hour, ..config("one") }).await;
    let dir = tempfile::tempdir().unwrap();
    let gate = dir.path().join("gate");
    let wait = format!("until test -e {}; do sleep 0.02; done", gate.display());
    let id = world.start(vec![command(&wait), timer(1), named("second", command("echo two"))]).await;
    world.step_is(id, 0, StepState::Running).await;
    let guided = ControlChange { mode: Some(RunMode::Guided), ..ControlChange::default() };
    let (running, entry) = (RunState::Running, audit(AuditAction::RunControlled));
    // The engine hears nothing of it: the step that would begin next is refused by what the store has.
    assert!(world.store.control_run(id, running, running, &guided, &entry).await.unwrap());
    std::fs::write(&gate, "").unwrap();
    let (run, steps) = world.reaches(id, RunState::Waiting).await;
    assert_eq!(run.error.as_deref(), Some("run “second” on this server?"));
    world.go_on(id, Some((steps[2].clone(), ControlAction::Approve))).await;
    world.reaches(id, RunState::Succeeded).await;
}
