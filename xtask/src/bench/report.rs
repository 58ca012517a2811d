//! The table for people, JSON for programs, and the sections of docs/benchmarks.md.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::machine::Machine;
use super::row::{Outcome, Row, Verdict};

/// One run of `cargo xtask bench`.
pub struct Report {
    /// When, as RFC 3339 in UTC.
    pub date: String,
    pub origin: String,
    pub commit: String,
    pub machine: Machine,
    pub rounds: usize,
    pub entries: Vec<Entry>,
}

/// A workload and what came of it.
pub struct Entry {
    pub id: &'static str,
    pub title: &'static str,
    /// Others' numbers, from the design: measured by us before, on a machine of this kind.
    pub others: &'static str,
    pub outcome: Outcome,
    /// The load of the machine before and after.
    pub load: (f64, f64),
    pub seconds: f64,
}

impl Report {
    /// How many targets were met and missed, and how many workloads failed.
    pub fn verdicts(&self) -> (usize, usize, usize) {
        let rows = || self.entries.iter().filter_map(Entry::rows).flatten();
        let count = |verdict: Verdict| rows().filter(|row| row.verdict() == verdict).count();
        let failed = self.entries.iter().filter(|entry| matches!(entry.outcome, Outcome::Failed(_))).count();
        (count(Verdict::Met), count(Verdict::Missed), failed)
    }

    /// What stands above the table.
    pub fn heading(&self) -> String {
        format!("{} · {} · {}\n{}\nmedian of {}\n", self.date, self.origin, self.commit, self.machine.describe(), self.rounds)
    }

    pub fn json(&self) -> Value {
        json!({
            "date": self.date,
            "build": self.origin,
            "commit": self.commit,
            "rounds": self.rounds,
            "machine": self.machine.json(),
            "workloads": self.entries.iter().map(Entry::json).collect::<Vec<_>>(),
        })
    }

    /// Puts a section for each workload into the file, in place of the one that is there.
    pub fn write_into(&self, file: &Path) -> Result<()> {
        let mut text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        for entry in &self.entries {
            text = replace_section(&text, entry.id, &self.section(entry));
        }
        fs::write(file, text).with_context(|| format!("writing {}", file.display()))
    }

    fn section(&self, entry: &Entry) -> String {
        let mut text = format!("## {}: {}\n\n", entry.id, entry.title);
        match &entry.outcome {
            Outcome::Measured(measured) => {
                text += "| what | median | least … most | target | |\n|---|---|---|---|---|\n";
                for row in &measured.rows {
                    let verdict = match row.verdict() {
                        Verdict::Missed => "**missed**",
                        other => other.word(),
                    };
                    let _ =
                        writeln!(text, "| {} | {} | {} | {} | {verdict} |", row.name(), row.shown(), row.spread(), row.wanted());
                }
                text.push('\n');
                for note in &measured.notes {
                    let _ = writeln!(text, "- {note}");
                }
            }
            Outcome::NotMeasured(why) => {
                let _ = writeln!(text, "Not measured: {why}.\n");
            }
            Outcome::Failed(why) => {
                let _ = writeln!(text, "Failed: {why}.\n");
            }
        }
        if !entry.others.is_empty() {
            let _ = writeln!(text, "- others: {}", entry.others);
        }
        let machine = self.machine.describe().replace('\n', "; ");
        let (before, after) = entry.load;
        let _ = writeln!(
            text,
            "- {}, {}, {}, median of {}; {machine}; load {before:.1} before, {after:.1} after",
            self.date, self.origin, self.commit, self.rounds
        );
        text
    }
}

impl Entry {
    /// As it stands in the table.
    pub fn text(&self) -> String {
        let mut text = format!("\n{:<4} {}\n", self.id, self.title);
        match &self.outcome {
            Outcome::Measured(measured) => {
                for row in &measured.rows {
                    let line = format!(
                        "     {}{}{}{}{}",
                        pad(&row.name(), 52),
                        pad(&row.shown(), 12),
                        pad(&row.spread(), 22),
                        pad(&row.wanted(), 26),
                        row.verdict()
                    );
                    text += line.trim_end();
                    text.push('\n');
                }
                for note in &measured.notes {
                    let _ = writeln!(text, "     {note}");
                }
            }
            Outcome::NotMeasured(why) => {
                let _ = writeln!(text, "     not measured: {why}");
            }
            Outcome::Failed(why) => {
                let _ = writeln!(text, "     failed: {why}");
            }
        }
        if !self.others.is_empty() {
            let _ = writeln!(text, "     others: {}", self.others);
        }
        let _ = writeln!(text, "     load {:.1} before, {:.1} after; {:.0} s in all", self.load.0, self.load.1, self.seconds);
        text
    }

