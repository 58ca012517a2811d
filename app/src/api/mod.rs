//! Server functions: what pages ask of the server. Each finds out who asks, calls one use case and hands on its answer.

#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod audit;
#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod credentials;
#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod hosts;
#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod runbooks;
#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod runs;
#[expect(missing_docs, reason = "the arguments, which the macro makes into fields, are told in the function's own words")]
pub mod session;

#[cfg(feature = "ssr")]
pub(crate) mod server {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;
    use domain::{Actor, Problem};
    use http::header;
    use http::request::Parts;
    use leptos::prelude::use_context;
    use service::Services;

    use crate::error::Result;

    /// The name of the cookie that holds a browser's session.
    pub const COOKIE: &str = "studio_session";

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
        let parts = use_context::<Parts>()?;
        let cookies = parts.headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        cookies
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, value)| *name == COOKIE && !value.is_empty())
            .map(|(_, value)| value.to_owned())
    }

    /// The address the request came from.
    pub fn address() -> Option<String> {
        let parts = use_context::<Parts>()?;
        parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip().to_string())
    }
}
