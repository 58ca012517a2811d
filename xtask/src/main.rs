//! `cargo xtask …`: set-up and the everyday commands of this repository.
//!
//! This file is the command line and nothing else; each command has a file of its own name.
#![expect(clippy::print_stdout, reason = "a command line tool speaks through stdout")]

mod assets;
mod attack;
mod bench;
mod chaos;
mod dist;
mod package;
#[cfg(test)]
mod policy;
mod run;
mod screenshots;
mod setup;
mod shell;
mod studio;
mod test;
mod tools;
mod ui_bench;
mod watch;
mod workspace;

use std::ffi::OsString;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::package::Profile;
use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Set-up and the everyday commands of Runbook Studio")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install the build tools that are missing
    Setup,
    /// Set up, build and start Runbook Studio on its embedded store in ./data
    Run {
        /// Build with optimisations: about 25 minutes the first time
        #[arg(long)]
        release: bool,
        /// Arguments for the server, after `--`
        #[arg(last = true)]
        args: Vec<OsString>,
    },
    /// Build with optimisations and put the folder to ship into dist/
    Dist,
    /// Rebuild and restart on every change of a file (`cargo leptos watch`)
    Watch {
        /// Arguments for the server, after `--`
        #[arg(last = true)]
        args: Vec<OsString>,
    },
    /// Everything that must hold: format, lints, tests, the wasm build, a real browser
    Test {
        /// Stop after the Rust tests: no wasm build, no browser
        #[arg(long)]
        fast: bool,
    },
    /// Measure what the design promises, each beside its yardstick; the server is built with optimisations
    Bench(bench::Options),
    /// Break a running server on purpose, again and again, and look at what it promised
    Chaos(chaos::Options),
    /// Play the attacker against a running server, and count what it refused
    Attack(attack::Options),
    /// Measure the pages in a real browser: what they load, how soon they show what happens, how they scroll
    UiBench(ui_bench::Options),
    /// Take a picture of every page, of an installation with something in it, into docs/images/
    Screenshots(screenshots::Options),
    /// Write lines at a steady pace, for `bench`
    #[command(hide = true)]
    EmitLines(bench::emit::Options),
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let workspace = Workspace::open()?;
    match cli.command {
        Command::Setup => setup::setup(&workspace),
        Command::Run { release, args } => {
            let profile = if release { Profile::Release } else { Profile::Dev };
            run::run(&workspace, profile, &args)
        }
        Command::Dist => dist::dist(&workspace),
        Command::Watch { args } => watch::watch(&workspace, &args),
        Command::Test { fast } => test::test(&workspace, fast),
        Command::Bench(options) => bench::bench(&workspace, &options),
        Command::Chaos(options) => chaos::chaos(&workspace, &options),
        Command::Attack(options) => attack::attack(&workspace, &options),
        Command::UiBench(options) => ui_bench::ui_bench(&workspace, &options),
        Command::Screenshots(options) => screenshots::screenshots(&workspace, &options),
        Command::EmitLines(options) => bench::emit::emit(&options),
    }
}
