//! The output of one attempt, kept compactly: text in blocks, colours as marks in it that are read when a line is shown.

use std::collections::VecDeque;
use std::ops::Range;

use domain::Stream;

use super::ansi::{Painter, Span, Style};

/// The longest line that is shown whole, in characters.
pub const MAX_LINE: usize = 10_000;
/// How many lines a block holds.
const BLOCK: usize = 1024;
/// How many blocks go at once when there is too much, so that not every line moves all others.
const DROPPED_AT_ONCE: usize = 32;
/// Before a change of style: the next character says which. Control characters never get into the text themselves.
const MARK: char = '\u{1b}';

/// A line as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1 over both streams, in the order in which lines began.
    pub number: u64,
    /// Which stream it came from.
    pub stream: Stream,
    /// Its text.
    pub spans: Vec<Span>,
    /// Grows with every change while the line is written; 0 once it is complete.
    pub revision: u32,
}

impl Line {
    /// Its text without colours.
    #[must_use]
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }
}

/// Where a line is in its block.
#[derive(Debug, Clone, Copy)]
struct Entry {
    start: u32,
    end: u32,
    width: u32,
    stream: Stream,
}

/// Lines that follow each other, and the text of those that are complete, in the order in which they were completed.
#[derive(Debug, Clone, Default)]
struct Block {
    text: String,
    entries: Vec<Entry>,
}

/// A line that is being written.
#[derive(Debug, Clone)]
struct Open {
    number: u64,
    text: String,
    style: Style,
    length: usize,
    width: u32,
    revision: u32,
}

/// Where one of the two streams stands.
#[derive(Debug, Clone, Default)]
struct Writer {
    painter: Painter,
    /// The line that it goes on with.
    open: Option<Open>,
    /// After a carriage return: what comes next begins the line anew, unless it is a line feed.
    returned: bool,
}

/// The output of one attempt at a step.
#[derive(Debug, Clone, Default)]
pub struct Console {
    blocks: VecDeque<Block>,
    /// The numbers of the lines on stderr that are kept.
    errors: VecDeque<u64>,
    total: u64,
    earlier: u64,
    bytes: usize,
    last_seq: u64,
    cut: bool,
    tail: bool,
    stdout: Writer,
    stderr: Writer,
}

impl Console {
    /// What a server sent with the page; `cut` where its beginning is missing.
    #[must_use]
    pub fn of_tail(text: &str, cut: bool) -> Self {
        let mut console = Self { cut, tail: true, ..Self::default() };
        console.write(Stream::Stdout, text);
        console
    }

    /// How many lines there are, kept or not.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How many lines are no longer kept.
    #[must_use]
    pub const fn earlier(&self) -> u64 {
        self.earlier
    }

    /// Whether its beginning was not sent, so that the numbers of its lines are not known.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether it came with the page, without its streams.
    #[must_use]
    pub const fn is_tail(&self) -> bool {
        self.tail
    }

    /// The number of the last piece of output in it; grows with every change.
    #[must_use]
    pub const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// How much memory its lines take, about.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many lines there are to show.
    #[must_use]
    pub fn count(&self, errors_only: bool) -> usize {
        if errors_only { self.errors.len() } else { usize::try_from(self.total - self.earlier).unwrap_or(usize::MAX) }
    }

    /// The number of the line at this place among those to show.
    #[must_use]
    pub fn number_at(&self, errors_only: bool, index: usize) -> Option<u64> {
        if errors_only {
            return self.errors.get(index).copied();
        }
        let number = self.earlier + index as u64 + 1;
        (number <= self.total).then_some(number)
    }

    /// The place of a line among those to show.
    #[must_use]
    pub fn index_of(&self, errors_only: bool, number: u64) -> Option<usize> {
        if errors_only {
            return self.errors.binary_search(&number).ok();
        }
        (number > self.earlier && number <= self.total).then(|| usize::try_from(number - self.earlier - 1).ok())?
    }

    /// How many columns the line at this place takes.
    #[must_use]
    pub fn width_at(&self, errors_only: bool, index: usize) -> u32 {
        let Some(number) = self.number_at(errors_only, index) else { return 0 };
        match self.open(number) {
            Some(open) => open.width,
            None => self.entry(number).map_or(0, |(_, entry)| entry.width),
        }
    }

    /// The lines at these places among those to show, the oldest first.
    #[must_use]
    pub fn lines(&self, errors_only: bool, range: Range<usize>) -> Vec<Line> {
        let numbers = range.map_while(|index| self.number_at(errors_only, index));
        numbers.filter_map(|number| self.line(number)).collect()
    }

