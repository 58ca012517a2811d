//! Connections: accepted, given TLS where it is set up, limited in number and in the time that a request may take to come.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::tls::Tls;

/// How many connections may be open at once, idle ones among them.
const MAX_CONNECTIONS: usize = 20_000;
/// How long the head of a request may take to come; an idle connection is closed after as long.
const HEAD: Duration = Duration::from_secs(20);
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long open connections may go on once the server stops.
const DRAIN: Duration = Duration::from_secs(10);
/// How long to wait before the next connection is accepted where one could not be, for want of file descriptors, say.
const BREATH: Duration = Duration::from_millis(100);

/// That a request came over TLS that this server itself speaks.
#[derive(Debug, Clone, Copy)]
pub struct OverTls;

/// Serves until `stopping` is cancelled and the open connections have ended or had their time.
pub async fn serve(listener: TcpListener, router: Router, tls: Option<Tls>, stopping: CancellationToken) {
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            // Those that are served go on being served.
            tracing::warn!(limit = MAX_CONNECTIONS, "too many connections: a new one is closed");
            continue;
        };
        let (router, tls, stopping) = (router.clone(), tls.clone(), stopping.clone());
        connections.spawn(async move {
            accept(stream, peer, router, tls, stopping).await;
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    _ = tokio::time::timeout(DRAIN, connections.wait()).await;
}

async fn accept(stream: TcpStream, peer: SocketAddr, router: Router, tls: Option<Tls>, stopping: CancellationToken) {
    // Small pieces of output are to leave at once.
    _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return converse(stream, peer, router, false, stopping).await };
    match tokio::time::timeout(HANDSHAKE, tls.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => converse(stream, peer, router, true, stopping).await,
        Ok(Err(error)) => tracing::debug!(%peer, error = &error as &dyn std::error::Error, "a TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
    }
}

/// Answers what comes over one connection.
async fn converse<S>(stream: S, peer: SocketAddr, router: Router, over_tls: bool, stopping: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        if over_tls {
            request.extensions_mut().insert(OverTls);
        }
        let router = router.clone();
        async move { Ok::<_, Infallible>(router.oneshot(request.map(Body::new)).await.unwrap_or_else(|never| match never {})) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(HEAD).keep_alive_timeout(HEAD).max_concurrent_streams(128);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut closing = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, error, "a connection broke");
                }
                return;
            }
            () = stopping.cancelled(), if !closing => {
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