    fn rows(&self) -> Option<&Vec<Row>> {
        match &self.outcome {
            Outcome::Measured(measured) => Some(&measured.rows),
            _ => None,
        }
    }

    fn json(&self) -> Value {
        let mut body = json!({
            "id": self.id,
            "title": self.title,
            "others": self.others,
            "load_before": self.load.0,
            "load_after": self.load.1,
            "seconds": self.seconds,
        });
        match &self.outcome {
            Outcome::Measured(measured) => {
                body["rows"] = measured.rows.iter().map(Row::json).collect();
                body["notes"] = json!(measured.notes);
            }
            Outcome::NotMeasured(why) => body["not_measured"] = json!(why),
            Outcome::Failed(why) => body["failed"] = json!(why),
        }
        body
    }
}

/// Widths count characters; `{:<n}` of a `String` does, too, but not with what a `Display` hands on.
fn pad(text: &str, width: usize) -> String {
    format!("{text:<width$} ")
}

/// The text with the section `## ID: …` replaced, or added in the order of the ids.
fn replace_section(text: &str, id: &str, section: &str) -> String {
    let (prelude, sections) = split_sections(text);
    let mut sections: Vec<(String, String)> = sections.into_iter().filter(|(name, _)| name != id).collect();
    sections.push((id.to_owned(), section.to_owned()));
    sections.sort_by(|(one, _), (other, _)| rank(one).cmp(&rank(other)));
    let bodies = sections.iter().map(|(_, body)| body.trim_end().to_owned());
    std::iter::once(prelude.trim_end().to_owned()).chain(bodies).collect::<Vec<_>>().join("\n\n") + "\n"
}

/// What comes before the first workload's section, and each section with its id, or its heading where it is of no workload.
fn split_sections(text: &str) -> (String, Vec<(String, String)>) {
    let mut prelude = String::new();
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("## ").map(|title| title.split_once(':').map_or(title, |(id, _)| id)) {
            Some(id) if is_id(id) || !sections.is_empty() => sections.push((id.to_owned(), String::new())),
            _ => {}
        }
        let into = sections.last_mut().map_or(&mut prelude, |(_, body)| body);
        into.push_str(line);
        into.push('\n');
    }
    (prelude, sections)
}

/// `P10` → P, 10. What is of no workload comes after all that are, as it stands.
fn rank(id: &str) -> (bool, &str, u32) {
    if !is_id(id) {
        return (true, "", 0);
    }
    let (letter, number) = id.split_at(1);
    (false, letter, number.parse().unwrap_or(u32::MAX))
}

/// Whether it is a workload's, such as `P10`.
fn is_id(text: &str) -> bool {
    text.strip_prefix(|c: char| c.is_ascii_uppercase()).is_some_and(|number| number.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_the_old_one() {
        let text = "# Title\n\nWords.\n\n## P1: a\n\nold\n\n## P10: b\n\nkept\n";
        let replaced = replace_section(text, "P1", "## P1: a\n\nnew\n");
        assert_eq!(replaced, "# Title\n\nWords.\n\n## P1: a\n\nnew\n\n## P10: b\n\nkept\n");
    }

    #[test]
    fn what_is_of_no_workload_stays() {
        let text = "# Title\n\n## Where it goes\n\nWords.\n\n## P1: a\n\nold\n\n## By hand: more\n\nkept\n\n## Also\n\nkept\n";
        let replaced = replace_section(text, "P1", "## P1: a\n\nnew\n");
        assert_eq!(replaced, text.replace("old", "new"));
        let replaced = replace_section(text, "P2", "## P2: b\n\nnew\n");
        assert_eq!(replaced, text.replace("## By hand", "## P2: b\n\nnew\n\n## By hand"));
    }

    #[test]
    fn a_new_section_goes_where_its_number_belongs() {
        let text = "# Title\n\n## P1: a\n\nx\n\n## P10: b\n\ny\n";
        let replaced = replace_section(text, "P2", "## P2: c\n\nz\n");
        assert_eq!(replaced, "# Title\n\n## P1: a\n\nx\n\n## P2: c\n\nz\n\n## P10: b\n\ny\n");
        let replaced = replace_section(text, "U2", "## U2: c\n\nz\n");
        assert_eq!(replaced, "# Title\n\n## P1: a\n\nx\n\n## P10: b\n\ny\n\n## U2: c\n\nz\n");
    }
}
