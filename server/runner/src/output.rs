//! Reads what a process prints, as it comes, and knows when to stop.

use std::time::Duration;

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::{mpsc, watch},
    time::{Instant, timeout},
};
use tracing::debug;

use crate::Exit;

/// The most bytes in one [`OutputPiece`].
pub const MAX_PIECE_BYTES: usize = 64 * 1024;

/// How many pieces wait in the channel of a [`RunningProcess`](crate::RunningProcess).
pub const QUEUED_PIECES: usize = 16;

/// How long the pipes may stay silent, all together, after the main process ended: whoever
/// holds them open then was left in the background.
const PATIENCE_AFTER_EXIT: Duration = Duration::from_secs(2);

/// The most that is read from a background process that never falls silent, once the patience
/// is over. No pipe holds more by default (`/proc/sys/fs/pipe-max-size`), so what the main
/// process printed is always among it.
const LAST_BYTES: usize = 1024 * 1024;

/// Where a piece of output was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Some bytes that a process printed, in the order of their stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputPiece {
    /// Where they were printed.
    pub stream: Stream,
    /// At least one and at most [`MAX_PIECE_BYTES`] bytes, cut anywhere.
    pub bytes: Bytes,
    /// How many bytes, of both streams, were printed before this piece and not kept, because
    /// there was too much while nobody read. Zero as a rule.
    pub dropped_before: u64,
}

/// Reads `pipe` to its end. With nobody listening the output is read on and dropped, so that the
/// process does not die of a broken pipe.
pub(crate) async fn read_pipe(
    mut pipe: impl AsyncRead + Unpin,
    stream: Stream,
    pieces: mpsc::Sender<OutputPiece>,
    mut exit: watch::Receiver<Option<Exit>>,
) {
    let mut buffer = vec![0; MAX_PIECE_BYTES];
    let mut listening = true;
    let mut ending: Option<Ending> = None;
    loop {
        let read = match &mut ending {
            None => tokio::select! {
                biased;
                read = pipe.read(&mut buffer) => Some(read),
                _ = exit.wait_for(Option::is_some) => {
                    ending = Some(Ending::begin());
                    continue;
                }
            },
            Some(ending) => ending.read(&mut pipe, &mut buffer).await,
        };
        let count = match read {
            Some(Ok(0)) => break,
            Some(Ok(count)) => count,
            Some(Err(error)) => {
                debug!(?stream, %error, "reading the output of a process failed");
                break;
            }
            None => {
                debug!(?stream, "a background process keeps the output open; reading ends");
                break;
            }
        };
        if listening {
            let bytes = Bytes::copy_from_slice(&buffer[..count]);
            listening = pieces.send(OutputPiece { stream, bytes, dropped_before: 0 }).await.is_ok();
        }
    }
}

/// What is still read after the main process ended. Only silence uses up the patience: time
/// spent waiting for a slow reader of the pieces does not, so nothing is lost to it.
struct Ending {
    patience: Duration,
    over_at: Instant,
    bytes_left: usize,
}

impl Ending {
    fn begin() -> Self {
        Self { patience: PATIENCE_AFTER_EXIT, over_at: Instant::now() + PATIENCE_AFTER_EXIT, bytes_left: LAST_BYTES }
    }

    /// The next read, or nothing when reading should stop.
    async fn read(&mut self, pipe: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) -> Option<std::io::Result<usize>> {
        let asked_at = Instant::now();
        if asked_at >= self.over_at && self.bytes_left == 0 {
            return None;
        }
        let read = timeout(self.patience, pipe.read(buffer)).await.ok()?;
        self.patience = self.patience.saturating_sub(asked_at.elapsed());
        if asked_at >= self.over_at {
            self.bytes_left = self.bytes_left.saturating_sub(*read.as_ref().unwrap_or(&0));
        }
        Some(read)
    }
}
