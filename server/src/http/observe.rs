//! What surrounds every request: its id, its log line, its numbers, and the limits that keep the server answering.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::Problem;
use http::HeaderValue;
use tokio::sync::Semaphore;
use tracing::Instrument;

use super::crowd::Crowd;
use super::problem::ApiError;

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The id of the request being answered; empty outside of one.
pub fn request_id() -> String {
    REQUEST_ID.try_with(Clone::clone).unwrap_or_default()
}

/// How much is answered at once, and for how long. A clone is a handle to the same.
#[derive(Clone)]
pub struct Limits {
    /// One permit for each request being answered.
    pub requests: Arc<Semaphore>,
    /// The clients whose requests are being answered.
    pub crowd: Crowd,
    /// How long an answer may take to begin.
    pub time_out: Duration,
}

/// Gives each request an id, one log line and its place in the metrics. The query is not logged: people put secrets there.
pub async fn record(mut request: Request, next: Next) -> Response {
    let id = uuid::Uuid::now_v7().to_string();
    if let Ok(id) = HeaderValue::from_str(&id) {
        // Ours, whatever the client sent: pages show it where the server failed.
        request.headers_mut().insert("x-request-id", id);
    }
    let method = request.method().clone();
    // The pattern, not the path: one series for all runbooks. Pages have no pattern out here.
    let route = request.extensions().get::<MatchedPath>().map_or("other", |path| path.as_str()).to_owned();
    let span = tracing::info_span!("request", request_id = %id, method = %method, path = logged(request.uri().path()));
    let began = Instant::now();
    let mut response = REQUEST_ID.scope(id.clone(), next.run(request)).instrument(span.clone()).await;

    let seconds = began.elapsed().as_secs_f64();
    let status = response.status().as_u16();
    span.in_scope(|| tracing::debug!(status, seconds, "answered"));
    let labels = [("method", method.to_string()), ("route", route), ("status", status.to_string())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_duration_seconds", &labels).record(seconds);
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

/// The path as it is logged: the end of a one-time link is as good as a password.
fn logged(path: &str) -> &str {
    ["/invite/", "/reset/"].into_iter().find(|page| path.starts_with(page)).unwrap_or(path)
}

/// Refuses what is too much at once and gives up on what takes too long. A stream counts until it begins.
pub async fn limit(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let Ok(_permit) = limits.requests.try_acquire() else {
        return ApiError(Problem::new(503, "busy", "too many requests at once; try again in a moment")).into_response();
    };
    let client = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(client)| client.ip());
    let _place = match client.map(|client| limits.crowd.enter(client)) {
        Some(None) => {
            let detail = "too many requests at once from your address; try again in a moment";
            return ApiError(Problem::new(503, "busy", detail)).into_response();
        }
        place => place,
    };
    match tokio::time::timeout(limits.time_out, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("the request was not answered within {} s", limits.time_out.as_secs());
            ApiError(Problem::new(408, "timeout", detail)).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, Bytes};
    use axum::routing::post;
    use axum::{Router, middleware};
    use futures::StreamExt;
    use http::StatusCode;
    use http::header::RETRY_AFTER;
    use tokio::sync::mpsc;
    use tower::ServiceExt;

    use super::*;

    const TIME_OUT: Duration = Duration::from_secs(30);

    /// What answers a request with the length of its body, under these limits.
    fn router(places: usize) -> (Router, Limits) {
        let limits = Limits { requests: Arc::new(Semaphore::new(places)), crowd: Crowd::default(), time_out: TIME_OUT };
        (Router::new().route("/", post(answer)).layer(middleware::from_fn_with_state(limits.clone(), limit)), limits)
    }

    async fn answer(body: Bytes) -> String {
        body.len().to_string()
    }

    /// A body that comes as it is sent, from this client.
    fn slow(client: &str) -> (mpsc::UnboundedSender<&'static str>, Request) {
        let (send, sent) = mpsc::unbounded_channel();
        let pieces = tokio_stream::wrappers::UnboundedReceiverStream::new(sent).map(Ok::<_, std::io::Error>);
        let mut request = http::Request::post("/").body(Body::from_stream(pieces)).expect("a request");
        let client: SocketAddr = format!("{client}:1").parse().expect("an address");
        request.extensions_mut().insert(ConnectInfo(client));
        (send, request)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_waited_for_no_longer_than_the_time_out() {
        let (router, limits) = router(1);
        let (send, request) = slow("203.0.113.7");
        send.send("one").expect("somebody reads");
        let began = tokio::time::Instant::now();
        let answer = router.clone().oneshot(request).await.expect("an answer");
        assert_eq!((answer.status(), began.elapsed()), (StatusCode::REQUEST_TIMEOUT, TIME_OUT));
        let body = axum::body::to_bytes(answer.into_body(), 4096).await.expect("a body");
        assert!(String::from_utf8_lossy(&body).contains("not answered within 30 s"), "{body:?}");
        // Its place is free again, and one that comes a little at a time is taken.
        assert_eq!(limits.requests.available_permits(), 1);
        let (send, request) = slow("203.0.113.7");
        let writing = tokio::spawn(async move {
            for piece in ["one", "two", "three"] {
                tokio::time::sleep(TIME_OUT / 4).await;
                send.send(piece).expect("somebody reads");
            }
        });
        let answer = router.oneshot(request).await.expect("an answer");
        assert_eq!((answer.status(), limits.requests.available_permits()), (StatusCode::OK, 1));
        writing.await.expect("it is written");
    }

    #[tokio::test(start_paused = true)]
    async fn with_all_places_taken_one_more_is_told_to_come_again() {
        let (router, limits) = router(2);
        let (first, second) = (slow("203.0.113.7"), slow("203.0.113.8"));
        let waiting = [first.1, second.1].map(|request| tokio::spawn(router.clone().oneshot(request)));
        while limits.requests.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let (_send, request) = slow("203.0.113.9");
        let refused = router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.headers()[RETRY_AFTER].to_str().is_ok_and(|seconds| seconds.parse::<u64>().is_ok_and(|s| s > 0)));
        // Those who were let in are answered, and then there is room.
        drop((first.0, second.0));
        for waiting in waiting {
            assert_eq!(waiting.await.expect("no panic").expect("an answer").status(), StatusCode::OK);
        }
        let (send, request) = slow("203.0.113.9");
        drop(send);
        assert_eq!(router.oneshot(request).await.expect("an answer").status(), StatusCode::OK);
    }
}
