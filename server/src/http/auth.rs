//! Who is asking: an API key in `X-API-KEY`, or the browser's session cookie.

use std::net::SocketAddr;
use std::time::Duration;

use app::cookie::session_token;
use axum::extract::{ConnectInfo, FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::{Actor, Permission, Problem};
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{Extensions, HeaderMap, Method};
use secrecy::{ExposeSecret, SecretString};
use service::Services;

use super::AppState;
use super::problem::ApiError;

/// The header with the API key.
pub const API_KEY_HEADER: &str = "x-api-key";

/// How often the right to an open stream is looked at again.
const RECHECK: Duration = Duration::from_secs(3);

/// What somebody shows to be let in.
#[derive(Debug, Clone)]
pub enum Shown {
    /// An API key.
    Key(SecretString),
    /// A session token.
    Session(SecretString),
}

/// The one who asks, let in: the extractor of every call that needs somebody.
#[derive(Debug, Clone)]
pub struct Asking {
    /// Who.
    pub actor: Actor,
    /// By what; open streams look at it again.
    pub shown: Shown,
}

/// The one who asks where nobody need be: shows nothing, or shows something good.
#[derive(Debug, Clone)]
pub struct PerhapsAsking(pub Option<Actor>);

/// The address a request came from.
#[derive(Debug, Clone)]
pub struct Address(pub Option<String>);

impl Shown {
    /// What the headers show; a key wins over a cookie.
    pub fn find(headers: &HeaderMap) -> Option<Self> {
        if let Some(key) = headers.get(API_KEY_HEADER) {
            return Some(Self::Key(key.to_str().unwrap_or_default().into()));
        }
        session_token(headers).map(|token| Self::Session(token.into()))
    }

    /// Whose it is, if it is still good.
    ///
    /// # Errors
    /// 401 when it is not; 503 when nobody can say.
    pub async fn actor(&self, services: &Services, address: Option<String>) -> Result<Actor, ApiError> {
        let found = match self {
            Self::Key(key) => services.accounts.actor_by_key(key.expose_secret(), address).await?,
            Self::Session(token) => services.accounts.actor_by_session(token.expose_secret(), address).await?,
        };
        Ok(found.ok_or_else(Problem::unauthenticated)?)
    }
}

impl Asking {
    /// Resolves once the key or session is no longer good, or may no longer read. A store that cannot be asked counts as that, too:
    /// whoever reads a stream comes back by themselves.
    pub async fn no_longer_allowed(self, services: Services, address: Option<String>) {
        loop {
            tokio::time::sleep(RECHECK).await;
            match self.shown.actor(&services, address.clone()).await {
                Ok(actor) if actor.id == self.actor.id && actor.may(Permission::Read) => {}
                _ => return,
            }
        }
    }
}

impl FromRequestParts<AppState> for Asking {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let shown = Shown::find(&parts.headers).ok_or_else(Problem::unauthenticated)?;
        if matches!(shown, Shown::Session(_)) {
            check_origin(&parts.method, &parts.headers)?;
        }
        let actor = shown.actor(&state.services, address(&parts.extensions)).await?;
        Ok(Self { actor, shown })
    }
}

impl FromRequestParts<AppState> for PerhapsAsking {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if Shown::find(&parts.headers).is_none() {
            return Ok(Self(None));
        }
        Asking::from_request_parts(parts, state).await.map(|asking| Self(Some(asking.actor)))
    }
}

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(address(&parts.extensions)))
    }
}

/// The address that a request came from, as far as it is known.
pub fn address(extensions: &Extensions) -> Option<String> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(addr)| addr.ip().to_string())
}

/// Refuses what a page of another site has a browser send to the API, signed in or not: it signs nobody in and up, either. A key is
/// sent by no browser of itself, and whoever has one may be anywhere.
pub async fn same_origin_or_key(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let foreign = !request.method().is_safe() && !headers.contains_key(API_KEY_HEADER) && is_own(headers) == Some(false);
    if foreign { cross_site().into_response() } else { next.run(request).await }
}

/// The same for pages and server functions, which take no keys.
pub async fn same_origin_only(request: Request, next: Next) -> Response {
    match check_origin(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Refuses what changes something and was sent by a page of another site, or by nobody knows what with our cookie.
fn check_origin(method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    // Every browser of the last years says it with a POST.
    let ours = method.is_safe() || is_own(headers).unwrap_or_else(|| session_token(headers).is_none());
    if ours { Ok(()) } else { Err(cross_site()) }
}

/// Whether a page of ours asks, where the browser says who does.
fn is_own(headers: &HeaderMap) -> Option<bool> {
    if let Some(site) = headers.get("sec-fetch-site") {
        return Some(site == "same-origin" || site == "none");
    }
    let origin = headers.get(ORIGIN)?;
    let host = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    Some(host.is_some() && host == headers.get(HOST).and_then(|host| host.to_str().ok()))
}

fn cross_site() -> ApiError {
    Problem::new(403, "cross_site", "this request came from another site").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(method: &Method, pairs: &[(&'static str, &'static str)]) -> bool {
        let headers = pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)))
            .collect();
        check_origin(method, &headers).is_ok()
    }

    #[test]
    fn only_our_own_pages_may_change_things_with_the_cookie() {
        let cookie = ("cookie", "theme=dark; studio_session=abc");
        let host = ("host", "studio.example:3000");
        for (headers, expected) in [
            (&[cookie][..], false),
            (&[][..], true),
            (&[cookie, ("sec-fetch-site", "same-origin")], true),
            (&[cookie, ("sec-fetch-site", "none")], true),
            (&[cookie, ("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[cookie, host, ("origin", "http://studio.example:3000")], true),
            (&[cookie, host, ("origin", "http://studio.example")], false),
            (&[cookie, host, ("origin", "null")], false),
            (&[host, ("origin", "https://evil.example")], false),
        ] {
            assert_eq!(allowed(&Method::POST, headers), expected, "{headers:?}");
        }
        assert!(allowed(&Method::GET, &[cookie, ("sec-fetch-site", "cross-site")]));
    }
}
