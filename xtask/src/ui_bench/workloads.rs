//! What is measured, and what is wanted of it (the design's “Budgets”).

use anyhow::{Context, Result};

use super::Options;
use super::browser::Found;
use crate::bench::row::{Measured, Outcome, Row, Unit};
use crate::bench::session::Named;

/// How many runbooks and lines there are by the design.
pub const RUNBOOKS: usize = 10_000;
pub const LINES: usize = 1_000_000;

pub struct Workload {
    pub id: &'static str,
    pub title: &'static str,
    quantities: &'static [Quantity],
}

/// A row of the table: the name that the test gives it, what a reader is told, and what is wanted at most.
struct Quantity {
    name: &'static str,
    what: &'static str,
    unit: Unit,
    at_most: Option<f64>,
}

const fn wanted(name: &'static str, what: &'static str, unit: Unit, at_most: f64) -> Quantity {
    Quantity { name, what, unit, at_most: Some(at_most) }
}

const fn told(name: &'static str, what: &'static str, unit: Unit) -> Quantity {
    Quantity { name, what, unit, at_most: None }
}

pub static WORKLOADS: [Workload; 7] = [
    Workload {
        id: "U1",
        title: "the first load, as it is served",
        quantities: &[
            wanted("brotli", "wasm + js + css, brotli", Unit::Kilobytes, 350.0),
            told("brotli_wasm", "of it the wasm", Unit::Kilobytes),
            told("gzip", "wasm + js + css, gzip", Unit::Kilobytes),
            told("page", "the page itself, brotli", Unit::Kilobytes),
            told("shown", "from the click on a link to the first paint", Unit::Milliseconds),
            told("live", "until the script has taken over", Unit::Milliseconds),
            told("again", "until then, the second time", Unit::Milliseconds),
        ],
    },
    Workload {
        id: "U2",
        title: "time to first byte of the list of 10,000 runbooks",
        quantities: &[
            wanted("p50", "GET /runbooks as a page, p50", Unit::Milliseconds, 10.0),
            told("p99", "p99", Unit::Milliseconds),
            told("search", "filtered by a word, p50", Unit::Milliseconds),
        ],
    },
    Workload {
        id: "U3",
        title: "a process writes a line → the line is on the screen",
        quantities: &[
            wanted("p50", "p50 of all lines", Unit::Milliseconds, 60.0),
            wanted("p99", "p99", Unit::Milliseconds, 150.0),
            told("lines", "lines seen", Unit::Count),
        ],
    },
    Workload {
        id: "U4",
        title: "a run with 1,000,000 lines",
        quantities: &[
            wanted("opens", "from the click on a link until its last line is there and the page is live", Unit::Seconds, 1.0),
            wanted("frame_p50", "time between frames while scrolling, p50", Unit::Milliseconds, 17.0),
            wanted("frame_p99", "p99", Unit::Milliseconds, 34.0),
            told("dropped", "of 100 frames dropped", Unit::Count),
            wanted("memory", "memory of the tab: its process, shared pages by their share", Unit::Mebibytes, 250.0),
            told("heap", "of it JavaScript and WebAssembly", Unit::Mebibytes),
        ],
    },
    Workload {
        id: "U5",
        title: "typing in the editor of 200 blocks",
        quantities: &[
            wanted("p50", "keystroke to paint, p50", Unit::Milliseconds, 16.0),
            wanted("p99", "p99", Unit::Milliseconds, 16.0),
            told("work_p50", "of it our own work, without the wait for the next frame, p50", Unit::Milliseconds),
            told("work_p99", "p99", Unit::Milliseconds),
            told("opens", "from the click on a link until one can type", Unit::Seconds),
        ],
    },
    Workload {
        id: "U6",
        title: "layout shift of every page while it loads",
        quantities: &[
            wanted("worst", "the largest cumulative layout shift of a page, in thousandths", Unit::Count, 0.0),
            told("pages", "pages", Unit::Count),
            told("shifting", "pages on which something moved", Unit::Count),
        ],
    },
    Workload {
        id: "U7",
        title: "from the link in an alert to the first output, in a browser that has nothing yet",
        quantities: &[
            wanted("interactions", "interactions", Unit::Count, 2.0),
            told("page", "until the page of the runbook is there", Unit::Milliseconds),
            told("output", "from the last interaction until the output is there", Unit::Milliseconds),
        ],
    },
];

impl Named for Workload {
    fn id(&self) -> &'static str {
        self.id
    }

    fn title(&self) -> &'static str {
        self.title
    }
}

impl Workload {
    /// The rows, from what the test found.
    pub fn outcome(&self, found: &Found, options: &Options) -> Result<Outcome> {
        let mut rows = Vec::new();
        for quantity in self.quantities {
            let samples = found.samples.get(quantity.name).with_context(|| format!("{} was not measured", quantity.name))?;
            let row = Row::of(quantity.what, quantity.unit, samples.clone());
            rows.push(match quantity.at_most {
                Some(most) => row.at_most(most),
                None => row,
            });
        }
        let measured = found.notes.iter().fold(Measured::rows(rows), Measured::note);
        Ok(match self.id {
            "U2" if options.runbooks != RUNBOOKS => measured.at_another_size("10,000 runbooks"),
            "U4" if options.lines != LINES => measured.at_another_size("1,000,000 lines"),
            _ => measured,
        }
        .into())
    }
}
