//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Runbook Studio: write runbooks, run them, watch them live.
#[derive(Debug, Parser)]
#[command(name = "runbook-studio", version, about, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the web interface and the API, and run runbooks (the default).
    Serve(Options),
}

/// What may be set by a flag. A flag wins over its environment variable, that over the file, that over the default.
#[derive(Debug, Clone, Default, Args)]
pub struct Options {
    /// Where to listen; port 0 takes a free one [env: STUDIO_ADDR] [default: 127.0.0.1:3000]
    #[arg(long, value_name = "HOST:PORT")]
    pub addr: Option<String>,
    /// The folder with the database and the key to its secrets [env: STUDIO_DATA_DIR] [default: ./data]
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// The database: surrealkv://FOLDER, ws://HOST:PORT or mem:// [env: STUDIO_DB] [default: the embedded one in the data folder]
    #[arg(long, value_name = "URL")]
    pub db: Option<String>,
    /// A TOML file with settings [env: STUDIO_CONFIG] [default: runbook-studio.toml in the data folder, where there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Who may make an account: open or closed [env: STUDIO_SIGNUP] [default: open on a loopback address, else closed]
    #[arg(long, value_name = "WHO")]
    pub signup: Option<String>,
    /// auto, human or json [env: STUDIO_LOG_FORMAT] [default: human on a terminal, else json]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// What to log, as in RUST_LOG [env: STUDIO_LOG, RUST_LOG] [default: info]
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
}

impl Arguments {
    /// The options, wherever on the line they were given.
    #[must_use]
    pub fn options(&self) -> Options {
        match &self.command {
            Some(Command::Serve(options)) => options.clone(),
            None => self.options.clone(),
        }
    }
}
