//! `cargo xtask chaos`: breaks the server on purpose, again and again, and looks at what it promised.
//!
//! The promise: what was acknowledged is done or says that it was interrupted; an outcome is recorded exactly once; a step is
//! started at most once unless a person says retry. One scenario a file, except that the three kinds of kills share one.

mod check;
mod cuts;
mod double_start;
mod full_disk;
mod io_errors;
mod kills;
mod ledger;
mod settle;
mod tally;
mod trouble;
mod twenty_steps;
mod world;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use self::kills::Victim;
use self::tally::Tally;
use crate::package::Profile;
use crate::studio::binary;
use crate::workspace::Workspace;

/// What to break, and how often.
#[derive(Args)]
pub struct Options {
    /// What happens
    #[arg(long, value_enum, value_delimiter = ',', default_value = "server")]
    scenario: Vec<Scenario>,
    /// How often something is killed
    #[arg(long, default_value_t = 50)]
    kills: usize,
    /// Makes the random choices; the same seed makes the same ones
    #[arg(long)]
    seed: Option<u64>,
    /// How the server is built
    #[arg(long, value_enum, default_value = "dev")]
    profile: Profile,
    /// A server that is built already, instead of building one
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    server: Option<PathBuf>,
}

/// What happens to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// The server is killed
    Server,
    /// Its helper process that owns the local commands is killed
    Runner,
    /// Both are killed at the same moment
    Both,
    /// Its connections to a host are cut while steps run there (needs OpenSSH's server)
    Ssh,
    /// Its disk is full, then free again (needs root, for a small tmpfs)
    FullDisk,
    /// Its disk answers with I/O errors when it is to keep something for good (needs strace)
    IoErrors,
    /// Many callers start one run with one Idempotency-Key
    DoubleStart,
    /// All of these
    All,
}

/// What a scenario came to.
pub enum Outcome {
    Ran(Tally),
    NotRun(String),
}

/// What a scenario is given.
pub struct Chaos {
    /// The server's executable.
    pub binary: PathBuf,
    /// A folder on a disk; what a failed scenario leaves in it is evidence.
    pub scratch: PathBuf,
    pub kills: usize,
    pub seed: u64,
}

const ALL: [Scenario; 7] = [
    Scenario::Server,
    Scenario::Runner,
    Scenario::Both,
    Scenario::Ssh,
    Scenario::FullDisk,
    Scenario::IoErrors,
    Scenario::DoubleStart,
];

pub fn chaos(workspace: &Workspace, options: &Options) -> Result<()> {
    let built = binary::server(workspace, options.profile, options.server.as_deref(), "package-chaos")?;
    let scratch = workspace.target.join("chaos");
    fs::create_dir_all(&scratch).with_context(|| format!("creating {}", scratch.display()))?;
    let chaos = Chaos {
        binary: built.binary,
        scratch,
        kills: options.kills,
        seed: options.seed.unwrap_or_else(|| fastrand::u64(..1_000_000)),
    };
    println!("chaos with {}, seed {}", built.origin, chaos.seed);
    let scenarios = if options.scenario.contains(&Scenario::All) { &ALL[..] } else { &options.scenario };
    chaos.play_all(scenarios)
}

/// What `cargo xtask test` does of it: 50 kills of the server, some of the runner, of both and of connections to a host, a disk
/// that is full and one that fails, and double starts, always the same.
pub fn short(workspace: &Workspace, binary: PathBuf) -> Result<()> {
    let scratch = workspace.target.join("chaos");
    fs::create_dir_all(&scratch).with_context(|| format!("creating {}", scratch.display()))?;
    let chaos = Chaos { binary, scratch, kills: 50, seed: 1 };
    chaos.play_all(&[Scenario::Server])?;
    let chaos = Chaos { kills: 10, ..chaos };
    chaos.play_all(&[
        Scenario::Runner,
        Scenario::Both,
        Scenario::Ssh,
        Scenario::FullDisk,
        Scenario::IoErrors,
        Scenario::DoubleStart,
    ])
}

impl Chaos {
    fn play_all(&self, scenarios: &[Scenario]) -> Result<()> {
        let mut broken = Vec::new();
        for scenario in scenarios {
            println!("\n== {}", scenario.name());
            match self.play(*scenario)? {
                Outcome::NotRun(why) => println!("not run: {why}"),
                Outcome::Ran(tally) => {
                    println!("{tally}");
                    if !tally.violations.is_empty() {
                        broken.push(scenario.name());
                    }
                }
            }
        }
        if !broken.is_empty() {
            bail!("promises were broken: {} (seed {})", broken.join(", "), self.seed);
        }
        Ok(())
    }

    fn play(&self, scenario: Scenario) -> Result<Outcome> {
        match scenario {
            Scenario::Server => kills::play(self, Victim::Server),
            Scenario::Runner => kills::play(self, Victim::Runner),
            Scenario::Both => kills::play(self, Victim::Both),
            Scenario::Ssh => cuts::play(self),
            Scenario::FullDisk => full_disk::play(self),
            Scenario::IoErrors => io_errors::play(self),
            Scenario::DoubleStart => double_start::play(self),
            Scenario::All => bail!("all is not one scenario"),
        }
    }
}

impl Scenario {
    fn name(self) -> &'static str {
        match self {
            Self::Server => "kills of the server",
            Self::Runner => "kills of the runner",
            Self::Both => "kills of both",
            Self::Ssh => "cuts of connections to a host",
            Self::FullDisk => "a full disk",
            Self::IoErrors => "I/O errors",
            Self::DoubleStart => "double starts",
            Self::All => "all",
        }
    }
}
