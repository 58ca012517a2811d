//! Puts values into a text so that none can become code there.
//!
//! A rendered text first holds a placeholder for each value; only when the whole text is known can it be told what a
//! value stands in: bare words, quotes, a comment. Where no quoting is safe the value is refused, never guessed at.

mod markdown;

use serde_json::Value;

/// Opens and closes a placeholder: private-use characters that no value brings along.
pub(super) const OPEN: char = '\u{E000}';
pub(super) const CLOSE: char = '\u{E001}';

/// What a text is, and so how a value is put into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// A script for a POSIX shell.
    Shell,
    /// A script for any other interpreter.
    Code,
    /// An address.
    Url,
    /// A JSON text.
    Json,
    /// Prose for people.
    Markdown,
    /// Text that nothing interprets.
    Plain,
}

impl Syntax {
    /// The syntax of a script for this interpreter.
    pub(crate) fn of_interpreter(interpreter: &str) -> Self {
        const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "ksh", "ash"];
        let base = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
        let mut words = interpreter.split_whitespace();
        let mut name = base(words.next().unwrap_or_default());
        if name == "env" {
            name = base(words.find(|word| !word.starts_with('-') && !word.contains('=')).unwrap_or_default());
        }
        if SHELLS.contains(&name.as_str()) { Self::Shell } else { Self::Code }
    }
}

/// Puts the values in the places of their placeholders.
pub(super) fn fill(text: &str, values: &[Value], syntax: Syntax) -> Result<String, String> {
    match syntax {
        Syntax::Plain => scan(text, values, |_, value| Ok(plain(value))),
        Syntax::Url => scan(text, values, |before, value| {
            let value = plain(value);
            // `..` leads out of the path, percent-encoded too (WHATWG URL, "double-dot path segment").
            if matches!(value.as_str(), "." | "..") && !before.contains(['?', '#']) {
                return Err("a value that is nothing but dots would lead to another path".to_owned());
            }
            Ok(percent(&value))
        }),
        Syntax::Json => json(text, values),
        Syntax::Markdown => Ok(markdown::fill(text, values)),
        Syntax::Code => code(text, values),
        Syntax::Shell => shell(text, values),
    }
}

/// A value as people read it.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn scan(text: &str, values: &[Value], mut put: impl FnMut(&str, &Value) -> Result<String, String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(c) => out.push(c),
            Piece::Value(index) => {
                let filled = put(&out, values.get(index).unwrap_or(&Value::Null))?;
                out.push_str(&filled);
            }
        }
    }
    Ok(out)
}

enum Piece {
    Text(char),
    Value(usize),
}

fn pieces(text: &str) -> impl Iterator<Item = Piece> {
    let mut chars = text.chars();
    std::iter::from_fn(move || {
        let c = chars.next()?;
        if c != OPEN {
            return Some(Piece::Text(c));
        }
        let number: String = chars.by_ref().take_while(|c| *c != CLOSE).collect();
        Some(Piece::Value(number.parse().unwrap_or(usize::MAX)))
    })
}

/// RFC 3986: everything but the unreserved characters.
fn percent(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// As a JSON value; inside a JSON string, as a part of it.
fn json(text: &str, values: &[Value]) -> Result<String, String> {
    let mut in_string = false;
    let mut escaped = false;
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(c) => {
                match c {
                    _ if escaped => escaped = false,
                    '\\' if in_string => escaped = true,
                    '"' => in_string = !in_string,
                    _ => {}
                }
                out.push(c);
            }
            Piece::Value(index) => {
                let value = values.get(index).unwrap_or(&Value::Null);
                if in_string {
                    if escaped {
                        return Err("a value cannot follow a backslash in a JSON text".to_owned());
                    }
                    let literal = Value::String(plain(value)).to_string();
                    out.push_str(&literal[1..literal.len() - 1]);
                } else {
                    out.push_str(&value.to_string());
                }
            }
        }
    }
    Ok(out)
}

/// Characters that mean nothing to any shell or language, in any quotes.
fn is_harmless(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./:@%+=,-".contains(c))
}

