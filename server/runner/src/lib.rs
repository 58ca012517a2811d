//! Owns the local processes that steps start: the only crate that starts one.
//!
//! Two sides. The **runner process** ([`serve`]) starts each step in a process group of its own,
//! writes what it prints and how it ended to a spool on disk, and answers on a Unix socket. The
//! **server's handle** ([`Runner`]) starts the runner when it is first needed and talks to it. The
//! runner leaves the server's session and outlives it: when the server is killed in the middle of a
//! command, the command goes on, and the next server attaches to it by its step.
//!
//! ```no_run
//! # async fn example() -> Result<(), runner::RunnerError> {
//! use runner::{Attached, ProcessSpec, Runner, RunnerConfig, RunningProcess};
//!
//! let args = ["runner", "--dir", "/var/lib/studio/runner"].map(Into::into).to_vec();
//! let runner = Runner::new(RunnerConfig::new("/usr/bin/runbook-studio", args, "/var/lib/studio/runner"));
//! let RunningProcess { mut output, handle } =
//!     runner.spawn(ProcessSpec::new("step-1", "/bin/sh", "echo hello")).await?;
//! while let Some(piece) = output.recv().await {
//!     assert_eq!(&piece.bytes[..], b"hello\n");
//! }
//! let exit = handle.wait().await.exit();
//!
//! // Until the outcome is stored, anybody may ask again, also after a crash.
//! assert!(matches!(runner.attach("step-1").await?, Attached::Process(_)));
//! runner.forget("step-1").await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What a process can rely on
//!
//! - It leads a process group of its own, reads `/dev/null`, and sees only the environment it
//!   is given plus `PATH`, `HOME`, `LANG`, `USER` and its marker `RUNBOOK_STEP=<step>`.
//! - It is not hurt when the server goes: the runner reads on.
//! - Its secret files live in a private directory in memory where there is one, and go when it
//!   ends. The spool holds no secret, no script and no environment.
//!
//! # What the server can rely on
//!
//! - A step is started at most once: a second [`Runner::spawn`] of a step that the runner knows is
//!   refused, until [`Runner::forget`].
//! - That a step was started is noted before `spawn` answers, and how it ended before a client
//!   hears of it; both are safe from a power failure a quarter of a second later. So after a crash a
//!   step that had not ended is [`Attached::Lost`], never unknown, and [`Runner::stop_lost`] ends what
//!   is left of it; one that had ended is told as if nothing had happened. After a power failure a
//!   step of its last moment may be unknown: whoever began it before the machine's start knows that.
//! - While a client is attached, nothing that is printed is lost: a client more than 8 MiB behind
//!   holds its process back, and no other. With nobody attached, all is kept up to a limit
//!   (64 MiB unless said otherwise), and beyond it the last two MiB at least; the first piece after
//!   the gap says how much is missing ([`OutputPiece::dropped_before`]). Every replay begins at the
//!   beginning and cuts the output into the same pieces.
//! - A process left in the background (`nohup … &`) does not hang the step: reading ends
//!   shortly after the main process did. Such processes stay alive, as whoever wrote the script
//!   meant them to; only [`ProcessHandle::stop`] ends them.
//! - Stop ends everything of the step or names what it could not end; see [`StopReport`]. Members
//!   are found by process group, by marker, by descent, and by a tag among the resource limits,
//!   which a process keeps when it forks twice, leaves the session and wipes its environment.
//!
//! # The life of a runner
//!
//! It has a directory to itself: `socket`, `lock`, `log`, `spool/`. Its socket answers its own user
//! and root. It ends when for ten seconds no client was connected and no step ran, and when it is
//! sent SIGTERM, which stops its steps. A server of another protocol version is told so
//! ([`RunnerError::Incompatible`]) and can go on when the old runner has ended.
//!
//! What ends a server from outside may end its runner too: under systemd a unit needs
//! `KillMode=process` for the runner to outlive a restart of the server.
//!
//! A command should not be able to read the server's key and database. As root the server starts
//! the runner as another user ([`RunnerConfig::run_as`]); otherwise the runner hides directories
//! from commands by bubblewrap where that works ([`DaemonConfig::hide`]). [`Runner::info`] says what
//! holds ([`Confinement`]).
//!
//! Not here: redaction, numbering and storing of output, retry, timeouts: those are the engine's.

mod children;
mod client;
mod confine;
mod daemon;
mod error;
mod exit;
mod family;
mod home;
mod interpreter;
mod local;
mod output;
mod proc_table;
mod protocol;
mod script;
mod secret_file;
mod spec;
mod spool;
mod start;
mod stop;

pub use client::{Attached, Ended, ProcessHandle, Runner, RunnerConfig, RunnerInfo, RunningProcess};
pub use confine::{Confine, Confinement, is_root};
pub use daemon::{DaemonConfig, serve};
pub use error::RunnerError;
pub use exit::Exit;
pub use family::ProcessIdentity;
pub use home::RunAs;
pub use output::{MAX_PIECE_BYTES, OutputPiece, QUEUED_PIECES, Stream};
pub use script::MAX_SCRIPT_ARGUMENT_BYTES;
pub use spec::{EnvValue, ProcessSpec, SecretFile};
pub use start::STEP_VARIABLE;
pub use stop::{StopReport, StopSignal};
