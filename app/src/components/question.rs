//! The question of a step: what it asks, the buttons that answer it, and what each of them will do.

use domain::{BlockType, ControlAction, Step, StepState};
use leptos::prelude::*;

use super::block_editor::common::focus_soon;
use super::notice::sentence;
use super::run_controls::Watched;
use crate::state::timeline::called;

/// An answer to a step's question: what its button says, and what will happen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    action: ControlAction,
    label: String,
    says: String,
    primary: bool,
}

/// Whether a step waits for a person's answer.
#[must_use]
pub const fn asks(step: &Step) -> bool {
    matches!(step.state, StepState::Waiting | StepState::Interrupted)
}

/// The answers that fit a step's question; none where it asks nothing.
fn answers(step: &Step) -> Vec<Answer> {
    let plain =
        |action, label: &str, says: &str| Answer { action, label: label.to_owned(), says: says.to_owned(), primary: false };
    let primary = |action, label: String, says: String| Answer { action, label, says, primary: true };
    let place = step.host.as_deref().map(|host| format!(" on {}", called(host))).unwrap_or_default();
    let retry = format!("Retry{place}");
    let done = plain(ControlAction::Done, "Mark as done", "Counts as succeeded, nothing is run, and the run goes on.");
    let skip = plain(ControlAction::Skip, "Skip", "The run goes on without it.");
    let reject = plain(ControlAction::Reject, "Reject", "Nothing more is run, and the run ends as failed.");
    match (step.state, step.kind) {
        (StepState::Interrupted, _) => {
            // No button stands out: to try again may do harm, and a person has to look first.
            let says = format!("Runs it from its beginning{place}, whatever it has done already.");
            vec![done, skip, plain(ControlAction::Retry, &retry, &says)]
        }
        // It asks before it begins, not whether it is done.
        (StepState::Waiting, BlockType::Instruction) if step.started_at.is_none() => {
            let says = "The run goes on with the next block.".to_owned();
            vec![reject, skip, primary(ControlAction::Approve, "Go on".to_owned(), says)]
        }
        (StepState::Waiting, BlockType::Timer) if step.started_at.is_none() => {
            vec![reject, skip, primary(ControlAction::Approve, "Go on".to_owned(), "Begins to wait.".to_owned())]
        }
        (StepState::Waiting, BlockType::Instruction) => {
            vec![primary(ControlAction::Approve, "Done".to_owned(), "The run goes on with the next block.".to_owned())]
        }
        (StepState::Waiting, BlockType::Condition) if step.result.is_some() => vec![
            plain(ControlAction::Reject, "End the run", "Nothing more is run, and it ends as failed."),
            primary(ControlAction::Approve, "Go on".to_owned(), "The run goes on although the check is false.".to_owned()),
        ],
        (StepState::Waiting, BlockType::Condition) => {
            vec![reject, primary(ControlAction::Approve, "Go on".to_owned(), format!("Makes exactly this check{place}."))]
        }
        // It began, and did not come out well.
        (StepState::Waiting, _) if step.started_at.is_some() => {
            vec![reject, done, skip, primary(ControlAction::Retry, retry, format!("Runs it once more{place}."))]
        }
        (StepState::Waiting, _) => {
            let (label, says) = match asked_for(step) {
                None => ("Approve and run".to_owned(), "Sends exactly this, once.".to_owned()),
                Some(place) => (format!("Approve and run on {place}"), format!("Runs exactly this text on {place}.")),
            };
            vec![reject, skip, primary(ControlAction::Approve, label, says)]
        }
        _ => Vec::new(),
    }
}

/// Where it runs when it is approved: of several hosts all that its question names, `run “x” on web-1 and web-2?`.
fn asked_for(step: &Step) -> Option<String> {
    let host = step.host.as_deref()?;
    let named = step.error.as_deref().and_then(|question| Some(question.strip_suffix('?')?.rsplit_once("” on ")?.1));
    Some(named.unwrap_or_else(|| called(host)).to_owned())
}

