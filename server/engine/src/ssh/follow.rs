//! Reads what a host sends of a command: noise before it, its output, its end.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use runner::{Exit, OutputPiece, Stream};
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig, client::Msg};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, timeout},
};
use tracing::debug;

use super::{Connection, RemoteEnd, remote::lost, script};

/// How long the streams may stay silent, all together, after the command ended: whoever holds them open then was left in
/// the background.
const PATIENCE_AFTER_EXIT: Duration = Duration::from_secs(2);

/// The most that is read from a background process that never falls silent, once the patience is over: more than pipe and
/// server hold back, so what the command itself printed is always among it.
const LAST_BYTES: usize = 1024 * 1024;

/// The most that is kept of what start-up files print, to be shown when the command never begins.
const MAX_NOISE_BYTES: usize = 64 * 1024;

/// The extended data of a session channel that is standard error (RFC 4254, 5.2).
const STDERR: u32 = 1;

/// That a command began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Begun {
    /// Its process group, where it has one of its own.
    pub(super) group: Option<u32>,
}

/// What is needed to follow a command.
pub(super) struct Follow {
    pub(super) read: ChannelReadHalf,
    pub(super) write: Arc<ChannelWriteHalf<Msg>>,
    /// Writes the standard input of the shell; would wait for ever where nobody reads it any more.
    pub(super) feeding: JoinHandle<()>,
    /// Kept, so that the connection lives as long as the command.
    pub(super) connection: Connection,
    pub(super) interpreter: String,
    pub(super) working_dir: Option<String>,
    pub(super) nonce: String,
    pub(super) pieces: mpsc::Sender<OutputPiece>,
    pub(super) begun: watch::Sender<Option<Begun>>,
    pub(super) end: watch::Sender<Option<RemoteEnd>>,
}

/// Reads a command to its end. With nobody listening the output is read on and dropped.
pub(super) async fn follow(mut follow: Follow) {
    let mut stdout = Gate::new(&follow.nonce);
    let mut stderr = Gate::new(&follow.nonce);
    let mut failure = None;
    let mut exit = None;
    let mut closed = false;
    let mut ending: Option<Ending> = None;
    loop {
        let message = match &mut ending {
            None => follow.read.wait().await,
            Some(ending) => match ending.wait(&mut follow.read).await {
                Ok(message) => message,
                Err(Over) => {
                    debug!(ssh.host = follow.host(), "a background process keeps the output open; reading ends");
                    closed = true;
                    break;
                }
            },
        };
        match message {
            Some(ChannelMsg::Data { data }) => {
                if let Some(line) = follow.pass(&mut stdout, Stream::Stdout, data).await {
                    match script::Word::read(&line) {
                        Some(script::Word::Begin { group }) => {
                            follow.begun.send_replace(Some(Begun { group }));
                        }
                        Some(script::Word::Failed(what)) => failure = Some(follow.why(what)),
                        None => failure = Some(format!("host {} answered nonsense", follow.host())),
                    }
                }
            }
            Some(ChannelMsg::ExtendedData { data, ext: STDERR }) => {
                follow.pass(&mut stderr, Stream::Stderr, data).await;
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => {
                exit = Some(Exit { code: i32::try_from(exit_status).ok(), signal: None });
                ending = Some(Ending::begin());
            }
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                exit = Some(Exit { code: None, signal: signal_number(&signal_name) });
                ending = Some(Ending::begin());
            }
            Some(ChannelMsg::Failure) => {
                failure = Some(format!("host {} refuses to run commands", follow.host()));
                break;
            }
            Some(ChannelMsg::Close) => {
                closed = true;
                break;
            }
            Some(_) => {}
            None => break,
        }
    }
    follow.feeding.abort();
    if ending.is_some() || failure.is_some() {
        // The host may have closed it already, or be gone.
        let _ = follow.write.close().await;
    }
    let began = follow.begun.borrow().is_some();
    let end = match (failure, exit) {
        (Some(why), _) => RemoteEnd::NotStarted(why),
        (None, Some(exit)) if began => RemoteEnd::Exit(exit),
        (None, Some(exit)) => RemoteEnd::NotStarted(format!(
            "host {} ended the session before the command began ({}); the output is what it said",
            follow.host(),
            exit.describe()
        )),
        (None, None) if closed => RemoteEnd::Lost(format!(
            "host {} closed the command's channel and did not say how it ended; outcome unknown",
            follow.host()
        )),
        (None, None) => RemoteEnd::Lost(lost(follow.host())),
    };
    if !began && matches!(end, RemoteEnd::NotStarted(_)) {
        follow.send(Stream::Stdout, stdout.into_noise()).await;
        follow.send(Stream::Stderr, stderr.into_noise()).await;
    }
    debug!(ssh.host = follow.host(), ?end, "a command on a host ended");
    follow.end.send_replace(Some(end));
}

impl Follow {
    fn host(&self) -> &str {
        &self.connection.target().name
    }

    /// Passes on what comes after the marker; gives the marker's line when it is complete.
    async fn pass(&self, gate: &mut Gate, stream: Stream, data: Bytes) -> Option<String> {
        let (line, output) = gate.pass(data);
        self.send(stream, output).await;
        line
    }

    async fn send(&self, stream: Stream, bytes: Bytes) {
        if !bytes.is_empty() {
            // An error means that nobody listens any more.
            let _ = self.pieces.send(OutputPiece { stream, bytes, dropped_before: 0 }).await;
        }
    }

