//! Markdown becomes a runbook: sections become instructions, shell fences commands, and nothing of the text is lost.
//!
//! The parser only says where headings, fences and list items are; the text itself is cut from the source.

mod front_matter;
mod shell;

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::block::{BlockKind, CommandBlock, InstructionBlock, MAX_BLOCKS, MAX_TEXT};
use crate::{Block, Faults};
use shell::{Language, Script};

/// The longest name of a block, and the longest title, in characters.
const MAX_NAME: usize = 200;
/// The most headings and scripts: some become no block, or become one together.
const MAX_CUTS: usize = 4 * MAX_BLOCKS;
/// Where the faults are.
const PATH: &str = "$.markdown";

/// What a document became.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// From the front matter, else the first heading, else what was given.
    pub title: String,
    /// From the front matter; else empty.
    pub description: String,
    /// From the front matter; else none.
    pub tags: Vec<String>,
    /// In the order of the document.
    pub blocks: Vec<Block>,
}

/// Reads Markdown.
///
/// # Errors
/// At `$.markdown` where it is blank, holds the NUL character, or would become more or longer blocks than a runbook has.
pub fn markdown(source: &str, fallback_title: &str) -> Result<Imported, Faults> {
    let source = source.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    if source.trim().is_empty() {
        return Err(Faults::one(PATH, "there is no text to import"));
    }
    if source.contains('\0') {
        return Err(Faults::one(PATH, "the text must not hold the NUL character"));
    }
    let (front, body) = front_matter::split(&source);
    let outline = Outline::read(body);
    if outline.cuts.len() > MAX_CUTS {
        let message =
            format!("{} headings and scripts are more than a runbook of {MAX_BLOCKS} blocks can hold", outline.cuts.len());
        return Err(Faults::one(PATH, message));
    }
    let mut assembly = Assembly { title: front.title, ..Assembly::default() };
    assembly.read(body, &outline);
    let mut blocks = assembly.blocks;
    if !front.rest.is_empty() {
        prepend(&mut blocks, shell::fenced("yaml", &front.rest));
    }

    if blocks.len() > MAX_BLOCKS {
        let message = format!("this would become {} blocks; a runbook has at most {MAX_BLOCKS}", blocks.len());
        return Err(Faults::one(PATH, message));
    }
    if let Some(block) = blocks.iter().find(|block| text_of(block).len() > MAX_TEXT) {
        let message = format!("“{}” is longer than {} KiB; divide it with headings", block.title(), MAX_TEXT / 1024);
        return Err(Faults::one(PATH, message));
    }
    Ok(Imported {
        title: assembly.title.unwrap_or_else(|| fallback_title.to_owned()),
        description: front.description.unwrap_or_default(),
        tags: front.tags,
        blocks,
    })
}

fn text_of(block: &Block) -> &str {
    match &block.kind {
        BlockKind::Instruction(block) => &block.text,
        BlockKind::Command(block) => &block.command,
        _ => "",
    }
}

/// Puts text at the top of the first instruction, or before everything where the document begins with a command.
fn prepend(blocks: &mut Vec<Block>, text: String) {
    match blocks.first_mut().map(|block| &mut block.kind) {
        Some(BlockKind::Instruction(first)) => first.text = format!("{text}\n\n{}", first.text),
        _ => blocks.insert(0, instruction(String::new(), text)),
    }
}

fn instruction(name: String, text: String) -> Block {
    Block::new(name, BlockKind::Instruction(InstructionBlock { text, acknowledge: false }))
}

/// The letters and digits of a text, in words: what must not be lost of it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// Where the document is cut.
struct Outline {
    cuts: Vec<Cut>,
    items: Vec<Item>,
}

/// A place that ends one block and begins another.
struct Cut {
    range: Range<usize>,
    kind: CutKind,
}

enum CutKind {
    Heading { level: HeadingLevel, text: String },
    Fence { language: Language, label: String, script: Script },
}

/// A list item, and the column at which its text begins.
struct Item {
    range: Range<usize>,
    column: usize,
}

