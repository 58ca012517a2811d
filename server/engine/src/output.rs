//! Carries what a step prints into the store and to viewers.
//!
//! Bytes go through the run's redactor, are repaired to UTF-8 across pieces, and leave as chunks of at most 64 KiB, at the
//! latest 10 ms after they came. The store is waited for: a command faster than the store is held back by its pipe.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use domain::{Chunk, RunEvent, Stream};
use tokio::time::Instant;
use vault::{RedactStream, Redactor};

use crate::error::Halt;
use crate::pen::Pen;

/// The largest chunk, in bytes.
const MAX_CHUNK: usize = 64 * 1024;
/// How long text waits for more. As each write of the store is waited for, a busy store makes the pieces larger, not more.
const PATIENCE: Duration = Duration::from_millis(10);
/// How much of an output over the cap is kept of its end.
const MAX_TAIL: u64 = 1024 * 1024;

/// The output of one step attempt.
pub(crate) struct Output<'a> {
    pub(crate) pen: &'a mut Pen,
    ordinal: u32,
    attempt: u32,
    sources: [Source; 2],
    pending: Vec<(Stream, String)>,
    pending_bytes: usize,
    due: Option<Instant>,
    head_left: u64,
    tail: Tail,
    kept: [Kept; 2],
    last: u64,
    /// How much of each stream the store has already, in bytes: what an earlier worker wrote.
    stored: [u64; 2],
}

/// What the store has of an output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Bytes of standard output and standard error.
    pub(crate) bytes: [u64; 2],
    /// The number of the last piece.
    pub(crate) last: u64,
}

impl Stored {
    /// Counts some pieces in.
    pub(crate) fn add(&mut self, chunks: &[Chunk]) {
        for chunk in chunks {
            self.bytes[place(chunk.stream)] += chunk.text.len() as u64;
            self.last = self.last.max(chunk.seq);
        }
    }
}

/// What is left of an output when it is over: the texts, as far as templates see them, and its last number.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) last: u64,
}

impl<'a> Output<'a> {
    /// An output of at most `cap` bytes, of which templates see the first `keep` of each stream.
    pub(crate) fn new(pen: &'a mut Pen, (ordinal, attempt): (u32, u32), redactor: &Redactor, cap: u64, keep: usize) -> Self {
        let tail = MAX_TAIL.min(cap / 8);
        Self {
            pen,
            ordinal,
            attempt,
            sources: [Source::new(redactor), Source::new(redactor)],
            pending: Vec::new(),
            pending_bytes: 0,
            due: None,
            head_left: cap - tail,
            tail: Tail { room: tail, ..Tail::default() },
            kept: [Kept::new(keep), Kept::new(keep)],
            last: 0,
            stored: [0; 2],
        }
    }

    /// Takes note of what the store has of this output already. It comes again from its beginning, in the same pieces, so as many
    /// bytes of each stream are not written again.
    pub(crate) fn go_on_after(&mut self, stored: Stored) {
        self.stored = stored.bytes;
        self.last = stored.last;
    }

    /// Takes note of bytes that nobody kept: more than the head was printed while no server listened.
    pub(crate) fn cut(&mut self, bytes: u64) {
        self.tail.cut += bytes;
    }

    /// Takes some bytes of a stream.
    pub(crate) async fn push(&mut self, stream: Stream, bytes: &[u8]) -> Result<(), Halt> {
        let text = self.sources[place(stream)].push(bytes);
        self.take(stream, text).await
    }

    /// Adds a line of the engine's own.
    pub(crate) async fn note(&mut self, line: &str) -> Result<(), Halt> {
        self.push(Stream::Stdout, format!("{line}\n").as_bytes()).await
    }

