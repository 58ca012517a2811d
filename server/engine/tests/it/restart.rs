//! What becomes of runs when servers come and go.

use std::time::Duration;

use domain::{ControlAction, RunState, StepState};
use engine::Engine;

use crate::world::{World, command, config, timer};

#[tokio::test]
async fn shutdown_hands_a_timer_back_and_the_next_engine_goes_on() {
    let world = World::new().await;
    let id = world.start(vec![timer(1_500), command("echo done")]).await;
    let step = world.step_is(id, 0, StepState::Running).await;
    world.engine.shutdown(Duration::from_secs(10)).await;
    assert_eq!(world.run(id).await.state, RunState::Running);
    let (_handle, _task) = Engine::start(config("two"), world.store.clone(), world.vault.clone());
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!(steps[0].started_at, step.started_at);
    assert_eq!(steps.len(), 2);
    assert!(steps[0].ended_at.unwrap() >= step.due_at.unwrap());
}

#[tokio::test]
async fn shutdown_lets_a_command_end_within_the_grace_and_ends_it_after() {
    let world = World::new().await;
    let quick = world.start(vec![command("sleep 0.3; echo done"), command("echo next")]).await;
    let slow = world.start(vec![command("sleep 300")]).await;
    world.step_is(quick, 0, StepState::Running).await;
    world.step_is(slow, 0, StepState::Running).await;
    world.engine.shutdown(Duration::from_secs(1)).await;
    let steps = world.steps(quick).await;
    assert_eq!((steps[0].state, steps[1].state), (StepState::Succeeded, StepState::Pending));
    let (run, steps) = world.reaches(slow, RunState::Interrupted).await;
    assert_eq!(steps[0].state, StepState::Interrupted);
    assert!(run.error.unwrap().ends_with("the server shut down while this step ran; stopped, 0 processes left"));
    let (_handle, _task) = Engine::start(config("two"), world.store.clone(), world.vault.clone());
    world.reaches(quick, RunState::Succeeded).await;
}

#[tokio::test]
async fn a_step_of_a_lost_server_is_settled_by_a_person() {
    let mut world = World::new().await;
    let id = world.start(vec![command("echo begun; sleep 0.3; exit 1"), command("echo next")]).await;
    world.step_is(id, 0, StepState::Running).await;
    // Its tasks end at once, as in a crash: nothing is handed back.
    world.task.abort();
    (world.engine, world.task) = Engine::start(config("two"), world.store.clone(), world.vault.clone());
    let (run, steps) = world.reaches(id, RunState::Interrupted).await;
    assert!(run.error.unwrap().contains("the server was lost while this step ran"));
    assert_eq!(steps[0].state, StepState::Interrupted);
    world.go_on(id, Some((steps[0].clone(), ControlAction::Retry))).await;
    let (_, steps) = world.reaches(id, RunState::Failed).await;
    let seen: Vec<_> = steps.iter().map(|step| (step.ordinal, step.attempt, step.state)).collect();
    assert_eq!(seen, [(0, 1, StepState::Failed), (0, 2, StepState::Failed), (1, 1, StepState::Skipped)]);
}

#[tokio::test]
async fn a_timer_of_a_lost_server_goes_on_and_one_that_came_due_ends_at_once() {
    let mut world = World::new().await;
    let id = world.start(vec![timer(500), command("echo done")]).await;
    let step = world.step_is(id, 0, StepState::Running).await;
    world.task.abort();
    (world.engine, world.task) = Engine::start(config("two"), world.store.clone(), world.vault.clone());
    let (_, steps) = world.reaches(id, RunState::Succeeded).await;
    assert_eq!((steps[0].id, steps[0].started_at), (step.id, step.started_at));
    // The lease outlived the timer.
    assert!((steps[0].ended_at.unwrap() - step.due_at.unwrap()).num_milliseconds() > 500);
}
