//! Taking a run over from a worker that is gone: what was done, what goes on, and what nobody knows.

use domain::host::LOCAL;
use domain::plan::Planned;
use domain::run::NOT_STARTED;
use domain::{BlockType, RunState, StepState, Stream, Timestamp};
use runner::RunningProcess;
use tracing::info;

use crate::capture;
use crate::error::Halt;
use crate::executors::KEEP_FOR_TEMPLATES;
use crate::executors::process::{self, Found};
use crate::output::Stored;
use crate::run_task::{RunTask, persist};
use crate::ssh::describe_stop;
use crate::walk::after_loss;

/// What is said of a step whose worker is gone.
pub(crate) const LOST: &str = "the server was lost while this step ran";

impl RunTask {
    /// Settles steps that a lost worker left running: a timer goes on, text has been shown, a process goes on where the runner
    /// knows it; of anything else nobody knows.
    pub(crate) async fn settle_lost(&mut self, plan: &[Planned<'_>]) -> Result<(), Halt> {
        let running: Vec<usize> = (0..self.steps.len()).filter(|index| self.steps[*index].state == StepState::Running).collect();
        for index in running {
            let stored = self.find_stored(index).await?;
            match self.steps[index].kind {
                BlockType::Timer => {}
                BlockType::Instruction => self.settle(index, StepState::succeed, None)?,
                BlockType::Command | BlockType::Condition if !self.is_local(index) => {
                    let sentence = self.end_on_host(index).await?;
                    self.lose(plan, index, &sentence)?;
                }
                BlockType::Command | BlockType::Condition => {
                    let step = self.steps[index].id.to_string();
                    match process::find(&self.shared, &step).await {
                        Found::Process(process) => self.take_over(index, process, stored).await?,
                        Found::Nothing => self.settle_unknown(plan, index, &step).await?,
                        Found::Lost(sentence) => self.lose(plan, index, &sentence)?,
                    }
                }
                BlockType::Api => self.lose(plan, index, "it may or may not have taken effect")?,
            }
        }
        Ok(())
    }

    /// A step that our runner does not know: before it is started, perhaps for a second time, what may still be alive of it is
    /// ended.
    async fn settle_unknown(&mut self, plan: &[Planned<'_>], index: usize, step: &str) -> Result<(), Halt> {
        let (sentence, nothing_was_alive) = process::end_unknown(&self.shared, step).await;
        if !nothing_was_alive || !self.was_never_started(index) {
            return self.lose(plan, index, &sentence);
        }
        if self.pen.run.state == RunState::Stopping {
            return self.settle(index, StepState::stop, Some(NOT_STARTED.to_owned()));
        }
        info!(step.ordinal = self.steps[index].ordinal, "a step was begun but not started; it is started now");
        Ok(())
    }

    /// Whether a step that our runner does not know was never started. It was our runner's to start where nobody else uses the
    /// store, and the runner keeps a record of what it starts: over crashes always, over a power failure not quite.
    fn was_never_started(&self, index: usize) -> bool {
        let step = &self.steps[index];
        self.shared.config.alone
            && step.last_output == 0
            && step.started_at.zip(machine_started()).is_some_and(|(began, boot)| began > boot)
    }

    pub(crate) fn is_local(&self, index: usize) -> bool {
        self.steps[index].host.as_deref().is_none_or(|host| host == LOCAL)
    }

    /// Ends what a step may have left on its host, and says what came of that.
    pub(crate) async fn end_on_host(&mut self, index: usize) -> Result<String, Halt> {
        let (step, host) = (self.steps[index].id.to_string(), self.steps[index].host.clone());
        let unknown = |why: String| format!("{}; what is left of it could not be looked for: {why}", process::NOBODY_SAW);
        let target = match self.target(host.as_deref()).await? {
            Ok(Some(target)) => target,
            Ok(None) => return Ok(unknown("its host is this server".to_owned())),
            Err(why) => return Ok(unknown(why)),
        };
        let connection = match self.hosts.connect(&self.shared, &self.pen.run, &target).await {
            Ok(connection) => connection,
            Err(why) => return Ok(unknown(why)),
        };
        Ok(match connection.stop_lost(&step, self.shared.config.stop_grace).await {
            Ok(report) => format!("{}; {}", process::NOBODY_SAW, describe_stop(&report, &target.name)),
            Err(error) => unknown(process::chain(&error)),
        })
    }

    /// A process that goes on: it is followed again, or ended where a person asked for the run's end meanwhile.
    async fn take_over(&mut self, index: usize, process: RunningProcess, stored: Stored) -> Result<(), Halt> {
        info!(step.ordinal = self.steps[index].ordinal, process.pid = process.handle.pid(), "a process was found again");
        if self.pen.run.state != RunState::Stopping {
            self.found.insert(index, (process, stored));
            return Ok(());
        }
        let sentence = match process.stop(self.shared.config.stop_grace).await {
            Ok(report) => report.describe(),
            Err(error) => format!("stop unconfirmed: {}", process::chain(&error)),
        };
        self.settle(index, StepState::stop, Some(sentence))
    }

    /// A step of which nobody knows how it ended.
    fn lose(&mut self, plan: &[Planned<'_>], index: usize, sentence: &str) -> Result<(), Halt> {
        let step = &self.steps[index];
        if self.pen.run.state == RunState::Stopping {
            return self.settle(index, StepState::stop, Some(format!("stop unconfirmed: {LOST}; {sentence}")));
        }
        let error = Some(format!("{LOST}; {sentence}"));
        let Some(planned) = plan.get(step.ordinal as usize) else { return self.settle(index, StepState::interrupt, error) };
        let (end, error, tried_again) = after_loss(planned.block, step, error);
        self.settle(index, end, error)?;
        if tried_again {
            self.attempt_again(index);
        }
        Ok(())
    }

    /// What the store has of a step's output. Pieces that were stored after the last write of the step also have numbers that
    /// are taken.
    pub(crate) async fn find_stored(&mut self, index: usize) -> Result<Stored, Halt> {
        let (run, ordinal, attempt) = (self.pen.run.id, self.steps[index].ordinal, self.steps[index].attempt);
        let mut stored = Stored::default();
        loop {
            let pieces = persist(|| self.shared.store.output(run, ordinal, attempt, stored.last, 200)).await?;
            if pieces.is_empty() {
                break;
            }
            stored.add(&pieces);
        }
        self.steps[index].last_output = stored.last.max(self.steps[index].last_output);
        self.pen.has_given_out(stored.last);
        Ok(stored)
    }

    /// Makes what ended steps printed available to templates again, where a template may ask for it.
    pub(crate) async fn remember(&mut self, plan: &[Planned<'_>]) -> Result<(), Halt> {
        let asks = plan.iter().any(|planned| serde_json::to_string(planned.block).is_ok_and(|text| text.contains("steps")));
        if !asks {
            return Ok(());
        }
        for planned in plan {
            let step = &self.steps[self.newest[planned.ordinal as usize]];
            if !matches!(step.state, StepState::Succeeded | StepState::Failed) {
                continue;
            }
            let (mut stdout, mut stderr, mut after) = (String::new(), String::new(), 0);
            let (run, ordinal, attempt) = (self.pen.run.id, step.ordinal, step.attempt);
            while step.last_output > after && stdout.len() < KEEP_FOR_TEMPLATES {
                let pieces = persist(|| self.shared.store.output(run, ordinal, attempt, after, 200)).await?;
                let Some(last) = pieces.last() else { break };
                after = last.seq;
                for piece in &pieces {
                    match piece.stream {
                        Stream::Stdout => stdout.push_str(&piece.text),
                        Stream::Stderr => stderr.push_str(&piece.text),
                    }
                }
            }
            for text in [&mut stdout, &mut stderr] {
                text.truncate(text.floor_char_boundary(KEEP_FOR_TEMPLATES));
            }
            let (facts, _) = capture::facts(planned.block, step, &stdout, &stderr);
            self.context.set_step(&step.name, planned.lane, step.host.as_deref(), &facts);
        }
        Ok(())
    }
}

/// When this machine was started, by its clock (proc_stat(5), `btime`); a little later, for clocks that were set.
fn machine_started() -> Option<Timestamp> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let seconds = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(Timestamp::from_timestamp(seconds, 0)? + chrono::TimeDelta::seconds(10))
}
