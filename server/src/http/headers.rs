//! Headers that tell browsers what not to do.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue};

use super::proxy::Https;

/// Answers of the API are data: nothing in them may load or run.
const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";
/// The documentation page sets its styles from its script.
const DOCS_POLICY: &str =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'";

/// What browsers remember of a site that speaks https (RFC 6797).
const TWO_YEARS: &str = "max-age=63072000";

/// Sets them on every answer; one that a handler has set stays.
pub async fn set(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let docs = path.starts_with("/api/docs");
    let api = path.starts_with("/api/");
    let https = request.extensions().get::<Https>().is_some();
    let mut response = next.run(request).await;
    let mut put = |name: HeaderName, value: &'static str| {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    };
    put(X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(REFERRER_POLICY, "same-origin");
    put(X_FRAME_OPTIONS, "DENY");
    if https {
        put(STRICT_TRANSPORT_SECURITY, TWO_YEARS);
    }
    if docs {
        put(CONTENT_SECURITY_POLICY, DOCS_POLICY);
    } else if api {
        put(CONTENT_SECURITY_POLICY, API_POLICY);
        put(CACHE_CONTROL, "no-store");
    } else {
        // A page is somebody's own, and of this moment.
        put(CACHE_CONTROL, "private, no-cache");
    }
    response
}
