//! Connections to the runner: one for each request, and one that keeps it from ending.

use std::{
    io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use nix::unistd::geteuid;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    sync::{Mutex as AsyncMutex, oneshot},
    time::{Instant, sleep, timeout_at},
};
use tracing::debug;

use super::{RunnerConfig, program::Program};
use crate::{
    RunnerError,
    home::Home,
    protocol::{Hello, Kind, PROTOCOL, Request, Response, encode_json, read_frame},
};

#[derive(Debug)]
pub(super) struct Links {
    config: RunnerConfig,
    home: Home,
    /// Held by whoever starts the runner, so that several callers start one.
    program: AsyncMutex<Program>,
    stay: Mutex<Option<Stay>>,
}

/// Keeps a connection open until dropped; closed itself when the runner went.
#[derive(Debug)]
struct Stay(oneshot::Sender<()>);

impl Links {
    pub fn new(config: RunnerConfig) -> Self {
        let home = Home::new(config.dir.clone());
        Self { config, home, program: AsyncMutex::default(), stay: Mutex::new(None) }
    }

    /// Asks for something, and gives the connection for what follows the answer.
    pub async fn ask(&self, request: Request) -> Result<(Response, UnixStream), RunnerError> {
        let mut stream = self.connect().await?;
        self.stay();
        let response = converse(&mut stream, &request).await.map_err(|source| RunnerError::ConnectionLost { source })?;
        Ok((response, stream))
    }

    /// Connects to the runner that serves, or to one that is started now. A runner that did not
    /// say hello did not hear the request either: trying again repeats nothing.
    async fn connect(&self) -> Result<UnixStream, RunnerError> {
        let deadline = Instant::now() + self.config.patience;
        if let Ok((stream, hello)) = dial(self.home.socket(), deadline).await {
            return self.check(stream, hello);
        }
        let mut program = self.program.lock().await;
        loop {
            let failed = match dial(self.home.socket(), deadline).await {
                Ok((stream, hello)) => {
                    program.serves();
                    return self.check(stream, hello);
                }
                Err(error) => error,
            };
            if Instant::now() >= deadline {
                return Err(RunnerError::NotAnswering { log: self.home.log(), source: failed });
            }
            let pause = program.see_to(&self.config, &self.home)?;
            sleep(pause).await;
        }
    }

    /// Whether this is a runner to talk to.
    fn check(&self, stream: UnixStream, hello: Hello) -> Result<UnixStream, RunnerError> {
        let expected = self.config.run_as.map_or(geteuid().as_raw(), |user| user.uid);
        let peer = stream.peer_cred().map_err(|source| RunnerError::ConnectionLost { source })?;
        if peer.uid() != expected && peer.uid() != 0 {
            return Err(RunnerError::Stranger { uid: peer.uid() });
        }
        if hello.protocol != PROTOCOL {
            return Err(RunnerError::Incompatible {
                runner: hello.version,
                runner_protocol: hello.protocol,
                own_protocol: PROTOCOL,
            });
        }
        Ok(stream)
    }

    /// Sees to the connection that stays open.
    fn stay(&self) {
        let mut stay = self.stay.lock().unwrap_or_else(PoisonError::into_inner);
        if stay.as_ref().is_some_and(|Stay(close)| !close.is_closed()) {
            return;
        }
        let (close, closed) = oneshot::channel();
        *stay = Some(Stay(close));
        let socket = self.home.socket();
        let deadline = Instant::now() + self.config.patience;
        tokio::spawn(async move {
            let staying = async {
                let (mut stream, _) = dial(socket, deadline).await?;
                converse(&mut stream, &Request::Stay).await?;
                stream.read_u8().await
            };
            tokio::select! {
                _ = closed => {}
                gone = staying => debug!(?gone, "the runner went"),
            }
        });
    }
}

/// Connects and hears the runner's first words.
async fn dial(socket: PathBuf, deadline: Instant) -> io::Result<(UnixStream, Hello)> {
    let dialing = async {
        let mut stream = UnixStream::connect(socket).await?;
        let hello = read_frame(&mut stream, Kind::Hello).await?;
        Ok((stream, hello))
    };
    timeout_at(deadline, dialing).await?
}

async fn converse(stream: &mut UnixStream, request: &Request) -> io::Result<Response> {
    let hello = encode_json(Kind::Hello, &Hello::own())?;
    stream.write_all(&hello).await?;
    stream.write_all(&encode_json(Kind::Message, request)?).await?;
    read_frame(stream, Kind::Message).await
}
