//! The output of one step on disk: one writer, any number of readers, each at its own place.
//!
//! The first bytes, up to the head's limit, lie in one file and stay. What comes after lies in
//! segments of which the oldest go, as long as enough is left and nobody is on the way to them.
//! The newest reader counts: nothing goes that it has not read, and while more than
//! [`BACKLOG_BYTES`] lie before it the writer waits. An older reader, perhaps of a server that
//! hangs, cannot hold a process back; it finds a gap.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{Notify, watch},
    task::spawn_blocking,
};

use crate::{
    MAX_PIECE_BYTES, OutputPiece,
    protocol::{HEADER_BYTES, Kind, header, parse_header},
};

/// How much may lie unread before the newest reader until the process is held back.
const BACKLOG_BYTES: u64 = 8 * 1024 * 1024;

/// How much of the end is kept at least.
const TAIL_BYTES: u64 = 2 * 1024 * 1024;

/// When a segment of the end is full.
const SEGMENT_BYTES: u64 = 1024 * 1024;

/// How many pieces are best written at once.
pub(crate) const MAX_BATCH: usize = 16;

/// The most that is read at once.
const CHUNK_BYTES: usize = 256 * 1024;

const HEAD: &str = "output";

/// The output of a step, as far as it is on disk.
#[derive(Debug)]
pub(crate) struct Log {
    folder: PathBuf,
    shelf: Mutex<Shelf>,
    /// Counts what readers wait for.
    grown: watch::Sender<u64>,
    /// Wakes the writer.
    room: Notify,
}

#[derive(Debug, Default)]
struct Shelf {
    segments: VecDeque<Segment>,
    /// Where the next frame begins, in bytes of frames since the first.
    end: u64,
    /// Bytes of output so far.
    printed: u64,
    ended: Option<Ended>,
    readers: Vec<Reader>,
    readers_ever: u64,
    /// Nobody will ever read this.
    abandoned: bool,
}

#[derive(Clone, Copy, Debug)]
struct Ended {
    whole: bool,
}

#[derive(Clone, Debug)]
struct Segment {
    path: Arc<Path>,
    is_head: bool,
    /// The place of its first frame.
    start: u64,
    /// Its length in bytes of frames.
    length: u64,
    /// Bytes of output before it, kept or not.
    printed_before: u64,
    /// Bytes of output in it.
    printed: u64,
}

impl Segment {
    fn end(&self) -> u64 {
        self.start + self.length
    }
}

#[derive(Debug)]
struct Reader {
    number: u64,
    at: u64,
}

impl Log {
    /// The log of a step that begins, and its writer.
    pub fn create(folder: PathBuf, head_bytes: u64) -> (Arc<Self>, LogWriter) {
        let log = Arc::new(Self::new(folder, Shelf::default()));
        (log.clone(), LogWriter { log, head_bytes, file: None, frames: Vec::new() })
    }

    /// The log that another runner wrote. Blocks.
    pub fn load(folder: PathBuf, whole: bool) -> io::Result<Arc<Self>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(HEAD));
            let place = match name {
                Some("") => Some((0, true)),
                Some(name) => name.strip_prefix('.').and_then(|place| place.parse().ok()).map(|place| (place, false)),
                None => None,
            };
            files.extend(place.map(|(printed_before, is_head)| (printed_before, is_head, path)));
        }
        files.sort_by_key(|(printed_before, is_head, _)| (*printed_before, !is_head));
        let mut shelf = Shelf { ended: Some(Ended { whole }), ..Shelf::default() };
        for (printed_before, is_head, path) in files {
            let (length, printed) = measure(&path)?;
            // One byte between two places is enough to tell that something is missing there.
            let start = shelf.end + u64::from(printed_before > shelf.printed);
            shelf.end = start + length;
            shelf.printed = printed_before + printed;
            shelf.segments.push_back(Segment { path: path.into(), is_head, start, length, printed_before, printed });
        }
        Ok(Arc::new(Self::new(folder, shelf)))
    }

    fn new(folder: PathBuf, shelf: Shelf) -> Self {
        Self { folder, shelf: Mutex::new(shelf), grown: watch::Sender::new(0), room: Notify::new() }
    }

    /// A reader that begins at the beginning. It counts until it is dropped.
    pub fn read(self: &Arc<Self>) -> Cursor {
        let mut shelf = self.shelf();
        let number = shelf.readers_ever;
        shelf.readers_ever += 1;
        shelf.readers.push(Reader { number, at: 0 });
        Cursor { log: self.clone(), number, at: 0, printed_before: 0, open: None, grown: self.grown.subscribe() }
    }

    /// Waits until the process need not be held back.
    pub async fn room(&self) {
        while self.shelf().is_full() {
            self.room.notified().await;
        }
    }

    /// Nothing more is written; whether the output was read to its end.
    pub fn end(&self, whole: bool) {
        self.shelf().ended = Some(Ended { whole });
        self.grown.send_modify(|count| *count += 1);
    }

    /// Nobody will ever read this: what is still printed is dropped.
    pub fn abandon(&self) {
        self.shelf().abandoned = true;
        self.room.notify_one();
    }

    pub fn is_abandoned(&self) -> bool {
        self.shelf().abandoned
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn is_full(&self) -> bool {
        !self.abandoned && self.readers.last().is_some_and(|newest| self.end - newest.at > BACKLOG_BYTES)
    }

    /// Takes the oldest segment of the end out, if it may go.
    fn take_oldest(&mut self) -> Option<Segment> {
        let index = self.segments.iter().position(|segment| !segment.is_head)?;
        let kept: u64 = self.segments.iter().skip(index + 1).map(|segment| segment.printed).sum();
        let is_read = self.readers.last().is_none_or(|newest| newest.at >= self.segments[index].end());
        (kept >= TAIL_BYTES && is_read).then(|| self.segments.remove(index)).flatten()
    }
}

