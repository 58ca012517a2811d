//! Terminal output as styled text. An allow-list: eight colours and bold come through, every other control sequence is
//! dropped, so that no output can do more than be read.

/// How a piece of output looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// One of the eight colours of a terminal, `0` to `7`.
    pub colour: Option<u8>,
    /// Whether it is bold.
    pub bold: bool,
}

impl Style {
    /// The classes of the style sheet; empty where the text is plain.
    #[must_use]
    pub fn class(self) -> String {
        match (self.colour, self.bold) {
            (None, false) => String::new(),
            (None, true) => "ansi-b".to_owned(),
            (Some(colour), false) => format!("ansi-{colour}"),
            (Some(colour), true) => format!("ansi-{colour} ansi-b"),
        }
    }

    /// The style as one printable character, and back.
    #[must_use]
    pub fn to_char(self) -> char {
        let colour = self.colour.map_or(0, |colour| colour + 1);
        char::from(b'@' + colour + if self.bold { 16 } else { 0 })
    }

    /// What [`Style::to_char`] made.
    #[must_use]
    pub fn from_char(letter: char) -> Self {
        let code = u8::try_from(letter).unwrap_or(b'@').saturating_sub(b'@');
        Self { colour: (code & 15).checked_sub(1), bold: code & 16 != 0 }
    }

    /// Applies the parameters of one “select graphic rendition” sequence.
    fn select(&mut self, parameters: &str) {
        let mut codes = parameters.split(';');
        while let Some(code) = codes.next() {
            match code.parse::<u8>().unwrap_or(if code.is_empty() { 0 } else { u8::MAX }) {
                0 => *self = Self::default(),
                1 => self.bold = true,
                22 => self.bold = false,
                code @ 30..=37 => self.colour = Some(code - 30),
                39 => self.colour = None,
                code @ 90..=97 => self.colour = Some(code - 90),
                38 => {
                    if let Some(colour) = extended(&mut codes) {
                        self.colour = Some(colour);
                    }
                }
                // The colours of the background and of underlines: read, so that their numbers are not taken for others.
                48 | 58 => {
                    extended(&mut codes);
                }
                _ => {}
            }
        }
    }
}

/// Reads `5;n` or `2;r;g;b` after a 38 or 48; a colour where it is one of the sixteen that every terminal has.
fn extended<'a>(codes: &mut impl Iterator<Item = &'a str>) -> Option<u8> {
    match codes.next()? {
        "5" => match codes.next()?.parse::<u8>().ok()? {
            colour @ 0..=7 => Some(colour),
            colour @ 8..=15 => Some(colour - 8),
            _ => None,
        },
        "2" => {
            codes.by_ref().take(3).for_each(drop);
            None
        }
        _ => None,
    }
}

/// A piece of a line in one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// How it looks.
    pub style: Style,
    /// What it says.
    pub text: String,
}

/// The longest list of parameters that is read; real ones have a few dozen characters.
const MAX_PARAMETERS: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// After `ESC (` and its like: one more character belongs to it.
    Charset,
    /// In a control sequence, `ESC [`.
    Control,
    /// In a command for the terminal, such as a title or a link, up to BEL or `ESC \`.
    Command,
    /// After an ESC in such a command.
    CommandEscape,
}

/// Reads output one character at a time and remembers the style, also from one piece of output to the next.
#[derive(Debug, Clone, Default)]
pub struct Painter {
    style: Style,
    place: Place,
    parameters: String,
}

impl Painter {
    /// The style of the character read last.
    #[must_use]
    pub const fn style(&self) -> Style {
        self.style
    }

    /// Whether what comes next is text, as far as it holds no control character.
    #[must_use]
    pub fn is_in_text(&self) -> bool {
        self.place == Place::Text
    }

    /// Reads a character; gives it back where it is text, a tab, a line feed or a carriage return.
    pub fn read(&mut self, letter: char) -> Option<char> {
        // A sequence that nobody ended must not swallow the rest of the output.
        if letter == '\n' {
            self.place = Place::Text;
            return Some(letter);
        }
        match self.place {
            Place::Text => return self.text(letter),
            Place::Escape => self.escape(letter),
            Place::Charset => self.place = Place::Text,
            Place::Control => self.control(letter),
            Place::Command => match letter {
                '\u{7}' | '\u{9c}' => self.place = Place::Text,
                '\u{1b}' => self.place = Place::CommandEscape,
                _ => {}
            },
            Place::CommandEscape => match letter {
                '\\' => self.place = Place::Text,
                _ => self.escape(letter),
            },
        }
        None
    }

