//! The corpora and the access table: tests of the crates and one of the browser, which say how much they tried.
//!
//! A test that does so prints `attacked: <group>: <n> tried, <n> refused`; what was neither refused nor found is counted as taken: a
//! call that its asker may make, a value that arrived as it was.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::tally::Tally;
use crate::workspace::Workspace;

/// Everybody at every route, server function and scope of a key.
pub fn access(workspace: &Workspace) -> Result<Tally> {
    tests(workspace, "access table", &["--package", "server", "--test", "it", "access::"])
}

/// Hostile values in every context of a template and every interpreter, here and over SSH.
pub fn injection(workspace: &Workspace) -> Result<Tally> {
    tests(workspace, "injection", &["--package", "engine", "--test", "it", "injection::"])
}

/// Hostile texts on the pages, in a real Chromium.
pub fn pages(workspace: &Workspace, package: &Path, chromium: &Path) -> Result<Tally> {
    let mut playwright = workspace.command("npx");
    playwright
        .args(["--no-install", "playwright", "test", "payloads", "--reporter", "line"])
        .current_dir(workspace.end2end())
        .env("STUDIO_PACKAGE", package)
        .env("CHROMIUM", chromium);
    count("pages", &mut playwright)
}

fn tests(workspace: &Workspace, group: &'static str, which: &[&str]) -> Result<Tally> {
    let mut cargo = workspace.cargo();
    count(group, cargo.arg("test").args(which).args(["--", "--nocapture"]))
}

fn count(group: &'static str, command: &mut Command) -> Result<Tally> {
    let output =
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().with_context(|| format!("starting {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut tally = Tally::new(group);
    for (tried, refused) in said.lines().filter_map(|line| counts(line, group)) {
        tally.tried += tried;
        tally.refused += refused;
        tally.taken += tried.saturating_sub(refused);
    }
    if !output.status.success() {
        println!("{said}");
        tally.broken("the tests failed; what they said stands above");
    } else if tally.tried == 0 {
        tally.broken("the tests did not say what they tried");
    }
    Ok(tally)
}

/// What a line says of a group. The name of the test may stand before it.
fn counts(line: &str, group: &str) -> Option<(usize, usize)> {
    let (_, said) = line.split_once("attacked: ")?;
    let said = said.strip_prefix(group)?.strip_prefix(": ")?;
    let (tried, refused) = said.split_once(" tried, ")?;
    Some((tried.parse().ok()?, refused.strip_suffix(" refused")?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_test_tried_is_read_from_its_line_wherever_it_begins() {
        assert_eq!(counts("test x ... attacked: injection: 5000 tried, 12 refused", "injection"), Some((5000, 12)));
        assert_eq!(counts("attacked: access table: 7 tried, 7 refused", "injection"), None);
        assert_eq!(counts("test x ... ok", "injection"), None);
    }
}
