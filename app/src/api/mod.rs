//! Server functions: what pages ask of the server. Each finds out who asks, calls one use case and hands on its answer.

#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod account;
#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod audit;
pub mod codec;
#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod compare;
#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod credentials;
#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod hosts;
#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod links;
pub mod once;
#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod preflight;
#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod runbooks;
#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod runs;
#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod session;
#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod settings;
#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod users;

#[cfg(feature = "ssr")]
pub(crate) mod server {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;
    use domain::access;
    use domain::{Actor, Problem};
    use http::request::Parts;
    use http::{HeaderMap, HeaderValue, Method, header};
    use leptos::prelude::use_context;
    use leptos_axum::ResponseOptions;
    use secrecy::{ExposeSecret, SecretString};
    use service::Services;

    use crate::cookie;
    use crate::error::Result;

    /// The use cases.
    pub fn services() -> Result<Services> {
        use_context::<Services>()
            .ok_or_else(|| Problem::new(500, "internal", "the server was put together without its services").into())
    }

    /// Who asks.
    pub async fn actor() -> Result<Actor> {
        asking().await?.ok_or_else(|| Problem::unauthenticated().into())
    }

    /// Who asks, if anybody who is known.
    pub async fn asking() -> Result<Option<Actor>> {
        match session_token() {
            Some(token) => Ok(services()?.accounts.actor_by_session(&token, address()).await?),
            None => Ok(None),
        }
    }

    /// The token in the session cookie.
    pub fn session_token() -> Option<String> {
        cookie::session_token(&headers()?)
    }

    /// Begins a session in the browser.
    pub fn begin_session_cookie(token: &str) {
        append_cookie(headers().and_then(|headers| cookie::begin_session(&headers, token)));
    }

    /// Ends the session in the browser.
    pub fn end_session_cookie() {
        cookie::end_session().into_iter().for_each(|cookie| append_cookie(Some(cookie)));
    }

    /// Sends a cookie with the answer.
    pub fn append_cookie(cookie: Option<HeaderValue>) {
        if let (Some(options), Some(cookie)) = (use_context::<ResponseOptions>(), cookie) {
            options.append_header(header::SET_COOKIE, cookie);
        }
    }

    /// The headers of the request.
    pub fn headers() -> Option<HeaderMap> {
        use_context::<Parts>().map(|parts| parts.headers)
    }

    /// Whether a form was sent by the browser itself, without JavaScript.
    pub fn is_plain_form() -> bool {
        use_context::<Parts>().is_some_and(|parts| {
            let page = parts.headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
            page && parts.method == Method::POST
        })
    }

    /// Which program on which system asks, in a few words.
    pub fn device() -> String {
        let headers = headers().unwrap_or_default();
        access::device(headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default())
    }

    /// The address of a page of this site whose path ends with a secret.
    pub fn address_of_page(path: &str, secret: &SecretString) -> SecretString {
        let headers = headers().unwrap_or_default();
        let scheme = if cookie::is_https(&headers) { "https" } else { "http" };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let origin = host.map(|host| format!("{scheme}://{host}")).unwrap_or_default();
        SecretString::from(format!("{origin}{path}{}", secret.expose_secret()))
    }

    /// The address the request came from.
    pub fn address() -> Option<String> {
        let parts = use_context::<Parts>()?;
        parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip().to_string())
    }
}