    fn text(&mut self, letter: char) -> Option<char> {
        match letter {
            '\u{1b}' => self.place = Place::Escape,
            '\u{9b}' => self.begin_control(),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => self.place = Place::Command,
            '\t' | '\r' => return Some(letter),
            _ if letter.is_control() => {}
            _ => return Some(letter),
        }
        None
    }

    fn escape(&mut self, letter: char) {
        match letter {
            '[' => self.begin_control(),
            ']' | 'P' | 'X' | '^' | '_' => self.place = Place::Command,
            ' '..='/' => self.place = Place::Charset,
            '\u{1b}' => self.place = Place::Escape,
            _ => self.place = Place::Text,
        }
    }

    fn begin_control(&mut self) {
        self.parameters.clear();
        self.place = Place::Control;
    }

    fn control(&mut self, letter: char) {
        match letter {
            '\u{1b}' => self.place = Place::Escape,
            '@'..='~' => {
                self.place = Place::Text;
                if letter == 'm' && self.parameters.bytes().all(|byte| byte.is_ascii_digit() || byte == b';') {
                    self.style.select(&self.parameters);
                }
            }
            ' '..='?' if self.parameters.len() < MAX_PARAMETERS => self.parameters.push(letter),
            ' '..='?' => {}
            _ => self.place = Place::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(text: &str) -> Vec<(String, String)> {
        let mut painter = Painter::default();
        let mut spans: Vec<Span> = Vec::new();
        for letter in text.chars() {
            let Some(letter) = painter.read(letter) else { continue };
            match spans.last_mut() {
                Some(last) if last.style == painter.style() => last.text.push(letter),
                _ => spans.push(Span { style: painter.style(), text: letter.into() }),
            }
        }
        spans.into_iter().map(|span| (span.style.class(), span.text)).collect()
    }

    fn plain(text: &str) -> String {
        painted(text).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn colours_and_bold_become_classes() {
        let spans = painted("a\x1b[31mb\x1b[1mc\x1b[0md\x1b[92me\x1b[39;22mf");
        let seen: Vec<_> = spans.iter().map(|(class, text)| (class.as_str(), text.as_str())).collect();
        assert_eq!(seen, [("", "a"), ("ansi-1", "b"), ("ansi-1 ansi-b", "c"), ("", "d"), ("ansi-2", "e"), ("", "f")]);
    }

    #[test]
    fn a_style_fits_into_a_character() {
        for colour in [None, Some(0), Some(7)] {
            for bold in [false, true] {
                let style = Style { colour, bold };
                assert_eq!(Style::from_char(style.to_char()), style);
            }
        }
    }

    #[test]
    fn an_empty_sequence_resets() {
        assert_eq!(painted("\x1b[31;1mx\x1b[my").last(), Some(&(String::new(), "y".to_owned())));
    }

    #[test]
    fn numbers_of_extended_colours_are_not_taken_for_plain_ones() {
        assert_eq!(painted("\x1b[38;5;1mx"), [("ansi-1".to_owned(), "x".to_owned())]);
        assert_eq!(painted("\x1b[38;5;200mx"), [(String::new(), "x".to_owned())]);
        assert_eq!(painted("\x1b[38;2;31;32;33mx"), [(String::new(), "x".to_owned())]);
        assert_eq!(painted("\x1b[48;5;31mx"), [(String::new(), "x".to_owned())]);
        assert_eq!(painted("\x1b[48;2;1;1;1;32mx"), [("ansi-2".to_owned(), "x".to_owned())]);
    }

    #[test]
    fn whatever_else_a_terminal_would_do_is_dropped() {
        let hostile = [
            "\x1b[2J\x1b[H",
            "\x1b]0;title\x07",
            "\x1b]8;;https://example.org\x1b\\",
            "\x1b(B",
            "\x1bc",
            "\x1b[?25l",
            "\x08",
            "\x07",
            "\u{9b}2J",
            "\x1bP1;2|x\x1b\\",
            "\x1b[>4;1m",
            "\x7f",
            "\0",
        ];
        for sequence in hostile {
            assert_eq!(plain(&format!("a{sequence}b")), "ab", "{sequence:?}");
        }
    }

    #[test]
    fn a_sequence_that_is_never_ended_swallows_no_more_than_its_line() {
        assert_eq!(plain("a\x1b]0;title\nb"), "a\nb");
        assert_eq!(plain("a\x1b[31\nb"), "a\nb");
    }

    #[test]
    fn endless_parameters_cost_no_memory() {
        let mut painter = Painter::default();
        for letter in std::iter::once('\u{9b}').chain(std::iter::repeat_n('1', 100_000)) {
            painter.read(letter);
        }
        assert!(painter.parameters.len() <= MAX_PARAMETERS);
    }

    #[test]
    fn markup_stays_text() {
        assert_eq!(plain("<b onclick=x>&amp;"), "<b onclick=x>&amp;");
    }
}