/// As a JSON string literal, which Python, Ruby, Perl, JavaScript and others read as a string.
fn code(text: &str, values: &[Value]) -> Result<String, String> {
    let mut quotes = Quotes::default();
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(c) => {
                quotes.read(c);
                out.push(c);
            }
            Piece::Value(index) => {
                if quotes.may_be_open() {
                    let hint = "write {{ … }} without quotes around it: it brings its own";
                    return Err(format!("a value stands in quotes, or after ones that cannot be told apart for certain; {hint}"));
                }
                quotes.pass_value();
                // Perl and Ruby replace within double quotes: `$x`, `@x`, `#{x}`. \u escapes are read by all but Perl and PHP,
                // which print them as they are: wrong there, but never code.
                let literal = Value::String(plain(values.get(index).unwrap_or(&Value::Null))).to_string();
                out.push_str(&literal.replace('$', "\\u0024").replace('@', "\\u0040").replace('#', "\\u0023"));
            }
        }
    }
    Ok(out)
}

/// Whether a place in a script of an unknown language stands in quotes. Read twice: as one text, where quotes may span lines
/// (Perl, Ruby, PHP), and line by line. A value is put only where both say that it stands outside.
#[derive(Default)]
struct Quotes {
    /// The quotation mark that is open, and whether it is one of three.
    open: Option<(char, bool)>,
    /// How often the last character was repeated, and the character.
    run: (usize, Option<char>),
    escaped: bool,
    comment: bool,
    /// Whether an odd number of `"`, of `'`, of `` ` `` was seen, on this line; of the last one anywhere.
    odd: [bool; 3],
}

impl Quotes {
    fn read(&mut self, c: char) {
        let before = self.run.1;
        self.run = (if before == Some(c) { self.run.0 + 1 } else { 1 }, Some(c));
        if c == '\n' {
            (self.comment, self.escaped) = (false, false);
            self.odd[0] = false;
            self.odd[1] = false;
            return;
        }
        if std::mem::take(&mut self.escaped) {
            self.run = (0, Some(c));
            return;
        }
        if c == '\\' {
            self.escaped = true;
            return;
        }
        if let Some(place) = ['"', '\'', '`'].iter().position(|mark| *mark == c) {
            self.odd[place] = !self.odd[place];
        }
        let begins_word = |c: Option<char>| c.is_none_or(char::is_whitespace);
        match self.open {
            _ if self.comment => {}
            None if c == '#' && begins_word(before) => self.comment = true,
            None if "\"'".contains(c) => {
                // The third of three in a row: two of them were an empty text.
                let three = self.run.0 == 3;
                self.open = Some((c, three));
                self.run.0 = if three { 0 } else { self.run.0 };
            }
            Some((mark, false)) if mark == c => self.open = None,
            Some((mark, true)) if mark == c && self.run.0 == 3 => {
                self.open = None;
                self.run.0 = 0;
            }
            _ => {}
        }
    }

    /// A value brings its own quotes and closes them.
    fn pass_value(&mut self) {
        self.run = (1, Some('"'));
    }

    fn may_be_open(&self) -> bool {
        self.escaped || (self.open.is_some() && !self.comment) || self.odd.contains(&true)
    }
}

/// What surrounds a place in a shell script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    /// Bare words, at the top or within `$( … )` or `( … )`.
    Bare,
    Single,
    Double,
    Comment,
    /// `$(( … ))`, `${ … }`, `` ` … ` ``, `$' … '`: no quoting is safe in all shells.
    Brace,
    Arithmetic,
    Backquote,
    Ansi,
}

