//! P4: a million lines from a command to a client of the API, none lost, in order.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::Bench;
use super::row::{Measured, Outcome, Row, Unit};
use crate::studio::Client;
use crate::studio::client::text_of;
use crate::studio::events::Happening;

const LINES: u32 = 1_000_000;

pub fn measure(bench: &Bench) -> Result<Outcome> {
    let studio = bench.studio()?;
    let client = studio.client();
    let runbook = runbook(&client)?;
    let masked = masked_runbook(&client)?;
    let (mut live, mut download, mut piped, mut masking) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        piped.push(pipe()?.as_secs_f64());
        let (run, text, took) = run_once(&client, &runbook)?;
        live.push(took.as_secs_f64());
        check(&text).context("the event stream")?;

        let step = text_of(&client.execution(&run)?["steps"][0], "id")?;
        let began = Instant::now();
        let whole = client.call("GET", &format!("/executions/{run}/steps/{step}/output"), None)?.expect(200)?;
        download.push(began.elapsed().as_secs_f64());
        check(&whole.text).context("the download")?;

        let (_, text, with_secrets) = run_once(&client, &masked)?;
        check(&text).context("the event stream beside secrets")?;
        masking.push(with_secrets.as_secs_f64() / took.as_secs_f64());
    }
    Ok(Measured::rows([
        Row::of("from the call to the last line, by events", Unit::Seconds, live).at_most(2.0),
        Row::of("the same with three secrets to mask, times", Unit::Times, masking).at_most(1.1),
        Row::of("the whole output downloaded afterwards", Unit::Seconds, download),
        Row::beside("seq 1 1000000 | cat", Unit::Seconds, piped),
    ])
    .note("every line was there, once and in order, in each event stream and each download")
    .into())
}

/// A runbook that writes the lines.
pub fn runbook(client: &Client) -> Result<String> {
    client.runbook("A million", json!([{ "type": "command", "config": { "command": format!("seq 1 {LINES}") } }]))
}

/// The same with secrets that the command is given, so that all it prints is searched for them.
fn masked_runbook(client: &Client) -> Result<String> {
    let mut given = Vec::new();
    for (name, secret) in
        [("first", "hunter2-hunter2"), ("second", "correct horse battery staple"), ("third", "tk-9f31c0a7-8b1e")]
    {
        let body = json!({ "name": name, "type": "api", "secret": secret });
        let credential = text_of(&client.call("POST", "/credentials", Some(&body))?.expect(201)?.json()?, "id")?;
        given.push(json!({ "credential": credential, "env": format!("SECRET_{}", name.to_uppercase()) }));
    }
    let config = json!({ "command": format!("seq 1 {LINES}"), "credentials": given });
    client.runbook("A million beside secrets", json!([{ "type": "command", "config": config }]))
}

/// Runs it while watching: the run, what was seen, and how long until its end was seen.
pub fn run_once(client: &Client, runbook: &str) -> Result<(String, String, Duration)> {
    let mut text = String::with_capacity(8 * 1024 * 1024);
    let began = Instant::now();
    let run = client.execute(runbook)?;
    let mut events = client.events(&run)?;
    loop {
        match events.next()? {
            Happening::Output(piece) => text.push_str(&piece),
            Happening::Over(_) => return Ok((run, text, began.elapsed())),
            Happening::Other => {}
        }
    }
}

fn check(text: &str) -> Result<()> {
    let mut expected = 0;
    for line in text.lines() {
        expected += 1;
        if line.parse() != Ok(expected) {
            bail!("line {expected} reads “{line}”");
        }
    }
    if expected != LINES {
        bail!("{expected} of {LINES} lines came");
    }
    Ok(())
}

fn pipe() -> Result<Duration> {
    let began = Instant::now();
    let command = format!("seq 1 {LINES} | cat");
    let status = Command::new("/bin/sh").args(["-c", &command]).stdin(Stdio::null()).stdout(Stdio::null()).status();
    if !status.context("starting /bin/sh")?.success() {
        bail!("the yardstick failed");
    }
    Ok(began.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_line_and_a_line_out_of_order_are_found() {
        let all: String = (1..=LINES).map(|line| format!("{line}\n")).collect();
        assert!(check(&all).is_ok());
        assert!(check(&all.replace("\n7\n", "\n")).is_err());
        assert!(check(&all.replace("\n7\n8\n", "\n8\n7\n")).is_err());
        assert!(check("1\n2\n").is_err());
    }
}
