//! Why something could not be done, by the runner or on the way to it.

use std::{io, path::PathBuf};

use serde::{Deserialize, Serialize};

/// Why something could not be done. It crosses the socket as it is.
///
/// Nothing runs and no file is left behind when [`Runner::spawn`](crate::Runner::spawn) answers
/// one of these, with three exceptions: after [`ConnectionLost`](Self::ConnectionLost) and
/// [`NotAnswering`](Self::NotAnswering) only [`Runner::attach`](crate::Runner::attach) can say
/// whether the step was started; after [`Record`](Self::Record) it may have been, was ended again,
/// and is known as lost.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
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
        #[serde(with = "io_error")]
        source: io::Error,
    },
    /// The operating system refused to start the process.
    #[error("process `{interpreter}` could not be started")]
    Spawn {
        /// The interpreter as it was asked for.
        interpreter: String,
        /// What the system said.
        #[source]
        #[serde(with = "io_error")]
        source: io::Error,
    },
    /// The step's name does not fit a folder's.
    #[error("the step's marker is too long")]
    MarkerTooLong,
    /// The runner knows this step already; it is never started twice.
    #[error("step `{step}` was started before")]
    AlreadyKnown {
        /// The step.
        step: String,
    },
    /// The runner does not know this step.
    #[error("the runner does not know step `{step}`")]
    UnknownStep {
        /// The step.
        step: String,
    },
    /// A step that runs cannot be forgotten.
    #[error("step `{step}` still runs")]
    StillRunning {
        /// The step.
        step: String,
    },
    /// The runner was told to end and starts nothing more.
    #[error("the runner is ending")]
    Ending,
    /// The record of a step could not be written or read.
    #[error("the record of step `{step}` could not be kept")]
    Record {
        /// The step.
        step: String,
        /// What the system said.
        #[source]
        #[serde(with = "io_error")]
        source: io::Error,
    },
    /// The runner's directory could not be made or is not private to its user.
    #[error("the runner's directory `{}` cannot be used", path.display())]
    Directory {
        /// The directory or the file in it.
        path: PathBuf,
        /// What the system said.
        #[source]
        #[serde(with = "io_error")]
        source: io::Error,
    },
    /// Another runner serves this directory.
    #[error("another runner serves `{}`", dir.display())]
    Occupied {
        /// The directory.
        dir: PathBuf,
    },
    /// The runner could not listen, or not hear signals.
    #[error("the runner could not listen")]
    Listen {
        /// What the system said.
        #[source]
        #[serde(with = "io_error")]
        source: io::Error,
    },
    /// The runner's own program could not be started.
    #[error("the runner `{}` could not be started", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        #[serde(with = "io_error")]
        source: io::Error,
    },
    /// The runner does not answer; its log may say why.
    #[error("the runner does not answer; see `{}`", log.display())]
    NotAnswering {
        /// Where the runner writes what it has to say.
        log: PathBuf,
        /// How the last try failed.
        #[source]
        #[serde(with = "io_error")]
        source: io::Error,
    },
    /// The connection to the runner broke before it answered.
    #[error("the connection to the runner broke")]
    ConnectionLost {
        /// What the system said.
        #[source]
        #[serde(with = "io_error")]
        source: io::Error,
    },
    /// A runner of another version still serves the directory. It ends by itself some seconds
    /// after its last step.
    #[error(
        "the runner is of version {runner} (protocol {runner_protocol}), which this program (protocol {own_protocol}) \
         cannot talk to; it ends when its last step has ended"
    )]
    Incompatible {
        /// Its version.
        runner: String,
        /// The protocol it speaks.
        runner_protocol: u32,
        /// The protocol this program speaks.
        own_protocol: u32,
    },
    /// Commands were to be confined in any case, and bubblewrap is missing or does not work here.
    #[error("commands cannot be confined: bubblewrap is missing or does not work here")]
    CannotConfine,
    /// Whoever answers on the socket is not the runner's user.
    #[error("user {uid} answers in the runner's place")]
    Stranger {
        /// Its user id.
        uid: u32,
    },
    /// There is no such user on this machine.
    #[error("there is no user `{name}`")]
    NoSuchUser {
        /// The name as it was asked for.
        name: String,
    },
}

/// An [`io::Error`] over the socket: its number where it has one, else its words.
mod io_error {
    use std::io;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Cause {
        number: Option<i32>,
        words: String,
    }

    pub fn serialize<S: Serializer>(error: &io::Error, serializer: S) -> Result<S::Ok, S::Error> {
        Cause { number: error.raw_os_error(), words: error.to_string() }.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<io::Error, D::Error> {
        let Cause { number, words } = Cause::deserialize(deserializer)?;
        Ok(number.map_or_else(|| io::Error::other(words), io::Error::from_raw_os_error))
    }
}
