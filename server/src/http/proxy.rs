//! What proxies say of a request: believed of those that are set as trusted, taken away from everybody else's.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{FORWARDED, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use super::listen::OverTls;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// All that a client could say to be taken for somebody else.
const SAID_BY_PROXIES: [HeaderName; 4] = [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST, FORWARDED];

/// The networks of the proxies that are believed.
pub type Trusted = Arc<[IpNet]>;

/// That the client speaks https, with us or with the proxy before us.
#[derive(Debug, Clone, Copy)]
pub struct Https;

/// Settles who the client is and how it came: for everything further in, address, host and scheme are the client's own.
pub async fn settle(State(trusted): State<Trusted>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer);
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address.to_canonical()));
    let mut https = request.extensions().get::<OverTls>().is_some();
    // HTTP/2 has the host in its address, and where HTTP/1.1 has it there it counts, whatever the header says (RFC 9112, 3.2.2).
    if let Some(host) = request.uri().authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok()) {
        request.headers_mut().insert(HOST, host);
    }
    if let Some(peer) = peer.filter(|peer| is_trusted(peer.ip())) {
        if let Some(client) = client(request.headers(), is_trusted) {
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client, peer.port())));
        }
        if let Some(scheme) = last(request.headers(), &FORWARDED_PROTO) {
            https = scheme.eq_ignore_ascii_case("https");
        }
        if let Some(host) = request.headers().get(FORWARDED_HOST).cloned() {
            request.headers_mut().insert(HOST, host);
        }
    }
    for name in SAID_BY_PROXIES {
        request.headers_mut().remove(name);
    }
    if https {
        request.extensions_mut().insert(Https);
        // Whoever reads it further in reads our word.
        request.headers_mut().insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
    }
    next.run(request).await
}

/// The last address that no trusted proxy has: those before it can be whatever the client likes.
fn client(headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let said = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let addresses: Vec<_> = said.map(|text| address(text.trim())).collect();
    let mut seen = None;
    for address in addresses.into_iter().rev() {
        // What is no address ends the chain: whoever wrote it is not to be believed about the rest.
        let address = address?;
        seen = Some(address);
        if !is_trusted(address) {
            break;
        }
    }
    seen
}

/// An address as proxies write it: some add the port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_matches(['[', ']']);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

fn last<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .next_back()
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_the_last_that_no_trusted_proxy_is() {
        let trusted: IpNet = "10.0.0.0/8".parse().expect("a network");
        for (said, expected) in [
            (&["203.0.113.7"][..], Some("203.0.113.7")),
            (&["1.1.1.1, 203.0.113.7"], Some("203.0.113.7")),
            (&["1.1.1.1, 203.0.113.7, 10.0.0.3"], Some("203.0.113.7")),
            (&["1.1.1.1", "203.0.113.7, 10.0.0.3"], Some("203.0.113.7")),
            (&["203.0.113.7:4711"], Some("203.0.113.7")),
            (&["[2001:db8::1]:4711"], Some("2001:db8::1")),
            (&["10.0.0.9"], Some("10.0.0.9")),
            (&["nonsense"], None),
            (&["203.0.113.7, nonsense, 10.0.0.3"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in said {
                headers.append(FORWARDED_FOR, HeaderValue::from_static(value));
            }
            let found = client(&headers, |address| trusted.contains(&address));
            assert_eq!(found, expected.map(|text| text.parse().expect("an address")), "{said:?}");
        }
    }
}
