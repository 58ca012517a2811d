//! An open connection to a host: runs commands, any number after another or at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use runner::StopReport;
use russh::{
    Channel, Disconnect,
    client::{Handle, Msg},
};
use tokio::time::timeout;
use tracing::debug;

use super::{
    RemoteSpec, RunningRemote, SshError, Target,
    authenticate::log_in,
    client::{Dialled, KEEPALIVE, Refusal, Verifier, dial},
    remote,
    script::check_step,
    stop::{Quarry, stop_step},
};

/// How long a host may take to open a further session on an open connection.
const CHANNEL_PATIENCE: Duration = Duration::from_secs(10);

/// An open connection to a host; cheap to clone. It closes when the last clone and the last running command are gone.
#[derive(Clone)]
pub(crate) struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    target: Target,
    session: Handle<Verifier>,
    /// The host no longer answers, though the connection did not break.
    silent: AtomicBool,
}

impl Connection {
    /// Connects, checks the host's key against the pinned one and logs in, all of it within `limit`.
    pub(crate) async fn open(target: &Target, limit: Duration) -> Result<Self, SshError> {
        Self::open_with(target, limit, KEEPALIVE).await
    }

    /// [`open`](Self::open), trying a silent connection after `keepalive`.
    pub(super) async fn open_with(target: &Target, limit: Duration, keepalive: Duration) -> Result<Self, SshError> {
        let opened = timeout(limit, Self::connect(target, keepalive)).await;
        opened.unwrap_or_else(|_| Err(SshError::TimedOut { host: target.name.clone(), after: limit }))
    }

    async fn connect(target: &Target, keepalive: Duration) -> Result<Self, SshError> {
        target.validate()?;
        let host = || target.name.clone();
        let pinned = target.host_key.as_ref();
        let Dialled { session, seen, .. } = dial(&target.name, &target.address, target.port, pinned, keepalive).await?;
        let mut session = session.map_err(|refusal| match (refusal, pinned, &seen) {
            (Refusal::HostKey, None, Some(seen)) => SshError::HostKeyNotPinned { host: host(), seen: seen.fingerprint() },
            (Refusal::HostKey, Some(pinned), Some(seen)) => {
                SshError::HostKeyChanged { host: host(), expected: pinned.fingerprint(), seen: seen.fingerprint() }
            }
            (Refusal::HostKey, _, None) => SshError::Protocol { host: host(), source: russh::Error::UnknownKey },
            (Refusal::Protocol(source), ..) => SshError::Protocol { host: host(), source },
        })?;
        log_in(&mut session, target).await?;
        debug!(ssh.host = target.name, ssh.user = target.user, "connected to a host");
        Ok(Self { inner: Arc::new(Inner { target: target.clone(), session, silent: AtomicBool::new(false) }) })
    }

    /// Starts a command. An error means that nothing was started; what goes wrong later is the command's end.
    pub(crate) async fn run(&self, spec: RemoteSpec) -> Result<RunningRemote, SshError> {
        remote::start(self, spec).await
    }

    /// Ends what a step left on the host, found by its marker: for steps whose command was lost. SIGTERM, after `grace`
    /// SIGKILL, then a search until nothing is left.
    pub(crate) async fn stop_lost(&self, step: &str, grace: Duration) -> Result<StopReport, SshError> {
        check_step(step)?;
        Ok(stop_step(self, Quarry::lost(step), grace).await)
    }

    /// Whether new commands may be tried on it.
    pub(crate) fn is_open(&self) -> bool {
        !self.inner.session.is_closed() && !self.inner.silent.load(Ordering::Relaxed)
    }

    /// Closes it, under every clone.
    pub(crate) async fn close(self) {
        let closing = self.inner.session.disconnect(Disconnect::ByApplication, "", "");
        // The host may be gone; then there is nobody to tell.
        let _ = timeout(CHANNEL_PATIENCE, closing).await;
    }

    /// Where it leads.
    pub(super) fn target(&self) -> &Target {
        &self.inner.target
    }

    /// Opens a channel for one command.
    pub(super) async fn channel(&self) -> Result<Channel<Msg>, SshError> {
        let host = || self.target().name.clone();
        if !self.is_open() {
            return Err(SshError::Closed { host: host() });
        }
        match timeout(CHANNEL_PATIENCE, self.inner.session.channel_open_session()).await {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(source @ russh::Error::ChannelOpenFailure(_))) => Err(SshError::ChannelRefused { host: host(), source }),
            Ok(Err(_)) => Err(SshError::Closed { host: host() }),
            Err(_) => {
                self.inner.silent.store(true, Ordering::Relaxed);
                Err(SshError::TimedOut { host: host(), after: CHANNEL_PATIENCE })
            }
        }
    }
}
