//! What operators ask: is it alive, can it serve, how is it doing.

use std::time::Duration;

use anyhow::Context;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use http::header::CONTENT_TYPE;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::AppState;
use super::problem::Answer;

/// Upper bounds of the latency histogram, in seconds.
const BUCKETS: [f64; 10] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Collects the numbers that `metrics` macros record anywhere in the process.
///
/// # Errors
/// When somebody collects them already.
pub fn install_metrics(stopping: CancellationToken) -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .context("cannot collect metrics")?;
    let upkeep = handle.clone();
    tokio::spawn(stopping.run_until_cancelled_owned(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(5));
        loop {
            tick.tick().await;
            upkeep.run_upkeep();
        }
    }));
    Ok(handle)
}

/// `/healthz`, `/readyz`, `/metrics`.
pub fn routes() -> Router<AppState> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).route("/metrics", get(numbers))
}

async fn alive() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

async fn ready(State(state): State<AppState>) -> Answer<Json<Value>> {
    state.services.health.ready().await?;
    Ok(Json(json!({ "status": "ready" })))
}

async fn numbers(State(state): State<AppState>) -> ([(http::HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.metrics.render())
}
