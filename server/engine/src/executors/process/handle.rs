//! A process of the runner and a command on a host, as one thing to follow.

use std::time::Duration;

use runner::{Exit, OutputPiece, ProcessHandle, RunningProcess};
use tokio::sync::mpsc;

use super::chain;
use crate::ssh::{RemoteEnd, RemoteHandle, RunningRemote, describe_stop};

/// A process that was started.
pub(super) struct Process {
    pub(super) output: mpsc::Receiver<OutputPiece>,
    pub(super) handle: Handle,
}

/// The way to wait for it and to stop it.
#[derive(Clone)]
pub(super) enum Handle {
    Local(ProcessHandle),
    Remote(RemoteHandle),
}

/// How it ended.
pub(super) enum End {
    Exit(Exit),
    /// The runner may still know.
    RunnerLost,
    /// Nobody knows; the sentence says why.
    Lost(String),
    /// It never began; the sentence says why.
    NotStarted(String),
}

/// What a stop came to.
pub(super) struct Stopped {
    pub(super) proven: bool,
    pub(super) sentence: String,
}

impl Handle {
    /// Whether it goes on when this server ends.
    pub(super) const fn outlives_us(&self) -> bool {
        matches!(self, Self::Local(_))
    }

    pub(super) async fn wait(&self) -> End {
        match self {
            Self::Local(handle) => match handle.wait().await {
                runner::Ended::Exit(exit) => End::Exit(exit),
                runner::Ended::RunnerLost => End::RunnerLost,
            },
            Self::Remote(handle) => match handle.wait().await {
                RemoteEnd::Exit(exit) => End::Exit(exit),
                RemoteEnd::Lost(sentence) => End::Lost(sentence),
                RemoteEnd::NotStarted(sentence) => End::NotStarted(sentence),
            },
        }
    }

    pub(super) async fn stop(&self, grace: Duration) -> Stopped {
        match self {
            Self::Local(handle) => match handle.stop(grace).await {
                Ok(report) => Stopped { proven: report.is_proven(), sentence: report.describe() },
                Err(error) => Stopped { proven: false, sentence: format!("stop unconfirmed: {}", chain(&error)) },
            },
            Self::Remote(handle) => {
                let report = handle.stop(grace).await;
                Stopped { proven: report.is_proven(), sentence: describe_stop(&report, handle.host()) }
            }
        }
    }
}

impl From<RunningProcess> for Process {
    fn from(process: RunningProcess) -> Self {
        Self { output: process.output, handle: Handle::Local(process.handle) }
    }
}

impl From<RunningRemote> for Process {
    fn from(process: RunningRemote) -> Self {
        Self { output: process.output, handle: Handle::Remote(process.handle) }
    }
}