/// Appends to a log. Blocks.
#[derive(Debug)]
pub(crate) struct LogWriter {
    log: Arc<Log>,
    head_bytes: u64,
    file: Option<File>,
    frames: Vec<u8>,
}

impl LogWriter {
    /// Writes pieces from the front of the queue until it is empty. After an error those that
    /// are still there were not written.
    pub fn append(&mut self, pieces: &mut VecDeque<OutputPiece>) -> io::Result<()> {
        while let Some(first) = pieces.front() {
            let (length, printed) = self.make_place_for(first.bytes.len())?;
            let mut count = 0;
            let mut more = 0;
            self.frames.clear();
            for piece in pieces.iter() {
                if count > 0 && !self.has_place(printed + more, piece.bytes.len()) {
                    break;
                }
                self.frames.extend_from_slice(&header(piece.stream.into(), piece.bytes.len()));
                self.frames.extend_from_slice(&piece.bytes);
                more += to_u64(piece.bytes.len());
                count += 1;
            }
            let file = self.file.as_ref().expect("a place was made");
            file.write_all_at(&self.frames, length)?;
            pieces.drain(..count);
            self.publish(to_u64(self.frames.len()), more);
        }
        Ok(())
    }

    /// Sees to a segment that takes `bytes` more; gives its length and the output in it.
    fn make_place_for(&mut self, bytes: usize) -> io::Result<(u64, u64)> {
        let last = self.log.shelf().segments.back().map(|segment| (segment.length, segment.printed));
        match last {
            Some((length, printed)) if self.has_place(printed, bytes) => Ok((length, printed)),
            _ => self.begin_segment(bytes).map(|()| (0, 0)),
        }
    }

    /// Whether the last segment, with `printed` bytes in it, takes `bytes` more.
    fn has_place(&self, printed: u64, bytes: usize) -> bool {
        match self.log.shelf().segments.back() {
            Some(segment) if segment.is_head => printed + to_u64(bytes) <= self.head_bytes,
            Some(_) => printed < SEGMENT_BYTES,
            None => false,
        }
    }

    fn begin_segment(&mut self, bytes: usize) -> io::Result<()> {
        let (is_head, start, printed_before) = {
            let shelf = self.log.shelf();
            (shelf.segments.is_empty() && to_u64(bytes) <= self.head_bytes, shelf.end, shelf.printed)
        };
        let name = if is_head { HEAD.to_owned() } else { format!("{HEAD}.{printed_before}") };
        let path: Arc<Path> = self.log.folder.join(name).into();
        self.file = Some(OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?);
        let mut shelf = self.log.shelf();
        shelf.segments.push_back(Segment { path, is_head, start, length: 0, printed_before, printed: 0 });
        while let Some(oldest) = shelf.take_oldest() {
            // Who has it open reads on; who comes later finds it gone from the shelf.
            fs::remove_file(&oldest.path)?;
        }
        Ok(())
    }

    fn publish(&self, length: u64, printed: u64) {
        let mut shelf = self.log.shelf();
        shelf.end += length;
        shelf.printed += printed;
        if let Some(segment) = shelf.segments.back_mut() {
            segment.length += length;
            segment.printed += printed;
        }
        drop(shelf);
        self.log.grown.send_modify(|count| *count += 1);
    }
}

/// A reader's place in a log.
#[derive(Debug)]
pub(crate) struct Cursor {
    log: Arc<Log>,
    number: u64,
    at: u64,
    printed_before: u64,
    /// The segment that was read last, by its start.
    open: Option<(u64, Arc<File>)>,
    grown: watch::Receiver<u64>,
}

/// What comes next in a log.
#[derive(Debug)]
pub(crate) enum Part {
    /// Whole frames.
    Frames(Vec<u8>),
    /// So many bytes of output are missing here.
    Gap(u64),
    /// Nothing more comes; whether everything came.
    End { whole: bool },
}

