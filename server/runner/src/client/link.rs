//! Connections to the runner: one for each request, and one that keeps it from ending.

use std::{
    io,
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
use zeroize::Zeroizing;

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
    /// Steps whose records may go.
    to_forget: Mutex<Vec<String>>,
}

/// Keeps a connection open until dropped; closed itself when the runner went.
#[derive(Debug)]
struct Stay(oneshot::Sender<()>);

impl Links {
    pub fn new(config: RunnerConfig) -> Self {
        let home = Home::new(config.dir.clone());
        Self { config, home, program: AsyncMutex::default(), stay: Mutex::new(None), to_forget: Mutex::default() }
    }

    /// Takes note of a step whose record may go. True: it is the first since they were taken.
    pub fn to_forget(&self, step: String) -> bool {
        let mut waiting = self.to_forget.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(step);
        waiting.len() == 1
    }

    /// The steps whose records may go.
    pub fn take_to_forget(&self) -> Vec<String> {
        std::mem::take(&mut self.to_forget.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks for something, of the runner that serves or of one that is started now, and gives the
    /// connection for what follows the answer.
    pub async fn ask(&self, request: Request) -> Result<(Response, UnixStream), RunnerError> {
        let words = words(&request).map_err(|source| RunnerError::ConnectionLost { source })?;
        let mut stream = self.say(&words).await?;
        self.stay();
        let response = read_frame(&mut stream, Kind::Message).await;
        Ok((response.map_err(|source| RunnerError::ConnectionLost { source })?, stream))
    }

    /// Says something to a runner that says hello. One that does not has heard nothing, for it
    /// says hello before it listens: trying again repeats nothing.
    async fn say(&self, words: &[u8]) -> Result<UnixStream, RunnerError> {
        let deadline = Instant::now() + self.config.patience;
        if let Ok(said) = timeout_at(deadline, self.try_to_say(words)).await
            && let Some(stream) = said.map(Some).or_else(Failed::again)?
        {
            return Ok(stream);
        }
        let mut program = self.program.lock().await;
        loop {
            let failed = match timeout_at(deadline, self.try_to_say(words)).await {
                Ok(Ok(stream)) => {
                    program.serves();
                    return Ok(stream);
                }
                Ok(Err(Failed::Finally(error))) => return Err(error),
                Ok(Err(Failed::NotServed(error))) => error,
                Err(late) => late.into(),
            };
            if Instant::now() >= deadline {
                return Err(RunnerError::NotAnswering { log: self.home.log(), source: failed });
            }
            let pause = program.see_to(&self.config, &self.home)?;
            sleep(pause).await;
        }
    }

    async fn try_to_say(&self, words: &[u8]) -> Result<UnixStream, Failed> {
        let mut stream = UnixStream::connect(self.home.socket()).await?;
        let expected = self.config.run_as.map_or(geteuid().as_raw(), |user| user.uid);
        let peer = stream.peer_cred()?.uid();
        if peer != expected && peer != 0 {
            return Err(Failed::Finally(RunnerError::Stranger { uid: peer }));
        }
        // One of another version may hang up in the middle of this; its hello says why.
        let said = stream.write_all(words).await;
        let hello: Hello = read_frame(&mut stream, Kind::Hello).await?;
        if hello.protocol != PROTOCOL {
            return Err(Failed::Finally(RunnerError::Incompatible {
                runner: hello.version,
                runner_protocol: hello.protocol,
                own_protocol: PROTOCOL,
            }));
        }
        said.map(|()| stream).map_err(Failed::NotServed)
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
        tokio::spawn(async move {
            let staying = async {
                let mut stream = UnixStream::connect(socket).await?;
                stream.write_all(&words(&Request::Stay)?).await?;
                let _: Hello = read_frame(&mut stream, Kind::Hello).await?;
                let _: Response = read_frame(&mut stream, Kind::Message).await?;
                stream.read_u8().await
            };
            tokio::select! {
                _ = closed => {}
                gone = staying => debug!(?gone, "the runner went"),
            }
        });
    }
}

/// Why a request was not heard.
enum Failed {
    /// Nobody is there, or somebody who is just going.
    NotServed(io::Error),
    Finally(RunnerError),
}

impl Failed {
    /// Nothing, where trying again may help.
    fn again<T>(self) -> Result<Option<T>, RunnerError> {
        match self {
            Self::NotServed(_) => Ok(None),
            Self::Finally(error) => Err(error),
        }
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::NotServed(error)
    }
}

/// Hello and a request in one.
fn words(request: &Request) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut words = encode_json(Kind::Hello, &Hello::own())?;
    words.extend_from_slice(&encode_json(Kind::Message, request)?);
    Ok(words)
}
