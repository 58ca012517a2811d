//! The counts of a group of attacks.

use anyhow::Result;

use crate::studio::client::Answer;

/// How many findings are shown in full.
const SHOWN: usize = 12;

/// What became of the attacks of one group.
#[derive(Debug, Default)]
pub struct Tally {
    pub group: &'static str,
    pub tried: usize,
    /// Answered with 4xx, or with 503 for want of places.
    pub refused: usize,
    /// Taken, as it may be: a hostile text in a place for any text.
    pub taken: usize,
    pub got_through: usize,
    pub server_errors: usize,
    pub unanswered: usize,
    pub findings: Vec<String>,
    pub notes: Vec<String>,
}

impl Tally {
    pub fn new(group: &'static str) -> Self {
        Self { group, ..Self::default() }
    }

    /// Counts an answer; `may_be_taken` says whether a success is one of ours.
    pub fn count(&mut self, what: &str, answer: &Result<Answer>, may_be_taken: bool) {
        match answer {
            Err(error) => {
                self.tried += 1;
                self.unanswered += 1;
                self.findings.push(format!("{what}: no answer: {error:#}"));
            }
            Ok(answer) => self.count_status(what, answer.status, may_be_taken),
        }
    }

    pub fn count_status(&mut self, what: &str, status: u16, may_be_taken: bool) {
        self.tried += 1;
        match status {
            400..=499 | 503 => self.refused += 1,
            500.. => {
                self.server_errors += 1;
                self.findings.push(format!("{what}: {status}"));
            }
            _ if may_be_taken => self.taken += 1,
            _ => {
                self.got_through += 1;
                self.findings.push(format!("{what}: {status}"));
            }
        }
    }

    /// Something that should not be.
    pub fn broken(&mut self, what: impl Into<String>) {
        self.got_through += 1;
        self.findings.push(what.into());
    }

    pub fn failed(&self) -> bool {
        self.got_through + self.server_errors + self.unanswered > 0
    }
}

/// One line a group, and what was found.
pub fn table(all: &[Tally]) -> String {
    let mut text = format!(
        "{:<22}{:>8}{:>9}{:>8}{:>13}{:>6}{:>12}\n",
        "group", "tried", "refused", "taken", "got through", "5xx", "unanswered"
    );
    for tally in all {
        text += &format!(
            "{:<22}{:>8}{:>9}{:>8}{:>13}{:>6}{:>12}\n",
            tally.group, tally.tried, tally.refused, tally.taken, tally.got_through, tally.server_errors, tally.unanswered
        );
    }
    for tally in all {
        for note in &tally.notes {
            text += &format!("{}: {note}\n", tally.group);
        }
        for finding in tally.findings.iter().take(SHOWN) {
            text += &format!("FOUND in {}: {finding}\n", tally.group);
        }
        if tally.findings.len() > SHOWN {
            text += &format!("and {} more in {}\n", tally.findings.len() - SHOWN, tally.group);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_where_it_may_not_be_fails_the_group() {
        let mut tally = Tally::new("names");
        tally.count_status("a", 404, false);
        tally.count_status("b", 201, true);
        assert!(!tally.failed());
        tally.count_status("c", 200, false);
        assert!(tally.failed());
        assert!(table(&[tally]).contains("FOUND in names: c: 200"));
    }
}
