//! What server and runner say to each other over the Unix socket.
//!
//! A connection carries one request. Both sides say [`Hello`] first; a side that hears another
//! version than its own says no more. Then the client sends its [`Request`] and the runner its
//! [`Response`], both JSON. After a response that begins a replay, output follows in binary
//! frames, and the exit as soon as it is known, also between them. The client grants the runner
//! how many bytes of output it may send, so that neither ever waits for the other to read.

mod frame;
mod spec;

use serde::{Deserialize, Serialize};

pub(crate) use frame::{
    Frame, Frames, HEADER_BYTES, Kind, encode_json, encode_number, header, parse_header, parse_json, read_frame, write_json,
};
pub(crate) use spec::WireSpec;

use crate::{Confinement, Exit, ProcessIdentity, RunnerError, StopReport};

/// The version of all this. It grows with every change that an older side would not understand.
pub(crate) const PROTOCOL: u32 = 2;

/// How many bytes of output may be under way to a client before it grants more.
pub(crate) const WINDOW_BYTES: usize = 512 * 1024;

/// The first words of both sides. Its two fields stay as they are in every version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub protocol: u32,
    /// For people.
    pub version: String,
}

impl Hello {
    pub fn own() -> Self {
        Self { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// What a client asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Keeps the runner from ending while the connection is open.
    Stay,
    /// Who the runner is.
    Info,
    /// Starts a process; its replay follows.
    Spawn(WireSpec),
    /// The replay of a step.
    Attach { step: String },
    /// Ends a step.
    Stop { step: String, grace_ms: u64 },
    /// Ends what a former runner left.
    StopLost { identity: ProcessIdentity, grace_ms: u64 },
    /// Removes the records of steps.
    Forget { steps: Vec<String> },
    /// The steps that there are records of.
    Steps,
}

/// What the runner answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Response {
    /// A replay follows.
    Process(ProcessIdentity),
    /// A former runner died while the step ran.
    Lost(ProcessIdentity),
    Unknown,
    Stopped(StopReport),
    Done,
    Steps(Vec<String>),
    Info {
        pid: u32,
        version: String,
        confinement: Confinement,
    },
    Failed(RunnerError),
}

/// The last words of a replay's output.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct OutputEnd {
    /// Whether a runner read it to the end.
    pub whole: bool,
}

/// How the main process ended.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Exited {
    pub exit: Exit,
}
