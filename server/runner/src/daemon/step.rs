//! One step: its process, its log, and the two tasks that keep what it prints and how it ends.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::spawn_blocking,
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use super::life::Life;
use crate::{
    Exit, OutputPiece, ProcessIdentity, ProcessSpec, RunnerError, StopReport,
    confine::Confiner,
    local::{LocalHandle, LocalProcess},
    spool::{Cursor, Folder, Kept, Log, LogWriter, MAX_BATCH, Note},
    start::start,
};

/// How long the last output may take after the exit until the exit is kept without it. As a rule
/// the pipes close with the process.
const OUTPUT_PATIENCE: Duration = Duration::from_millis(5);

/// How long a start, and an exit, wait to be forgotten before they are made to outlast the machine:
/// as a rule the outcome is in the store before, and the disk is spared.
pub(super) const SYNC_PATIENCE: Duration = Duration::from_millis(250);

/// How long a full disk holds a process back until the next try.
const DISK_PATIENCE: Duration = Duration::from_secs(1);

/// A process of this runner.
#[derive(Debug)]
pub(super) struct Step {
    folder: Folder,
    handle: LocalHandle,
    log: Arc<Log>,
    /// How it ended, told once it is kept.
    exit: watch::Sender<Option<Exit>>,
}

/// Begins the tasks that keep what happens to a step. The runner lives as long as they do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keepers<'a> {
    pub tasks: &'a TaskTracker,
    pub life: &'a Arc<Life>,
}

impl Keepers<'_> {
    pub fn begin(self, task: impl Future<Output = ()> + Send + 'static) {
        let busy = self.life.busy();
        self.tasks.spawn(async move {
            task.await;
            drop(busy);
        });
    }
}

impl Step {
    /// Starts a process, notes who it is, and begins to keep what it prints. Whoever asked for
    /// the start reads from the first byte on, so that nothing is dropped until the answer is
    /// there. Blocks.
    pub fn start(
        spec: &ProcessSpec,
        folder: &Folder,
        confiner: &Confiner,
        head_bytes: u64,
        keepers: Keepers<'_>,
    ) -> Result<(Arc<Self>, Cursor, io::Result<()>), RunnerError> {
        let LocalProcess { output, handle } = start(spec, confiner)?;
        let (log, writer) = Log::create(folder.path().to_owned(), spec.output_head.unwrap_or(head_bytes));
        let cursor = log.read();
        let step = Arc::new(Self { folder: folder.clone(), handle, log, exit: watch::Sender::new(None) });
        let (tell_read, read) = oneshot::channel();
        keepers.begin(keep_output(step.clone(), output, writer, tell_read));
        let noted = folder.note(&step.note());
        keepers.begin(keep_exit(step.clone(), read));
        Ok((step, cursor, noted))
    }

    /// Ends a step whose record could not be kept.
    pub async fn undo(&self) {
        self.log.abandon();
        self.handle.stop(Duration::ZERO).await;
    }

    /// Who it is, for another runner.
    pub fn note(&self) -> Note {
        Note { identity: self.identity().clone(), private_dir: self.handle.private_dir() }
    }

    pub fn identity(&self) -> &ProcessIdentity {
        self.handle.identity()
    }

    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// How the main process ended, now or later.
    pub fn exit(&self) -> watch::Receiver<Option<Exit>> {
        self.exit.subscribe()
    }

    pub fn has_ended(&self) -> bool {
        self.exit.borrow().is_some()
    }

    pub async fn stop(&self, grace: Duration) -> StopReport {
        self.handle.stop(grace).await
    }
}

/// Writes the output to the log as it comes. A reader that is far behind holds the process back,
/// and so does a disk that takes nothing: nothing is lost.
async fn keep_output(
    step: Arc<Step>,
    mut output: mpsc::Receiver<OutputPiece>,
    mut writer: LogWriter,
    tell_read: oneshot::Sender<()>,
) {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    loop {
        step.log.room().await;
        if output.recv_many(&mut batch, MAX_BATCH).await == 0 {
            break;
        }
        let mut pieces = VecDeque::from(std::mem::take(&mut batch));
        let mut complained = false;
        while !pieces.is_empty() && !step.log.is_abandoned() {
            let appending = spawn_blocking(move || {
                let written = writer.append(&mut pieces);
                (writer, pieces, written)
            });
            let written;
            (writer, pieces, written) = match appending.await {
                Ok(back) => back,
                Err(error) => {
                    error!(step = step.identity().step, %error, "keeping output was broken off");
                    return;
                }
            };
            if let Err(error) = written {
                if !complained {
                    warn!(step = step.identity().step, %error, "output cannot be kept; the process is held back");
                }
                complained = true;
                sleep(DISK_PATIENCE).await;
            }
        }
    }
    let _ = tell_read.send(());
}

/// Writes the exit to the spool, and then tells it: what a client has heard, a later runner knows.
async fn keep_exit(step: Arc<Step>, mut read: oneshot::Receiver<()>) {
    let exit = step.handle.wait().await;
    let soon = timeout(OUTPUT_PATIENCE, &mut read).await.ok();
    keep(&step, Kept { exit, whole: soon == Some(Ok(())) });
    step.exit.send_replace(Some(exit));
    let whole = match soon {
        Some(read) => read.is_ok(),
        None => {
            let whole = read.await.is_ok();
            keep(&step, Kept { exit, whole });
            whole
        }
    };
    step.log.end(whole);
    sleep(SYNC_PATIENCE).await;
    if !step.log.is_abandoned() {
        let folder = step.folder.clone();
        let synced = spawn_blocking(move || folder.sync()).await;
        complain(&step, synced.map_err(io::Error::other).flatten());
    }
}

/// A few bytes that no disk is waited for: another thread would take longer to wake.
fn keep(step: &Step, kept: Kept) {
    if !step.log.is_abandoned() {
        complain(step, step.folder.keep(kept));
    }
}

fn complain(step: &Step, done: io::Result<()>) {
    if let Err(error) = done
        && !step.log.is_abandoned()
    {
        warn!(step = step.identity().step, %error, "the end of a step could not be kept on disk");
    }
}
