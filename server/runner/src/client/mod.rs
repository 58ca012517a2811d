//! The server's side: a handle to the runner, which is started when it is first needed.

mod follow;
mod link;
mod process;
mod program;

use std::{ffi::OsString, path::PathBuf, sync::Arc, time::Duration};

pub use process::{Attached, Ended, ProcessHandle, RunningProcess};

use tokio::time::sleep;
use tracing::debug;

use self::link::Links;
use crate::{
    Confinement, ProcessIdentity, ProcessSpec, RunAs, RunnerError, StopReport,
    protocol::{Request, Response},
};

/// How long steps to forget are gathered: less than a runner waits before it makes them outlast the machine.
const GATHER: Duration = Duration::from_millis(100);

/// How the runner is started and found.
#[derive(Clone, Debug)]
pub struct RunnerConfig {
    /// The program that serves.
    pub program: PathBuf,
    /// The arguments that make it serve in `dir`.
    pub args: Vec<OsString>,
    /// Its environment beyond `PATH`, `HOME`, `LANG`, `USER`, `TMPDIR` and `XDG_RUNTIME_DIR`: the
    /// rest of the server's stays the server's.
    pub env: Vec<(OsString, OsString)>,
    /// Its directory, which a runner keeps to itself. Whoever it runs as must be able to reach it.
    /// Short: the path of a socket takes 107 bytes.
    pub dir: PathBuf,
    /// Another user to run it as, which only root can ask for. A directory is one user's: with
    /// another user take another directory.
    pub run_as: Option<RunAs>,
    /// How long it may take to answer, its start included.
    pub patience: Duration,
}

impl RunnerConfig {
    /// As this user, with ten seconds to answer.
    pub fn new(program: impl Into<PathBuf>, args: Vec<OsString>, dir: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), args, env: Vec::new(), dir: dir.into(), run_as: None, patience: Duration::from_secs(10) }
    }
}

/// Who the runner is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerInfo {
    /// Its process id.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// What keeps its commands from the server's files.
    pub confinement: Confinement,
}

/// A cheap handle to the runner process, which is started when it is first needed and again
/// when it is gone. As long as a handle is there that has been used, the runner does not end for
/// lack of work.
#[derive(Clone, Debug)]
pub struct Runner {
    links: Arc<Links>,
}

impl Runner {
    /// A handle; nothing is started yet.
    #[must_use]
    pub fn new(config: RunnerConfig) -> Self {
        Self { links: Arc::new(Links::new(config)) }
    }

    /// Starts a process for a step, once: a second start of a step that the runner knows is
    /// refused. Whoever is not sure asks [`attach`](Self::attach) first.
    ///
    /// # Errors
    ///
    /// Nothing runs then, except after [`ConnectionLost`](RunnerError::ConnectionLost) and
    /// [`NotAnswering`](RunnerError::NotAnswering), which leave that open.
    pub async fn spawn(&self, spec: ProcessSpec) -> Result<RunningProcess, RunnerError> {
        let (response, link) = self.links.ask(Request::Spawn(spec.into())).await?;
        match response {
            Response::Process(identity) => Ok(follow::follow(self.clone(), identity, link)),
            other => Err(unexpected(other)),
        }
    }

    /// Finds a step again: its output from the very beginning, in the same pieces, then live, and
    /// its exit. Any number may be attached; the newest one can hold the process back.
    ///
    /// # Errors
    ///
    /// The runner cannot be reached, or its records cannot be read.
    pub async fn attach(&self, step: &str) -> Result<Attached, RunnerError> {
        let (response, link) = self.links.ask(Request::Attach { step: step.to_owned() }).await?;
        match response {
            Response::Process(identity) => Ok(Attached::Process(follow::follow(self.clone(), identity, link))),
            Response::Lost(identity) => Ok(Attached::Lost(identity)),
            Response::Unknown => Ok(Attached::Unknown),
            other => Err(unexpected(other)),
        }
    }

