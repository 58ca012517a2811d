use domain::{AccountId, BlockId, BlockType, RunMode, RunbookId};

use super::*;

fn run(state: RunState) -> Run {
    Run {
        id: RunId::new(),
        number: 1,
        runbook_id: RunbookId::new(),
        runbook_title: "Restart".to_owned(),
        version: 1,
        state,
        mode: RunMode::Auto,
        parameters: serde_json::Map::new(),
        reason: None,
        started_by: "ann".to_owned(),
        started_by_id: AccountId::new(),
        created_at: now(),
        started_at: None,
        ended_at: None,
        error: None,
        event: 9,
    }
}

fn step(ordinal: u32, state: StepState) -> Step {
    Step {
        id: StepId::new(),
        block_id: BlockId::new(),
        name: format!("step {ordinal}"),
        kind: BlockType::Command,
        ordinal,
        depth: 0,
        attempt: 1,
        state,
        what: String::new(),
        host: None,
        exit_code: None,
        result: None,
        started_at: None,
        ended_at: None,
        due_at: None,
        error: None,
        answer: None,
        event: 1,
        last_output: 0,
    }
}

fn ask(action: ControlAction) -> Request<'static> {
    Request { by: "ann", action, step: None, comment: None, at: now() }
}

fn why(outcome: Result<Decision>) -> String {
    match outcome {
        Err(ServiceError::Conflict { why }) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_action_in_every_state_is_done_or_refused_with_the_reason() {
    for state in RunState::ALL {
        for (name, action) in ControlAction::ALL {
            let asking = if state == RunState::Interrupted { StepState::Interrupted } else { StepState::Waiting };
            match decide(&run(state), &[step(0, asking)], &ask(action)) {
                Ok(decision) => assert!(decision.to != state || decision.mode.is_some(), "{name} of {state:?}"),
                Err(ServiceError::Conflict { why }) => assert!(!why.is_empty(), "{name} of {state:?}"),
                Err(other) => panic!("{name} of {state:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn what_takes_a_run_back_to_running_is_what_lets_it_go_on() {
    for state in RunState::ALL {
        for (name, action) in ControlAction::ALL {
            let asking = if state == RunState::Interrupted { StepState::Interrupted } else { StepState::Waiting };
            let asking = Step { started_at: Some(now()), ..step(0, asking) };
            if let Ok(decision) = decide(&run(state), &[asking], &ask(action)) {
                let goes_on = decision.to != state && decision.to == RunState::Running;
                assert_eq!(action.lets_go_on(), goes_on, "{name} of {state:?}");
            }
        }
    }
}

#[test]
fn a_rejected_run_fails_and_what_never_began_is_skipped() {
    let steps = [step(0, StepState::Succeeded), step(1, StepState::Waiting), step(2, StepState::Pending)];
    let request = Request { comment: Some("wrong host"), ..ask(ControlAction::Reject) };
    let decision = decide(&run(RunState::Waiting), &steps, &request).expect("a waiting run");
    assert_eq!(decision.to, RunState::Failed);
    assert_eq!(decision.error.as_deref(), Some("rejected by ann: wrong host"));
    let states: Vec<_> = decision.steps.iter().map(|step| (step.ordinal, step.state)).collect();
    assert_eq!(states, [(1, StepState::Failed), (2, StepState::Skipped)]);
}

#[test]
fn a_run_without_a_worker_is_stopped_at_once() {
    let steps = [step(0, StepState::Interrupted), step(1, StepState::Pending)];
    let decision = decide(&run(RunState::Interrupted), &steps, &ask(ControlAction::Stop)).expect("an interrupted run");
    assert_eq!(decision.to, RunState::Stopped);
    assert_eq!(decision.steps[0].state, StepState::Stopped);
    assert_eq!(decision.steps[1].state, StepState::Skipped);
    assert!(decision.steps[1].was_not_reached());
}

#[test]
fn a_step_that_only_asked_says_that_it_was_not_started_when_the_run_is_stopped() {
    let decision = decide(&run(RunState::Waiting), &[step(0, StepState::Waiting)], &ask(ControlAction::Stop)).expect("a run");
    assert_eq!(decision.steps[0].error.as_deref(), Some("not started; stopped by ann"));
    let began = Step { started_at: Some(now()), ..step(0, StepState::Waiting) };
    let decision = decide(&run(RunState::Waiting), &[began], &ask(ControlAction::Stop)).expect("a run");
    assert_eq!(decision.steps[0].error.as_deref(), Some("stopped by ann"));
}

#[test]
fn the_answer_is_left_for_the_worker_and_a_skipped_step_is_skipped() {
    let steps = [step(0, StepState::Waiting)];
    let approved = decide(&run(RunState::Waiting), &steps, &ask(ControlAction::Approve)).expect("a waiting run");
    assert_eq!((approved.to, approved.wake), (RunState::Running, true));
    assert_eq!(approved.steps[0].answer, Some(ControlAction::Approve));
    assert_eq!(approved.steps[0].state, StepState::Waiting);
    let skipped = decide(&run(RunState::Waiting), &steps, &ask(ControlAction::Skip)).expect("a waiting run");
    assert_eq!(skipped.steps[0].state, StepState::Skipped);
}

#[test]
fn a_person_may_say_that_a_step_is_done_but_not_one_that_was_never_tried() {
    let lost = [step(0, StepState::Interrupted)];
    let request = Request { comment: Some("the row is there"), ..ask(ControlAction::Done) };
    let done = decide(&run(RunState::Interrupted), &lost, &request).expect("an interrupted run");
    assert_eq!((done.to, done.wake, done.steps[0].state), (RunState::Running, true, StepState::Succeeded));
    assert_eq!(done.steps[0].error.as_deref(), Some("marked as done by ann: the row is there"));
    let untried = [step(0, StepState::Waiting)];
    assert!(why(decide(&run(RunState::Waiting), &untried, &ask(ControlAction::Done))).contains("not tried yet"));
}

#[test]
fn a_run_can_be_told_to_ask_or_not_to_ask_until_it_is_over() {
    let waiting = Run { error: Some("run it?".to_owned()), mode: RunMode::Guided, ..run(RunState::Waiting) };
    let decision = decide(&waiting, &[step(0, StepState::Waiting)], &ask(ControlAction::Auto)).expect("a waiting run");
    assert_eq!((decision.to, decision.mode), (RunState::Waiting, Some(RunMode::Auto)));
    assert_eq!(decision.error.as_deref(), Some("run it?"), "what it asked already stays");
    assert!(why(decide(&waiting, &[], &ask(ControlAction::Guided))).contains("already"));
    assert!(why(decide(&run(RunState::Failed), &[], &ask(ControlAction::Guided))).contains("nothing more"));
}

#[test]
fn an_answer_to_the_wrong_step_is_refused() {
    let steps = [step(0, StepState::Succeeded), step(1, StepState::Waiting)];
    let request = Request { step: Some(steps[0].id), ..ask(ControlAction::Approve) };
    assert_eq!(
        why(decide(&run(RunState::Waiting), &steps, &request)),
        "this step asks nothing; the run waits for an answer to “step 1”"
    );
    let request = Request { step: Some(StepId::new()), ..ask(ControlAction::Approve) };
    assert!(matches!(decide(&run(RunState::Waiting), &steps, &request), Err(ServiceError::NotFound { .. })));
}

#[test]
fn a_refusal_says_why() {
    assert_eq!(
        why(decide(&run(RunState::Succeeded), &[], &ask(ControlAction::Stop))),
        "a run that is succeeded cannot be stopped"
    );
    assert_eq!(
        why(decide(&run(RunState::Waiting), &[step(0, StepState::Waiting)], &ask(ControlAction::Resume))),
        "a run that is waiting cannot be resumed"
    );
    let interrupted = [step(0, StepState::Interrupted)];
    assert!(why(decide(&run(RunState::Interrupted), &interrupted, &ask(ControlAction::Approve))).contains("retry it"));
    let untried = [step(0, StepState::Waiting)];
    assert!(why(decide(&run(RunState::Waiting), &untried, &ask(ControlAction::Retry))).contains("not tried yet"));
}
