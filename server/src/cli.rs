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
    /// Look after the audit trail
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Look after the keys to the stored secrets
    Keys(KeysOptions),
    /// Own the commands of a server: it starts this by itself, and commands outlive it here
    #[command(hide = true)]
    Runner(RunnerOptions),
}

/// What to do with the audit trail.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Read the whole trail and say where it is broken first, if it is. A running server on the embedded database verifies it
    /// itself: GET /api/v1/audit/verify
    Verify {
        /// A head that was kept elsewhere, as SEQ:HASH or in a file: the trail must still hold it
        #[arg(long, value_name = "FILE|SEQ:HASH")]
        head: Option<String>,
        #[command(flatten)]
        options: Options,
    },
    /// Print the end of the chain as SEQ:HASH, to be kept elsewhere
    Head(Options),
}

impl AuditCommand {
    /// Where the trail is.
    pub const fn options(&self) -> &Options {
        match self {
            Self::Verify { options, .. } | Self::Head(options) => options,
        }
    }
}

/// What to do with the keys to the stored secrets.
#[derive(Debug, Args)]
pub struct KeysOptions {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a new key, encrypt every stored secret anew for it, and drop the old one. A running server does it, asked with the
    /// administrator's API key in STUDIO_API_KEY; where none runs, it is done here
    Rotate(RotateOptions),
    /// Name the secrets that no key opens any more, so that the server does not start, and delete them with --yes: credentials stay
    /// and wait for their secret anew, runs that still need an answer fail. Put back the lost key instead wherever there is a copy.
    /// Every server on the database must be stopped
    ForgetLost(ForgetOptions),
}

/// What becomes of secrets that no key opens.
#[derive(Debug, Args)]
pub struct ForgetOptions {
    /// Delete them; without this they are only named
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub options: Options,
}

/// Who is to replace the key.
#[derive(Debug, Args)]
pub struct RotateOptions {
    /// The address of the server [default: the one that the settings tell it to listen on]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    #[command(flatten)]
    pub options: Options,
}

/// How a runner is told where it serves.
#[derive(Debug, Clone, Args)]
pub struct RunnerOptions {
    /// Its own folder: socket, log and spool
    #[arg(long, value_name = "FOLDER")]
    pub dir: PathBuf,
    /// A folder or file that no command may see
    #[arg(long, value_name = "PATH")]
    pub hide: Vec<PathBuf>,
}

/// What the process is to be.
#[derive(Debug)]
pub enum Part {
    /// The server.
    Server(Options),
    /// One look at the audit trail.
    Audit(AuditCommand),
    /// A new key to the stored secrets.
    RotateKeys(RotateOptions),
    /// An end of the secrets whose key is lost.
    ForgetLost(ForgetOptions),
    /// The runner of a server.
    Runner(RunnerOptions),
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
    /// The file with the keys to the stored secrets, best in a folder of its own: commands on this server do not see that folder
    /// [env: STUDIO_AGE_IDENTITY_FILE] [default: identity.age in the data folder]
    #[arg(long, value_name = "FILE")]
    pub age_identity_file: Option<PathBuf>,
    /// Who may make an account: open or closed [env: STUDIO_SIGNUP] [default: open on a loopback address
    /// without a proxy and names of its own, else closed]
    #[arg(long, value_name = "WHO")]
    pub signup: Option<String>,
    /// The user that commands on this server run as; only root can be asked for that [env: STUDIO_RUN_AS] [default: the server's own]
    #[arg(long, value_name = "USER")]
    pub run_as: Option<String>,
    /// The folder of the process that owns commands on this server [env: STUDIO_RUNNER_DIR] [default: runner in the data folder]
    #[arg(long, value_name = "FOLDER")]
    pub runner_dir: Option<PathBuf>,
    /// A PEM file with the certificate to speak https with, the server's own first; read again on SIGHUP [env: STUDIO_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// A PEM file with its private key [env: STUDIO_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Networks of proxies that are believed about the client's address and scheme (X-Forwarded-*) [env: STUDIO_TRUSTED_PROXIES]
    #[arg(long, value_name = "NETWORKS")]
    pub trusted_proxies: Option<String>,
    /// Further names that this server is asked by, with commas between them, such as runbooks.example: where set, no other name is
    /// answered but localhost and IP addresses [env: STUDIO_HOSTS] [default: none on a loopback address without a proxy, else any]
    #[arg(long, value_name = "NAMES")]
    pub hosts: Option<String>,
    /// From which role on API calls may go to this machine and to private networks: developer, sre, admin or nobody
    /// [env: STUDIO_EGRESS_PRIVATE] [default: sre]
    #[arg(long, value_name = "ROLE")]
    pub egress_private: Option<String>,
    /// Private networks that everybody's API calls may go to, with commas between them, such as 10.1.0.0/16 [env: STUDIO_EGRESS_ALLOW]
    #[arg(long, value_name = "NETWORKS")]
    pub egress_allow: Option<String>,
    /// How many days the audit trail is kept; 0 for ever [env: STUDIO_AUDIT_DAYS] [default: 365]
    #[arg(long, value_name = "DAYS")]
    pub audit_days: Option<String>,
    /// How many days after its end the output of a run is kept; 0 for ever [env: STUDIO_OUTPUT_DAYS] [default: 90]
    #[arg(long, value_name = "DAYS")]
    pub output_days: Option<String>,
    /// How much output of one step is kept, in mebibytes, 1 to 4096: its beginning and its end [env: STUDIO_OUTPUT_MIB] [default: 64]
    #[arg(long, value_name = "MIB")]
    pub output_mib: Option<String>,
    /// How long a browser stays signed in while nobody uses it, 5m to 30d [env: STUDIO_SESSION_IDLE] [default: 12h]
    #[arg(long, value_name = "DURATION")]
    pub session_idle: Option<String>,
    /// How long it stays signed in at most, 15m to 30d [env: STUDIO_SESSION_ABSOLUTE] [default: 7d]
    #[arg(long, value_name = "DURATION")]
    pub session_absolute: Option<String>,
    /// auto, human or json [env: STUDIO_LOG_FORMAT] [default: human on a terminal, else json]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// What to log, as in RUST_LOG [env: STUDIO_LOG, RUST_LOG] [default: info]
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
}

impl Arguments {
    /// What to be; options may stand before or after `serve`.
    #[must_use]
    pub fn part(self) -> Part {
        match self.command {
            Some(Command::Serve(options)) => Part::Server(options),
            Some(Command::Audit(command)) => Part::Audit(command),
            Some(Command::Keys(KeysOptions { command: KeysCommand::Rotate(options) })) => Part::RotateKeys(options),
            Some(Command::Keys(KeysOptions { command: KeysCommand::ForgetLost(options) })) => Part::ForgetLost(options),
            Some(Command::Runner(options)) => Part::Runner(options),
            None => Part::Server(self.options),
        }
    }
}
