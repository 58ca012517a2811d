//! The browser that measures: Playwright with the system's Chromium, one test of `end2end/bench/` at a time.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use super::Options;
use crate::workspace::Workspace;
use crate::{shell, tools};

/// What a test found: samples by the name of the quantity, one a round, and what a reader should know.
pub struct Found {
    pub samples: BTreeMap<String, Vec<f64>>,
    pub notes: Vec<String>,
}

pub struct Browser<'a> {
    workspace: &'a Workspace,
    package: PathBuf,
    chromium: String,
    /// Where the tests put what they found.
    answers: TempDir,
}

impl<'a> Browser<'a> {
    pub fn find(workspace: &'a Workspace, package: PathBuf, scratch: &Path) -> Result<Self> {
        let chromium = tools::chromium(workspace)?;
        let answers = tempfile::Builder::new().prefix("ui-bench-").tempdir_in(scratch).context("making a temporary folder")?;
        Ok(Self { workspace, package, chromium, answers })
    }

    /// `Chromium 130.0.6723.91`, with whatever the distribution adds left out.
    pub fn version(&self) -> String {
        let text = shell::output(Command::new(&self.chromium).arg("--version")).unwrap_or_default();
        let words: Vec<&str> = text.split_whitespace().take(2).collect();
        if words.is_empty() { "an unknown browser".to_owned() } else { words.join(" ") }
    }

    /// Runs the test of this id.
    pub fn measure(&self, id: &str, options: &Options) -> Result<Found> {
        let answer = self.answers.path().join(format!("{id}.json"));
        let mut playwright = self.workspace.command("npx");
        playwright
            .args(["--no-install", "playwright", "test", "--config", "bench/playwright.config.ts", "--grep"])
            .arg(format!("{id}:"))
            .current_dir(self.workspace.end2end())
            .env("STUDIO_PACKAGE", &self.package)
            .env("CHROMIUM", &self.chromium)
            .env("BENCH_ANSWER", &answer)
            .env("BENCH_ROUNDS", options.rounds.to_string())
            .env("BENCH_RUNBOOKS", options.runbooks.to_string())
            .env("BENCH_LINES", options.lines.to_string())
            .env("BENCH_EMITTER", env::current_exe().context("where this program is")?);
        shell::run(&mut playwright)?;
        let text = fs::read_to_string(&answer).with_context(|| format!("{id} left no answer"))?;
        read(&serde_json::from_str(&text).with_context(|| format!("the answer of {id} is no JSON"))?)
    }
}

fn read(answer: &Value) -> Result<Found> {
    let numbers = |value: &Value| -> Option<Vec<f64>> { value.as_array()?.iter().map(Value::as_f64).collect() };
    let mut samples = BTreeMap::new();
    for (name, value) in answer["samples"].as_object().context("an answer without samples")? {
        let Some(of_it) = numbers(value).filter(|samples| !samples.is_empty()) else {
            bail!("{name} is no list of numbers: {value}")
        };
        samples.insert(name.clone(), of_it);
    }
    let notes = answer["notes"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    Ok(Found { samples, notes })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_holds_numbers_for_each_quantity() {
        let found = read(&json!({ "samples": { "p50": [1, 2.5] }, "notes": ["a word"] })).expect("an answer");
        assert_eq!((found.samples["p50"].as_slice(), found.notes.as_slice()), (&[1.0, 2.5][..], &["a word".to_owned()][..]));
        for wrong in [json!({}), json!({ "samples": { "p50": [] } }), json!({ "samples": { "p50": [null] } })] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }
}
