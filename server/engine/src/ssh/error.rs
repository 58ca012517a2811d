//! Why something over SSH could not be done.

use std::{io, time::Duration};

use super::LoginError;

/// Why something over SSH could not be done. Nothing was started on the host when one of these is answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SshError {
    /// The address or the user would be misread by a tool.
    #[error("the {what} of host {host} {why}")]
    InvalidTarget {
        /// The host's name.
        host: String,
        /// `address` or `user`.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The command cannot be carried over.
    #[error("{0}")]
    InvalidCommand(String),
    /// What the vault holds is no usable login.
    #[error("the login of host {host} cannot be used")]
    Login {
        /// The host's name.
        host: String,
        /// What is wrong with it.
        #[source]
        source: LoginError,
    },
    /// The address has no entry in the name service.
    #[error("the address {address} of host {host} was not found")]
    Resolve {
        /// The host's name.
        host: String,
        /// Its address.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Nothing takes connections there.
    #[error("host {host} cannot be reached at {address} port {port}")]
    Connect {
        /// The host's name.
        host: String,
        /// Its address.
        address: String,
        /// Its port.
        port: u16,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It took too long.
    #[error("host {host} did not answer within {} s", after.as_secs_f32())]
    TimedOut {
        /// The host's name.
        host: String,
        /// How long was waited.
        after: Duration,
    },
    /// No person has looked at the host's key yet.
    #[error("no host key is pinned for host {host}; it shows {seen}: compare it with the host's own and pin it on the host page")]
    HostKeyNotPinned {
        /// The host's name.
        host: String,
        /// The fingerprint of what it shows.
        seen: String,
    },
    /// Somebody else answers, or the host was set up anew.
    #[error(
        "host {host} shows another key than the pinned one: {seen} instead of {expected}; \
         somebody may be in between, or the host was set up anew"
    )]
    HostKeyChanged {
        /// The host's name.
        host: String,
        /// The fingerprint of the pinned key.
        expected: String,
        /// The fingerprint of what it shows.
        seen: String,
    },
    /// The host does not let this user in.
    #[error("host {host} refuses the login of {user}{detail}")]
    LoginRefused {
        /// The host's name.
        host: String,
        /// The user.
        user: String,
        /// What it would take instead, as a clause; may be empty.
        detail: String,
    },
    /// The two sides do not understand each other.
    #[error("the SSH connection to host {host} failed")]
    Protocol {
        /// The host's name.
        host: String,
        /// What failed.
        #[source]
        source: russh::Error,
    },
    /// The host takes no further command on this connection.
    #[error("host {host} refuses another session")]
    ChannelRefused {
        /// The host's name.
        host: String,
        /// What it said.
        #[source]
        source: russh::Error,
    },
    /// The connection is gone.
    #[error("the connection to {host} is closed")]
    Closed {
        /// The host's name.
        host: String,
    },
}