    /// Waits until text that waits for more has waited long enough; for ever when none does.
    pub(crate) async fn due(&self) {
        match self.due {
            Some(due) => tokio::time::sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// Writes what is pending.
    pub(crate) async fn flush(&mut self) -> Result<(), Halt> {
        self.due = None;
        self.pending_bytes = 0;
        let pending = mem::take(&mut self.pending);
        self.write(&pending).await
    }

    /// Writes the rest, the kept end of an output over the cap among it.
    pub(crate) async fn finish(mut self) -> Result<Printed, Halt> {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let text = self.sources[place(stream)].finish();
            self.take(stream, text).await?;
        }
        self.flush().await?;
        let mut tail = mem::take(&mut self.tail);
        if tail.cut > 0 {
            tail.pieces.push_front((Stream::Stderr, format!("\n[… {} bytes are cut here; the end follows]\n", tail.cut)));
        }
        let pieces: Vec<_> = tail.pieces.into();
        self.write(&pieces).await?;
        let [stdout, stderr] = self.kept.map(|kept| kept.text);
        Ok(Printed { stdout, stderr, last: self.last })
    }

    async fn take(&mut self, stream: Stream, text: String) -> Result<(), Halt> {
        if text.is_empty() {
            return Ok(());
        }
        self.kept[place(stream)].add(&text);
        let fits = usize::try_from(self.head_left).unwrap_or(usize::MAX).min(text.len());
        let (head, beyond) = text.split_at(text.floor_char_boundary(fits));
        self.head_left -= head.len() as u64;
        if !head.is_empty() {
            self.pend(stream, head);
        }
        if !beyond.is_empty() {
            if self.head_left > 0 || self.tail.is_untouched() {
                self.head_left = 0;
                let notice = "\n[this is much output: from here on only its end is kept, and shown when the step ends]\n";
                self.pend(Stream::Stderr, notice);
            }
            self.tail.add(stream, beyond);
        }
        if self.pending_bytes >= MAX_CHUNK { self.flush().await } else { Ok(()) }
    }

    fn pend(&mut self, stream: Stream, text: &str) {
        self.pending_bytes += text.len();
        self.due.get_or_insert_with(|| Instant::now() + PATIENCE);
        match self.pending.last_mut() {
            Some((last, pending)) if *last == stream => pending.push_str(text),
            _ => self.pending.push((stream, text.to_owned())),
        }
    }

    async fn write(&mut self, pieces: &[(Stream, String)]) -> Result<(), Halt> {
        let _order = self.pen.order().await;
        let mut chunks = Vec::new();
        for (stream, text) in pieces {
            let stored = &mut self.stored[place(*stream)];
            let skipped = (*stored).min(text.len() as u64);
            *stored -= skipped;
            // The store ends where a piece of text ended, so this is between two characters.
            let mut rest = text.get(usize::try_from(skipped).unwrap_or(usize::MAX)..).unwrap_or_default();
            while !rest.is_empty() {
                let (text, more) = rest.split_at(rest.floor_char_boundary(MAX_CHUNK.min(rest.len())));
                rest = more;
                let seq = self.pen.next_event();
                chunks.push(Chunk { ordinal: self.ordinal, attempt: self.attempt, seq, stream: *stream, text: text.to_owned() });
            }
        }
        let Some(last) = chunks.last() else { return Ok(()) };
        self.last = last.seq;
        // A transaction holds what one look at a pipe brings; the kept end of a huge output goes in several.
        for batch in chunks.chunks(16) {
            self.pen.append(batch).await?;
        }
        for chunk in chunks {
            self.pen.publish(RunEvent::Output(chunk));
        }
        Ok(())
    }
}

const fn place(stream: Stream) -> usize {
    match stream {
        Stream::Stdout => 0,
        Stream::Stderr => 1,
    }
}

/// One stream on its way from bytes to text.
struct Source {
    redact: RedactStream,
    repair: Repair,
}

impl Source {
    fn new(redactor: &Redactor) -> Self {
        Self { redact: redactor.stream(), repair: Repair::default() }
    }

    fn push(&mut self, bytes: &[u8]) -> String {
        let bytes = self.redact.push(bytes);
        self.repair.push(&bytes)
    }

