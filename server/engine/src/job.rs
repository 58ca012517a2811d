//! A step about to run: everything that its execution takes, so that it needs nothing of the run's task but a pen.

use std::sync::Arc;

use chrono::Utc;
use domain::StepId;
use domain::block::Block;
use runner::{EnvValue, RunningProcess};
use secrecy::SecretString;
use vault::Redactor;

use crate::error::Halt;
use crate::executors::egress::Rules;
use crate::executors::{self, Outcome, Prepared, Scene, Watch};
use crate::handle::Shared;
use crate::hosts::Hosts;
use crate::output::{Output, Printed, Stored};
use crate::pen::Pen;
use crate::run_task::RunTask;
use crate::ssh::Target;

/// One attempt at a step, ready to be executed.
pub(crate) struct Job<'a> {
    prepared: Prepared<'a>,
    /// Ordinal and attempt.
    place: (u32, u32),
    step: StepId,
    given: Vec<SecretString>,
    parameters: Vec<(String, EnvValue)>,
    /// The process, where an earlier worker has started it, and what the store has of its output.
    found: Option<(RunningProcess, Stored)>,
    target: Option<Target>,
    host_environment: Vec<(String, String)>,
    hosts: Arc<Hosts>,
    egress: Rules,
    redactor: Redactor,
    watch: Watch,
    shared: Arc<Shared>,
}

impl RunTask {
    /// Opens what the step needs. `Err` in the inner result: why it cannot be executed.
    pub(crate) async fn job<'a>(
        &mut self,
        block: &Block,
        index: usize,
        prepared: Prepared<'a>,
    ) -> Result<Result<Job<'a>, String>, Halt> {
        let mut given = Vec::new();
        for reference in prepared.credentials() {
            match self.secrets.open(&self.shared, &self.pen.run, &reference).await? {
                Ok(secret) => given.push(secret),
                Err(message) => return Ok(Err(message)),
            }
        }
        let host = self.steps[index].host.clone();
        let target = match self.target(host.as_deref()).await? {
            Ok(target) => target,
            Err(message) => return Ok(Err(message)),
        };
        let mut watch = Watch::new(&self.control, self.asked.clone(), &self.shared, block.timeout);
        let found = self.found.remove(&index);
        let step = &self.steps[index];
        if found.is_some()
            && let Some(began) = step.started_at
        {
            watch.began((Utc::now() - began).to_std().unwrap_or_default());
        }
        Ok(Ok(Job {
            prepared,
            place: (step.ordinal, step.attempt),
            step: step.id,
            given,
            parameters: executors::parameter_environment(&self.pen.run.parameters, &self.secrets.parameters),
            found,
            target,
            host_environment: self.environment(index).to_vec(),
            hosts: Arc::clone(&self.hosts),
            egress: self.egress.clone(),
            redactor: self.secrets.redactor().clone(),
            watch,
            shared: Arc::clone(&self.shared),
        }))
    }

    /// The environment that the step's host gives.
    pub(crate) fn environment(&self, index: usize) -> &[(String, String)] {
        self.steps[index].host.as_deref().map(|name| self.hosts.environment(name)).unwrap_or_default()
    }

    /// The host of this name, with the login to it; none for this server itself.
    pub(crate) async fn target(&mut self, host: Option<&str>) -> Result<Result<Option<Target>, String>, Halt> {
        let Some(name) = host else { return Ok(Ok(None)) };
        let credential = match self.hosts.credential(name) {
            Ok(Some(credential)) => credential,
            Ok(None) => return Ok(Ok(None)),
            Err(message) => return Ok(Err(message)),
        };
        Ok(match self.secrets.open(&self.shared, &self.pen.run, &credential).await? {
            Ok(secret) => self.hosts.target(name, &secret).await.map(Some),
            Err(message) => Err(message),
        })
    }
}

impl Job<'_> {
    /// Executes it, its output written by the given pen.
    pub(crate) async fn run(mut self, pen: &mut Pen) -> Result<(Outcome, Printed), Halt> {
        if self.found.is_none() && self.watch.control.lost.is_cancelled() {
            // Opening all this may have taken longer than the lease lasted: nothing is started any more.
            return Err(Halt::Lost);
        }
        let mut output = Output::new(pen, self.place, &self.redactor, self.shared.config.output_cap, self.prepared.keep());
        let (process, stored) = self.found.unzip();
        output.go_on_after(stored.unwrap_or_default());
        let mut scene = Scene {
            shared: &self.shared,
            step: self.step,
            given: &self.given,
            parameters: self.parameters,
            found: process,
            hosts: &self.hosts,
            target: self.target.as_ref(),
            egress: &self.egress,
            host_environment: &self.host_environment,
        };
        let outcome = executors::execute(&self.prepared, &mut scene, &mut output, &mut self.watch).await?;
        let printed = output.finish().await?;
        Ok((outcome, printed))
    }
}
