//! What is told of a run afterwards: a report to paste into a ticket, and how long such runs usually take.

use std::fmt::Write;

use domain::run::{allowed_failures, allowed_in_words};
use domain::{Actor, BlockType, Note, Permission, Run, RunId, RunState, RunbookId, Step, StepId, StepState, Timestamp};
use store::RunFilter;

use super::Runs;
use crate::Result;
use crate::authorise::authorise;

/// How many lines of a step's output stand in the text of a report.
const LINES: usize = 40;
/// How many earlier runs say how long one usually takes.
const EARLIER: u32 = 9;

/// A run with all its steps and the end of what each wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The run.
    pub run: Run,
    /// Every attempt at its steps, with at most 64 KiB of output.
    pub steps: Vec<(Step, String)>,
    /// What people wrote on it.
    pub notes: Vec<Note>,
}

impl Runs {
    /// What there is to tell of a run, over or not.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn report(&self, actor: &Actor, id: RunId) -> Result<Report> {
        let (run, rows) = self.get(actor, id).await?;
        let mut steps = Vec::with_capacity(rows.len());
        for step in rows {
            let output = if step.started_at.is_none() { String::new() } else { self.tail(actor, id, &step).await? };
            steps.push((step, output));
        }
        let notes = self.notes(actor, id).await?;
        Ok(Report { run, steps, notes })
    }

    /// How many milliseconds the last runs of a runbook that succeeded took, the one in the middle; `None` where there are none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn usual_millis(&self, actor: &Actor, runbook: RunbookId) -> Result<Option<u64>> {
        authorise(actor, Permission::Read)?;
        let filter =
            RunFilter { runbook: Some(runbook), state: Some(RunState::Succeeded), limit: EARLIER, ..RunFilter::default() };
        let runs = self.store.list_runs(&filter).await?.items;
        Ok(middle(runs.iter().filter_map(|run| millis(run.started_at, run.ended_at)).collect()))
    }
}

impl Report {
    /// The report as Markdown. What people and programs wrote stays text, whatever is in it.
    #[must_use]
    pub fn markdown(&self) -> String {
        let Self { run, steps, notes } = self;
        let mut text = format!("# Run #{}: {}\n\n", run.number, plain(&run.runbook_title));
        let mut fact = |name: &str, value: String| _ = writeln!(text, "- **{name}:** {value}");
        let latest = steps.chunk_by(|(one, _), (next, _)| one.ordinal == next.ordinal).filter_map(|attempts| attempts.last());
        let allowed = allowed_in_words(allowed_failures(run.state, latest.map(|(step, _)| step)));
        fact("State", [Some(run.state.as_str().to_owned()), allowed].into_iter().flatten().collect::<Vec<_>>().join(", "));
        if let Some(error) = &run.error {
            fact("Because", plain(error));
        }
        fact("Version", run.version.to_string());
        fact("Started by", plain(&run.started_by));
        if let Some(reason) = &run.reason {
            fact("Reason", plain(reason));
        }
        fact("Asked for", moment(run.created_at));
        if let Some(started) = run.started_at {
            fact("Started", moment(started));
        }
        if let Some(ended) = run.ended_at {
            fact("Ended", moment(ended));
        }
        if let Some(millis) = millis(run.started_at, run.ended_at) {
            fact("Took", length(millis));
        }
        for (name, value) in &run.parameters {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            fact("Parameter", format!("{} = {}", plain(name), plain(&value)));
        }
        if !notes.is_empty() {
            text.push_str("\n## Notes\n");
        }
        for note in notes {
            let about = note.step.and_then(|id| about(steps, id)).map(|about| format!(", on {about}")).unwrap_or_default();
            _ = writeln!(text, "\n**{}**, {}{about}:\n", plain(&note.author), moment(note.at));
            // A line of its own for each that was written, in Markdown too.
            let lines: Vec<_> = note.text.lines().map(plain).collect();
            _ = writeln!(text, "> {}", lines.join("\\\n> "));
        }
        text.push_str("\n## Steps\n");
        for (number, block) in (1..).zip(steps.chunk_by(|(one, _), (next, _)| one.block_id == next.block_id)) {
            for (step, output) in block {
                tell(&mut text, number, step, output);
            }
        }
        text
    }
}

