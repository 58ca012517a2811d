//! Owns the local processes that steps start: the only crate that starts one.
//!
//! [`spawn`] takes a [`ProcessSpec`] and gives a [`RunningProcess`]: a channel of output
//! pieces and a cheap [`ProcessHandle`] to wait for the end and to stop it. All of it is
//! plain data and channels, so that the runner can move behind a socket without its callers
//! noticing.
//!
//! ```no_run
//! # async fn example() -> Result<(), runner::RunnerError> {
//! use runner::{ProcessSpec, RunningProcess, spawn};
//!
//! let RunningProcess { mut output, handle } =
//!     spawn(ProcessSpec::new("step-1", "/bin/sh", "echo hello")).await?;
//! while let Some(piece) = output.recv().await {
//!     assert_eq!(&piece.bytes[..], b"hello\n");
//! }
//! assert_eq!(handle.wait().await.describe(), "exit 0");
//! # Ok(())
//! # }
//! ```
//!
//! What a process can rely on:
//!
//! - It leads a process group of its own, reads `/dev/null`, and sees only the environment it
//!   is given plus `PATH`, `HOME`, `LANG`, `USER` and its marker `RUNBOOK_STEP=<step>`.
//! - Nothing it prints is lost: a slow reader holds the process back through its pipe.
//! - Its secret files live in a private directory in memory where there is one, and go when it
//!   ends.
//!
//! What its owner can rely on:
//!
//! - A process left in the background (`nohup … &`) does not hang the step: reading ends
//!   shortly after the main process did. Such processes stay alive, as whoever wrote the script
//!   meant them to; only [`ProcessHandle::stop`] ends them.
//! - Stop ends everything of the step or names what it could not end. See [`StopReport`].
//!
//! Not here: redaction, numbering and storing of output, retry, timeouts: those are the engine's.

mod error;
mod exit;
mod family;
mod interpreter;
mod output;
mod proc_table;
mod process;
mod script;
mod secret_file;
mod spawn;
mod spec;
mod stop;

pub use error::RunnerError;
pub use exit::Exit;
pub use family::ProcessIdentity;
pub use output::{MAX_PIECE_BYTES, OutputPiece, QUEUED_PIECES, Stream};
pub use process::{ProcessHandle, RunningProcess};
pub use script::MAX_SCRIPT_ARGUMENT_BYTES;
pub use spawn::{STEP_VARIABLE, spawn};
pub use spec::{EnvValue, ProcessSpec, SecretFile};
pub use stop::{StopReport, StopSignal, stop_lost};
