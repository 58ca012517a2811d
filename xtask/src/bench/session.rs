//! One run of the workloads that were asked for: measured one after the other, told as they come, and written down.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use chrono::{SecondsFormat, Utc};

use super::machine::{self, Machine};
use super::report::{Entry, Report};
use super::row::Outcome;
use crate::shell;
use crate::workspace::Workspace;

/// A workload by its name.
pub trait Named {
    /// Such as `P1`.
    fn id(&self) -> &'static str;
    /// What it is, in a line.
    fn title(&self) -> &'static str;
    /// Others' numbers, where there are any.
    fn others(&self) -> &'static str {
        ""
    }
}

/// Those of these ids, whatever their case; all where none is named.
pub fn chosen<W: Named>(all: &'static [W], only: &[String]) -> Result<Vec<&'static W>> {
    let is_of = |workload: &W, id: &String| workload.id().eq_ignore_ascii_case(id);
    if let Some(unknown) = only.iter().find(|id| !all.iter().any(|workload| is_of(workload, id))) {
        let known: Vec<&str> = all.iter().map(Named::id).collect();
        bail!("there is no workload {unknown}; there are {}", known.join(", "));
    }
    Ok(all.iter().filter(|workload| only.is_empty() || only.iter().any(|id| is_of(workload, id))).collect())
}

/// What is measured, on what, and where it is written down.
pub struct Session {
    report: Report,
    json: Option<PathBuf>,
    document: Option<PathBuf>,
}

impl Session {
    /// Looks at the machine and says what will be measured: `scratch` is where the data will be, `origin` where the server comes from.
    /// With `write`, docs/benchmarks.md gets the results.
    pub fn begin(
        workspace: &Workspace,
        scratch: &Path,
        origin: String,
        rounds: u16,
        json: Option<&Path>,
        write: bool,
    ) -> Result<Self> {
        let report = Report {
            date: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
            origin,
            commit: commit(workspace),
            machine: Machine::look(scratch)?,
            rounds: usize::from(rounds),
            entries: Vec::new(),
        };
        println!("\n{}", report.heading());
        let document = write.then(|| workspace.root.join("docs/benchmarks.md"));
        Ok(Self { report, json: json.map(Path::to_path_buf), document })
    }

    /// Measures one workload. That it fails is a result like another.
    pub fn measure(&mut self, workload: &impl Named, measure: impl FnOnce() -> Result<Outcome>) {
        println!("measuring {}: {}", workload.id(), workload.title());
        let (before, began) = (machine::load(), Instant::now());
        let outcome = measure().unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        let entry = Entry {
            id: workload.id(),
            title: workload.title(),
            others: workload.others(),
            outcome,
            load: (before, machine::load()),
            seconds: began.elapsed().as_secs_f64(),
        };
        println!("{}", entry.text());
        self.report.entries.push(entry);
    }

    /// Tells and writes down all of it. An error where a workload failed; a missed target is none.
    pub fn end(self) -> Result<()> {
        let report = self.report;
        println!("\n{}{}", report.heading(), report.entries.iter().map(Entry::text).collect::<String>());
        if let Some(file) = &self.json {
            fs::write(file, format!("{:#}\n", report.json())).with_context(|| format!("writing {}", file.display()))?;
        }
        if let Some(file) = &self.document {
            report.write_into(file)?;
        }
        let (met, missed, failed) = report.verdicts();
        println!("{met} targets met, {missed} missed");
        if failed > 0 {
            bail!("{failed} of the workloads failed");
        }
        Ok(())
    }
}

/// The checkout's commit, and whether it was changed since.
fn commit(workspace: &Workspace) -> String {
    let git = |args: &[&str]| shell::output(Command::new("git").args(args).current_dir(&workspace.root));
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else { return "no commit".to_owned() };
    let changed = git(&["status", "--porcelain"]).is_some_and(|text| !text.is_empty());
    if changed { format!("commit {commit} with changes") } else { format!("commit {commit}") }
}