/// The name of a step, and where it ran.
fn about(steps: &[(Step, String)], id: StepId) -> Option<String> {
    let (step, _) = steps.iter().find(|(step, _)| step.id == id)?;
    let place = step.host.as_deref().map(|host| format!(" ({})", plain(host))).unwrap_or_default();
    Some(format!("{}{place}", plain(&step.name)))
}

/// Tells of a step of the block with this number.
fn tell(text: &mut String, number: u32, step: &Step, output: &str) {
    let attempt = if step.attempt > 1 { format!(", attempt {}", step.attempt) } else { String::new() };
    _ = write!(text, "\n### {number}. {}{attempt}\n\n{}", plain(&step.name), step.state.as_str());
    if let Some(code) = step.exit_code {
        let word = if step.kind == BlockType::Api { "status" } else { "exit" };
        _ = write!(text, ", {word} {code}");
    }
    if let Some(host) = &step.host {
        _ = write!(text, ", on {}", plain(host));
    }
    if let Some(millis) = millis(step.started_at, step.ended_at) {
        _ = write!(text, ", {}", length(millis));
    }
    text.push('\n');
    if let Some(error) = &step.error {
        _ = write!(text, "\n> {}\n", plain(error));
    }
    if !step.what.is_empty() {
        fenced(text, &step.what);
    }
    // What a step that was passed over would have written nobody knows.
    if step.state == StepState::Skipped || output.is_empty() {
        return;
    }
    let output = without_colours(output);
    let lines: Vec<_> = output.lines().collect();
    let shown = lines.len().min(LINES);
    if shown < lines.len() {
        _ = write!(text, "\nThe last {shown} lines of its output:\n");
    }
    fenced(text, &lines[lines.len() - shown..].join("\n"));
}

/// A block of text whose fence is longer than any in it.
fn fenced(text: &mut String, inside: &str) {
    let longest = inside.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    _ = write!(text, "\n{fence}text\n{}\n{fence}\n", inside.trim_end_matches('\n'));
}

/// One line in which nothing is markup.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.trim().chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '&' | '~' => plain.extend(['\\', letter]),
            letter if letter.is_control() => plain.push(' '),
            letter => plain.push(letter),
        }
    }
    plain
}

/// Without what a terminal would not show as letters.
pub(super) fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => match letters.next() {
                Some('[') => while letters.next_if(|letter| !('@'..='~').contains(letter) && *letter != '\n').is_some() {},
                Some(']') => while letters.next_if(|letter| !matches!(letter, '\u{7}' | '\n')).is_some() {},
                _ => continue,
            },
            '\n' | '\t' => {
                plain.push(letter);
                continue;
            }
            letter if letter.is_control() => continue,
            letter => {
                plain.push(letter);
                continue;
            }
        }
        // The letter that ends the sequence.
        letters.next_if(|letter| *letter != '\n');
    }
    plain
}

fn moment(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn millis(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<u64> {
    u64::try_from((to? - from?).num_milliseconds()).ok()
}

fn length(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0..10 => format!("{seconds}.{} s", millis % 1000 / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

fn middle(mut lengths: Vec<u64>) -> Option<u64> {
    lengths.sort_unstable();
    lengths.get(lengths.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_no_markup() {
        assert_eq!(plain("a **b**\n# c <d>"), "a \\*\\*b\\*\\* \\# c \\<d\\>");
    }

    #[test]
    fn a_fence_is_longer_than_any_in_it() {
        let mut text = String::new();
        fenced(&mut text, "````\nx\n````\n");
        assert_eq!(text, "\n`````text\n````\nx\n````\n`````\n");
    }

    #[test]
    fn colours_and_titles_of_windows_are_left_out() {
        assert_eq!(without_colours("a\u{1b}[31;1mb\u{1b}[0m\tc\u{1b}]0;title\u{7}d\u{1b}(e\r\nf\u{1b}[3\ng"), "ab\tcde\nf\ng");
    }

    #[test]
    fn the_run_in_the_middle_says_how_long_it_usually_takes() {
        assert_eq!(middle(vec![9, 1, 5]), Some(5));
        assert_eq!(middle(Vec::new()), None);
    }
}