enum Next {
    Read { segment: Segment, length: usize },
    Gap { at: u64, bytes: u64 },
    End { whole: bool },
    Wait,
}

impl Cursor {
    /// What comes next, of frames at most `limit` bytes or one frame, as soon as there is
    /// something. A call that is dropped leaves the place as it was.
    pub async fn next(&mut self, limit: usize) -> io::Result<Part> {
        loop {
            self.grown.mark_unchanged();
            match self.look(limit) {
                Next::Read { segment, length } => {
                    let Some(frames) = self.read(&segment, length).await? else { continue };
                    let (length, printed) = whole_frames(&frames, limit)?;
                    let mut frames = frames;
                    frames.truncate(length);
                    self.move_to(self.at + to_u64(length), self.printed_before + printed);
                    return Ok(Part::Frames(frames));
                }
                Next::Gap { at, bytes } => {
                    self.move_to(at, self.printed_before + bytes);
                    if bytes > 0 {
                        return Ok(Part::Gap(bytes));
                    }
                }
                Next::End { whole } => return Ok(Part::End { whole }),
                // The log is held here, so its sender lives.
                Next::Wait => drop(self.grown.changed().await),
            }
        }
    }

    fn look(&self, limit: usize) -> Next {
        let shelf = self.log.shelf();
        let Some(segment) = shelf.segments.iter().find(|segment| segment.end() > self.at) else {
            return match shelf.ended {
                Some(Ended { whole }) => Next::End { whole },
                None => Next::Wait,
            };
        };
        if segment.start > self.at {
            return Next::Gap { at: segment.start, bytes: segment.printed_before - self.printed_before };
        }
        let limit = limit.clamp(HEADER_BYTES + MAX_PIECE_BYTES, CHUNK_BYTES);
        let length = usize::try_from(segment.end() - self.at).map_or(limit, |length| length.min(limit));
        Next::Read { segment: segment.clone(), length }
    }

    /// The bytes at this place, or nothing when they were dropped meanwhile.
    async fn read(&mut self, segment: &Segment, length: usize) -> io::Result<Option<Vec<u8>>> {
        let open = self.open.as_ref().filter(|(start, _)| *start == segment.start).map(|(_, file)| file.clone());
        let path = segment.path.clone();
        let position = self.at - segment.start;
        let reading = spawn_blocking(move || {
            let file = match open {
                Some(file) => file,
                None => match File::open(&path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    opened => Arc::new(opened?),
                },
            };
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, position)?;
            Ok(Some((file, bytes)))
        });
        let read: io::Result<Option<(Arc<File>, Vec<u8>)>> = reading.await.map_err(io::Error::other)?;
        Ok(read?.map(|(file, bytes)| {
            self.open = Some((segment.start, file));
            bytes
        }))
    }

    fn move_to(&mut self, at: u64, printed_before: u64) {
        self.at = at;
        self.printed_before = printed_before;
        let mut shelf = self.log.shelf();
        if let Some(reader) = shelf.readers.iter_mut().find(|reader| reader.number == self.number) {
            reader.at = at;
        }
        drop(shelf);
        self.log.room.notify_one();
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.log.shelf().readers.retain(|reader| reader.number != self.number);
        self.log.room.notify_one();
    }
}

/// How many bytes of whole frames `bytes` begins with, at most `limit` or one frame, and how
/// much output they hold.
fn whole_frames(bytes: &[u8], limit: usize) -> io::Result<(usize, u64)> {
    let (mut at, mut printed) = (0, 0);
    while let Some((_, length)) = parse_header(&bytes[at..])? {
        let end = at + HEADER_BYTES + length;
        if end > bytes.len() || (at > 0 && end > limit) {
            break;
        }
        at = end;
        printed += to_u64(length);
    }
    if at == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no whole frame where one should be"));
    }
    Ok((at, printed))
}

/// The length of the whole frames of output in a file, and how much output they hold. What a
/// runner that died left half written at the end does not count.
fn measure(path: &Path) -> io::Result<(u64, u64)> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut input = BufReader::new(file);
    let (mut at, mut printed) = (0, 0);
    let mut head = [0; HEADER_BYTES];
    while at + to_u64(HEADER_BYTES) <= size {
        input.read_exact(&mut head)?;
        let length = match parse_header(&head) {
            Ok(Some((Kind::Stdout | Kind::Stderr, length))) => length,
            _ => break,
        };
        let end = at + to_u64(HEADER_BYTES + length);
        if end > size {
            break;
        }
        input.seek_relative(i64::try_from(length).unwrap_or(i64::MAX))?;
        at = end;
        printed += to_u64(length);
    }
    Ok((at, printed))
}

fn to_u64(length: usize) -> u64 {
    u64::try_from(length).expect("lengths fit 64 bits")
}

#[cfg(test)]
mod tests;
