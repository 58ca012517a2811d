//! P6: a hundred viewers of one run that writes a thousand lines a second, and viewers that read nothing at all.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::row::{Measured, Outcome, Row, Unit};
use super::stats::percentile;
use super::{Bench, emit, million_lines};
use crate::studio::events::{Events, Happening};
use crate::studio::sse::Event;
use crate::studio::{Client, Studio};

const VIEWERS: usize = 100;
const STUCK: usize = 10;
const RATE: u32 = 1_000;
const LINES: u32 = 10_000;
/// Milliseconds for the viewers to come before the first line.
const BEFORE: u64 = 3_000;

pub fn measure(bench: &Bench) -> Result<Outcome> {
    let emitter = std::env::current_exe().context("where this program is")?;
    let studio = bench.studio()?;
    let client = studio.client();
    let command = format!("'{}' emit-lines --rate {RATE} --lines {LINES} --after {BEFORE}", emitter.display());
    let runbook = client.runbook("Pace", json!([{ "type": "command", "config": { "command": command } }]))?;
    let million = million_lines::runbook(&client)?;

    let (mut p50, mut p99, mut bare50, mut bare99) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut alone, mut with_stuck) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let delays = by_pipe(&emitter)?;
        bare50.push(percentile(&delays, 50.0));
        bare99.push(percentile(&delays, 99.0));
        let delays = watched_by_many(&studio, &runbook)?;
        p50.push(percentile(&delays, 50.0));
        p99.push(percentile(&delays, 99.0));
        alone.push(time_of_million(&studio, &million, 0)?);
        with_stuck.push(time_of_million(&studio, &million, STUCK)?);
    }
    Ok(Measured::rows([
        Row::of("from written to seen, p50 of all lines and viewers", Unit::Milliseconds, p50).at_most(20.0),
        Row::of("p99", Unit::Milliseconds, p99).at_most(100.0),
        Row::beside("the same lines by a pipe, p50", Unit::Milliseconds, bare50),
        Row::beside("by a pipe, p99", Unit::Milliseconds, bare99),
        Row::of("1,000,000 lines seen beside 10 stuck viewers", Unit::Seconds, with_stuck),
        Row::beside("1,000,000 lines seen by one viewer alone", Unit::Seconds, alone),
    ])
    .note(format!("each of the {VIEWERS} viewers saw all {LINES} lines in order, beside one that read nothing"))
    .into())
}

/// The delays of all lines at all viewers, in milliseconds.
fn watched_by_many(studio: &Studio, runbook: &str) -> Result<Vec<f64>> {
    let client = studio.client();
    let run = client.execute(runbook)?;
    let began = Instant::now();
    let stuck = stuck_viewer(studio, &client, &run)?;
    let seen: Vec<Result<Vec<f64>>> = thread::scope(|scope| {
        let viewers: Vec<_> = (0..VIEWERS)
            .map(|_| {
                let events = studio.client().events(&run);
                scope.spawn(move || view(events?))
            })
            .collect();
        if began.elapsed() > Duration::from_millis(BEFORE) {
            println!("  the viewers came late: after {:.1} s", began.elapsed().as_secs_f64());
        }
        viewers.into_iter().map(|viewer| viewer.join().unwrap_or_else(|_| bail!("a viewer panicked"))).collect()
    });
    drop(stuck);
    let mut all = Vec::with_capacity(VIEWERS * LINES as usize);
    for delays in seen {
        all.append(&mut delays?);
    }
    Ok(all)
}

/// Reads to the end; the delay of every line.
///
/// Events are taken apart afterwards: the viewers share the processors with the server, and a real one would not.
fn view(mut events: Events) -> Result<Vec<f64>> {
    let mut seen = Vec::new();
    let run = loop {
        let event = events.next_raw()?;
        let now = emit::nanos()?;
        match event.kind.as_str() {
            "output" => seen.push((now, event)),
            "run" => {
                if let Happening::Over(run) = Happening::read(&event)? {
                    break run;
                }
            }
            _ => {}
        }
    };
    if run["state"] != "succeeded" {
        bail!("the run is {}: {}", run["state"], run["error"]);
    }
    delays(&seen)
}

/// The delays of all lines in what was seen, in milliseconds; an error where one is missing or out of order.
fn delays(seen: &[(u64, Event)]) -> Result<Vec<f64>> {
    let mut delays = Vec::with_capacity(LINES as usize);
    let mut rest = String::new();
    for (now, event) in seen {
        let Happening::Output(piece) = Happening::read(event)? else { continue };
        rest.push_str(&piece);
        let whole = rest.rfind('\n').map_or(0, |end| end + 1);
        for line in rest[..whole].lines() {
            let (moment, number) = emit::read(line).with_context(|| format!("an odd line: {line}"))?;
            if number as usize != delays.len() + 1 {
                bail!("line {number} came after line {}", delays.len());
            }
            delays.push(now.saturating_sub(moment) as f64 / 1e6);
        }
        rest.drain(..whole);
    }
    if delays.len() != LINES as usize {
        bail!("{} of {LINES} lines came", delays.len());
    }
    Ok(delays)
}

/// How long a million lines take to a viewer while others read nothing, in seconds.
fn time_of_million(studio: &Studio, runbook: &str, stuck: usize) -> Result<f64> {
    let client = studio.client();
    let began = Instant::now();
    let run = client.execute(runbook)?;
    let stuck = (0..stuck).map(|_| stuck_viewer(studio, &client, &run)).collect::<Result<Vec<_>>>()?;
    let state = client.events(&run)?.until_over()?["state"].take();
    let took = began.elapsed().as_secs_f64();
    drop(stuck);
    if state != "succeeded" { bail!("the run is {state}") } else { Ok(took) }
}

/// Asks for the events and reads none of them.
fn stuck_viewer(studio: &Studio, client: &Client, run: &str) -> Result<TcpStream> {
    let address = studio.address().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).context("connecting a viewer")?;
    let request = format!(
        "GET /api/v1/executions/{run}/events HTTP/1.1\r\nHost: {address}\r\nX-API-KEY: {}\r\n\r\n",
        client.key().unwrap_or_default()
    );
    stream.write_all(request.as_bytes()).context("asking for the events")?;
    Ok(stream)
}

/// The delays of the same lines through a pipe.
fn by_pipe(emitter: &std::path::Path) -> Result<Vec<f64>> {
    let mut child = Command::new(emitter)
        .args(["emit-lines", "--rate", &RATE.to_string(), "--lines", "2000"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting the yardstick")?;
    let reader = BufReader::new(child.stdout.take().context("a pipe")?);
    let mut delays = Vec::new();
    for line in reader.lines() {
        let line = line.context("reading the yardstick")?;
        let now = emit::nanos()?;
        let (moment, _) = emit::read(&line).with_context(|| format!("an odd line: {line}"))?;
        delays.push(now.saturating_sub(moment) as f64 / 1e6);
    }
    child.wait().context("waiting for the yardstick")?;
    Ok(delays)
}
