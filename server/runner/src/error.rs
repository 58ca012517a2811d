//! Why a process could not be started.

use std::{io, path::PathBuf};

/// Why a process could not be started. Nothing runs and no file is left behind when
/// [`spawn`](crate::spawn) answers one of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunnerError {
    /// The interpreter was empty or blank.
    #[error("no interpreter was named")]
    NoInterpreter,
    /// There is no such file, neither by path nor on `PATH`.
    #[error("interpreter `{interpreter}` was not found")]
    InterpreterNotFound {
        /// The interpreter as it was asked for.
        interpreter: String,
    },
    /// The file exists but is a directory or may not be executed.
    #[error("interpreter `{interpreter}` is not executable")]
    InterpreterNotExecutable {
        /// The interpreter as it was asked for.
        interpreter: String,
    },
    /// The working directory does not exist or is not a directory.
    #[error("working directory `{}` does not exist", path.display())]
    WorkingDirMissing {
        /// The directory as it was asked for.
        path: PathBuf,
    },
    /// Something that must cross `execve(2)` contains a NUL byte, which would cut it short.
    #[error("{what} contains a NUL byte")]
    ContainsNul {
        /// What it is, for example "argument 2" or "environment variable `TOKEN`".
        what: String,
    },
    /// The name of an environment variable is empty or contains `=`.
    #[error("`{name}` cannot be the name of an environment variable")]
    InvalidEnvName {
        /// The name as it was asked for.
        name: String,
    },
    /// The step marker is empty, so the step's processes could not be told from others.
    #[error("the step has no marker")]
    NoMarker,
    /// The script or a secret could not be written to a private file.
    #[error("a private file for the process could not be written")]
    PrivateFile {
        /// What the system said of the last place that was tried.
        #[source]
        source: io::Error,
    },
    /// The operating system refused to start the process.
    #[error("process `{interpreter}` could not be started")]
    Spawn {
        /// The interpreter as it was asked for.
        interpreter: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