/// The question of a step and the buttons that answer it.
#[component]
pub fn Question(
    /// The run.
    watched: Watched,
    /// The step that asks.
    step: Step,
) -> impl IntoView {
    let answers = answers(&step);
    let text = match (&step.answer, &step.error) {
        (Some(answer), _) => format!("Answered: {}. The run goes on in a moment.", answer.as_str()),
        (None, Some(error)) => sentence(error),
        (None, None) => match (step.state, step.kind) {
            (StepState::Interrupted, _) => "Nobody knows how this step ended. Look first, then answer.".to_owned(),
            (_, BlockType::Instruction) => "The run goes on when you have done this.".to_owned(),
            (_, BlockType::Condition) => "The run goes on when you say so.".to_owned(),
            _ => "Approving covers exactly this text.".to_owned(),
        },
    };
    if !watched.may_control || step.answer.is_some() {
        return view! { <div class="ask__foot"><p>{text}</p></div> }.into_any();
    }
    let id = format!("answer-{}", step.ordinal + 1);
    let rows: Vec<_> = answers
        .into_iter()
        .map(|Answer { action, label, says, primary }| {
            let class = if primary { "btn small primary btn--long" } else { "btn small btn--long" };
            let id = format!("{id}-{}", action.as_str());
            view! {
                <li>
                    <button class=class name="action" value=action.as_str() aria-describedby=id.clone()><span>{label}</span></button>
                    <span id=id>{says}</span>
                </li>
            }
        })
        .collect();
    // The buttons go once the step is answered; who answered goes on at its card.
    let card = format!("step-{}", step.ordinal + 1);
    view! {
        <ActionForm
            action=watched.control attr:class="ask__foot" attr:aria-label=format!("Answer to {}", step.name)
            on:submit=move |_| focus_soon(card.clone())
        >
            <p>{text}</p>
            <input type="hidden" name="id" value=watched.id().to_string()/>
            <input type="hidden" name="step" value=step.id.to_string()/>
            <ul class="answers">{rows}</ul>
        </ActionForm>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use domain::{BlockId, StepId, Timestamp};

    use super::*;

    fn step(kind: BlockType, state: StepState, began: bool) -> Step {
        Step {
            id: StepId::new(),
            block_id: BlockId::new(),
            name: "Restart".to_owned(),
            kind,
            ordinal: 0,
            depth: 0,
            attempt: 1,
            state,
            what: "true".to_owned(),
            host: Some("web-1".to_owned()),
            exit_code: None,
            result: None,
            started_at: began.then(|| Timestamp::from_timestamp_millis(0).expect("the epoch")),
            ended_at: None,
            due_at: None,
            error: None,
            answer: None,
            event: 1,
            last_output: 0,
        }
    }

    #[test]
    fn every_button_says_what_will_happen() {
        for kind in [BlockType::Instruction, BlockType::Command, BlockType::Api, BlockType::Condition, BlockType::Timer] {
            for state in StepState::ALL {
                for began in [false, true] {
                    let step = step(kind, state, began);
                    let answers = answers(&step);
                    assert_eq!(answers.is_empty(), !asks(&step), "{kind:?} {state:?}");
                    assert!(answers.iter().all(|answer| answer.says.ends_with('.')), "{answers:?}");
                }
            }
        }
    }

    #[test]
    fn to_try_again_names_where() {
        for state in [StepState::Interrupted, StepState::Waiting] {
            let label = |step: &Step| answers(step).pop().map(|answer| answer.label);
            let on_a_host = step(BlockType::Command, state, true);
            assert_eq!(label(&on_a_host).as_deref(), Some("Retry on web-1"));
            assert_eq!(label(&Step { host: None, ..on_a_host }).as_deref(), Some("Retry"));
        }
    }

    #[test]
    fn what_runs_nothing_is_not_approved_to_run() {
        for kind in [BlockType::Instruction, BlockType::Timer] {
            let approve = answers(&step(kind, StepState::Waiting, false)).pop().expect("answers");
            assert_eq!((approve.action, approve.label.as_str()), (ControlAction::Approve, "Go on"));
        }
        let tick = answers(&step(BlockType::Instruction, StepState::Waiting, true)).pop().expect("answers");
        assert_eq!((tick.action, tick.label.as_str()), (ControlAction::Approve, "Done"));
    }

    #[test]
    fn an_approval_names_every_host_that_it_covers() {
        let question = Some("run “Restart” on web-1 and web-2?".to_owned());
        let step = Step { error: question, ..step(BlockType::Command, StepState::Waiting, false) };
        let approve = answers(&step).pop().expect("answers");
        assert_eq!(approve.label, "Approve and run on web-1 and web-2");
        assert_eq!(approve.says, "Runs exactly this text on web-1 and web-2.");
    }
}
