//! One connection: hello, one request, its answer.

use std::{io, sync::Arc, time::Duration};

use nix::unistd::{Uid, geteuid};
use tokio::{
    io::AsyncReadExt,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::spawn_blocking,
    time::timeout,
};
use tracing::{debug, warn};

use super::{
    life::Busy,
    replay::replay,
    steps::{Found, Source, Steps},
};
use crate::{
    Confinement, RunnerError,
    home::user_name,
    protocol::{Hello, Kind, PROTOCOL, Request, Response, read_frame, write_json},
};

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves one connection to its end.
pub(super) async fn serve(stream: UnixStream, peer: u32, steps: Arc<Steps>, _busy: Busy) {
    let (read, write) = stream.into_split();
    if let Err(error) = converse(read, write, peer, &steps).await {
        debug!(%error, "a connection broke");
    }
}

async fn converse(mut read: OwnedReadHalf, mut write: OwnedWriteHalf, peer: u32, steps: &Arc<Steps>) -> io::Result<()> {
    write_json(&mut write, Kind::Hello, &Hello::own()).await?;
    let Some(request) = timeout(PATIENCE, hear(&mut read)).await?? else { return Ok(()) };
    let (response, source) = match request {
        Request::Stay => {
            write_json(&mut write, Kind::Message, &Response::Done).await?;
            // Until the client goes.
            let _ = read.read_u8().await;
            return Ok(());
        }
        Request::Info => (info(peer, steps), None),
        Request::Spawn(spec) => {
            // Not in this task: a client that goes away must not leave a start half done.
            let steps = steps.clone();
            let starting = tokio::spawn(async move { steps.start(spec.into()).await });
            replay_of(starting.await.map_err(io::Error::other)?.map(Found::Process))
        }
        Request::Attach { step } => replay_of(steps.find(&step).await),
        Request::Stop { step, grace_ms } => {
            let steps = steps.clone();
            let stopping = tokio::spawn(async move { steps.stop(&step, Duration::from_millis(grace_ms)).await });
            (answer(stopping.await.map_err(io::Error::other)?.map(Response::Stopped)), None)
        }
        Request::StopLost { identity, grace_ms } => {
            let steps = steps.clone();
            let stopping = tokio::spawn(async move { steps.stop_lost(identity, Duration::from_millis(grace_ms)).await });
            (Response::Stopped(stopping.await.map_err(io::Error::other)?), None)
        }
        Request::Forget { steps: forgotten } => {
            let steps = steps.clone();
            let forgetting = spawn_blocking(move || steps.forget(&forgotten));
            (answer(forgetting.await.map_err(io::Error::other)?.map(|()| Response::Done)), None)
        }
        Request::Steps => (Response::Steps(steps.names()), None),
    };
    write_json(&mut write, Kind::Message, &response).await?;
    match source {
        Some(source) => replay(source, read, write).await,
        None => Ok(()),
    }
}

/// What the client wants, if it can be understood.
async fn hear(read: &mut OwnedReadHalf) -> io::Result<Option<Request>> {
    let hello: Hello = read_frame(read, Kind::Hello).await?;
    if hello.protocol != PROTOCOL {
        warn!(client.protocol = hello.protocol, client.version = hello.version, "a client of another version was turned away");
        return Ok(None);
    }
    read_frame(read, Kind::Message).await.map(Some)
}

fn answer(done: Result<Response, RunnerError>) -> Response {
    done.unwrap_or_else(Response::Failed)
}

fn replay_of(found: Result<Found, RunnerError>) -> (Response, Option<Source>) {
    match found {
        Ok(Found::Process(source)) => (Response::Process(source.identity.clone()), Some(source)),
        Ok(Found::Lost(identity)) => (Response::Lost(identity), None),
        Ok(Found::Unknown) => (Response::Unknown, None),
        Err(error) => (Response::Failed(error), None),
    }
}

fn info(peer: u32, steps: &Steps) -> Response {
    let own = geteuid();
    let confinement = if Uid::from_raw(peer) != own {
        Confinement::OtherUser(user_name(own))
    } else if steps.confiner().hides() {
        Confinement::Bubblewrap
    } else {
        Confinement::None
    };
    Response::Info { pid: std::process::id(), version: Hello::own().version, confinement }
}