    /// Removes the record of a step whose outcome is durable elsewhere. Harmless when there is
    /// none.
    ///
    /// # Errors
    ///
    /// [`StillRunning`](RunnerError::StillRunning): stop it first.
    pub async fn forget(&self, step: &str) -> Result<(), RunnerError> {
        self.forget_all(vec![step.to_owned()]).await
    }

    /// As [`forget`](Self::forget), but some time soon, and many steps at once. For where nobody waits for it.
    pub fn forget_soon(&self, step: String) {
        if !self.links.to_forget(step) {
            return;
        }
        let runner = self.clone();
        tokio::spawn(async move {
            sleep(GATHER).await;
            runner.forget_gathered().await;
        });
    }

    /// Tells the runner now what [`forget_soon`](Self::forget_soon) was told.
    pub async fn forget_gathered(&self) {
        let steps = self.links.take_to_forget();
        if steps.is_empty() {
            return;
        }
        if let Err(error) = self.forget_all(steps).await {
            debug!(error = &error as &dyn std::error::Error, "steps could not be forgotten by the runner");
        }
    }

    async fn forget_all(&self, steps: Vec<String>) -> Result<(), RunnerError> {
        match self.links.ask(Request::Forget { steps }).await? {
            (Response::Done, _) => Ok(()),
            (other, _) => Err(unexpected(other)),
        }
    }

    /// Ends what a former runner left behind, found by its identity: the process, its group, and
    /// everything that carries the step's marker or tag. After a restart of the machine there is
    /// nothing to find. Done by the runner, which has the user for it.
    ///
    /// # Errors
    ///
    /// The runner cannot be reached.
    pub async fn stop_lost(&self, identity: ProcessIdentity, grace: Duration) -> Result<StopReport, RunnerError> {
        self.stopped(Request::StopLost { identity, grace_ms: milliseconds(grace) }).await
    }

    /// As [`stop_lost`](Self::stop_lost), for a step that the runner has no record of, lost or kept elsewhere: its marker is all
    /// that finds what may still be alive of it.
    ///
    /// # Errors
    ///
    /// The runner cannot be reached.
    pub async fn stop_unknown(&self, step: &str, grace: Duration) -> Result<StopReport, RunnerError> {
        self.stop_lost(ProcessIdentity::unnoted(step.to_owned()), grace).await
    }

    /// The steps that the runner has records of, running or not, to find those that nobody will
    /// ask for again.
    ///
    /// # Errors
    ///
    /// The runner cannot be reached.
    pub async fn steps(&self) -> Result<Vec<String>, RunnerError> {
        match self.links.ask(Request::Steps).await? {
            (Response::Steps(steps), _) => Ok(steps),
            (other, _) => Err(unexpected(other)),
        }
    }

    /// Who the runner is; starts it if need be.
    ///
    /// # Errors
    ///
    /// The runner cannot be reached.
    pub async fn info(&self) -> Result<RunnerInfo, RunnerError> {
        match self.links.ask(Request::Info).await? {
            (Response::Info { pid, version, confinement }, _) => Ok(RunnerInfo { pid, version, confinement }),
            (other, _) => Err(unexpected(other)),
        }
    }

    /// Ends whatever there is of a step.
    async fn stop(&self, step: &str, grace: Duration) -> Result<StopReport, RunnerError> {
        self.stopped(Request::Stop { step: step.to_owned(), grace_ms: milliseconds(grace) }).await
    }

    async fn stopped(&self, request: Request) -> Result<StopReport, RunnerError> {
        match self.links.ask(request).await? {
            (Response::Stopped(report), _) => Ok(report),
            (other, _) => Err(unexpected(other)),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// An answer that is none to the question, most likely the runner's refusal.
fn unexpected(response: Response) -> RunnerError {
    match response {
        Response::Failed(error) => error,
        _ => RunnerError::ConnectionLost { source: std::io::Error::other("an answer to another question") },
    }
}
