//! Puts values into Markdown so that they are read as they are: none becomes a link, an image, a heading or HTML.
//!
//! The text is read once with placeholders, which mean nothing there; what each stands in says how its value is written. Only
//! marks that could matter are escaped, for the text is also read as it is written: in a report, before a run, by the API.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::Value;

use super::{CLOSE, OPEN, percent, plain};

/// Marks that mean something anywhere in prose.
const MARKS: [char; 9] = ['\\', '`', '*', '[', ']', '<', '&', '|', '~'];
/// Marks that mean something at the beginning of a line, or right behind what the text has there.
const FIRST_MARKS: [char; 8] = ['#', '>', '-', '+', '=', '(', ':', '!'];

/// A part of the text, and what it is. What is in none of them is an address or is not shown.
struct Region {
    range: Range<usize>,
    place: Place,
    in_heading: bool,
    in_table: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Prose,
    /// `code`
    Span,
    /// Code of several lines.
    Code,
    Html,
}

/// What the pages read (`app`, `components::markdown`).
pub(super) fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

/// Puts the values in the places of their placeholders.
pub(super) fn fill(text: &str, values: &[Value]) -> String {
    let values: Vec<String> = values.iter().map(plain).collect();
    let regions = regions(text);
    let ticks = longest_ticks(text, &values) + 1;
    // How many bytes are replaced at each place, and by what.
    let mut edits: BTreeMap<usize, (usize, String)> = BTreeMap::new();
    for at in marks_before_values(text) {
        if region(&regions, at).is_some_and(|region| region.place == Place::Prose) && !is_escaped(text, at) {
            edits.insert(at, (0, "\\".to_owned()));
        }
    }
    for (range, index) in placeholders(text) {
        let value = values.get(index).map_or("", String::as_str);
        let written = match region(&regions, range.start) {
            None => percent(value),
            Some(Region { place: Place::Html, .. }) => entities(value),
            // A line break would end a heading, and a row of a table.
            Some(Region { place: Place::Prose, in_heading, in_table, .. }) => prose(value, *in_heading || *in_table),
            Some(Region { place: Place::Code, range: code, .. }) => lines_of_code(value, &indent(text, code, range.start)),
            Some(Region { place: Place::Span, range: span, in_table, .. }) => {
                if value.contains('`') {
                    widen(text, span, ticks, &mut edits);
                }
                let value = lines(value).join(" ");
                // In a table a bar would end the cell, in code too.
                if *in_table { value.replace('|', "\\|") } else { value }
            }
        };
        edits.insert(range.start, (range.len(), written));
    }
    let mut out = String::with_capacity(text.len());
    let mut told = 0;
    for (at, (replaced, by)) in edits {
        out.push_str(&text[told..at]);
        out.push_str(&by);
        told = at + replaced;
    }
    out + &text[told..]
}

fn regions(text: &str) -> Vec<Region> {
    let mut regions = Vec::new();
    let (mut in_heading, mut in_table, mut in_code) = (false, false, false);
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        let place = match event {
            Event::Text(_) if in_code => Place::Code,
            Event::Text(_) => Place::Prose,
            Event::Code(_) => Place::Span,
            Event::Html(_) | Event::InlineHtml(_) => Place::Html,
            other => {
                match other {
                    Event::Start(Tag::Heading { .. }) => in_heading = true,
                    Event::End(TagEnd::Heading(_)) => in_heading = false,
                    Event::Start(Tag::Table(_)) => in_table = true,
                    Event::End(TagEnd::Table) => in_table = false,
                    Event::Start(Tag::CodeBlock(_)) => in_code = true,
                    Event::End(TagEnd::CodeBlock) => in_code = false,
                    _ => {}
                }
                continue;
            }
        };
        regions.push(Region { range, place, in_heading, in_table });
    }
    regions
}

fn region(regions: &[Region], at: usize) -> Option<&Region> {
    let after = regions.partition_point(|region| region.range.start <= at);
    regions[..after].last().filter(|region| region.range.contains(&at))
}

/// Where placeholders stand, and the numbers of their values.
fn placeholders(text: &str) -> impl Iterator<Item = (Range<usize>, usize)> {
    text.match_indices(OPEN).map(|(start, _)| {
        let end = text[start..].find(CLOSE).map_or(text.len(), |length| start + length + CLOSE.len_utf8());
        let number = text[start..end].trim_matches([OPEN, CLOSE]).parse().unwrap_or(usize::MAX);
        (start..end, number)
    })
}

