//! Holds a run's record against what it did and what people said. Knows no server: facts in, violations out.

use super::twenty_steps::{STEPS, name};

/// What a person said about a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Retry,
    Skip,
    Stop,
}

/// Everything that is known of a run.
#[derive(Debug, Clone)]
pub struct Facts {
    /// As recorded.
    pub state: String,
    /// Each attempt in its order: step, and state as recorded.
    pub attempts: Vec<(u32, String)>,
    /// What a person said, in that order.
    pub answers: Vec<(u32, Answer)>,
    /// The steps that took effect, in that order.
    pub effects: Vec<u32>,
    /// Its steps run on a host. One that could not be reached then fails the run: nothing was started.
    pub on_host: bool,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// Recorded as done, and not done.
    Missing(String),
    /// Done more often than anybody said.
    Twice(String),
    /// Anything else.
    Other(String),
}

/// Every promise that this run breaks.
pub fn check(facts: &Facts) -> Vec<Violation> {
    let mut found = Vec::new();
    check_end(facts, &mut found);
    for step in 1..=STEPS {
        check_step(facts, step, &mut found);
    }
    if facts.effects.windows(2).any(|pair| pair[0] > pair[1]) {
        found.push(Violation::Other(format!("effects out of order: {:?}", facts.effects)));
    }
    found
}

fn check_end(facts: &Facts, found: &mut Vec<Violation>) {
    let stopped = facts.answers.iter().any(|(_, answer)| *answer == Answer::Stop);
    let expected = if stopped { "stopped" } else { "succeeded" };
    let unreached = facts.on_host && !stopped && facts.state == "failed";
    if facts.state != expected && !unreached {
        found.push(Violation::Other(format!("the run is {}, it should be {expected}", facts.state)));
    }
}

fn check_step(facts: &Facts, step: u32, found: &mut Vec<Violation>) {
    let said = |wanted: Answer| facts.answers.iter().filter(|(of, answer)| *of == step && *answer == wanted).count();
    let (retried, skipped, stopped) = (said(Answer::Retry), said(Answer::Skip) > 0, said(Answer::Stop) > 0);
    let effects = facts.effects.iter().filter(|of| **of == step).count();
    let states: Vec<&str> = facts.attempts.iter().filter(|(of, _)| *of == step).map(|(_, state)| state.as_str()).collect();
    let Some(last) = states.last() else {
        found.push(Violation::Other(format!("{} is not in the record", name(step))));
        return;
    };
    let other = |what: &str| Violation::Other(format!("{} {what} (attempts {states:?}, {effects} effects)", name(step)));

    if *last == "succeeded" && effects == 0 {
        found.push(Violation::Missing(format!("{} succeeded and left nothing", name(step))));
    }
    if effects > 1 + retried {
        found.push(Violation::Twice(format!("{} took effect {effects} times, {retried} retries were asked for", name(step))));
    }
    if states.len() > 1 + retried {
        found.push(other("was attempted more often than anybody asked for"));
    }
    match *last {
        "succeeded" => {}
        "skipped" | "stopped" | "interrupted" if skipped || stopped => {}
        // After the step at which the run was stopped, or failed.
        "skipped" | "pending" if ["stopped", "failed"].contains(&facts.state.as_str()) && effects == 0 => {}
        // The last attempt was none; those before it may have taken effect.
        "failed" if facts.on_host && facts.state == "failed" && effects < states.len() => {}
        _ => found.push(other(&format!("ended as {last}, which nobody asked for"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine() -> Facts {
        Facts {
            state: "succeeded".to_owned(),
            attempts: (1..=STEPS).map(|step| (step, "succeeded".to_owned())).collect(),
            answers: Vec::new(),
            effects: (1..=STEPS).collect(),
            on_host: false,
        }
    }

    #[test]
    fn a_run_that_did_everything_once_keeps_every_promise() {
        assert_eq!(check(&fine()), []);
    }

    #[test]
    fn a_missing_effect_is_found() {
        let mut facts = fine();
        facts.effects.remove(4);
        assert!(matches!(check(&facts)[..], [Violation::Missing(_)]), "{:?}", check(&facts));
    }

    #[test]
    fn an_effect_twice_is_found_unless_a_person_said_retry() {
        let mut facts = fine();
        facts.effects.insert(4, 5);
        assert!(matches!(check(&facts)[..], [Violation::Twice(_)]), "{:?}", check(&facts));
        facts.answers.push((5, Answer::Retry));
        facts.attempts.insert(5, (5, "succeeded".to_owned()));
        assert_eq!(check(&facts), []);
    }

    #[test]
    fn a_skipped_step_may_or_may_not_have_taken_effect() {
        let mut facts = fine();
        facts.attempts[4].1 = "skipped".to_owned();
        assert!(matches!(check(&facts)[..], [Violation::Other(_)]), "nobody said skip");
        facts.answers.push((5, Answer::Skip));
        assert_eq!(check(&facts), []);
        facts.effects.remove(4);
        assert_eq!(check(&facts), []);
    }

    #[test]
    fn nothing_happens_after_a_stop() {
        let mut facts = fine();
        facts.state = "stopped".to_owned();
        facts.answers.push((5, Answer::Stop));
        facts.attempts[4].1 = "stopped".to_owned();
        for (_, state) in &mut facts.attempts[5..] {
            "skipped".clone_into(state);
        }
        facts.effects.truncate(5);
        assert_eq!(check(&facts), []);
        facts.effects.push(6);
        assert!(matches!(check(&facts)[..], [Violation::Other(_)]), "{:?}", check(&facts));
    }

    #[test]
    fn a_failed_run_is_nobodys_wish() {
        let mut facts = fine();
        facts.state = "failed".to_owned();
        assert!(!check(&facts).is_empty());
    }

    #[test]
    fn a_run_may_fail_on_a_host_at_a_step_that_was_never_started() {
        let mut facts = Facts { state: "failed".to_owned(), on_host: true, ..fine() };
        "failed".clone_into(&mut facts.attempts[4].1);
        for (_, state) in &mut facts.attempts[5..] {
            "skipped".clone_into(state);
        }
        facts.effects.truncate(4);
        assert_eq!(check(&facts), []);
        assert!(!check(&Facts { on_host: false, ..facts.clone() }).is_empty(), "not where there is no host");
        facts.effects.push(5);
        assert!(matches!(check(&facts)[..], [Violation::Other(_)]), "it took effect all the same: {:?}", check(&facts));
        facts.effects.pop();
        facts.effects.push(6);
        assert!(matches!(check(&facts)[..], [Violation::Other(_)]), "nothing happens after it: {:?}", check(&facts));
    }

    #[test]
    fn effects_out_of_order_are_found() {
        let mut facts = fine();
        facts.effects.swap(3, 4);
        assert!(matches!(check(&facts)[..], [Violation::Other(_)]));
    }
}
