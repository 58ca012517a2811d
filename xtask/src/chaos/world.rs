//! The stage of a scenario: a server, the runbook of twenty steps, the folder of effects, and our own books.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fastrand::Rng;
use serde_json::Value;

use super::check::{Answer, Facts, Violation, check};
use super::ledger::{Entries, Ledger};
use super::tally::Tally;
use super::{Chaos, settle, twenty_steps};
use crate::studio::client::{is_over, text_of};
use crate::studio::process::{Process, runner_of};
use crate::studio::sshd::Sshd;
use crate::studio::{Client, Folders, Studio};

/// How long all runs may take to be over once nothing is killed any more: a lost worker's lease ends after 15 s.
const SETTLE: Duration = Duration::from_secs(180);

/// How long a runner may go on without a server and without anything to do.
const ALONE: Duration = Duration::from_secs(90);

/// What the host is called where steps run on one.
const HOST: &str = "far";

/// One scenario's stage.
pub struct World {
    pub studio: Studio,
    pub runbook: String,
    pub ledger: Arc<Ledger>,
    /// The seeded choices of this scenario.
    pub rng: Rng,
    pub tally: Tally,
    runner: Option<Process>,
    home: PathBuf,
    effects: PathBuf,
    on_host: bool,
}

impl World {
    /// A fresh one; `data` is where the server's data goes if not beside everything else.
    pub fn new(chaos: &Chaos, data: Option<PathBuf>) -> Result<Self> {
        Self::stage(chaos, data, None)
    }

    /// A fresh one whose steps run on a host.
    pub fn on_host(chaos: &Chaos, sshd: &Sshd) -> Result<Self> {
        Self::stage(chaos, None, Some(sshd))
    }

    fn stage(chaos: &Chaos, data: Option<PathBuf>, sshd: Option<&Sshd>) -> Result<Self> {
        fs::create_dir_all(&chaos.scratch).with_context(|| format!("creating {}", chaos.scratch.display()))?;
        // Kept by hand: when something is wrong the folder is the evidence.
        let home = tempfile::Builder::new().prefix("chaos-").tempdir_in(&chaos.scratch).context("making a folder")?.keep();
        let effects = home.join("effects");
        fs::create_dir(&effects).context("making the folder of effects")?;
        let folders = Folders::within(&home);
        let studio = Studio::open(&chaos.binary, Folders { data: data.unwrap_or(folders.data), logs: folders.logs })?;
        let client = studio.client();
        if let Some(sshd) = sshd {
            sshd.introduce(&client, HOST)?.map_err(anyhow::Error::msg)?;
        }
        let on_host = sshd.is_some();
        let runbook = client.runbook("Twenty", twenty_steps::blocks(&effects, on_host.then_some(HOST)))?;
        let rng = Rng::with_seed(chaos.seed);
        Ok(Self { studio, runbook, ledger: Arc::default(), rng, tally: Tally::default(), runner: None, home, effects, on_host })
    }

    /// The server's helper process. It outlives the server that started it: once known, it is known by its number and start.
    pub fn runner(&mut self) -> Option<Process> {
        if self.runner.is_none_or(|runner| !runner.lives()) {
            self.runner = runner_of(&self.studio.folders().data);
        }
        self.runner
    }

    /// Lets everything end, plays the person where runs ask, and holds the records against the effects.
    pub fn judge(&mut self) -> Result<()> {
        let entries = self.ledger.entries();
        self.count_calls(&entries);
        self.compare_books(&entries)?;
        self.judge_effects()
    }

    /// [`Self::judge`] of the runs alone, whoever started them.
    pub fn judge_effects(&mut self) -> Result<()> {
        let client = self.studio.client();
        settle::until_all_over(&client, &self.runbook, &self.ledger, &mut self.rng, Instant::now() + SETTLE, &mut self.tally)?;
        let entries = self.ledger.entries();
        let runs = client.executions_of(&self.runbook)?;
        self.count_runs(&entries, &runs);
        let mut effects = twenty_steps::effects(&self.effects)?;
        for run in &runs {
            let id = text_of(run, "job_id")?;
            let facts =
                Facts { on_host: self.on_host, ..facts(&client, &id, &entries, effects.remove(&id).unwrap_or_default())? };
            self.tally.violations.extend(check(&facts).into_iter().map(|violation| of_run(&id, violation)));
        }
        let unreached = runs.iter().filter(|run| run["state"] == "failed").count();
        if self.on_host && unreached > 0 {
            self.tally.note(format!("{unreached} runs failed because a connection was cut before their next step was started"));
        }
        for (run, steps) in effects {
            self.tally.broken(format!("run {run} is not in the store and took effect {} times", steps.len()));
        }
        Ok(())
    }