/// Marks of the text itself that mean nothing as it stands, and could with a value behind them: the `<` of `<{{ x }}>`, the
/// parenthesis of `[here]({{ x }} {{ y }})`.
fn marks_before_values(text: &str) -> Vec<usize> {
    let (mut tag, mut address) = (false, false);
    let mut marks = Vec::new();
    for (at, c) in text.char_indices().rev() {
        match c {
            OPEN => (tag, address) = (true, true),
            '>' => tag = false,
            ')' => address = false,
            '<' if tag => marks.push(at),
            '(' if address && text[..at].ends_with(']') => marks.push(at),
            _ => {}
        }
    }
    marks
}

fn is_escaped(text: &str, at: usize) -> bool {
    text[..at].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Without the line ends that programs end their output with.
fn lines(value: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = value.trim_end_matches(['\n', '\r']);
    while let Some(at) = rest.find(['\n', '\r']) {
        lines.push(&rest[..at]);
        rest = rest[at..].strip_prefix("\r\n").unwrap_or(&rest[at + 1..]);
    }
    lines.push(rest);
    lines
}

fn prose(value: &str, one_line: bool) -> String {
    let mut out = String::with_capacity(value.len());
    for (number, line) in lines(value).into_iter().enumerate() {
        // Four spaces could begin code.
        let words = line.trim_start_matches([' ', '\t']);
        match number {
            0 if words.len() < line.len() => out.push(' '),
            0 => {}
            _ if one_line => out.push(' '),
            // A line of its own; an empty one would end the paragraph.
            _ => out.push_str("\\\n"),
        }
        escape(words, &mut out);
    }
    out
}

fn escape(line: &str, out: &mut String) {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    for (at, c) in line.char_indices() {
        let (before, after) = (&line[..at], &line[at + c.len_utf8()..]);
        let matters = match c {
            // Between two letters it is part of a name.
            '_' => !(before.ends_with(char::is_alphanumeric) && after.starts_with(char::is_alphanumeric)),
            // The number of a list.
            '.' | ')' => at == digits && (after.is_empty() || after.starts_with([' ', '\t'])),
            // The end of a heading, an image with the link that follows.
            '#' | '!' if after.trim_start_matches('#').trim().is_empty() => true,
            _ => MARKS.contains(&c) || (at == 0 && FIRST_MARKS.contains(&c)),
        };
        if matters {
            out.push('\\');
        }
        out.push(c);
    }
}

/// What the lines of code begin with where the code is part of a list or a quotation.
fn indent(text: &str, code: &Range<usize>, at: usize) -> String {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = if code.start >= line { code.start } else { at - text[line..at].trim_start_matches([' ', '\t', '>']).len() };
    text[line..end].chars().map(|c| if c == '>' || c == '\t' { c } else { ' ' }).collect()
}

fn lines_of_code(value: &str, indent: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for (number, line) in lines(value).into_iter().enumerate() {
        if number > 0 {
            out.push('\n');
            out.push_str(indent);
        }
        // What is indented by four ends no code (CommonMark, section 4.5).
        if ["```", "~~~"].iter().any(|fence| line.trim_start().starts_with(fence)) {
            out.push_str("    ");
        }
        out.push_str(line);
    }
    out
}

/// Gives code longer delimiters than any that a value could bring.
fn widen(text: &str, span: &Range<usize>, ticks: usize, edits: &mut BTreeMap<usize, (usize, String)>) {
    let code = &text[span.clone()];
    let old = code.len() - code.trim_start_matches('`').len();
    let inner = &code[old..code.len() - old];
    // One space at each end is not shown.
    let pad = if inner.starts_with(' ') && inner.ends_with(' ') { "" } else { " " };
    let delimiter = "`".repeat(ticks);
    edits.insert(span.start, (old, format!("{delimiter}{pad}")));
    edits.insert(span.end - old, (old, format!("{pad}{delimiter}")));
}

fn longest_ticks(text: &str, values: &[String]) -> usize {
    let texts = std::iter::once(text).chain(values.iter().map(String::as_str));
    texts.flat_map(|text| text.split(|c| c != '`').map(str::len)).max().unwrap_or(0)
}

/// As HTML reads it in a text and in an attribute, quoted or not.
fn entities(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in lines(value).join(" ").chars() {
        if c.is_ascii() && !c.is_ascii_alphanumeric() {
            // Writing to a string cannot fail.
            let _ = write!(out, "&#{};", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}