    fn finish(&mut self) -> String {
        let bytes = self.redact.finish();
        let mut text = self.repair.push(&bytes);
        text.push_str(&self.repair.finish());
        text
    }
}

/// Makes UTF-8 of bytes that are cut anywhere; NUL goes, what is no UTF-8 becomes U+FFFD.
#[derive(Debug, Default)]
struct Repair {
    /// The beginning of a character whose end has not come yet: at most 3 bytes.
    begun: Vec<u8>,
}

impl Repair {
    fn push(&mut self, bytes: &[u8]) -> String {
        let joined;
        let mut rest = if self.begun.is_empty() {
            bytes
        } else {
            self.begun.extend_from_slice(bytes);
            joined = mem::take(&mut self.begun);
            &joined
        };
        let mut text = String::with_capacity(rest.len());
        while !rest.is_empty() {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    break;
                }
                Err(error) => {
                    let (valid, broken) = rest.split_at(error.valid_up_to());
                    text.push_str(std::str::from_utf8(valid).unwrap_or_default());
                    let Some(length) = error.error_len() else {
                        self.begun = broken.to_vec();
                        break;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &broken[length..];
                }
            }
        }
        if text.contains('\0') { text.replace('\0', "") } else { text }
    }

    fn finish(&mut self) -> String {
        if mem::take(&mut self.begun).is_empty() { String::new() } else { char::REPLACEMENT_CHARACTER.to_string() }
    }
}

/// The end of an output that is over the cap.
#[derive(Debug, Default)]
struct Tail {
    pieces: VecDeque<(Stream, String)>,
    bytes: u64,
    room: u64,
    cut: u64,
}

impl Tail {
    fn is_untouched(&self) -> bool {
        self.pieces.is_empty() && self.cut == 0
    }

    fn add(&mut self, stream: Stream, text: &str) {
        match self.pieces.back_mut() {
            // Small pieces are put together, so that a million of them cost no million allocations.
            Some((last, piece)) if *last == stream && piece.len() + text.len() <= MAX_CHUNK => piece.push_str(text),
            _ => self.pieces.push_back((stream, text.to_owned())),
        }
        self.bytes += text.len() as u64;
        while self.bytes > self.room
            && let Some((_, front)) = self.pieces.front_mut()
        {
            let excess = usize::try_from(self.bytes - self.room).unwrap_or(usize::MAX);
            let cut = front.ceil_char_boundary(excess.min(front.len()));
            front.drain(..cut);
            if front.is_empty() {
                self.pieces.pop_front();
            }
            self.bytes -= cut as u64;
            self.cut += cut as u64;
        }
    }
}

/// The first bytes of a stream.
#[derive(Debug)]
struct Kept {
    text: String,
    limit: usize,
}

impl Kept {
    const fn new(limit: usize) -> Self {
        Self { text: String::new(), limit }
    }

    fn add(&mut self, text: &str) {
        let fits = self.limit.saturating_sub(self.text.len()).min(text.len());
        self.text.push_str(&text[..text.floor_char_boundary(fits)]);
        if fits < text.len() {
            // What follows a gap is not wanted.
            self.limit = self.text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_cut_anywhere_come_out_whole_and_what_is_broken_is_marked() {
        let check = |bytes: &[u8], expected: &str| {
            for at in 0..=bytes.len() {
                for more in at..=bytes.len() {
                    let mut repair = Repair::default();
                    let mut text = repair.push(&bytes[..at]);
                    text.push_str(&repair.push(&bytes[at..more]));
                    text.push_str(&repair.push(&bytes[more..]));
                    text.push_str(&repair.finish());
                    assert_eq!(text, expected, "cut at {at} and {more}");
                }
            }
        };
        check("aü☃𝄞z".as_bytes(), "aü☃𝄞z");
        check(b"a\xffb\xe2\x98", "a\u{fffd}b\u{fffd}");
        check(b"a\0b\rc\x1b[1m", "ab\rc\x1b[1m");
    }

    #[test]
    fn the_end_of_too_much_is_kept_and_the_rest_counted() {
        let mut tail = Tail { room: 10, ..Tail::default() };
        for _ in 0..100 {
            tail.add(Stream::Stdout, "abc☃");
        }
        let text: String = tail.pieces.iter().map(|(_, text)| text.as_str()).collect();
        assert!(text.len() <= 10 && text.ends_with("abc☃"), "{text}");
        assert_eq!(tail.cut + text.len() as u64, 600);
    }

    #[test]
    fn templates_see_the_beginning_without_a_gap() {
        let mut kept = Kept::new(4);
        kept.add("ab");
        kept.add("c☃");
        kept.add("d");
        assert_eq!(kept.text, "abc");
    }
}
