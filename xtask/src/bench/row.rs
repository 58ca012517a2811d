//! What a workload measured: rows of samples with a target, or with none where they are a yardstick.

use std::fmt;

use serde_json::{Value, json};

use super::stats::{extremes, median};

/// What a workload came to.
#[derive(Debug)]
pub enum Outcome {
    Measured(Measured),
    /// Not in this place, or not by this server; the sentence says why.
    NotMeasured(String),
    /// Something broke.
    Failed(String),
}

/// Rows in the order of the table, and what a reader should know.
#[derive(Debug, Default)]
pub struct Measured {
    pub rows: Vec<Row>,
    pub notes: Vec<String>,
}

/// One quantity, a sample a round.
#[derive(Debug)]
pub struct Row {
    what: String,
    unit: Unit,
    samples: Vec<f64>,
    target: Option<Target>,
    goal: Option<f64>,
    beside: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Milliseconds,
    Seconds,
    PerSecond,
    Times,
    Mebibytes,
    /// 1,000 bytes.
    Kilobytes,
    Count,
}

#[derive(Debug, Clone, Copy)]
enum Target {
    AtMost(f64),
    AtLeast(f64),
}

/// What became of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Met,
    Missed,
    /// There is no target, or it was measured at another size than the target is for.
    None,
}

impl Measured {
    pub fn rows(rows: impl IntoIterator<Item = Row>) -> Self {
        Self { rows: rows.into_iter().collect(), notes: Vec::new() }
    }

    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Takes the targets away: they are for another size.
    pub fn at_another_size(mut self, design: &str) -> Self {
        for row in &mut self.rows {
            (row.target, row.goal) = (None, None);
        }
        self.note(format!("not the size that the target is for ({design}), so no verdict"))
    }
}

impl Row {
    /// What the product did.
    pub fn of(what: impl Into<String>, unit: Unit, samples: Vec<f64>) -> Self {
        Self { what: what.into(), unit, samples, target: None, goal: None, beside: false }
    }

    /// A yardstick: what something else took for the same in this very run.
    pub fn beside(what: impl Into<String>, unit: Unit, samples: Vec<f64>) -> Self {
        Self { beside: true, ..Self::of(what, unit, samples) }
    }

    pub fn at_most(self, target: f64) -> Self {
        Self { target: Some(Target::AtMost(target)), ..self }
    }

    pub fn at_least(self, target: f64) -> Self {
        Self { target: Some(Target::AtLeast(target)), ..self }
    }

    pub fn goal(self, goal: f64) -> Self {
        Self { goal: Some(goal), ..self }
    }

    pub fn value(&self) -> f64 {
        median(&self.samples)
    }

    pub fn verdict(&self) -> Verdict {
        let met = match self.target {
            Some(Target::AtMost(target)) => self.value() <= target,
            Some(Target::AtLeast(target)) => self.value() >= target,
            None => return Verdict::None,
        };
        if met { Verdict::Met } else { Verdict::Missed }
    }

    /// `wall time`, `beside: the same by /bin/sh`
    pub fn name(&self) -> String {
        if self.beside { format!("beside: {}", self.what) } else { self.what.clone() }
    }

    /// `142 ms`
    pub fn shown(&self) -> String {
        self.unit.show(self.value())
    }

    /// `138 ms … 150 ms`; nothing of a single sample.
    pub fn spread(&self) -> String {
        if self.samples.len() < 2 {
            return String::new();
        }
        let (least, most) = extremes(&self.samples);
        format!("{} … {}", self.unit.number(least), self.unit.show(most))
    }

    /// `≤ 2.5 ×, goal 1.8 ×`
    pub fn wanted(&self) -> String {
        let goal = self.goal.map(|goal| format!(", goal {}", self.unit.show(goal))).unwrap_or_default();
        match self.target {
            Some(Target::AtMost(target)) => format!("≤ {}{goal}", self.unit.show(target)),
            Some(Target::AtLeast(target)) => format!("≥ {}{goal}", self.unit.show(target)),
            None => String::new(),
        }
    }

    pub fn json(&self) -> Value {
        let (relation, target) = match self.target {
            Some(Target::AtMost(target)) => (Some("at most"), Some(target)),
            Some(Target::AtLeast(target)) => (Some("at least"), Some(target)),
            None => (None, None),
        };
        json!({
            "what": self.what,
            "yardstick": self.beside,
            "unit": self.unit.symbol(),
            "median": self.value(),
            "samples": self.samples,
            "target": target,
            "target_is": relation,
            "goal": self.goal,
            "verdict": self.verdict().word(),
        })
    }
}

impl Unit {
    fn symbol(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::PerSecond => "/s",
            Self::Times => "×",
            Self::Mebibytes => "MiB",
            Self::Kilobytes => "KB",
            Self::Count => "",
        }
    }

    fn show(self, value: f64) -> String {
        format!("{} {}", self.number(value), self.symbol()).trim_end().to_owned()
    }

    /// Three figures, or all of a whole number.
    fn number(self, value: f64) -> String {
        match value.abs() {
            _ if self == Self::Count => format!("{value:.0}"),
            size if size >= 100.0 => format!("{value:.0}"),
            size if size >= 10.0 => format!("{value:.1}").trim_end_matches(".0").to_owned(),
            _ => format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        }
    }
}

impl Verdict {
    /// The word in the table; nothing where there is no target.
    pub fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::None => "",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_or_missed_by_the_median() {
        let row = Row::of("wall time", Unit::Milliseconds, vec![1.0, 9.0, 2.0]);
        assert_eq!(row.verdict(), Verdict::None);
        let row = row.at_most(2.0);
        assert_eq!(row.verdict(), Verdict::Met);
        assert_eq!(row.at_most(1.9).verdict(), Verdict::Missed);
        let rate = Row::of("rate", Unit::PerSecond, vec![249.0]).at_least(250.0);
        assert_eq!(rate.verdict(), Verdict::Missed);
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        let check = |unit: Unit, value: f64, expected: &str| assert_eq!(unit.show(value), expected);
        check(Unit::Milliseconds, 142.4, "142 ms");
        check(Unit::Milliseconds, 20.0, "20 ms");
        check(Unit::Milliseconds, 14.25, "14.2 ms");
        check(Unit::Times, 2.5, "2.5 ×");
        check(Unit::Seconds, 1.0, "1 s");
        check(Unit::Count, 10_000.0, "10000");
    }

    #[test]
    fn a_row_says_what_is_wanted() {
        let row = Row::of("ratio", Unit::Times, vec![2.0, 3.0]).at_most(2.5).goal(1.8);
        assert_eq!((row.wanted().as_str(), row.spread().as_str()), ("≤ 2.5 ×, goal 1.8 ×", "2 … 3 ×"));
        assert_eq!(Row::beside("a loop", Unit::Seconds, vec![1.0]).name(), "beside: a loop");
    }
}
