//! The counts of a scenario, as it prints them.

use std::fmt;
use std::path::PathBuf;

use super::check::Violation;

/// How many broken promises are shown in full.
const SHOWN: usize = 12;

/// What happened, counted.
#[derive(Debug, Default)]
pub struct Tally {
    /// Calls to start a run.
    pub started: usize,
    /// Answered with 202.
    pub acknowledged: usize,
    pub refused: usize,
    /// Not answered; some of them are runs all the same.
    pub in_doubt: usize,
    pub kills: usize,
    /// Runs in the store that ended.
    pub finished: usize,
    /// Runs that asked a person what to do; retried, skipped, stopped.
    pub interrupted: usize,
    pub answers: [usize; 3],
    /// What a reader should know.
    pub notes: Vec<String>,
    pub violations: Vec<Violation>,
    /// The data and logs, where they were kept.
    pub kept: Option<PathBuf>,
}

impl Tally {
    /// A broken promise that is not about one step.
    pub fn broken(&mut self, what: impl Into<String>) {
        self.violations.push(Violation::Other(what.into()));
    }

    pub fn note(&mut self, what: impl Into<String>) {
        self.notes.push(what.into());
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |wanted: fn(&Violation) -> bool| self.violations.iter().filter(|violation| wanted(violation)).count();
        let [retried, skipped, stopped] = self.answers;
        writeln!(
            f,
            "runs started {}, acknowledged {}, refused {}, in doubt {}; kills {}",
            self.started, self.acknowledged, self.refused, self.in_doubt, self.kills
        )?;
        writeln!(
            f,
            "finished {}, interrupted {} (retried {retried}, skipped {skipped}, stopped {stopped})",
            self.finished, self.interrupted
        )?;
        write!(
            f,
            "effects missing {}, effects twice {}, other promises broken {}",
            count(|violation| matches!(violation, Violation::Missing(_))),
            count(|violation| matches!(violation, Violation::Twice(_))),
            count(|violation| matches!(violation, Violation::Other(_)))
        )?;
        for note in &self.notes {
            write!(f, "\n  {note}")?;
        }
        for violation in self.violations.iter().take(SHOWN) {
            let (Violation::Missing(what) | Violation::Twice(what) | Violation::Other(what)) = violation;
            write!(f, "\n  BROKEN: {what}")?;
        }
        if self.violations.len() > SHOWN {
            write!(f, "\n  and {} more", self.violations.len() - SHOWN)?;
        }
        if let Some(kept) = &self.kept {
            write!(f, "\n  data and logs are in {}", kept.display())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_tell_the_kinds_of_broken_promises_apart() {
        let mut tally = Tally { started: 3, acknowledged: 2, in_doubt: 1, kills: 1, finished: 2, ..Tally::default() };
        tally.violations.push(Violation::Twice("run x: step-01".to_owned()));
        tally.broken("lost");
        assert_eq!(
            tally.to_string(),
            "runs started 3, acknowledged 2, refused 0, in doubt 1; kills 1\n\
             finished 2, interrupted 0 (retried 0, skipped 0, stopped 0)\n\
             effects missing 0, effects twice 1, other promises broken 1\n  \
             BROKEN: run x: step-01\n  BROKEN: lost"
        );
    }
}
