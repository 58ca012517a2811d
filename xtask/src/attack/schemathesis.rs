//! schemathesis: everything that the OpenAPI document promises, tried with all its checks and a fixed seed (`--seed` for others). What no document can say
//! stands in `schemathesis.toml`, call by call.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::tally::Tally;
use crate::studio::Studio;

/// What is known to be refused although it fits the document, and why.
const CONFIG: &str = include_str!("schemathesis.toml");

pub fn play(program: &Path, studio: &Studio, scratch: &Path, seed: u32) -> Result<Tally> {
    let mut tally = Tally::new("schemathesis");
    let client = studio.client();
    let log = scratch.join("schemathesis.log");
    let file = fs::File::create(&log).with_context(|| format!("making {}", log.display()))?;
    let config = scratch.join("schemathesis.toml");
    fs::write(&config, CONFIG).with_context(|| format!("writing {}", config.display()))?;
    let mut command = Command::new(program);
    command.arg("--config-file").arg(&config);
    command.args([
        "run",
        &format!("{}/api/v1/openapi.json", studio.address()),
        "--checks",
        "all",
        "--seed",
        &seed.to_string(),
        "-n",
        "30",
    ]);
    command.args([
        "--phases",
        "examples,coverage,fuzzing",
        "--generation-database",
        "none",
        "--continue-on-failure",
        "--no-color",
    ]);
    command.args(["-H", &format!("X-API-KEY: {}", client.key().unwrap_or_default())]);
    // What would end the key that it asks with, and what never ends.
    command.args(["--exclude-path-regex", "/users/logout|/users/me/(password|sessions|api-keys/)|/events$|/users/\\{id\\}$"]);
    command.current_dir(scratch).stdin(Stdio::null()).stderr(file.try_clone().context("a log")?).stdout(file);
    let status = command.status().context("starting schemathesis")?;
    let said = fs::read_to_string(&log).unwrap_or_default();
    let line = |word: &str| said.lines().rev().find(|line| line.contains(word)).unwrap_or_default().trim().to_owned();
    let cases = line("generated");
    tally.tried = cases.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default();
    tally.notes.push(cases);
    if !status.success() {
        tally.broken(format!("it found something; {} says what", log.display()));
    }
    Ok(tally)
}
