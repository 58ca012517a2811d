//! HTTP: the REST API under `/api/v1`, the pages, their server functions under `/rpc`, and what operators ask.

mod audit_export;
pub mod auth;
mod bodies;
mod crowd;
mod csp;
mod events;
mod extract;
mod files;
mod headers;
mod json;
pub mod listen;
mod meta;
pub mod names;
mod observe;
mod openapi;
mod output;
mod pages;
mod problem;
pub mod proxy;
mod rest;
pub mod tls;
mod unread;
mod watching;

use std::sync::Arc;
use std::time::Duration;

use app::api::session::Unencrypted;
use axum::{Router, middleware};
use domain::Problem;
use leptos::config::LeptosOptions;
use metrics_exporter_prometheus::PrometheusHandle;
use service::Services;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crowd::Crowd;
use names::Names;
use observe::Limits;
use problem::ApiError;
use proxy::Trusted;
use watching::Watching;

/// The largest body of a request, in bytes, where nothing else is said.
const MAX_BODY: usize = 1024 * 1024;
/// How many requests may be answered at once.
const MAX_REQUESTS: usize = 512;
/// How many event streams may be open at once.
const MAX_STREAMS: usize = 1_000;
/// How long an answer may take to begin.
const TIME_OUT: Duration = Duration::from_secs(30);

/// What handlers share. A clone is a handle to the same.
#[derive(Clone)]
pub struct AppState {
    /// What the product does.
    pub services: Services,
    /// The numbers for `/metrics`.
    pub metrics: PrometheusHandle,
    /// One permit for each open event stream.
    pub streams: Arc<Semaphore>,
    /// Whose event streams are open.
    pub watching: Watching,
    /// Cancelled when the server stops.
    pub stopping: CancellationToken,
}

/// Everything the server answers.
///
/// # Errors
/// When the metrics recorder is installed already.
pub async fn router(
    services: Services,
    site: LeptosOptions,
    trusted: Trusted,
    names: Names,
    unencrypted: Option<Unencrypted>,
    stopping: CancellationToken,
) -> anyhow::Result<Router> {
    let state = AppState {
        services: services.clone(),
        metrics: meta::install_metrics(stopping.clone())?,
        streams: Arc::new(Semaphore::new(MAX_STREAMS)),
        watching: Watching::default(),
        stopping,
    };
    let limits = Limits { requests: Arc::new(Semaphore::new(MAX_REQUESTS)), crowd: Crowd::default(), time_out: TIME_OUT };
    let (rest, docs) = openapi::split();
    let rest = rest.method_not_allowed_fallback(wrong_method).fallback(no_such_call);
    let api = Router::new().nest("/v1", rest).fallback(no_such_call);
    let api = api.layer(middleware::from_fn(auth::same_origin_or_key));
    Ok(Router::new()
        .nest("/api", api)
        .merge(docs)
        .merge(meta::routes())
        .merge(csp::routes())
        .with_state(state)
        .merge(pages::router(services, site, unencrypted))
        // What is made for one answer is sent once: the least work for it (the files of the site come compressed).
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(middleware::from_fn_with_state(names, names::check))
        .layer(middleware::from_fn(headers::set))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(middleware::from_fn_with_state(limits, observe::limit))
        .layer(middleware::from_fn(observe::record))
        .layer(middleware::from_fn_with_state(trusted, proxy::settle))
        .layer(middleware::from_fn(unread::read)))
}

async fn no_such_call() -> ApiError {
    Problem::new(404, "not_found", "there is no such call; /api/v1/openapi.json lists all").into()
}

async fn wrong_method() -> ApiError {
    Problem::new(405, "method_not_allowed", "this address does not answer to that method").into()
}
