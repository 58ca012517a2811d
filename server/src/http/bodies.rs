//! How large a body may be that a page's form or script sends.

use axum::RequestExt;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::Problem;
use http::header::CONTENT_LENGTH;
use service::{MAX_IMPORT, Services};

use super::MAX_BODY;
use super::auth::{Shown, address};
use super::problem::ApiError;

/// The server functions that are sent a document, or a runbook whole: one that was imported is to be edited as it is.
const WHOLE_RUNBOOKS: [&str; 5] =
    ["/rpc/import_document", "/rpc/create_runbook", "/rpc/update_runbook", "/rpc/compare_draft", "/rpc/preview_blocks"];

/// Lets a body be as large as what it is for needs, and larger than usual only where somebody is signed in.
pub async fn limit(State(services): State<Services>, request: Request, next: Next) -> Response {
    match bounded(&services, request).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

async fn bounded(services: &Services, mut request: Request) -> Result<Request, ApiError> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let mut most = MAX_BODY;
    // Nobody is looked for where it makes no difference.
    if length.is_none_or(|length| length > MAX_BODY) && WHOLE_RUNBOOKS.contains(&request.uri().path()) {
        let shown = Shown::find(request.headers()).ok_or_else(Problem::unauthenticated)?;
        shown.actor(services, address(request.extensions())).await?;
        most = MAX_IMPORT;
    }
    if length.is_some_and(|length| length > most) {
        let detail = format!("the body is larger than the {} KiB that this call takes", most / 1024);
        return Err(Problem::new(413, "too_large", detail).into());
    }
    // What does not say its length is cut off there.
    DefaultBodyLimit::max(most).apply(&mut request);
    Ok(request.with_limited_body())
}
