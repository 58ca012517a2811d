//! schemathesis, where it is installed: everything that the OpenAPI document promises, tried with a fixed seed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::tally::Tally;
use crate::studio::Studio;

/// What it must find nothing with. Left out are checks that want every rule of the product in the document's schemas (which
/// blocks are right is said by the product, not by JSON Schema), and one that wants a 405 before a 401.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      missing_required_header,use_after_free,ignored_auth";

pub fn play(studio: &Studio, scratch: &Path) -> Result<Tally> {
    let mut tally = Tally::new("schemathesis");
    let there = Command::new("schemathesis").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if there.is_err() {
        tally.notes.push("not run: it is not installed (PyPI: schemathesis)".to_owned());
        return Ok(tally);
    }
    let client = studio.client();
    let log = scratch.join("schemathesis.log");
    let file = fs::File::create(&log).with_context(|| format!("making {}", log.display()))?;
    let mut command = Command::new("schemathesis");
    command.args(["run", &format!("{}/api/v1/openapi.json", studio.address()), "--checks", CHECKS, "--seed", "1", "-n", "30"]);
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