impl Outline {
    fn read(body: &str) -> Self {
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
        let mut outline = Self { cuts: Vec::new(), items: Vec::new() };
        let mut depth = 0_usize;
        let mut heading: Option<String> = None;
        let mut fence: Option<(Language, String, String)> = None;
        for (event, range) in Parser::new_ext(body, options).into_offset_iter() {
            match event {
                Event::Start(tag) => {
                    match tag {
                        Tag::Heading { level: HeadingLevel::H1 | HeadingLevel::H2, .. } if depth == 0 => {
                            heading = Some(String::new());
                        }
                        Tag::CodeBlock(CodeBlockKind::Fenced(info)) => {
                            fence = shell::language(&info).map(|(language, label)| (language, label.to_owned(), String::new()));
                        }
                        Tag::Item => outline.items.push(Item { column: content_column(body, range.start), range }),
                        _ => {}
                    }
                    depth += 1;
                }
                Event::End(tag) => {
                    depth -= 1;
                    match tag {
                        TagEnd::Heading(level) => {
                            if let Some(text) = heading.take() {
                                outline.cut(body, range, CutKind::Heading { level, text });
                            }
                        }
                        TagEnd::CodeBlock => {
                            if let Some((language, label, content)) = fence.take()
                                && let Some(script) = shell::script(language, &content)
                            {
                                outline.cut(body, range, CutKind::Fence { language, label, script });
                            }
                        }
                        _ => {}
                    }
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some((_, _, content)) = &mut fence {
                        content.push_str(&text);
                    } else if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::SoftBreak | Event::HardBreak => {
                    if let Some(heading) = &mut heading {
                        heading.push(' ');
                    }
                }
                _ => {}
            }
        }
        outline
    }

    /// Notes a cut, widened to whole lines; a list marker before a fence stays outside.
    fn cut(&mut self, body: &str, range: Range<usize>, kind: CutKind) {
        let line = line_start(body, range.start);
        let alone = body[line..range.start].chars().all(|c| matches!(c, ' ' | '\t' | '>'));
        let start = if alone { line } else { range.start };
        let ended = body[..range.end].ends_with('\n');
        let end = if ended { range.end } else { body[range.end..].find('\n').map_or(body.len(), |at| range.end + at + 1) };
        self.cuts.push(Cut { range: start..end, kind });
    }

    /// The text between two cuts, without the indentation of list items that began before it.
    fn piece(&self, body: &str, range: Range<usize>, open: &mut OpenItems) -> String {
        let open = open.at(&self.items, range.start);
        let mut text = String::new();
        let mut column = None;
        let mut at = range.start;
        for line in body[range].split_inclusive('\n') {
            let within = open.iter().filter(|item| item.range.end > at).map(|item| item.column).max().unwrap_or(0);
            // Where an item ends, what follows must not become part of its last paragraph.
            if column.is_some_and(|before| before != within) && !text.ends_with("\n\n") {
                text.push('\n');
            }
            column = Some(within);
            outdent(line, within, &mut text);
            at += line.len();
        }
        let blank = text.len() - text.trim_start().len();
        text[line_start(&text, blank)..].trim_end().to_owned()
    }
}

/// The list items that are open at a place; places come in the order of the text, as items do, so that each item is looked at once.
#[derive(Default)]
struct OpenItems {
    next: usize,
    open: Vec<usize>,
}

impl OpenItems {
    fn at<'a>(&mut self, items: &'a [Item], place: usize) -> Vec<&'a Item> {
        while items.get(self.next).is_some_and(|item| item.range.start < place) {
            self.open.push(self.next);
            self.next += 1;
        }
        self.open.retain(|index| items[*index].range.end > place);
        self.open.iter().map(|index| &items[*index]).collect()
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The column after `c`, which stands at `column`.
fn advance(column: usize, c: char) -> usize {
    if c == '\t' { column + 4 - column % 4 } else { column + 1 }
}

/// The column at which the text of the list item at `start` begins.
fn content_column(body: &str, start: usize) -> usize {
    let line = line_start(body, start);
    let mut column = body[line..start].chars().fold(0, advance);
    let mut rest = body[start..].chars().peekable();
    while let Some(c) = rest.next_if(|c| matches!(c, ' ' | '\t')) {
        column = advance(column, c);
    }
    while rest.next_if(|c| !c.is_whitespace()).is_some_and(|c| c.is_ascii_digit()) {
        column += 1;
    }
    column += 1;
    let marker = column;
    while let Some(c) = rest.next_if(|c| matches!(c, ' ' | '\t')) {
        column = advance(column, c);
    }
    let text_follows = rest.peek().is_some_and(|c| *c != '\n');
    if text_follows && column - marker <= 4 { column } else { marker + 1 }
}

/// Appends a line without the white space before `width`; the marks of block quotes stay.
fn outdent(line: &str, width: usize, text: &mut String) {
    let mut column = 0;
    let mut rest = line;
    while column < width {
        let Some(c) = rest.chars().next().filter(|c| matches!(c, ' ' | '\t' | '>')) else { break };
        rest = &rest[1..];
        column = advance(column, c);
        if c == '>' {
            text.push_str("> ");
        } else if column > width {
            text.push_str(&" ".repeat(column - width));
        }
    }
    text.push_str(rest);
}

/// The blocks so far, and the heading that waits for the first block of its section.
#[derive(Default)]
struct Assembly {
    title: Option<String>,
    blocks: Vec<Block>,
    heading: Option<Waiting>,
    seen_h1: bool,
}

struct Waiting {
    name: String,
    source: String,
    /// The name says all that the heading says.
    whole: bool,
}

impl Assembly {
    fn read(&mut self, body: &str, outline: &Outline) {
        let mut at = 0;
        let mut open = OpenItems::default();
        for cut in &outline.cuts {
            self.prose(outline.piece(body, at..cut.range.start, &mut open));
            at = cut.range.end;
            match &cut.kind {
                CutKind::Heading { level, text } => {
                    self.flush();
                    self.heading(*level, text, body[cut.range.clone()].trim_end());
                }
                CutKind::Fence { language, label, script } => self.command(*language, label, script),
            }
        }
        self.prose(outline.piece(body, at..body.len(), &mut open));
        self.flush();
    }

