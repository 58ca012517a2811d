//! Tells a client all of a step: its output from the beginning, then live, and its exit.

use std::io;

use futures::StreamExt;
use tokio::{
    io::AsyncWriteExt,
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
};
use tokio_util::codec::FramedRead;

use super::steps::Source;
use crate::{
    Exit,
    protocol::{Exited, Frames, Kind, OutputEnd, WINDOW_BYTES, encode_number, write_json},
    spool::Part,
};

/// Sends output as far as the client grants it, and the exit whenever it is known. Returns when
/// the client goes.
pub(super) async fn replay(source: Source, read: OwnedReadHalf, mut write: OwnedWriteHalf) -> io::Result<()> {
    let Source { mut cursor, mut exit, .. } = source;
    let mut grants = FramedRead::new(read, Frames);
    let mut window = WINDOW_BYTES;
    let mut output_open = true;
    let mut exit_open = true;
    loop {
        tokio::select! {
            biased;
            frame = grants.next() => match frame {
                Some(frame) => window += usize::try_from(frame?.number()?).unwrap_or(WINDOW_BYTES),
                None => return Ok(()),
            },
            ended = ended(&mut exit), if exit_open => {
                exit_open = false;
                write_json(&mut write, Kind::Exit, &Exited { exit: ended }).await?;
            }
            part = cursor.next(window), if output_open && window > 0 => match part? {
                Part::Frames(frames) => {
                    window = window.saturating_sub(frames.len());
                    write.write_all(&frames).await?;
                }
                Part::Gap(bytes) => write.write_all(&encode_number(Kind::Gap, bytes)).await?,
                Part::End { whole } => {
                    output_open = false;
                    write_json(&mut write, Kind::End, &OutputEnd { whole }).await?;
                }
            },
        }
    }
}

async fn ended(exit: &mut tokio::sync::watch::Receiver<Option<Exit>>) -> Exit {
    match exit.wait_for(Option::is_some).await {
        Ok(exit) => exit.unwrap_or(Exit::UNKNOWN),
        Err(_) => Exit::UNKNOWN,
    }
}
