//! What a run tells those who watch it, read from its event stream.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::BodyReader;

use super::client::is_over;
use super::sse::{Event, Parser};

/// The event stream of a run.
pub struct Events {
    parser: Parser<BodyReader<'static>>,
}

/// Something that happened; what a viewer of output has no use for is `Other`.
pub enum Happening {
    /// A piece of what a step wrote to standard output or standard error.
    Output(String),
    /// The run is over: as the API tells of it.
    Over(Value),
    Other,
}

impl Events {
    pub fn new(body: BodyReader<'static>) -> Self {
        Self { parser: Parser::new(body) }
    }

    /// The next event as it came, for those who cannot spare the time to read it; an error where the stream ends.
    pub fn next_raw(&mut self) -> Result<Event> {
        let Some(event) = self.parser.next() else { bail!("the event stream ended before the run") };
        event.context("reading the event stream")
    }

    /// The next thing that happens; an error where the stream ends before the run.
    pub fn next(&mut self) -> Result<Happening> {
        Happening::read(&self.next_raw()?)
    }

    /// Reads on until the run is over, and answers the run.
    pub fn until_over(mut self) -> Result<Value> {
        loop {
            if let Happening::Over(run) = self.next()? {
                return Ok(run);
            }
        }
    }
}

impl Happening {
    /// What an event says.
    pub fn read(event: &Event) -> Result<Self> {
        let body = serde_json::from_str(&event.data);
        let mut body: Value = body.with_context(|| format!("an event that is not JSON: {}", event.data))?;
        let mut data = body["data"].take();
        Ok(match event.kind.as_str() {
            "output" => match data["text"].take() {
                Value::String(text) => Self::Output(text),
                _ => Self::Other,
            },
            "run" if is_over(&data) => Self::Over(data),
            _ => Self::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, data: &str) -> Happening {
        let event = Event { kind: kind.to_owned(), data: data.to_owned(), ..Event::default() };
        Happening::read(&event).expect("an event")
    }

    #[test]
    fn output_and_the_end_are_told_apart_from_the_rest() {
        let output = read("output", r#"{"kind":"output","data":{"seq":3,"text":"a\n"}}"#);
        assert!(matches!(output, Happening::Output(text) if text == "a\n"));
        assert!(matches!(read("run", r#"{"kind":"run","data":{"state":"failed"}}"#), Happening::Over(_)));
        assert!(matches!(read("run", r#"{"kind":"run","data":{"state":"running"}}"#), Happening::Other));
        assert!(matches!(read("step", r#"{"kind":"step","data":{"state":"succeeded"}}"#), Happening::Other));
    }
}