/// POSIX shell: `'…'`, with quotes that are open closed before and opened again after it.
fn shell(text: &str, values: &[Value]) -> Result<String, String> {
    let pieces: Vec<Piece> = pieces(text).collect();
    let mut stack = vec![Around::Bare];
    let mut out = String::with_capacity(text.len());
    let mut here_document = false;
    // `case x in a) …` has parentheses that close nothing: within `"$( … )"` what follows cannot be told for certain.
    let mut patterns = false;
    let mut at = 0;
    let next = |at: usize| match pieces.get(at) {
        Some(Piece::Text(c)) => Some(*c),
        _ => None,
    };
    while let Some(piece) = pieces.get(at) {
        at += 1;
        let around = stack.last().copied().unwrap_or(Around::Bare);
        let c = match piece {
            Piece::Value(index) => {
                let value = plain(values.get(*index).unwrap_or(&Value::Null));
                if value.contains('\0') {
                    return Err("a value holds the NUL character".to_owned());
                }
                if is_harmless(&value) {
                    out.push_str(&value);
                    continue;
                }
                let quoted = format!("'{}'", value.replace('\'', "'\\''"));
                match around {
                    _ if patterns => return Err(nowhere("after a case within $( ) in quotes")),
                    _ if here_document => return Err(nowhere("after <<, where a here-document may begin")),
                    Around::Bare if out.ends_with('\\') && !out.ends_with("\\\\") => return Err(nowhere("after a backslash")),
                    Around::Bare => out.push_str(&quoted),
                    Around::Double => out.push_str(&format!("\"{quoted}\"")),
                    Around::Single => out.push_str(&format!("'{quoted}'")),
                    Around::Comment => out.push_str(&value.replace(['\n', '\r'], " ")),
                    Around::Brace => return Err(nowhere("within ${ }")),
                    Around::Arithmetic => return Err(nowhere("within (( ))")),
                    Around::Backquote => return Err(nowhere("within backquotes (use $( ) instead)")),
                    Around::Ansi => return Err(nowhere("within $' '")),
                }
                continue;
            }
            Piece::Text(c) => *c,
        };
        let before = out.chars().next_back();
        out.push(c);
        match (around, c) {
            (Around::Comment, '\n') | (Around::Single | Around::Ansi, '\'') | (Around::Double, '"') => {
                stack.pop();
            }
            (Around::Comment | Around::Single, _) => {}
            (_, '\\') => {
                if let Some(escaped) = next(at) {
                    out.push(escaped);
                    at += 1;
                }
            }
            (Around::Ansi, _) => {}
            (Around::Backquote, '`') | (Around::Brace, '}') => {
                stack.pop();
            }
            (_, '`') => stack.push(Around::Backquote),
            (_, '$') if next(at) == Some('{') => {
                out.push('{');
                at += 1;
                stack.push(Around::Brace);
            }
            (_, '$') if next(at) == Some('(') => {
                out.push('(');
                at += 1;
                if next(at) == Some('(') {
                    out.push('(');
                    at += 1;
                    stack.extend([Around::Arithmetic, Around::Arithmetic]);
                } else {
                    stack.push(Around::Bare);
                }
            }
            (Around::Bare | Around::Arithmetic, '$') if next(at) == Some('\'') => {
                out.push('\'');
                at += 1;
                stack.push(Around::Ansi);
            }
            (Around::Double, _) => {}
            (_, '"') => stack.push(Around::Double),
            // Within ${ } in double quotes a single quote is a letter; nothing is put there, but what follows must be read right.
            (Around::Brace, '\'') if stack.contains(&Around::Double) => {}
            (_, '\'') => stack.push(Around::Single),
            (Around::Bare, 'e') if ends_with_case(&out) && stack.iter().any(|around| *around != Around::Bare) => patterns = true,
            (Around::Bare, '(') if next(at) == Some('(') => {
                out.push('(');
                at += 1;
                stack.extend([Around::Arithmetic, Around::Arithmetic]);
            }
            (Around::Bare | Around::Arithmetic, '(') => stack.push(around),
            (Around::Bare | Around::Arithmetic, ')') if stack.len() > 1 => {
                stack.pop();
            }
            (Around::Bare, '#') if before.is_none_or(|c| c.is_whitespace() || ";&|()".contains(c)) => stack.push(Around::Comment),
            // A here-document: its end is not looked for, so no value is put into the rest of the script.
            (Around::Bare, '<') if before == Some('<') => {
                if next(at) == Some('<') {
                    out.push('<');
                    at += 1;
                } else {
                    here_document = true;
                }
            }
            _ => {}
        }
    }
    Ok(out)
}

fn ends_with_case(text: &str) -> bool {
    text.strip_suffix("case").is_some_and(|before| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

fn nowhere(place: &str) -> String {
    format!(
        "a value cannot be quoted safely {place}; assign it before, as in x={{{{ … }}}}, and use \"$x\", or use \"$PARAM_<NAME>\""
    )
}

#[cfg(test)]
mod tests;