    fn heading(&mut self, level: HeadingLevel, text: &str, source: &str) {
        let text = text.trim();
        let name: String = text.chars().take(MAX_NAME).collect();
        let whole = words(source).eq(words(&name));
        let first_h1 = level == HeadingLevel::H1 && !std::mem::replace(&mut self.seen_h1, true);
        if first_h1 && !name.is_empty() {
            let title = self.title.get_or_insert_with(|| name.clone());
            if whole && words(title).eq(words(&name)) {
                return;
            }
        }
        self.heading = Some(Waiting { name: name.trim_end().to_owned(), source: source.to_owned(), whole });
    }

    fn prose(&mut self, text: String) {
        if text.chars().all(|c| c.is_whitespace() || ">-*+_".contains(c)) {
            return;
        }
        let (name, text) = match self.heading.take() {
            Some(heading) if heading.whole => (heading.name, text),
            Some(heading) => (heading.name, format!("{}\n\n{text}", heading.source)),
            None => (String::new(), text),
        };
        self.blocks.push(instruction(name, text));
    }

    fn command(&mut self, language: Language, label: &str, script: &Script) {
        let label_fits = label.chars().count() <= MAX_NAME;
        if !label.is_empty() || self.heading.as_ref().is_some_and(|heading| !heading.whole) {
            self.flush();
        }
        if !label_fits {
            self.prose(label.to_owned());
        }
        let name = match self.heading.take() {
            Some(heading) => heading.name,
            None if label_fits => label.to_owned(),
            None => String::new(),
        };
        self.blocks.push(Block::new(
            name,
            BlockKind::Command(CommandBlock {
                command: shell::escape_template(&script.command),
                interpreter: language.interpreter().to_owned(),
                ..CommandBlock::default()
            }),
        ));
        if !script.output.is_empty() {
            self.prose(format!("Sample output:\n\n{}", shell::fenced("text", &script.output)));
        }
    }

    /// A heading with nothing below it is an instruction of its own.
    fn flush(&mut self) {
        if let Some(heading) = self.heading.take().filter(|heading| words(&heading.source).next().is_some()) {
            self.blocks.push(instruction(String::new(), heading.source));
        }
    }
}

#[cfg(test)]
mod tests;
