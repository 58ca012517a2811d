//! `cargo xtask ui-bench`: what the design promises of the pages, measured in a real browser against the package that ships.
//!
//! The measuring is done by Playwright (`end2end/bench/`), one test a workload; what is wanted of each, and how it is told, is here
//! and in `bench/`. A missed target is said, not hidden; it is no error.

mod browser;
mod workloads;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use self::workloads::WORKLOADS;
use crate::bench::session::{self, Session};
use crate::package::{self, Profile};
use crate::tools;
use crate::workspace::Workspace;

/// What to measure, and how.
#[derive(Args)]
pub struct Options {
    /// Only these, such as U1,U3
    #[arg(long, value_delimiter = ',', value_name = "IDS")]
    only: Vec<String>,
    /// A package that is there already, instead of building a release
    #[arg(long, value_name = "DIR")]
    package: Option<PathBuf>,
    /// How often each thing is measured; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=99))]
    rounds: u16,
    /// U2: runbooks in the store; the target is for 10,000
    #[arg(long, default_value_t = workloads::RUNBOOKS)]
    runbooks: usize,
    /// U4: lines of the long run; the target is for 1,000,000
    #[arg(long, default_value_t = workloads::LINES)]
    lines: usize,
    /// Everything as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Put what was measured into docs/benchmarks.md
    #[arg(long)]
    write: bool,
}

pub fn ui_bench(workspace: &Workspace, options: &Options) -> Result<()> {
    let chosen = session::chosen(&WORKLOADS, &options.only)?;
    let (package, origin) = package(workspace, options.package.as_deref())?;
    let scratch = workspace.target.join("bench");
    fs::create_dir_all(&scratch).with_context(|| format!("creating {}", scratch.display()))?;
    let browser = browser::Browser::find(workspace, package, &scratch)?;

    let origin = format!("{origin}, {}", browser.version());
    let mut session = Session::begin(workspace, &scratch, origin, options.rounds, options.json.as_deref(), options.write)?;
    for workload in chosen {
        session.measure(workload, || browser.measure(workload.id, options).and_then(|found| workload.outcome(&found, options)));
    }
    session.end()
}

/// The folder with the server and the site, and where it came from.
fn package(workspace: &Workspace, given: Option<&Path>) -> Result<(PathBuf, &'static str)> {
    if let Some(folder) = given {
        let folder = fs::canonicalize(folder).with_context(|| format!("there is no package at {}", folder.display()))?;
        return Ok((folder, "a package built before (--package)"));
    }
    tools::ensure(workspace)?;
    package::build(workspace, Profile::Release)?;
    let folder = workspace.target.join("package-ui-bench");
    package::assemble(workspace, Profile::Release, &folder)?;
    Ok((folder, "release build"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_are_chosen_by_their_ids() {
        assert_eq!(
            session::chosen(&WORKLOADS, &["u3".to_owned()])
                .expect("known")
                .iter()
                .map(|workload| workload.id)
                .collect::<Vec<_>>(),
            ["U3"]
        );
        assert_eq!(session::chosen(&WORKLOADS, &[]).expect("all").len(), WORKLOADS.len());
        assert!(session::chosen(&WORKLOADS, &["U99".to_owned()]).is_err());
    }
}
