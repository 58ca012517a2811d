//! The connections of a run: one for each host, opened when a command first needs it, closed with the run.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::sync::Mutex;
use tracing::info;

use super::{Connection, SshError, Target};

/// One open connection for each host of a run.
pub(crate) struct Pool {
    patience: Duration,
    hosts: Mutex<HashMap<String, Arc<Mutex<Option<Connection>>>>>,
}

impl Pool {
    /// An empty one; every connection may take `patience` to be opened.
    pub(crate) fn new(patience: Duration) -> Self {
        Self { patience, hosts: Mutex::new(HashMap::new()) }
    }

    /// The connection to a host for a new command: the open one, or a new one where there is none, it broke, or the host's
    /// entry has changed since. What ran on a connection that broke is not started again here.
    pub(crate) async fn get_or_open(&self, target: &Target) -> Result<Connection, SshError> {
        let place = Arc::clone(self.hosts.lock().await.entry(target.name.clone()).or_default());
        let mut place = place.lock().await;
        if let Some(open) = place.as_ref() {
            if open.is_open() && open.target().is_same_place(target) {
                return Ok(open.clone());
            }
            info!(ssh.host = target.name, "opening a new connection to a host");
        }
        // Commands that still run on the old one keep it.
        *place = None;
        let opened = Connection::open(target, self.patience).await?;
        *place = Some(opened.clone());
        Ok(opened)
    }

    /// Closes them all.
    pub(crate) async fn close(&self) {
        let hosts = std::mem::take(&mut *self.hosts.lock().await);
        for place in hosts.into_values() {
            if let Some(connection) = place.lock().await.take() {
                connection.close().await;
            }
        }
    }
}