    /// A line.
    #[must_use]
    pub fn line(&self, number: u64) -> Option<Line> {
        let (_, entry) = self.entry(number)?;
        let revision = self.open(number).map_or(0, |open| open.revision);
        Some(Line { number, stream: entry.stream, spans: spans(self.marked(number)?), revision })
    }

    /// The text of a line without its colours, in `buffer`, which is emptied first.
    pub fn read(&self, number: u64, buffer: &mut String) {
        buffer.clear();
        if let Some(text) = self.marked(number) {
            strip(text, buffer);
        }
    }

    /// The text of all lines to show.
    #[must_use]
    pub fn text(&self, errors_only: bool) -> String {
        let mut text = String::with_capacity(if errors_only { 0 } else { self.bytes });
        for number in (0..self.count(errors_only)).map_while(|index| self.number_at(errors_only, index)) {
            strip(self.marked(number).unwrap_or_default(), &mut text);
            text.push('\n');
        }
        text
    }

    /// The lowest number from which on lines may still change.
    #[must_use]
    pub fn complete_up_to(&self) -> u64 {
        let open = [&self.stdout, &self.stderr].into_iter().filter_map(|writer| writer.open.as_ref());
        open.map(|open| open.number - 1).min().unwrap_or(self.total)
    }

    /// Adds a numbered piece of output; one that came before changes nothing.
    pub fn add(&mut self, seq: u64, stream: Stream, text: &str) {
        if seq > self.last_seq {
            self.last_seq = seq;
            self.write(stream, text);
        }
    }

    /// Adds a piece of output. A line may begin in one piece and end in a later one.
    pub fn write(&mut self, stream: Stream, text: &str) {
        let mut writer = std::mem::take(self.writer(stream));
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            // Nearly everything is plain text: it goes in piece by piece, not letter by letter.
            let plain = if writer.painter.is_in_text() { plain_length(rest) } else { 0 };
            if plain > 0 {
                let (piece, after) = rest.split_at(plain);
                self.put(&mut writer, stream, piece);
                rest = after;
                continue;
            }
            rest = &rest[letter.len_utf8()..];
            match writer.painter.read(letter) {
                None => {}
                Some('\r') => writer.returned = true,
                Some('\n') => {
                    let open = writer.open.take().filter(|open| open.number > self.earlier);
                    let open = open.unwrap_or_else(|| self.begin(stream));
                    self.close(&open);
                    writer.returned = false;
                }
                Some(letter) => self.put(&mut writer, stream, letter.encode_utf8(&mut [0; 4])),
            }
        }
        *self.writer(stream) = writer;
    }

    /// Forgets the oldest lines. False: there is too little to forget.
    pub fn forget(&mut self) -> bool {
        let blocks = DROPPED_AT_ONCE.min(self.blocks.len().saturating_sub(1));
        for block in self.blocks.drain(..blocks) {
            self.earlier += block.entries.len() as u64;
            self.bytes -= block.text.len() + block.entries.len() * size_of::<Entry>();
        }
        let kept = self.errors.partition_point(|&number| number <= self.earlier);
        self.errors.drain(..kept);
        blocks > 0
    }

    fn writer(&mut self, stream: Stream) -> &mut Writer {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    /// Adds text to the line that its stream is at. A line that was forgotten while it was open goes on as a new one.
    fn put(&mut self, writer: &mut Writer, stream: Stream, text: &str) {
        if writer.open.as_ref().is_none_or(|open| open.number <= self.earlier) {
            writer.open = Some(self.begin(stream));
        }
        let Some(open) = &mut writer.open else { return };
        if std::mem::take(&mut writer.returned) {
            open.text.clear();
            open.style = Style::default();
            (open.length, open.width) = (0, 0);
        }
        open.add(writer.painter.style(), text);
    }

    fn begin(&mut self, stream: Stream) -> Open {
        if self.blocks.back().is_none_or(|block| block.entries.len() == BLOCK) {
            if let Some(block) = self.blocks.back_mut() {
                block.text.shrink_to_fit();
            }
            self.blocks.push_back(Block { text: String::new(), entries: Vec::with_capacity(BLOCK) });
        }
        self.total += 1;
        self.bytes += size_of::<Entry>();
        if let Some(block) = self.blocks.back_mut() {
            block.entries.push(Entry { start: 0, end: 0, width: 0, stream });
        }
        if stream == Stream::Stderr {
            self.errors.push_back(self.total);
        }
        Open { number: self.total, text: String::new(), style: Style::default(), length: 0, width: 0, revision: 1 }
    }

    fn close(&mut self, open: &Open) {
        let Some((block, index)) = self.place(open.number) else { return };
        let Some(block) = self.blocks.get_mut(block) else { return };
        let start = u32::try_from(block.text.len()).unwrap_or(u32::MAX);
        block.text.push_str(&open.text);
        let end = u32::try_from(block.text.len()).unwrap_or(u32::MAX);
        self.bytes += open.text.len();
        if let Some(entry) = block.entries.get_mut(index) {
            *entry = Entry { start, end, width: open.width, ..*entry };
        }
    }

    /// The block of a line, and its place in that. Every block but the last is full.
    fn place(&self, number: u64) -> Option<(usize, usize)> {
        let index = usize::try_from(number.checked_sub(self.earlier + 1)?).ok()?;
        Some((index / BLOCK, index % BLOCK))
    }

    fn entry(&self, number: u64) -> Option<(&Block, Entry)> {
        let (block, index) = self.place(number)?;
        let block = self.blocks.get(block)?;
        Some((block, *block.entries.get(index)?))
    }

    fn open(&self, number: u64) -> Option<&Open> {
        [&self.stdout, &self.stderr].into_iter().filter_map(|writer| writer.open.as_ref()).find(|open| open.number == number)
    }

    fn marked(&self, number: u64) -> Option<&str> {
        if let Some(open) = self.open(number) {
            return Some(&open.text);
        }
        let (block, Entry { start, end, .. }) = self.entry(number)?;
        block.text.get(start as usize..end as usize)
    }
}

