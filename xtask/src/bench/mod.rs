//! `cargo xtask bench`: what the design promises, measured beside its yardsticks.
//!
//! One workload a file. Each starts servers of its own on fresh folders of a real disk and speaks to them as any client of the
//! API does: accounts, rights and the audit trail are on. A missed target is said, not hidden; it is no error.

mod cold_start;
pub mod emit;
mod fill;
mod filled_store;
mod first_process;
mod forty_over_ssh;
mod forty_trues;
mod hundred_viewers;
mod list_runbooks;
pub mod machine;
mod memory;
mod million_lines;
pub mod report;
pub mod row;
pub mod session;
pub mod stats;
mod thousand_runs;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use self::row::{Measured, Outcome};
use self::session::{Named, Session};
use crate::package::Profile;
use crate::studio::{Studio, binary};
use crate::workspace::Workspace;

/// What to measure, and how.
#[derive(Args)]
pub struct Options {
    /// Only these, such as P1,P3
    #[arg(long, value_delimiter = ',', value_name = "IDS")]
    only: Vec<String>,
    /// How the server is built; `dev` is for trying
    #[arg(long, value_enum, default_value = "release")]
    profile: Profile,
    /// A server that is built already, instead of building one
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    server: Option<PathBuf>,
    /// How often each thing is measured; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=99))]
    rounds: u16,
    /// Everything as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Put what was measured into docs/benchmarks.md
    #[arg(long)]
    write: bool,
    #[command(flatten)]
    sizes: Sizes,
}

/// How much there is. The targets are for the sizes that stand here; other sizes get no verdict.
#[derive(Args, Clone)]
pub struct Sizes {
    /// P7, P13: runbooks in the store
    #[arg(long, default_value_t = 10_000)]
    pub runbooks: usize,
    /// P13: runs in the store
    #[arg(long, default_value_t = 100_000)]
    pub runs: usize,
    /// P13: rows in the audit trail
    #[arg(long, default_value_t = 1_000_000)]
    pub audit_rows: usize,
    /// P12: unfinished runs
    #[arg(long, default_value_t = 10_000)]
    pub unfinished: usize,
}

/// What a workload is given.
pub struct Bench {
    /// The server's executable.
    pub binary: PathBuf,
    /// A folder for data and helpers, on a real disk.
    pub scratch: PathBuf,
    pub rounds: usize,
    pub sizes: Sizes,
}

struct Workload {
    id: &'static str,
    title: &'static str,
    others: &'static str,
    measure: fn(&Bench) -> Result<Outcome>,
}

/// In the order of the design; the numbers of others are its, too.
static WORKLOADS: [Workload; 10] = [
    Workload {
        id: "P1",
        title: "one run of 40 × `true`",
        others: "Restate 158 ms, n8n 326 ms, Prefect 1,190 ms, Buildbot 4,660 ms",
        measure: forty_trues::measure,
    },
    Workload {
        id: "P2",
        title: "1,000 runs × 3 steps queued at once",
        others: "Restate 133 runs/s, n8n 23, Buildbot 19",
        measure: thousand_runs::measure,
    },
    Workload {
        id: "P3",
        title: "API call → first process started",
        others: "n8n 30 ms, Restate 10 ms",
        measure: first_process::measure,
    },
    Workload {
        id: "P4",
        title: "1,000,000 lines (6.9 MB) → an API client",
        others: "Buildbot 5 s and 14 s more for the download; Rundeck's viewer stops at 3 MB",
        measure: million_lines::measure,
    },
    Workload { id: "P6", title: "100 viewers of one run at 1,000 lines/s", others: "", measure: hundred_viewers::measure },
    Workload {
        id: "P7",
        title: "list 50 of 10,000 runbooks by REST",
        others: "n8n 22 ms for 100 of 1,000",
        measure: list_runbooks::measure,
    },
    Workload { id: "P10", title: "40 steps over SSH on one host", others: "", measure: forty_over_ssh::measure },
    Workload { id: "P11", title: "memory, idle and after P2", others: "n8n 1,130 MB", measure: memory::measure },
    Workload {
        id: "P12",
        title: "cold start → ready, with nothing and with 10,000 unfinished runs",
        others: "",
        measure: cold_start::measure,
    },
    Workload {
        id: "P13",
        title: "P1 and P7 with 100,000 runs and 1,000,000 audit rows in the store",
        others: "",
        measure: filled_store::measure,
    },
];

pub fn bench(workspace: &Workspace, options: &Options) -> Result<()> {
    let chosen = session::chosen(&WORKLOADS, &options.only)?;
    let built = binary::server(workspace, options.profile, options.server.as_deref(), "package-bench")?;
    let scratch = workspace.target.join("bench");
    fs::create_dir_all(&scratch).with_context(|| format!("creating {}", scratch.display()))?;

    let mut session = Session::begin(workspace, &scratch, built.origin, options.rounds, options.json.as_deref(), options.write)?;
    let bench = Bench { binary: built.binary, scratch, rounds: usize::from(options.rounds), sizes: options.sizes.clone() };
    for workload in chosen {
        session.measure(workload, || (workload.measure)(&bench));
    }
    session.end()
}

impl Named for Workload {
    fn id(&self) -> &'static str {
        self.id
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn others(&self) -> &'static str {
        self.others
    }
}

impl Bench {
    /// A server on a fresh folder.
    pub fn studio(&self) -> Result<Studio> {
        Studio::temporary(&self.binary, &self.scratch)
    }

    /// A folder for what a workload needs beside its server; gone when dropped.
    pub fn folder(&self) -> Result<tempfile::TempDir> {
        tempfile::Builder::new().prefix("bench-").tempdir_in(&self.scratch).context("making a temporary folder")
    }
}

impl From<Measured> for Outcome {
    fn from(measured: Measured) -> Self {
        Self::Measured(measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_are_chosen_by_their_ids() {
        let ids = |only: &[&str]| -> Vec<&str> {
            let only: Vec<String> = only.iter().map(|id| (*id).to_owned()).collect();
            session::chosen(&WORKLOADS, &only).expect("known ids").iter().map(|workload| workload.id).collect()
        };
        assert_eq!(ids(&["p3", "P1"]), ["P1", "P3"]);
        assert_eq!(ids(&[]).len(), WORKLOADS.len());
        assert!(session::chosen(&WORKLOADS, &["P5".to_owned()]).is_err());
    }
}
