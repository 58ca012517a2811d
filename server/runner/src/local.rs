//! A child of this process: its output, its end, and the way to stop it. The runner's inside; its
//! clients see [`RunningProcess`](crate::RunningProcess).

use std::{
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    process::Child,
    sync::{mpsc, watch},
    time::timeout,
};
use tracing::{debug, warn};

use crate::{Exit, OutputPiece, ProcessIdentity, StopReport, children, secret_file::PrivateFiles, stop::stop_family};

/// How long a stop waits for the end of a killed process to be noticed.
const REAP_PATIENCE: Duration = Duration::from_secs(1);

/// A child that was started. Dropping it does not end the process, which is still reaped, but
/// removes its private files once the last handle is gone.
#[derive(Debug)]
pub(crate) struct LocalProcess {
    /// What it prints, as it comes. Bounded by [`QUEUED_PIECES`](crate::QUEUED_PIECES): a process
    /// nobody reads is held back by its pipe. Ends when both pipes are closed, or shortly after
    /// the main process ended if a background process keeps them open.
    pub output: mpsc::Receiver<OutputPiece>,
    pub handle: LocalHandle,
}

/// A cheap handle to a process; any number of tasks may hold one.
#[derive(Clone, Debug)]
pub(crate) struct LocalHandle {
    shared: Arc<Shared>,
    exit: watch::Receiver<Option<Exit>>,
}

/// What goes when the last handle goes.
#[derive(Debug)]
struct Shared {
    identity: ProcessIdentity,
    files: PrivateFiles,
}

impl LocalHandle {
    /// What finds the process again after its owner is gone.
    pub fn identity(&self) -> &ProcessIdentity {
        &self.shared.identity
    }

    /// Where its private files are, while they are there.
    pub fn private_dir(&self) -> Option<PathBuf> {
        self.shared.files.path()
    }

    /// Waits for the main process. Its private files are gone when this returns; output may
    /// still be waiting in the channel. Someone must drain the output meanwhile, or a process
    /// that prints much never ends.
    pub async fn wait(&self) -> Exit {
        match self.exit.clone().wait_for(Option::is_some).await {
            Ok(exit) => exit.unwrap_or(Exit::UNKNOWN),
            Err(_) => Exit::UNKNOWN,
        }
    }

    /// Ends everything the step started, also what it left in the background: SIGTERM, after
    /// `grace` SIGKILL, then a search until nothing is left. A grace of zero kills at once.
    ///
    /// Runs on even if the caller stops waiting for it. A second stop with a shorter grace
    /// overtakes the first. Stopping what has ended already is harmless, and ends what it left.
    pub async fn stop(&self, grace: Duration) -> StopReport {
        let handle = self.clone();
        let stopping = tokio::spawn(async move {
            let report = stop_family(&handle.shared.identity, grace).await;
            if report.is_proven() && timeout(REAP_PATIENCE, handle.wait()).await.is_err() {
                warn!(process.pid = handle.identity().pid, "the end of a stopped process was not noticed");
            }
            handle.shared.files.remove();
            report
        });
        stopping.await.unwrap_or_else(|error| {
            warn!(process.pid = self.identity().pid, %error, "a stop was broken off");
            StopReport::unconfirmed(self.identity().pid)
        })
    }

    /// Takes charge of a child: reaps it, removes its files, then announces its end.
    pub(crate) fn supervise(child: Child, identity: ProcessIdentity, files: PrivateFiles) -> Self {
        let (announce, exit) = watch::channel(None);
        let shared = Arc::new(Shared { identity, files });
        tokio::spawn(reap(child, Arc::downgrade(&shared), announce));
        Self { shared, exit }
    }

    /// Announces the end of the process to the readers of its output.
    pub(crate) fn exit_receiver(&self) -> watch::Receiver<Option<Exit>> {
        self.exit.clone()
    }
}

async fn reap(mut child: Child, shared: Weak<Shared>, announce: watch::Sender<Option<Exit>>) {
    let pid = child.id();
    let exit = match child.wait().await {
        Ok(status) => Exit::from(status),
        Err(error) => {
            warn!(process.pid = pid, %error, "the end of a process could not be observed");
            Exit::UNKNOWN
        }
    };
    if let Some(pid) = pid {
        children::disown(pid);
    }
    debug!(process.pid = pid, process.exit = exit.describe(), "process ended");
    if let Some(shared) = shared.upgrade() {
        shared.files.remove();
    }
    announce.send_replace(Some(exit));
}
