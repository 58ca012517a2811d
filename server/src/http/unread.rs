//! What is left of a request's body when its answer is ready.
//!
//! A call is often refused before its body was read. The connection is closed then, and whoever still sends is told by the system
//! that nobody listens (RST), which may throw away the answer before it was read (RFC 9112, 9.6). So the rest is read first, within
//! bounds; a client that sends more than those learns of it by the closed connection.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures::StreamExt;
use http::header::EXPECT;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How much of it is read, in bytes: more than a call may send, so that who sent a little too much is told so.
const MAX: usize = 8 * super::MAX_BODY;
/// How long the answer waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Reads what nobody read of a body before its answer is sent.
pub async fn read(request: Request, next: Next) -> Response {
    // Who asked first whether to send a body (RFC 9110, 10.1.1) and is refused sends none.
    if request.body().is_end_stream() || request.headers().contains_key(EXPECT) {
        return next.run(request).await;
    }
    let (back, mut rest) = oneshot::channel();
    let request = request.map(|body| Body::new(Lent { body, back: Some(back) }));
    let answer = next.run(request).await;
    // Nothing where it was read to its end, or where it is still being read.
    if let Ok(body) = rest.try_recv() {
        let _ = timeout(PATIENCE, skip(body)).await;
    }
    answer
}

async fn skip(body: Body) {
    let mut chunks = body.into_data_stream();
    let mut skipped = 0;
    while let Some(Ok(chunk)) = chunks.next().await {
        skipped += chunk.len();
        if skipped > MAX {
            return;
        }
    }
}

/// A body that comes back when it is dropped before its end.
struct Lent {
    body: Body,
    back: Option<oneshot::Sender<Body>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.back = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(back) = self.back.take() {
            let _ = back.send(std::mem::take(&mut self.body));
        }
    }
}
