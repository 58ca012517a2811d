//! What a run tells those who watch it, read from its event stream.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::BodyReader;

use super::client::is_over;
use super::sse::Parser;

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

    /// The next thing that happens; an error where the stream ends before the run.
    pub fn next(&mut self) -> Result<Happening> {
        let Some(event) = self.parser.next() else { bail!("the event stream ended before the run") };
        let event = event.context("reading the event stream")?;
        let mut body: Value =
            serde_json::from_str(&event.data).with_context(|| format!("an event that is not JSON: {}", event.data))?;
        let mut data = body["data"].take();
        Ok(match event.kind.as_str() {
            "output" => match data["text"].take() {
                Value::String(text) => Happening::Output(text),
                _ => Happening::Other,
            },
            "run" if is_over(&data) => Happening::Over(data),
            _ => Happening::Other,
        })
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
