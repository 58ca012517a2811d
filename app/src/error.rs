//! The one error of all server functions: a [`Problem`], safe to show.

use std::fmt;

use domain::{Fault, Problem};
use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

/// What a server function refuses or fails with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppError(pub Problem);

/// What a server function answers.
pub type Result<T> = std::result::Result<T, AppError>;

impl AppError {
    /// Whether nobody is signed in.
    #[must_use]
    pub const fn is_unauthenticated(&self) -> bool {
        self.0.status == 401
    }

    /// The faults of the input, where it was at fault.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.0.errors
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for AppError {}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        let problem = match error {
            ServerFnErrorErr::Request(_) => {
                Problem::new(503, "unreachable", "the server could not be reached; check the connection and try again")
            }
            ServerFnErrorErr::Args(message) | ServerFnErrorErr::MissingArg(message) => Problem::new(400, "malformed", message),
            ServerFnErrorErr::Deserialization(_) => {
                Problem::new(400, "malformed", "what was sent, or what came back, could not be read; reload the page")
            }
            _ => Problem::new(500, "internal", "something went wrong on the server; the log knows more"),
        };
        #[cfg(feature = "ssr")]
        return problem.into();
        #[cfg(not(feature = "ssr"))]
        Self(problem)
    }
}

#[cfg(feature = "ssr")]
impl From<Problem> for AppError {
    /// Also gives the response the problem's status, and a failure the id under which the log says more.
    fn from(problem: Problem) -> Self {
        server::set_status(problem.status);
        let request_id = if problem.status >= 500 { server::request_id() } else { None };
        Self(Problem { request_id, ..problem })
    }
}

#[cfg(feature = "ssr")]
impl From<service::ServiceError> for AppError {
    fn from(error: service::ServiceError) -> Self {
        Problem::from(error).into()
    }
}

#[cfg(feature = "ssr")]
pub(crate) mod server {
    use http::request::Parts;
    use http::{Method, StatusCode, header};
    use leptos::prelude::use_context;
    use leptos_axum::ResponseOptions;

    /// The id of the request, as the log has it.
    pub fn request_id() -> Option<Box<str>> {
        let parts = use_context::<Parts>()?;
        parts.headers.get("x-request-id").and_then(|id| id.to_str().ok()).map(Into::into)
    }

    /// Gives the response a status, unless it is going to be a redirect: a plain form goes back to its page, which shows
    /// the problem, and a page for nobody leads to the sign-in.
    pub fn set_status(status: u16) {
        let (Some(options), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(status)) else { return };
        let redirects = use_context::<Parts>().is_some_and(|parts| {
            let page = parts.headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
            (page && parts.method == Method::POST) || (parts.method == Method::GET && status == StatusCode::UNAUTHORIZED)
        });
        if !redirects {
            options.set_status(status);
        }
    }
}
