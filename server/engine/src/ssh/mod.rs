//! Commands on other machines over SSH.
//!
//! A [`Connection`] is opened to a [`Target`] whose host key a person has pinned, and runs commands until it is closed;
//! a [`Pool`] keeps one for each host of a run. A command gives the same pieces of output as one of the `runner`, and a
//! [`RemoteHandle`] to wait for its end and to stop it.
//!
//! What a command can rely on:
//!
//! - It runs in a session of its own, reads `/dev/null`, and sees the environment of the login plus what it is given and its
//!   marker `RUNBOOK_STEP=<step>`. Values reach it by the connection, never by a command line or the server's `AcceptEnv`.
//! - The script is one argument of a shell, and a private file for any other interpreter.
//! - Nothing it prints is lost: a slow reader holds it back. What start-up files of the login print is not its output.
//!
//! What its owner can rely on:
//!
//! - Nothing is sent to a host that shows another key than the pinned one, and none is ever accepted unseen.
//! - A connection that breaks ends the command as [`RemoteEnd::Lost`]. Nothing here starts a command a second time.
//! - Stop ends everything of the step, looked for through a second channel, or names what it could not end.
//!
//! Not here: who may use a host, opening credentials, redaction, retry, timeouts: those are the executors'.

mod authenticate;
mod check;
mod client;
mod connection;
mod error;
mod follow;
mod host_key;
mod login;
mod look;
mod pool;
mod processes;
mod remote;
mod script;
mod stop;
mod target;

pub(crate) use check::{KeyCheck, check, scan};
pub(crate) use connection::Connection;
pub(crate) use error::SshError;
pub(crate) use host_key::HostKey;
pub(crate) use login::{Login, LoginError, unhurried};
pub(crate) use pool::Pool;
pub(crate) use remote::{RemoteEnd, RemoteHandle, RemoteSpec, RunningRemote};
pub(crate) use stop::describe_stop;
pub(crate) use target::Target;

#[cfg(test)]
mod tests;
