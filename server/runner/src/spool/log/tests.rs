//! What a log gives back, whole, cut and torn.

use bytes::Bytes;

use super::*;
use crate::Stream;

fn piece(byte: u8, length: usize) -> OutputPiece {
    OutputPiece { stream: Stream::Stdout, bytes: Bytes::from(vec![byte; length]), dropped_before: 0 }
}

/// What a reader gets, frame by frame, equal ones counted: `a*3 gap*10 2 x b*2`.
async fn shown(mut cursor: Cursor) -> String {
    let mut shown: Vec<(String, u32)> = Vec::new();
    let mut show = |text: String| match shown.last_mut() {
        Some((last, count)) if *last == text => *count += 1,
        _ => shown.push((text, 1)),
    };
    loop {
        match cursor.next(CHUNK_BYTES).await.expect("read") {
            Part::Frames(frames) => {
                let mut at = 0;
                while let Some((_, length)) = parse_header(&frames[at..]).expect("frames") {
                    show(format!("{}*{length}", char::from(frames[at + HEADER_BYTES])));
                    at += HEADER_BYTES + length;
                }
            }
            Part::Gap(bytes) => show(format!("gap*{bytes}")),
            Part::End { whole } => {
                show(if whole { "end" } else { "cut" }.to_owned());
                let each = |(text, count): (String, u32)| if count == 1 { text } else { format!("{count} x {text}") };
                return shown.into_iter().map(each).collect::<Vec<_>>().join(" ");
            }
        }
    }
}

#[tokio::test]
async fn pieces_come_back_as_they_were_also_from_disk() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, mut writer) = Log::create(dir.path().into(), 100);
    let mut pieces: VecDeque<_> = [piece(b'a', 3), piece(b'b', 1), piece(b'c', 60)].into();
    writer.append(&mut pieces).expect("written");
    assert!(pieces.is_empty());
    log.end(true);
    assert_eq!(shown(log.read()).await, "a*3 b*1 c*60 end");
    let loaded = Log::load(dir.path().into(), false).expect("loaded");
    assert_eq!(shown(loaded.read()).await, "a*3 b*1 c*60 cut");
}

#[tokio::test]
async fn beyond_the_head_the_end_is_kept_and_the_gap_counted() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, mut writer) = Log::create(dir.path().into(), 100);
    let mut pieces: VecDeque<_> = [piece(b'a', 60), piece(b'b', 41)].into();
    // One MiB of each letter.
    pieces.extend((b'c'..=b'i').flat_map(|byte| (0..16).map(move |_| piece(byte, MAX_PIECE_BYTES))));
    writer.append(&mut pieces).expect("written");
    log.end(true);
    // `b` does not fit the head; it begins the end, and went with `c`, `d`, `e` and `f`.
    let gap = 41 + 4 * 16 * MAX_PIECE_BYTES;
    let expected = format!("a*60 gap*{gap} 16 x g*65536 16 x h*65536 16 x i*65536 end");
    assert_eq!(shown(log.read()).await, expected);
    let loaded = Log::load(dir.path().into(), true).expect("loaded");
    assert_eq!(shown(loaded.read()).await, expected);
    assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 4);
}

#[tokio::test]
async fn the_newest_reader_holds_back_and_keeps_the_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, mut writer) = Log::create(dir.path().into(), 0);
    let stuck = log.read();
    let mut reader = log.read();
    let mut pieces: VecDeque<_> = (0..150).map(|_| piece(b'x', MAX_PIECE_BYTES)).collect();
    writer.append(&mut pieces).expect("written");
    assert!(log.shelf().is_full());
    let mut read = 0;
    while log.shelf().is_full() {
        match reader.next(CHUNK_BYTES).await.expect("read") {
            Part::Frames(frames) => read += frames.len(),
            part => panic!("{part:?} was not expected"),
        }
    }
    log.room().await;
    assert_eq!(to_u64(read), reader.at);
    drop(reader);
    assert!(log.shelf().is_full(), "the one that was newest before counts again");
    drop(stuck);
    assert!(!log.shelf().is_full());
}

#[tokio::test]
async fn what_a_dead_runner_left_half_written_does_not_count() {
    let dir = tempfile::tempdir().expect("a directory");
    let (_, mut writer) = Log::create(dir.path().into(), 100);
    writer.append(&mut [piece(b'a', 3)].into()).expect("written");
    let path = dir.path().join(HEAD);
    let mut bytes = fs::read(&path).expect("read");
    bytes.extend_from_slice(&header(Kind::Stdout, 9));
    bytes.extend_from_slice(b"torn");
    fs::write(&path, bytes).expect("written");
    let loaded = Log::load(dir.path().into(), false).expect("loaded");
    assert_eq!(shown(loaded.read()).await, "a*3 cut");
}
