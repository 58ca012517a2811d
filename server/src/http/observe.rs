//! What surrounds every request: its id, its log line, its numbers, and the limits that keep the server answering.

use std::net::SocketAddr;
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::Problem;
use http::HeaderValue;
use tracing::Instrument;

use super::problem::ApiError;
use super::{AppState, TIME_OUT};

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The id of the request being answered; empty outside of one.
pub fn request_id() -> String {
    REQUEST_ID.try_with(Clone::clone).unwrap_or_default()
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
pub async fn limit(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let Ok(_permit) = state.requests.try_acquire() else {
        return ApiError(Problem::new(503, "busy", "too many requests at once; try again in a moment")).into_response();
    };
    let client = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(client)| client.ip());
    let _place = match client.map(|client| state.crowd.enter(client)) {
        Some(None) => {
            let detail = "too many requests at once from your address; try again in a moment";
            return ApiError(Problem::new(503, "busy", detail)).into_response();
        }
        place => place,
    };
    match tokio::time::timeout(TIME_OUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("the request was not answered within {} s", TIME_OUT.as_secs());
            ApiError(Problem::new(408, "timeout", detail)).into_response()
        }
    }
}
