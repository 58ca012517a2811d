//! `cargo xtask test`: everything that must hold before a change is merged; `.ci/run` calls exactly this.
//!
//! The steps run in order and the first failure ends them, the quick ones first. The table at the end says which ran
//! and how long each took; cargo and Playwright count their tests themselves.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::attack;
use crate::chaos;
use crate::package::{self, Profile};
use crate::workspace::Workspace;
use crate::{shell, tools};

type Step = (&'static str, fn(&Workspace) -> Result<()>);

/// The two halves are never built by one cargo call: `app` would be compiled with the features of both.
const RUST: [Step; 6] = [
    ("format", format),
    ("supply chain", supply_chain),
    ("clippy, server half", clippy_server),
    ("clippy, browser half", clippy_browser),
    ("test tools", tools::ensure_for_tests),
    ("Rust tests", rust_tests),
];
const BROWSER: [Step; 5] = [
    ("build tools", tools::ensure),
    ("build", build),
    ("browser tests", browser_tests),
    ("attack", attack_short),
    ("chaos", chaos_short),
];

pub fn test(workspace: &Workspace, fast: bool) -> Result<()> {
    workspace.claim_target()?;
    let steps: Vec<Step> = match fast {
        true => RUST.to_vec(),
        false => RUST.into_iter().chain(BROWSER).collect(),
    };

    let mut times = Vec::new();
    let mut result = Ok(());
    for (name, step) in &steps {
        println!("\n== {name}");
        let start = Instant::now();
        result = step(workspace).with_context(|| format!("the step \"{name}\" failed"));
        times.push(start.elapsed());
        if result.is_err() {
            break;
        }
    }
    print!("\n{}", table(&steps, &times, result.is_ok()));
    result
}

fn format(workspace: &Workspace) -> Result<()> {
    shell::run(workspace.cargo().args(["fmt", "--all", "--check"]))
}

/// Licences, sources and banned crates, by deny.toml. What is known of holes comes from a database that may not be at hand.
fn supply_chain(workspace: &Workspace) -> Result<()> {
    if workspace.which("cargo-deny").is_none() {
        println!("not run: cargo-deny is not installed (cargo install cargo-deny --locked)");
        return Ok(());
    }
    let deny = |check: &[&str]| shell::run(workspace.cargo().args(["deny", "--offline", "check"]).args(check));
    deny(&["licenses", "bans", "sources"])?;
    match advisories() {
        true => deny(&["advisories"]),
        false => {
            println!("not run: the advisories, whose database is not here (cargo deny fetch)");
            Ok(())
        }
    }
}

/// Whether the database of advisories was fetched once. A fetch that failed leaves an empty folder.
fn advisories() -> bool {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let databases = home.and_then(|home| home.join("advisory-dbs").read_dir().ok());
    databases.is_some_and(|entries| entries.flatten().any(|entry| entry.path().is_dir()))
}

fn clippy_server(workspace: &Workspace) -> Result<()> {
    let mut clippy = workspace.cargo();
    clippy.args(["clippy", "--workspace", "--exclude", "frontend", "--all-targets"]);
    shell::run(clippy.args(["--", "-D", "warnings"]))
}

/// Lints `app` and `domain` too, as the browser compiles them, with cargo-leptos's profile and folder, so that the
/// procedural macros are built once for both.
fn clippy_browser(workspace: &Workspace) -> Result<()> {
    tools::wasm_target(workspace)?;
    let mut clippy = workspace.cargo();
    clippy.args(["clippy", "--package", "frontend", "--no-default-features"]);
    clippy.args(["--target", "wasm32-unknown-unknown", "--profile", "wasm-dev"]);
    clippy.arg("--target-dir").arg(workspace.target.join("front"));
    shell::run(clippy.args(["--", "-D", "warnings"]))
}

fn rust_tests(workspace: &Workspace) -> Result<()> {
    shell::run(workspace.cargo().args(["test", "--workspace", "--exclude", "frontend"]))
}

fn build(workspace: &Workspace) -> Result<()> {
    package::build(workspace, Profile::Dev)?;
    package::assemble(workspace, Profile::Dev, &packaged(workspace))
}

fn browser_tests(workspace: &Workspace) -> Result<()> {
    let chromium = tools::chromium(workspace)?;
    let mut playwright = workspace.command("npx");
    playwright
        .args(["--no-install", "playwright", "test"])
        .current_dir(workspace.end2end())
        .env("STUDIO_PACKAGE", packaged(workspace))
        .env("CHROMIUM", chromium);
    shell::run(&mut playwright)
}

fn chaos_short(workspace: &Workspace) -> Result<()> {
    chaos::short(workspace, packaged(workspace).join(package::BINARY))
}

fn attack_short(workspace: &Workspace) -> Result<()> {
    attack::short(workspace, &packaged(workspace).join(package::BINARY))
}

/// Not the folder of `cargo xtask run`, which a person may be using while the tests run.
fn packaged(workspace: &Workspace) -> PathBuf {
    workspace.target.join("package-test")
}

/// One line a step; `times` is shorter than `steps` where one of them failed.
fn table(steps: &[Step], times: &[Duration], passed: bool) -> String {
    let mut text = format!("{:<24}{:>12}\n", "step", "time");
    for (index, (name, _)) in steps.iter().enumerate() {
        let last = index + 1 == times.len();
        let (time, note) = match times.get(index) {
            Some(time) if last && !passed => (shell::human(*time), "  failed"),
            Some(time) => (shell::human(*time), ""),
            None => ("-".to_owned(), "  not run"),
        };
        text += &format!("{name:<24}{time:>12}{note}\n");
    }
    let total = times.iter().sum();
    text + &format!("{:<24}{:>12}\n", "all", shell::human(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_marks_the_failed_step_and_what_was_left_out() {
        let steps: Vec<Step> = RUST[..3].to_vec();
        let times = [Duration::from_secs(2), Duration::from_secs(61)];
        assert_eq!(
            table(&steps, &times, false),
            "step                            time\n\
             format                         2.0 s\n\
             supply chain               1 min 1 s  failed\n\
             clippy, server half                -  not run\n\
             all                        1 min 3 s\n"
        );
    }
}
