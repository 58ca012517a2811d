//! Frames: one byte of kind, four of length (little-endian), then the body. Output lies in the
//! spool in the same form, so that it goes from there to the socket as it is.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::codec::Decoder;
use zeroize::Zeroizing;

use crate::Stream;

/// The length of what stands before a body.
pub(crate) const HEADER_BYTES: usize = 5;

/// The longest body that is accepted: a request with a very long script.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Bytes of standard output.
    Stdout = 1,
    /// Bytes of standard error.
    Stderr = 2,
    /// How many bytes of output are missing here, as eight bytes.
    Gap = 3,
    /// JSON: no output follows.
    End = 4,
    /// JSON: the main process ended.
    Exit = 5,
    /// How many more bytes of output the client takes, as eight bytes.
    Grant = 6,
    /// JSON: the first words.
    Hello = 7,
    /// JSON: a request or its answer.
    Message = 8,
}

impl Kind {
    const ALL: [Self; 8] =
        [Self::Stdout, Self::Stderr, Self::Gap, Self::End, Self::Exit, Self::Grant, Self::Hello, Self::Message];

    fn parse(byte: u8) -> io::Result<Self> {
        let found = Self::ALL.into_iter().find(|kind| *kind as u8 == byte);
        found.ok_or_else(|| invalid("a frame of an unknown kind"))
    }

    /// The stream whose bytes these are, if they are output.
    pub fn stream(self) -> Option<Stream> {
        match self {
            Self::Stdout => Some(Stream::Stdout),
            Self::Stderr => Some(Stream::Stderr),
            _ => None,
        }
    }
}

impl From<Stream> for Kind {
    fn from(stream: Stream) -> Self {
        match stream {
            Stream::Stdout => Self::Stdout,
            Stream::Stderr => Self::Stderr,
        }
    }
}

/// A kind and its body.
#[derive(Debug)]
pub(crate) struct Frame {
    pub kind: Kind,
    pub body: Bytes,
}

impl Frame {
    /// The number that the body is.
    pub fn number(&self) -> io::Result<u64> {
        let bytes = self.body.as_ref().try_into().map_err(|_| invalid("a number of a wrong length"))?;
        Ok(u64::from_le_bytes(bytes))
    }
}

/// What stands before a body.
pub(crate) fn header(kind: Kind, length: usize) -> [u8; HEADER_BYTES] {
    let [a, b, c, d] = u32::try_from(length).expect("bodies are at most 64 MiB").to_le_bytes();
    [kind as u8, a, b, c, d]
}

/// The kind and length of the frame that begins here, if its header is whole.
pub(crate) fn parse_header(bytes: &[u8]) -> io::Result<Option<(Kind, usize)>> {
    let [kind, a, b, c, d, ..] = *bytes else { return Ok(None) };
    let length = u32::from_le_bytes([a, b, c, d]);
    let length = usize::try_from(length).ok().filter(|length| *length <= MAX_BODY_BYTES);
    Ok(Some((Kind::parse(kind)?, length.ok_or_else(|| invalid("a frame that is too long"))?)))
}

/// A whole frame that holds JSON. Wiped after use: a request holds secrets.
pub(crate) fn encode_json(kind: Kind, value: &impl Serialize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut frame = Zeroizing::new(Vec::with_capacity(4096));
    frame.extend_from_slice(&[0; HEADER_BYTES]);
    serde_json::to_writer(&mut *frame, value)?;
    let length = frame.len() - HEADER_BYTES;
    if length > MAX_BODY_BYTES {
        return Err(invalid("a message that is too long"));
    }
    frame[..HEADER_BYTES].copy_from_slice(&header(kind, length));
    Ok(frame)
}

/// A whole frame that holds a number.
pub(crate) fn encode_number(kind: Kind, number: u64) -> Vec<u8> {
    let mut frame = header(kind, 8).to_vec();
    frame.extend_from_slice(&number.to_le_bytes());
    frame
}

pub(crate) fn parse_json<T: DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    Ok(serde_json::from_slice(body)?)
}

/// Writes one frame of JSON.
pub(crate) async fn write_json(out: &mut (impl AsyncWrite + Unpin), kind: Kind, value: &impl Serialize) -> io::Result<()> {
    let frame = encode_json(kind, value)?;
    out.write_all(&frame).await
}

/// Reads one frame of JSON and not a byte more. Its bytes are wiped after use.
pub(crate) async fn read_frame<T: DeserializeOwned>(input: &mut (impl AsyncRead + Unpin), expected: Kind) -> io::Result<T> {
    let mut head = [0; HEADER_BYTES];
    input.read_exact(&mut head).await?;
    let Some((kind, length)) = parse_header(&head)? else { return Err(invalid("half a header")) };
    if kind != expected {
        return Err(invalid("a frame of another kind than expected"));
    }
    let mut body = Zeroizing::new(vec![0; length]);
    input.read_exact(&mut body).await?;
    parse_json(&body)
}

/// Takes frames out of a stream.
#[derive(Debug)]
pub(crate) struct Frames;

impl Decoder for Frames {
    type Item = Frame;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Frame>> {
        let Some((kind, length)) = parse_header(bytes)? else { return Ok(None) };
        if bytes.len() < HEADER_BYTES + length {
            bytes.reserve(HEADER_BYTES + length - bytes.len());
            return Ok(None);
        }
        bytes.advance(HEADER_BYTES);
        Ok(Some(Frame { kind, body: bytes.split_to(length).freeze() }))
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written_however_it_is_cut() {
        let mut sent = header(Kind::Stderr, 3).to_vec();
        sent.extend_from_slice(b"abc");
        sent.extend(encode_number(Kind::Grant, 7));
        let mut buffer = BytesMut::new();
        let mut found = Vec::new();
        for byte in sent {
            buffer.extend_from_slice(&[byte]);
            found.extend(Frames.decode(&mut buffer).expect("valid"));
        }
        assert_eq!((found[0].kind, &found[0].body[..]), (Kind::Stderr, &b"abc"[..]));
        assert_eq!((found[1].kind, found[1].number().expect("a number")), (Kind::Grant, 7));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let refused = |bytes: &[u8]| parse_header(bytes).expect_err("refused").to_string();
        assert_eq!(refused(b"GET / HTTP/1.1"), "a frame of an unknown kind");
        assert_eq!(refused(&[1, 255, 255, 255, 255]), "a frame that is too long");
    }

    #[tokio::test]
    async fn a_message_of_another_kind_is_refused() {
        let sent = encode_json(Kind::Message, &1).expect("written");
        let found = read_frame::<u32>(&mut &sent[..], Kind::Hello).await;
        assert_eq!(found.expect_err("refused").to_string(), "a frame of another kind than expected");
    }
}
