//! Server-sent events as the HTML standard has them ("9.2.6 Interpreting an event stream"), from any reader.
//!
//! Lines end with LF or CR LF; a lone CR, which the standard also allows and our server never sends, does not end one.

use std::io::{self, BufRead, BufReader, Read};

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// The last id that the stream gave, with this event or before it.
    pub id: String,
    /// `message` where the stream says nothing.
    pub kind: String,
    pub data: String,
}

/// The events of a stream, as they come; an event that the stream's end cuts off is none.
pub struct Parser<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    last_id: String,
}

impl<R: Read> Parser<R> {
    pub fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(256 * 1024, reader), line: Vec::new(), last_id: String::new() }
    }

    /// The next line without its end; `None` where the stream ends.
    fn line(&mut self) -> io::Result<Option<&str>> {
        self.line.clear();
        self.reader.read_until(b'\n', &mut self.line)?;
        let Some(line) = self.line.strip_suffix(b"\n") else { return Ok(None) };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        std::str::from_utf8(line).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn event(&mut self) -> io::Result<Option<Event>> {
        let mut event = Event::default();
        let mut has_data = false;
        let mut id = None;
        while let Some(line) = self.line()? {
            if line.is_empty() {
                if let Some(id) = id.take() {
                    self.last_id = id;
                }
                if !has_data {
                    event = Event::default();
                    continue;
                }
                event.id.clone_from(&self.last_id);
                if event.kind.is_empty() {
                    "message".clone_into(&mut event.kind);
                }
                return Ok(Some(event));
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "data" => {
                    if has_data {
                        event.data.push('\n');
                    }
                    event.data.push_str(value);
                    has_data = true;
                }
                "event" => value.clone_into(&mut event.kind),
                "id" if !value.contains('\0') => id = Some(value.to_owned()),
                // A comment begins with the colon; the standard ignores what it does not know.
                _ => {}
            }
        }
        Ok(None)
    }
}

impl<R: Read> Iterator for Parser<R> {
    type Item = io::Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        self.event().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str, &str)]) {
        let events: Vec<Event> = Parser::new(text.as_bytes()).map(|event| event.expect("an event")).collect();
        let found: Vec<_> = events.iter().map(|e| (e.id.as_str(), e.kind.as_str(), e.data.as_str())).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn an_event_has_an_id_a_kind_and_data() {
        check("id: 7\nevent: output\ndata: {\"a\":1}\n\n", &[("7", "output", "{\"a\":1}")]);
        check("data:no space\r\n\r\n", &[("", "message", "no space")]);
        check("data:  two spaces\n\n", &[("", "message", " two spaces")]);
    }

    #[test]
    fn data_of_several_lines_is_one_text() {
        check("data: a\ndata\ndata: b\n\n", &[("", "message", "a\n\nb")]);
    }

    #[test]
    fn the_last_id_stays() {
        check(
            "id: 1\ndata: a\n\ndata: b\n\nid: 3\n\ndata: c\n\n",
            &[("1", "message", "a"), ("1", "message", "b"), ("3", "message", "c")],
        );
    }

    #[test]
    fn comments_and_unknown_fields_are_passed_over() {
        check(": still here\n\nretry: 10\nodd\ndata: a\n\n", &[("", "message", "a")]);
        check("event: lonely\n\ndata: a\n\n", &[("", "message", "a")]);
    }

    #[test]
    fn an_event_cut_off_by_the_end_is_none() {
        check("data: a\n\ndata: b\n", &[("", "message", "a")]);
        check("data: a\n\ndata: b", &[("", "message", "a")]);
    }

    #[test]
    fn pieces_of_any_size_read_the_same() {
        struct Drip<'a>(&'a [u8]);
        impl Read for Drip<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
                into[0] = *first;
                self.0 = rest;
                Ok(1)
            }
        }
        let events: Vec<Event> =
            Parser::new(Drip("id: 1\ndata: ü\n\n".as_bytes())).map(|event| event.expect("an event")).collect();
        assert_eq!(events, [Event { id: "1".to_owned(), kind: "message".to_owned(), data: "ü".to_owned() }]);
    }
}
