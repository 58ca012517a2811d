//! What browsers report of pages that tried what their policy forbids: a sign of an attack, or of a fault of ours.

use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use axum::{Router, http::StatusCode};
use serde_json::Value;

use super::AppState;

/// Where they are sent; the pages' policy names it.
pub const PATH: &str = "/csp-report";
/// The largest report that is read, in bytes.
const MAX_REPORT: usize = 16 * 1024;
/// How much of a text is logged, in characters: whoever sends it may be anybody.
const MAX_LOGGED: usize = 200;

/// When the last one was logged, in seconds since the epoch: one a second says enough.
static LOGGED: AtomicI64 = AtomicI64::new(0);

/// `POST /csp-report`.
pub fn routes() -> Router<AppState> {
    Router::new().route(PATH, post(report)).layer(DefaultBodyLimit::max(MAX_REPORT))
}

async fn report(body: Bytes) -> StatusCode {
    metrics::counter!("runbook_studio_csp_reports_total").increment(1);
    let now = chrono::Utc::now().timestamp();
    if LOGGED.swap(now, Ordering::Relaxed) < now {
        let report = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let page = said(&report, "document-uri", "documentURL");
        let directive = said(&report, "effective-directive", "effectiveDirective");
        let blocked = said(&report, "blocked-uri", "blockedURL");
        tracing::warn!(page, directive, blocked, "a page tried what its policy forbids");
    }
    StatusCode::NO_CONTENT
}

/// A text of a report in either of the two shapes in use: `report-uri` (CSP 2) and `report-to` (Reporting API).
fn said(report: &Value, old: &str, new: &str) -> String {
    let body = report.get("csp-report").or_else(|| report.get(0).and_then(|first| first.get("body"))).unwrap_or(&Value::Null);
    let text = body.get(old).or_else(|| body.get(new)).and_then(Value::as_str).unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(MAX_LOGGED).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_shapes_are_read_and_what_is_none_is_empty() {
        let old = json!({ "csp-report": { "document-uri": "http://x/a\nb" } });
        let new = json!([{ "type": "csp-violation", "body": { "documentURL": "http://x/ab" } }]);
        for report in [old, new] {
            assert_eq!(said(&report, "document-uri", "documentURL"), "http://x/ab");
        }
        for report in [json!(null), json!([]), json!([1]), json!({ "csp-report": [] }), json!("x")] {
            assert_eq!(said(&report, "document-uri", "documentURL"), "");
        }
    }
}
