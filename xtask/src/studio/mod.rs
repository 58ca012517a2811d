//! A Runbook Studio of our own: the built server as a child process, its data folder, and its administrator.
//!
//! For measuring and for breaking. What is started here is ended here, by its process id, and nothing else is.

pub mod binary;
pub mod client;
pub mod events;
pub mod parallel;
pub mod process;
pub mod server;
pub mod sse;
pub mod sshd;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

pub use client::Client;
pub use server::Server;

/// The password of every account here; the servers listen on loopback and live for minutes.
pub const PASSWORD: &str = "plain words, quite many of them";

/// The name of the administrator.
pub const ADMIN: &str = "bench";

/// A server with its data, and the key of its administrator.
pub struct Studio {
    // First, so that the server ends before its folder goes.
    server: Server,
    binary: PathBuf,
    folders: Folders,
    key: String,
    _temporary: Option<TempDir>,
}

/// Where a server keeps its data, and where its logs go.
#[derive(Clone)]
pub struct Folders {
    pub data: PathBuf,
    pub logs: PathBuf,
}

impl Folders {
    /// Both in one folder.
    pub fn within(home: &Path) -> Self {
        Self { data: home.join("data"), logs: home.join("logs") }
    }
}

impl Studio {
    /// A fresh installation in a temporary folder below `scratch`, which must be on a disk: the store waits for it.
    pub fn temporary(binary: &Path, scratch: &Path) -> Result<Self> {
        fs::create_dir_all(scratch).with_context(|| format!("creating {}", scratch.display()))?;
        let home = tempfile::Builder::new().prefix("studio-").tempdir_in(scratch).context("making a temporary folder")?;
        let studio = Self::open(binary, Folders::within(home.path()))?;
        Ok(Self { _temporary: Some(home), ..studio })
    }

    /// A fresh installation in these folders, which stay.
    pub fn open(binary: &Path, folders: Folders) -> Result<Self> {
        let server = Server::start(binary, &folders)?;
        let key = Client::new(server.address()).sign_up(ADMIN, PASSWORD)?;
        Ok(Self { server, binary: binary.to_owned(), folders, key, _temporary: None })
    }

    /// A client with the administrator's key and connections of its own.
    pub fn client(&self) -> Client {
        Client::new(self.server.address()).with_key(&self.key)
    }

    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// `http://127.0.0.1:PORT`
    pub fn address(&self) -> &str {
        self.server.address()
    }

    pub fn folders(&self) -> &Folders {
        &self.folders
    }

    /// Ends the process without a warning, as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        self.server.kill()
    }

    /// Starts it again on the same data once it has ended; answers how long it took to be ready.
    pub fn start_again(&mut self) -> Result<Duration> {
        self.server = Server::start(&self.binary, &self.folders)?;
        Ok(self.server.ready_after())
    }
}
