//! A command on a host: what to start, its output, its end, and the way to stop it.

use std::{sync::Arc, time::Duration};

use runner::{EnvValue, Exit, OutputPiece, QUEUED_PIECES, SecretFile, StopReport};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tracing::{debug, warn};
use uuid::Uuid;

use super::{
    Connection, SshError,
    follow::{Begun, Follow, follow},
    script,
    stop::{Quarry, stop_step, unconfirmed},
};

/// How long a stop waits for the end of a killed command to be noticed.
const END_PATIENCE: Duration = Duration::from_secs(1);

/// One command to start on a host for a step.
#[derive(Clone, Debug)]
pub(crate) struct RemoteSpec {
    /// The step's marker: every process of the step carries it as `RUNBOOK_STEP`. Letters, digits and `. _ : -`.
    pub(crate) step: String,
    /// The interpreter, with arguments separated by white space, as on the server itself.
    pub(crate) interpreter: String,
    /// The script. Given to a shell as one argument, otherwise as a private file.
    pub(crate) script: String,
    /// Where to start, relative to the login's home; that itself when absent.
    pub(crate) working_dir: Option<String>,
    /// The environment, beside that of the login. The last of two values of one name counts.
    pub(crate) env: Vec<(String, EnvValue)>,
    /// Secrets that the command reads from files.
    pub(crate) files: Vec<SecretFile>,
}

impl RemoteSpec {
    /// A command without directory, environment or files of its own.
    pub(crate) fn new(step: impl Into<String>, interpreter: impl Into<String>, script: impl Into<String>) -> Self {
        Self {
            step: step.into(),
            interpreter: interpreter.into(),
            script: script.into(),
            working_dir: None,
            env: Vec::new(),
            files: Vec::new(),
        }
    }
}

/// How a command on a host ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RemoteEnd {
    /// By itself. Where it had private files, a signal shows as a shell shows it: exit 128 and its number.
    Exit(Exit),
    /// Nobody knows: the connection broke. The sentence says so.
    Lost(String),
    /// The script was not started. The sentence says why; what the host said is in the output.
    NotStarted(String),
}

/// A command that was started. Take it apart to drain the output while another task waits or stops. Dropping it does not
/// end the command.
pub(crate) struct RunningRemote {
    /// What it prints, as it comes. A command nobody reads is held back. Ends when the command closed both streams, or
    /// shortly after its end if a background process keeps them open.
    pub(crate) output: mpsc::Receiver<OutputPiece>,
    /// The way to wait for it and to stop it.
    pub(crate) handle: RemoteHandle,
}

/// A cheap handle to a command; any number of tasks may hold one.
#[derive(Clone)]
pub(crate) struct RemoteHandle {
    shared: Arc<Shared>,
    begun: watch::Receiver<Option<Begun>>,
    end: watch::Receiver<Option<RemoteEnd>>,
}

struct Shared {
    connection: Connection,
    step: String,
}

impl RemoteHandle {
    /// The host's name.
    pub(crate) fn host(&self) -> &str {
        &self.shared.connection.target().name
    }

    /// How it ended, if it has.
    pub(crate) fn end(&self) -> Option<RemoteEnd> {
        self.end.borrow().clone()
    }

    /// Waits for its end. Its private files are gone when this gives an exit; output may still be waiting in the channel.
    /// Someone must drain the output meanwhile, or a command that prints much never ends.
    pub(crate) async fn wait(&self) -> RemoteEnd {
        match self.end.clone().wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or_else(|| self.lost()),
            Err(_) => self.lost(),
        }
    }

    /// Ends everything the step started, also what it left in the background: SIGTERM, after `grace` SIGKILL, then a
    /// search until nothing is left. A grace of zero kills at once. Works through a second channel, and through a new
    /// connection where that is not to be had.
    ///
    /// Runs on even if the caller stops waiting for it. A second stop with a shorter grace overtakes the first. Stopping
    /// what has ended already is harmless, and ends what it left.
    pub(crate) async fn stop(&self, grace: Duration) -> StopReport {
        let handle = self.clone();
        let stopping = tokio::spawn(async move { handle.stop_now(grace).await });
        stopping.await.unwrap_or_else(|error| {
            warn!(ssh.host = self.host(), %error, "a stop was broken off");
            unconfirmed(self.group())
        })
    }

    async fn stop_now(&self, grace: Duration) -> StopReport {
        // Before it has begun there is nothing to find, and nothing found would prove nothing.
        let mut begun = self.begun.clone();
        let began = tokio::select! {
            begun = timeout(grace.max(END_PATIENCE), begun.wait_for(Option::is_some)) => matches!(begun, Ok(Ok(_))),
            _ = self.wait() => true,
        };
        let quarry = Quarry { step: self.shared.step.clone(), group: self.group(), ended: self.end().is_some() };
        let mut report = stop_step(&self.shared.connection, quarry, grace).await;
        report.searched &= began || self.begun.borrow().is_some() || self.end().is_some();
        if report.is_proven() && timeout(END_PATIENCE, self.wait()).await.is_err() {
            debug!(ssh.host = self.host(), "the end of a stopped command was not noticed");
        }
        report
    }

    fn group(&self) -> Option<u32> {
        self.begun.borrow().and_then(|begun| begun.group)
    }

    fn lost(&self) -> RemoteEnd {
        RemoteEnd::Lost(lost(self.host()))
    }
}

/// What a step says whose connection broke.
pub(super) fn lost(host: &str) -> String {
    format!("the connection to {host} was lost; outcome unknown")
}

pub(super) async fn start(connection: &Connection, spec: RemoteSpec) -> Result<RunningRemote, SshError> {
    let nonce = Uuid::now_v7().simple().to_string();
    let text = script::shell_text(&spec, &nonce)?;
    let command = script::exec_line(&spec);
    let (read, write) = connection.channel().await?.split();
    let write = Arc::new(write);
    let closed = |_| SshError::Closed { host: connection.target().name.clone() };
    write.exec(true, command).await.map_err(closed)?;
    let feeding = tokio::spawn({
        let write = Arc::clone(&write);
        async move {
            // What fails here shows as the end of the channel.
            if write.data_bytes(text).await.is_ok() {
                let _ = write.eof().await;
            }
        }
    });

    let (pieces, output) = mpsc::channel(QUEUED_PIECES);
    let (announce_begin, begun) = watch::channel(None);
    let (announce_end, end) = watch::channel(None);
    let shared = Arc::new(Shared { connection: connection.clone(), step: spec.step.clone() });
    tokio::spawn(follow(Follow {
        read,
        write,
        feeding,
        connection: connection.clone(),
        interpreter: spec.interpreter,
        working_dir: spec.working_dir,
        nonce,
        pieces,
        begun: announce_begin,
        end: announce_end,
    }));
    Ok(RunningRemote { output, handle: RemoteHandle { shared, begun, end } })
}
