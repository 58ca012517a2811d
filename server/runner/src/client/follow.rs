//! Follows a replay: takes output as fast as its reader does, and the exit past it.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::StreamExt;
use tokio::{
    io::AsyncWriteExt,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{
        mpsc::{self, error::TrySendError},
        watch,
    },
};
use tokio_util::codec::FramedRead;
use tracing::debug;

use super::{Ended, ProcessHandle, Runner, RunningProcess};
use crate::{
    OutputPiece, ProcessIdentity, QUEUED_PIECES,
    protocol::{Exited, Frame, Frames, HEADER_BYTES, Kind, OutputEnd, WINDOW_BYTES, encode_number, parse_json},
};

/// How much is taken before the runner hears of it.
const GRANT_BYTES: usize = WINDOW_BYTES / 4;

/// Begins to follow. It ends when all is told, when nobody listens any more, or when the runner
/// is lost.
pub(super) fn follow(runner: Runner, identity: ProcessIdentity, stream: UnixStream) -> RunningProcess {
    let (read, write) = stream.into_split();
    let (pieces, output) = mpsc::channel(QUEUED_PIECES);
    let (announce, ended) = watch::channel(None);
    let whole = Arc::new(AtomicBool::new(false));
    let handle = ProcessHandle { runner, identity: Arc::new(identity), ended, whole: whole.clone() };
    let follower = Follower {
        write,
        pieces: Some(pieces),
        announce,
        whole,
        waiting: VecDeque::new(),
        dropped: 0,
        taken: 0,
        output_open: true,
    };
    tokio::spawn(async move {
        if let Err(error) = follower.run(FramedRead::with_capacity(read, Frames, 64 * 1024)).await {
            debug!(%error, "the connection to the runner broke");
        }
    });
    RunningProcess { output, handle }
}

struct Follower {
    write: OwnedWriteHalf,
    /// Gone when the last of the output was given, or nobody takes it.
    pieces: Option<mpsc::Sender<OutputPiece>>,
    announce: watch::Sender<Option<Ended>>,
    whole: Arc<AtomicBool>,
    /// Output on its way into the channel, at most a window of it.
    waiting: VecDeque<OutputPiece>,
    /// Bytes missing before the next piece.
    dropped: u64,
    /// Bytes taken and not yet granted again.
    taken: usize,
    output_open: bool,
}

enum Event {
    Told(Option<io::Result<Frame>>),
    Room,
    NobodyReads,
    NobodyWaits,
}

impl Follower {
    async fn run(mut self, mut frames: FramedRead<OwnedReadHalf, Frames>) -> io::Result<()> {
        let mut told = Ok(());
        while self.is_needed() {
            let event = tokio::select! {
                frame = frames.next(), if self.output_open || self.exit_open() => Event::Told(frame),
                room = room(self.pieces.as_ref(), !self.waiting.is_empty()) => if room { Event::Room } else { Event::NobodyReads },
                () = self.announce.closed(), if self.pieces.is_none() => Event::NobodyWaits,
            };
            match event {
                Event::Told(Some(Ok(frame))) => self.take(frame)?,
                Event::Told(broken) => {
                    told = broken.map_or(Ok(()), |broken| broken.map(|_| ()));
                    self.lose();
                }
                Event::Room => self.give(),
                Event::NobodyReads => self.pieces = None,
                Event::NobodyWaits => {}
            }
            if self.pieces.is_none() {
                self.taken += self.waiting.drain(..).map(|piece| HEADER_BYTES + piece.bytes.len()).sum::<usize>();
            }
            if self.output_open && self.taken >= GRANT_BYTES {
                let granted = u64::try_from(std::mem::take(&mut self.taken)).unwrap_or(u64::MAX);
                // A runner that is gone shows when its words are read to the end.
                let _ = self.write.write_all(&encode_number(Kind::Grant, granted)).await;
            }
            if !self.output_open && self.waiting.is_empty() {
                self.pieces = None;
            }
        }
        told
    }

    /// Whether there is still something to tell to somebody.
    fn is_needed(&self) -> bool {
        self.pieces.is_some() || (self.exit_open() && !self.announce.is_closed())
    }

    fn exit_open(&self) -> bool {
        self.announce.borrow().is_none()
    }

    /// Moves a piece into the channel, where there is room.
    fn give(&mut self) {
        let Some(piece) = self.waiting.pop_front() else { return };
        let length = HEADER_BYTES + piece.bytes.len();
        match self.pieces.as_ref().map(|pieces| pieces.try_send(piece)) {
            Some(Err(TrySendError::Full(piece))) => self.waiting.push_front(piece),
            _ => self.taken += length,
        }
    }

    fn take(&mut self, frame: Frame) -> io::Result<()> {
        match (frame.kind, frame.kind.stream()) {
            (_, Some(stream)) => {
                let dropped_before = std::mem::take(&mut self.dropped);
                self.waiting.push_back(OutputPiece { stream, bytes: frame.body, dropped_before });
            }
            (Kind::Gap, _) => self.dropped += frame.number()?,
            (Kind::End, _) => {
                let OutputEnd { whole } = parse_json(&frame.body)?;
                self.whole.store(whole, Ordering::Release);
                self.output_open = false;
            }
            (Kind::Exit, _) => {
                let Exited { exit } = parse_json(&frame.body)?;
                self.announce.send_replace(Some(Ended::Exit(exit)));
            }
            (kind, _) => debug!(?kind, "a frame that does not belong here"),
        }
        Ok(())
    }

    /// The runner is gone. What it said before is still given.
    fn lose(&mut self) {
        self.output_open = false;
        self.announce.send_if_modified(|ended| {
            let unknown = ended.is_none();
            if unknown {
                *ended = Some(Ended::RunnerLost);
            }
            unknown
        });
    }
}

/// Whether there is room in the channel, once there is something to give; or nobody reads it.
async fn room(pieces: Option<&mpsc::Sender<OutputPiece>>, something: bool) -> bool {
    match pieces {
        Some(pieces) if something => pieces.reserve().await.is_ok(),
        Some(pieces) => {
            pieces.closed().await;
            false
        }
        None => std::future::pending().await,
    }
}
