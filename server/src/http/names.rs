//! The names that this server is asked by.
//!
//! Whoever owns a DNS name can have it point to 127.0.0.1 (DNS rebinding): the page that a browser has of them is then of our own
//! origin, `Origin` and `Host` agree, and it reads what we answer. Only the name tells that it is not ours.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::Problem;
use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue};

use super::problem::ApiError;

/// What tells nothing and does nothing: a probe asks by whatever name it likes.
const PROBE: &str = "/healthz";
/// How much of a foreign name the refusal repeats, in characters.
const MAX_REPEATED: usize = 100;

/// The names that are ours beside addresses and `localhost`; `None` where any may be.
#[derive(Debug, Clone)]
pub struct Names(Option<Arc<[String]>>);

impl Names {
    /// Those that are set. Where none are, a server that listens for its own machine alone has none, and one that others reach, by
    /// itself or through a proxy, has any: nobody said which.
    pub fn new(addr: SocketAddr, proxied: bool, hosts: Vec<String>) -> Self {
        let own_machine = addr.ip().to_canonical().is_loopback() && !proxied;
        Self((own_machine || !hosts.is_empty()).then(|| hosts.into()))
    }

    /// Refuses a request that asks for somebody else.
    fn check(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let Self(Some(known)) = self else { return Ok(()) };
        let mut said = headers.get_all(HOST).iter();
        let ours = match (said.next(), said.next()) {
            (Some(host), None) => name(host).is_some_and(|name| is_here(&name) || known.contains(&name)),
            _ => false,
        };
        if ours {
            return Ok(());
        }
        let own = known.iter().fold("an IP address, localhost".to_owned(), |own, name| own + ", " + name);
        let detail = format!(
            "this server is not {}: ask it by a name of its own ({own}), or add that one to them (--hosts, STUDIO_HOSTS)",
            repeated(headers),
        );
        Err(Problem::new(421, "misdirected", detail).into())
    }
}

/// Lets nothing in that was sent to a name which is not ours.
pub async fn check(State(names): State<Names>, request: Request, next: Next) -> Response {
    if request.uri().path() == PROBE {
        return next.run(request).await;
    }
    match names.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// The name in a `Host` header, without port, in small letters and without the dot that ends a full name.
fn name(host: &HeaderValue) -> Option<String> {
    let host = host.to_str().ok().filter(|host| !host.contains('@'))?;
    let authority: Authority = host.parse().ok()?;
    let name = authority.host();
    Some(name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase())
}

/// An address, which no DNS answer can change, or `localhost`, which never leaves the machine (RFC 6761).
fn is_here(name: &str) -> bool {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    bare.parse::<IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost")
}

/// What was asked for, for people.
fn repeated(headers: &HeaderMap) -> String {
    let said: Vec<_> = headers.get_all(HOST).iter().map(|host| String::from_utf8_lossy(host.as_bytes())).collect();
    if said.is_empty() {
        return "what a request without a Host header asks for".to_owned();
    }
    format!("“{}”", said.join(", ").chars().filter(|c| !c.is_control()).take(MAX_REPEATED).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(names: &Names, host: &'static str) -> bool {
        names.check(&HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))])).is_ok()
    }

    #[test]
    fn a_loopback_server_is_asked_by_address_or_as_localhost_or_by_a_name_that_is_set() {
        let addr = "127.0.0.1:3000".parse().expect("an address");
        let (own, named) = (Names::new(addr, false, vec![]), Names::new(addr, false, vec!["studio.example".to_owned()]));
        for (host, by_itself, by_name) in [
            ("127.0.0.1:3000", true, true),
            ("[::1]:3000", true, true),
            ("192.0.2.7", true, true),
            ("localhost", true, true),
            ("LocalHost.:3000", true, true),
            ("studio.localhost:3000", true, true),
            ("studio.example:8443", false, true),
            ("STUDIO.example.", false, true),
            ("sub.studio.example", false, false),
            ("evil.example", false, false),
            ("localhost.evil.example", false, false),
            ("notlocalhost", false, false),
            ("127.0.0.1.evil.example", false, false),
            ("localhost@evil.example", false, false),
            ("evil.example@localhost", false, false),
            ("", false, false),
            ("a b", false, false),
        ] {
            assert_eq!((admits(&own, host), admits(&named, host)), (by_itself, by_name), "{host:?}");
        }
        assert!(own.check(&HeaderMap::new()).is_err(), "no name at all");
        let both = ["localhost", "evil.example"].map(|host| (HOST, HeaderValue::from_static(host)));
        let mut headers = HeaderMap::new();
        both.into_iter().for_each(|(name, host)| _ = headers.append(name, host));
        assert!(own.check(&headers).is_err(), "two names");
    }

    #[test]
    fn a_server_that_others_reach_is_asked_by_any_name_until_its_own_are_set() {
        let [own, all] = ["[::ffff:127.0.0.1]:3000", "0.0.0.0:3000"].map(|addr| addr.parse().expect("an address"));
        assert!(admits(&Names::new(all, false, vec![]), "studio.example"));
        assert!(admits(&Names::new(own, true, vec![]), "studio.example"), "a proxy stands before it");
        assert!(!admits(&Names::new(own, false, vec![]), "studio.example"));
        for (addr, proxied) in [(all, false), (own, true)] {
            assert!(!admits(&Names::new(addr, proxied, vec!["studio.example".to_owned()]), "evil.example"));
        }
    }
}