    /// Ends the server; removes everything unless a promise was broken.
    pub fn close(mut self) -> Result<Tally> {
        let runner = self.runner();
        if !self.studio.server().stop()? {
            self.tally.broken("the server did not end within 30 s of SIGTERM");
        }
        if let Some(runner) = runner {
            self.see_it_end(runner)?;
        }
        if self.tally.violations.is_empty() {
            fs::remove_dir_all(&self.home).with_context(|| format!("removing {}", self.home.display()))?;
        } else {
            self.tally.kept = Some(self.home.clone());
        }
        Ok(self.tally)
    }

    /// A runner with no server and nothing to do ends by itself.
    fn see_it_end(&mut self, runner: Process) -> Result<()> {
        let deadline = Instant::now() + ALONE;
        while runner.lives() {
            if Instant::now() > deadline {
                self.tally.broken(format!(
                    "the runner, process {}, still lives {} s after its server",
                    runner.pid,
                    ALONE.as_secs()
                ));
                runner.kill()?;
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn count_runs(&mut self, entries: &Entries, runs: &[Value]) {
        let tally = &mut self.tally;
        tally.finished = runs.iter().filter(|run| is_over(run)).count();
        tally.interrupted = entries.answers.len();
        let answers = || entries.answers.values().flatten();
        for (place, wanted) in [Answer::Retry, Answer::Skip, Answer::Stop].into_iter().enumerate() {
            tally.answers[place] = answers().filter(|(_, answer)| *answer == wanted).count();
        }
    }

    fn count_calls(&mut self, entries: &Entries) {
        let tally = &mut self.tally;
        tally.started = entries.started;
        tally.acknowledged = entries.acknowledged.len();
        tally.refused = entries.refused.len();
        tally.in_doubt = entries.in_doubt;
        let mut refusals: BTreeMap<&str, usize> = BTreeMap::new();
        for refusal in &entries.refused {
            *refusals.entry(refusal).or_default() += 1;
        }
        for (refusal, times) in refusals {
            tally.notes.push(format!("refused {times} times: {refusal}"));
        }
    }

    /// What was acknowledged is there; what is there was asked for.
    fn compare_books(&mut self, entries: &Entries) -> Result<()> {
        let runs = self.studio.client().executions_of(&self.runbook)?;
        let stored = runs.iter().map(|run| text_of(run, "job_id")).collect::<Result<Vec<_>>>()?;
        let lost: Vec<&String> = entries.acknowledged.iter().filter(|run| !stored.contains(run)).collect();
        if let Some(first) = lost.first() {
            self.tally.broken(format!("{} runs were acknowledged and are not in the store, first {first}", lost.len()));
        }
        let silent = stored.iter().filter(|run| !entries.acknowledged.contains(run)).count();
        if silent > entries.in_doubt {
            let in_doubt = entries.in_doubt;
            self.tally
                .broken(format!("{silent} runs are in the store unacknowledged: calls were refused ({in_doubt} had no answer)"));
        } else if silent > 0 {
            self.tally.note(format!("{silent} of the calls without an answer are runs all the same"));
        }
        Ok(())
    }
}

fn facts(client: &Client, id: &str, entries: &Entries, effects: Vec<u32>) -> Result<Facts> {
    let execution = client.execution(id)?;
    let steps = execution["steps"].as_array().context("a run without steps")?;
    let attempts = steps
        .iter()
        .map(|step| {
            let name = text_of(step, "block_name")?;
            let number = twenty_steps::number(&name).with_context(|| format!("an unknown step {name}"))?;
            Ok((number, text_of(step, "state")?))
        })
        .collect::<Result<_>>()?;
    let answers = entries.answers.get(id).cloned().unwrap_or_default();
    Ok(Facts { state: text_of(&execution, "state")?, attempts, answers, effects, on_host: false })
}

fn of_run(run: &str, violation: Violation) -> Violation {
    let of = |what: String| format!("run {run}: {what}");
    match violation {
        Violation::Missing(what) => Violation::Missing(of(what)),
        Violation::Twice(what) => Violation::Twice(of(what)),
        Violation::Other(what) => Violation::Other(of(what)),
    }
}
