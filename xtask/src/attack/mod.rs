//! `cargo xtask attack`: plays the attacker against a running server, and counts what it refused.
//!
//! One group a file. A group fails where something got through, where an answer was a 5xx other than 503 (“busy”), or where none came.

mod bodies;
mod corpora;
mod cross_site;
mod crowds;
mod names;
mod outgoing;
mod raw;
mod schemathesis;
mod tally;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::package::Profile;
use crate::studio::{Studio, binary};
use crate::tools;
use crate::workspace::Workspace;
use tally::Tally;

/// How hard to try.
#[derive(Args)]
pub struct Options {
    /// Idle connections at once; fewer where the limit of open files says so
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Leave out schemathesis, which is installed where it is missing
    #[arg(long)]
    without_schemathesis: bool,
    /// What schemathesis begins its random numbers with
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// How the server is built
    #[arg(long, value_enum, default_value = "dev")]
    profile: Profile,
    /// A server that is built already, instead of building one
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    server: Option<PathBuf>,
}

pub fn attack(workspace: &Workspace, options: &Options) -> Result<()> {
    let built = binary::server(workspace, options.profile, options.server.as_deref(), "package-attack")?;
    println!("attack on {}", built.origin);
    let scratch = workspace.target.join("attack");
    crowds::raise_limit()?;
    let studio = Studio::temporary(&built.binary, &scratch)?;
    let mut all = play(&studio, options.idle)?;
    if !options.without_schemathesis {
        let program = tools::schemathesis(workspace)?;
        all.push(schemathesis::play(&program, &studio, &scratch, options.seed)?);
    }
    drop(studio);
    let package = built.binary.parent().context("a server stands in its package")?;
    all.push(corpora::access(workspace)?);
    all.push(corpora::injection(workspace)?);
    all.push(corpora::pages(workspace, package, Path::new(&tools::chromium(workspace)?))?);
    judge(&all)
}

/// What `cargo xtask test` does of it: not schemathesis, fewer idle connections, and not a second time what is among its Rust and
/// browser tests.
pub fn short(workspace: &Workspace, binary: &Path) -> Result<()> {
    let scratch = workspace.target.join("attack");
    crowds::raise_limit()?;
    let studio = Studio::temporary(binary, &scratch)?;
    judge(&play(&studio, 2_000)?)
}

fn play(studio: &Studio, idle: usize) -> Result<Vec<Tally>> {
    Ok(vec![
        names::play(studio)?,
        bodies::play(studio)?,
        cross_site::play(studio)?,
        outgoing::play(studio)?,
        crowds::slow(studio)?,
        crowds::idle(studio, idle)?,
    ])
}

fn judge(all: &[Tally]) -> Result<()> {
    print!("{}", tally::table(all));
    let bad: Vec<&str> = all.iter().filter(|tally| tally.failed()).map(|tally| tally.group).collect();
    if bad.is_empty() { Ok(()) } else { bail!("the attacks on {} were not all refused", bad.join(", ")) }
}