impl Open {
    fn add(&mut self, style: Style, text: &str) {
        self.revision = self.revision.wrapping_add(1).max(1);
        if self.length > MAX_LINE {
            return;
        }
        if style != self.style {
            self.style = style;
            self.text.push(MARK);
            self.text.push(style.to_char());
        }
        for letter in text.chars() {
            self.length += 1;
            if self.length > MAX_LINE {
                self.text.push('…');
                self.width += 1;
                return;
            }
            self.text.push(letter);
            self.width += columns(letter, self.width);
        }
    }
}

/// How many columns a character takes where it stands.
fn columns(letter: char, at: u32) -> u32 {
    match letter {
        '\t' => 8 - at % 8,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' => 2,
        '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// How many bytes there are before the first control character.
fn plain_length(text: &str) -> usize {
    // 0xC2 begins the control characters from U+0080 on, and a few others, which are then read one by one.
    text.bytes().position(|byte| byte < b' ' || byte == 0x7f || byte == 0xc2).unwrap_or(text.len())
}

fn strip(text: &str, into: &mut String) {
    let mut pieces = text.split(MARK);
    into.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let mut letters = piece.chars();
        letters.next();
        into.push_str(letters.as_str());
    }
}

fn spans(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut add = |style, text: &str| {
        if !text.is_empty() {
            spans.push(Span { style, text: text.to_owned() });
        }
    };
    let mut pieces = text.split(MARK);
    add(Style::default(), pieces.next().unwrap_or_default());
    for piece in pieces {
        let mut letters = piece.chars();
        let style = letters.next().map(Style::from_char).unwrap_or_default();
        add(style, letters.as_str());
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use Stream::{Stderr, Stdout};

    fn console(pieces: &[(Stream, &str)]) -> Console {
        let mut console = Console::default();
        for (stream, text) in pieces {
            console.write(*stream, text);
        }
        console
    }

    fn all(console: &Console) -> Vec<Line> {
        console.lines(false, 0..console.count(false))
    }

    fn written(pieces: &[(Stream, &str)]) -> Vec<String> {
        all(&console(pieces)).iter().map(Line::text).collect()
    }

    #[test]
    fn a_line_may_come_in_several_pieces() {
        assert_eq!(written(&[(Stdout, "one\ntw"), (Stdout, "o\n\nfour")]), ["one", "two", "", "four"]);
    }

    #[test]
    fn the_two_streams_do_not_tear_each_others_lines() {
        let pieces = [(Stdout, "half "), (Stderr, "oops\n"), (Stdout, "whole\n")];
        assert_eq!(written(&pieces), ["half whole", "oops"]);
        let console = console(&pieces);
        assert_eq!((console.count(true), console.number_at(true, 0), console.index_of(true, 2)), (1, Some(2), Some(0)));
        assert_eq!(console.text(true), "oops\n");
        assert_eq!(console.text(false), "half whole\noops\n");
    }

    #[test]
    fn a_carriage_return_begins_the_line_anew_but_not_before_a_line_feed() {
        assert_eq!(written(&[(Stdout, "10 %\r20 %\r100 %\r\ndone\r"), (Stdout, "\nend")]), ["100 %", "done", "end"]);
    }

    #[test]
    fn a_colour_goes_on_over_pieces_and_lines_of_its_stream_only() {
        let console = console(&[(Stdout, "\x1b[3"), (Stderr, "plain\n"), (Stdout, "1mred\nstill red\n\x1b[0mcalm")]);
        let classes: Vec<_> = all(&console).iter().map(|line| line.spans[0].style.class()).collect();
        assert_eq!(classes, ["", "ansi-1", "ansi-1", ""]);
    }

    #[test]
    fn colours_are_no_part_of_the_text() {
        let console = console(&[(Stdout, "a\x1b[31mb\x1b[1mc\x1b[0md é\u{85}\n")]);
        assert_eq!(console.text(false), "abcd é\n");
        let line = console.line(1).expect("a line");
        let spans: Vec<_> = line.spans.iter().map(|span| (span.style.class(), span.text.as_str())).collect();
        let seen: Vec<_> = spans.iter().map(|(class, text)| (class.as_str(), *text)).collect();
        assert_eq!(seen, [("", "a"), ("ansi-1", "b"), ("ansi-1 ansi-b", "c"), ("", "d é")]);
    }

    #[test]
    fn a_line_changes_its_revision_until_it_is_complete() {
        let mut console = console(&[(Stdout, "10 %")]);
        let before = console.line(1).expect("a line").revision;
        console.write(Stdout, "\r20 %");
        let after = console.line(1).expect("a line").revision;
        assert!(before > 0 && after > before);
        assert_eq!(console.complete_up_to(), 0);
        console.write(Stdout, "\n");
        assert_eq!((console.line(1).expect("a line").revision, console.complete_up_to()), (0, 1));
    }

    #[test]
    fn a_million_lines_take_little_more_than_their_text() {
        let mut console = Console::default();
        let piece = "0123456789 0123456789 0123456789 0123456789\n".repeat(1_000);
        (0..1_000).for_each(|_| console.write(Stdout, &piece));
        assert_eq!(console.total(), 1_000_000);
        assert!(console.bytes() < 43_000_000 + 17_000_000, "{}", console.bytes());
        let held: usize = console.blocks.iter().map(|block| block.text.capacity()).sum();
        assert!(held < 44_000_000, "{held}");
        assert_eq!(console.line(777_777).map(|line| line.text().len()), Some(43));
    }

    #[test]
    fn the_oldest_lines_can_be_forgotten_and_are_counted() {
        let mut console = Console::default();
        let text: String = (1..=100_000).map(|number| format!("line {number}\n")).collect();
        console.write(Stdout, "begin ");
        console.write(Stderr, &text);
        assert!(console.forget());
        assert_eq!((console.total(), console.earlier()), (100_001, 32 * 1024));
        assert_eq!(console.number_at(false, 0), Some(32 * 1024 + 1));
        assert_eq!(console.number_at(true, 0), Some(32 * 1024 + 1));
        assert_eq!(console.line(32 * 1024), None);
        assert_eq!(console.line(100_001).map(|line| line.text()).as_deref(), Some("line 100000"));
        // The line that was open goes on as a new one.
        console.write(Stdout, "end\n");
        assert_eq!(console.line(100_002).map(|line| line.text()).as_deref(), Some("end"));
        while console.forget() {}
        assert!(console.count(false) <= BLOCK);
    }

    #[test]
    fn an_endless_line_is_cut_and_says_so() {
        let lines = written(&[(Stdout, &"x".repeat(3 * MAX_LINE)), (Stdout, "more\nnext")]);
        assert_eq!(lines[0].chars().count(), MAX_LINE + 1);
        assert!(lines[0].ends_with('…'));
        assert_eq!(lines[1], "next");
    }

    #[test]
    fn a_line_knows_how_many_columns_it_takes() {
        let console = console(&[(Stdout, "abc\n\tx\nab\tx\n数\n\x1b[31mé\x1b[0m\n")]);
        let widths: Vec<_> = (0..5).map(|index| console.width_at(false, index)).collect();
        assert_eq!(widths, [3, 9, 9, 2, 1]);
    }
}
