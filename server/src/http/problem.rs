//! Refusals and failures on the wire: RFC 9457, `application/problem+json`.

use std::any::Any;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use domain::{Fault, Faults, Problem};
use http::header::{CONTENT_TYPE, ETAG, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use service::ServiceError;
use utoipa::ToSchema;

use super::observe;

/// A [`Problem`] as an answer.
#[derive(Debug)]
pub struct ApiError(pub Problem);

/// What handlers answer.
pub type Answer<T> = Result<T, ApiError>;

/// The body of a refusal (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A URN made of the code.
    #[serde(rename = "type")]
    kind: String,
    /// What goes with the status.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// A sentence for people.
    detail: String,
    /// A stable word for programs.
    code: String,
    /// Every fault, where the input was at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    /// With 412: the version that is current.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_version: Option<u32>,
    /// What to ask the operator for: the log says more under it.
    request_id: String,
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<Faults> for ApiError {
    fn from(faults: Faults) -> Self {
        Self(Problem::invalid(faults))
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let title = problem.title();
        let body = ProblemBody {
            kind: format!("urn:runbook-studio:problem:{}", problem.code),
            title,
            status: status.as_u16(),
            detail: problem.detail,
            code: problem.code,
            errors: problem.errors,
            current_version: problem.current_version,
            request_id: observe::request_id(),
        };
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = problem.retry_after.or((status == StatusCode::SERVICE_UNAVAILABLE).then_some(2)) {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(version) = problem.current_version {
            headers.insert(ETAG, etag(version));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("X-API-KEY realm=\"Runbook Studio\""));
        }
        response
    }
}

/// A version as an entity tag (RFC 9110).
pub fn etag(version: u32) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// What a panic in a handler is answered with; what it said goes to the log alone.
#[expect(clippy::needless_pass_by_value, reason = "the signature that CatchPanicLayer asks for")]
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = message, "a handler panicked");
    ApiError(Problem::new(500, "internal", "something went wrong on the server; its log says more")).into_response()
}
