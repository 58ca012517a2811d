//! A process of the runner as its clients see it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::Runner;
use crate::{Exit, OutputPiece, ProcessIdentity, RunnerError, StopReport};

/// How long the end of a stopped process may take to be heard of.
const NEWS_PATIENCE: Duration = Duration::from_secs(1);

/// How following a process came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The main process ended.
    Exit(Exit),
    /// The runner is gone, or the connection to it: [`Runner::attach`] says which.
    RunnerLost,
}

impl Ended {
    /// How the main process ended, if that is known.
    #[must_use]
    pub fn exit(self) -> Option<Exit> {
        match self {
            Self::Exit(exit) => Some(exit),
            Self::RunnerLost => None,
        }
    }
}

/// What the runner knows of a step.
#[derive(Debug)]
pub enum Attached {
    /// It was started, and runs or has ended.
    Process(RunningProcess),
    /// A former runner died while it ran. What may be left of it is for
    /// [`Runner::stop_lost`]; afterwards [`Runner::forget`] it.
    Lost(ProcessIdentity),
    /// There is no record of it: it was never started here, or was forgotten.
    Unknown,
}

/// A process that was started. Take it apart to drain the output while another task waits or
/// stops. Dropping it changes nothing for the process, which goes on without a listener.
#[derive(Debug)]
pub struct RunningProcess {
    /// What it prints, as it comes. Bounded by [`QUEUED_PIECES`](crate::QUEUED_PIECES): a process
    /// whose client does not read is held back in the end. Ends when both pipes are closed, or
    /// shortly after the main process ended if a background process keeps them open, or when the
    /// runner is lost.
    pub output: mpsc::Receiver<OutputPiece>,
    /// The way to wait for it and to stop it.
    pub handle: ProcessHandle,
}

impl RunningProcess {
    /// Waits for the main process; see [`ProcessHandle::wait`].
    pub async fn wait(&self) -> Ended {
        self.handle.wait().await
    }

    /// Stops everything the step started; see [`ProcessHandle::stop`].
    ///
    /// # Errors
    ///
    /// As [`ProcessHandle::stop`].
    pub async fn stop(&self, grace: Duration) -> Result<StopReport, RunnerError> {
        self.handle.stop(grace).await
    }
}

/// A cheap handle to a process; any number of tasks may hold one.
#[derive(Clone, Debug)]
pub struct ProcessHandle {
    pub(super) runner: Runner,
    pub(super) identity: Arc<ProcessIdentity>,
    pub(super) ended: watch::Receiver<Option<Ended>>,
    pub(super) whole: Arc<AtomicBool>,
}

impl ProcessHandle {
    /// The process id of the main process, which is also its process group.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.identity.pid
    }

    /// What finds the process again, in case even the runner's records are lost.
    #[must_use]
    pub fn identity(&self) -> &ProcessIdentity {
        &self.identity
    }

    /// How the main process ended, if it has and that is known.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        self.ended.borrow().and_then(Ended::exit)
    }

    /// Waits for the main process. Its private files are gone when it has ended; output may still
    /// be waiting in the channel. Someone must drain the output meanwhile, or a process that
    /// prints much never ends.
    pub async fn wait(&self) -> Ended {
        match self.ended.clone().wait_for(Option::is_some).await {
            Ok(ended) => ended.unwrap_or(Ended::RunnerLost),
            Err(_) => Ended::RunnerLost,
        }
    }

    /// Whether all output was delivered, once the channel has ended. It was not when a runner was
    /// lost, this one or, for a step of the past, the one that read it.
    #[must_use]
    pub fn output_is_whole(&self) -> bool {
        self.whole.load(Ordering::Acquire)
    }

    /// Ends everything the step started, also what it left in the background: SIGTERM, after
    /// `grace` SIGKILL, then a search until nothing is left. A grace of zero kills at once.
    ///
    /// Runs on even if the caller stops waiting for it. A second stop with a shorter grace
    /// overtakes the first. Stopping what has ended already is harmless, and ends what it left.
    /// Where the runner died, a new one finds what it left. After a proven stop the end of the
    /// process is known.
    ///
    /// # Errors
    ///
    /// The runner cannot be reached, or the step was forgotten.
    pub async fn stop(&self, grace: Duration) -> Result<StopReport, RunnerError> {
        let report = self.runner.stop(&self.identity.step, grace).await?;
        if report.is_proven() {
            // The news of the end comes by another connection.
            let _ = timeout(NEWS_PATIENCE, self.wait()).await;
        }
        Ok(report)
    }
}