    fn why(&self, what: script::Failed) -> String {
        let host = self.host();
        match what {
            script::Failed::WorkingDir => {
                let dir = self.working_dir.as_deref().unwrap_or_default();
                format!("working directory `{dir}` does not exist on host {host}")
            }
            script::Failed::Interpreter => {
                let name = self.interpreter.split_whitespace().next().unwrap_or_default();
                format!("interpreter `{name}` was not found on host {host}, or may not be executed")
            }
            script::Failed::PrivateFiles => format!("a private file for the command could not be written on host {host}"),
        }
    }
}

/// Holds a stream back until the marker: what start-up files print is not the command's output.
struct Gate {
    marker: Vec<u8>,
    /// What came before; nothing once the gate is open.
    noise: Option<BytesMut>,
}

impl Gate {
    fn new(nonce: &str) -> Self {
        Self { marker: format!("{nonce} ").into_bytes(), noise: Some(BytesMut::new()) }
    }

    /// The marker's line, when it is complete now, and what is output.
    fn pass(&mut self, data: Bytes) -> (Option<String>, Bytes) {
        let Some(noise) = &mut self.noise else { return (None, data) };
        noise.extend_from_slice(&data);
        let found = noise.windows(self.marker.len()).position(|window| window == self.marker);
        let line = found.and_then(|at| {
            let from = at + self.marker.len();
            noise[from..].iter().position(|byte| *byte == b'\n').map(|length| (from, from + length))
        });
        let Some((from, to)) = line else {
            if found.is_none() && noise.len() > MAX_NOISE_BYTES {
                let _ = noise.split_to(noise.len() - MAX_NOISE_BYTES);
            }
            return (None, Bytes::new());
        };
        let line = String::from_utf8_lossy(&noise[from..to]).into_owned();
        let output = noise.split_off(to + 1).freeze();
        self.noise = None;
        (Some(line), output)
    }

    fn into_noise(self) -> Bytes {
        self.noise.map(BytesMut::freeze).unwrap_or_default()
    }
}

/// What is still read after the command ended. Only silence uses up the patience: time spent waiting for a slow reader of
/// the pieces does not, so nothing is lost to it.
struct Ending {
    patience: Duration,
    over_at: Instant,
    bytes_left: usize,
}

/// Nothing more is to be read.
struct Over;

impl Ending {
    fn begin() -> Self {
        Self { patience: PATIENCE_AFTER_EXIT, over_at: Instant::now() + PATIENCE_AFTER_EXIT, bytes_left: LAST_BYTES }
    }

    async fn wait(&mut self, read: &mut ChannelReadHalf) -> Result<Option<ChannelMsg>, Over> {
        let asked_at = Instant::now();
        if asked_at >= self.over_at && self.bytes_left == 0 {
            return Err(Over);
        }
        let message = timeout(self.patience, read.wait()).await.map_err(|_| Over)?;
        self.patience = self.patience.saturating_sub(asked_at.elapsed());
        if asked_at >= self.over_at
            && let Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. }) = &message
        {
            self.bytes_left = self.bytes_left.saturating_sub(data.len());
        }
        Ok(message)
    }
}

/// The number of a signal on Linux. SSH knows signals by name (RFC 4254, 6.10); OpenSSH sends others as `NAME@openssh.com`.
fn signal_number(signal: &Sig) -> Option<i32> {
    Some(match signal {
        Sig::HUP => 1,
        Sig::INT => 2,
        Sig::QUIT => 3,
        Sig::ILL => 4,
        Sig::ABRT => 6,
        Sig::FPE => 8,
        Sig::KILL => 9,
        Sig::USR1 => 10,
        Sig::SEGV => 11,
        Sig::PIPE => 13,
        Sig::ALRM => 14,
        Sig::TERM => 15,
        Sig::Custom(name) => match name.split('@').next().unwrap_or_default() {
            "TRAP" => 5,
            "BUS" => 7,
            "USR2" => 12,
            "STKFLT" => 16,
            "XCPU" => 24,
            "XFSZ" => 25,
            "SYS" => 31,
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chunks: &[&str], expected_line: Option<&str>, expected_output: &str) {
        let mut gate = Gate::new("n0nce");
        let mut line = None;
        let mut output = Vec::new();
        for chunk in chunks {
            let (found, passed) = gate.pass(Bytes::copy_from_slice(chunk.as_bytes()));
            line = line.or(found);
            output.extend_from_slice(&passed);
        }
        assert_eq!(line.as_deref(), expected_line, "{chunks:?}");
        assert_eq!(String::from_utf8_lossy(&output), expected_output, "{chunks:?}");
    }

    #[test]
    fn what_comes_before_the_marker_is_no_output() {
        check(&["n0nce begin 7\nout"], Some("begin 7"), "out");
        check(&["welcome\nno newline n0nce begin 7\n", "out", " n0nce more"], Some("begin 7"), "out n0nce more");
        check(&["welcome n0", "nce be", "gin 7", "\n", "\nout"], Some("begin 7"), "\nout");
        check(&["welcome\n", "and no more"], None, "");
        let much = "x".repeat(3 * MAX_NOISE_BYTES);
        check(&[&much, "n0n", "ce begin 7\nout"], Some("begin 7"), "out");
    }

    #[test]
    fn noise_is_kept_within_limits() {
        let mut gate = Gate::new("n0nce");
        for _ in 0..10 {
            gate.pass(Bytes::from(vec![b'x'; MAX_NOISE_BYTES]));
        }
        assert_eq!(gate.into_noise().len(), MAX_NOISE_BYTES);
    }
}
