//! The client's side of the protocol: what is offered, which key is accepted, what a server may ask of us (nothing).

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use russh::{
    Channel, Preferred, SshId,
    client::{self, ChannelOpenHandle, Config, DisconnectReason, Handle, Msg, Session},
    keys::PublicKeyOrCertificate,
};
use tokio::net::{TcpStream, lookup_host};
use tracing::{debug, warn};

use super::{HostKey, SshError, host_key::algorithms};

/// How often a silent connection is tried. After [`KEEPALIVE_MISSES`] without an answer it counts as lost.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_MISSES: usize = 3;

/// Accepts the pinned key and nothing else, and remembers what it saw.
pub(super) struct Verifier {
    host: String,
    pinned: Option<HostKey>,
    seen: Arc<OnceLock<HostKey>>,
}

/// Why the protocol ended.
#[derive(Debug)]
pub(super) enum Refusal {
    Protocol(russh::Error),
    HostKey,
}

impl From<russh::Error> for Refusal {
    fn from(error: russh::Error) -> Self {
        Self::Protocol(error)
    }
}

/// What came of dialling.
pub(super) struct Dialled {
    pub(super) session: Result<Handle<Verifier>, Refusal>,
    /// The key that was shown, if it came to that.
    pub(super) seen: Option<HostKey>,
    /// How long the TCP connection took.
    pub(super) latency: Duration,
}

/// Connects and exchanges keys. Without a pinned key this always ends in a refusal, once the host's key was seen.
pub(super) async fn dial(
    host: &str,
    address: &str,
    port: u16,
    pinned: Option<&HostKey>,
    keepalive: Duration,
) -> Result<Dialled, SshError> {
    let (stream, latency) = connect(host, address, port).await?;
    let seen = Arc::new(OnceLock::new());
    let verifier = Verifier { host: host.to_owned(), pinned: pinned.cloned(), seen: Arc::clone(&seen) };
    let session = client::connect_stream(Arc::new(config(pinned, keepalive)), stream, verifier).await;
    Ok(Dialled { session, seen: seen.get().cloned(), latency })
}

async fn connect(host: &str, address: &str, port: u16) -> Result<(TcpStream, Duration), SshError> {
    let resolve = |source| SshError::Resolve { host: host.to_owned(), address: address.to_owned(), source };
    let mut refused = std::io::Error::from(std::io::ErrorKind::NotFound);
    for place in lookup_host((address, port)).await.map_err(resolve)? {
        let began = Instant::now();
        match TcpStream::connect(place).await {
            Ok(stream) => {
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(ssh.host = host, %error, "small packets to a host may wait");
                }
                return Ok((stream, began.elapsed()));
            }
            Err(error) => refused = error,
        }
    }
    Err(SshError::Connect { host: host.to_owned(), address: address.to_owned(), port, source: refused })
}

fn config(pinned: Option<&HostKey>, keepalive: Duration) -> Config {
    Config {
        client_id: SshId::Standard(Cow::Borrowed(concat!("SSH-2.0-RunbookStudio_", env!("CARGO_PKG_VERSION")))),
        preferred: Preferred { key: Cow::Owned(algorithms(pinned)), ..Preferred::DEFAULT },
        keepalive_interval: Some(keepalive),
        keepalive_max: KEEPALIVE_MISSES,
        nodelay: true,
        ..Config::default()
    }
}

/// The library accepts what a server opens towards us (forwarded ports, agents, X11) unless told otherwise. Dropping the
/// handle refuses it.
impl client::Handler for Verifier {
    type Error = Refusal;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Refusal> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Err(Refusal::HostKey) };
        let seen = HostKey::seen(key);
        let matches = self.pinned.as_ref() == Some(&seen);
        self.seen.get_or_init(|| seen);
        if matches { Ok(true) } else { Err(Refusal::HostKey) }
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Refusal>) -> Result<(), Refusal> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                debug!(ssh.host = self.host, "a host closed the connection: {}", info.message);
                Ok(())
            }
            // The end of a session that was dropped on this side.
            DisconnectReason::Error(Refusal::Protocol(russh::Error::Disconnect)) => Ok(()),
            DisconnectReason::Error(error) => {
                warn!(ssh.host = self.host, ?error, "the connection to a host broke");
                Err(error)
            }
        }
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Refusal> {
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Refusal> {
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: Channel<Msg>,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Refusal> {
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _: Channel<Msg>,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Refusal> {
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Refusal> {
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Refusal> {
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Refusal> {
        Ok(())
    }
}
