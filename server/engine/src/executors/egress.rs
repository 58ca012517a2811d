//! Where API calls may not go: link-local addresses, and with them the metadata services of clouds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What a refused call says.
pub(super) const REFUSED: &str = "addresses of this machine's network link and of cloud metadata services are never called";

/// Whether an address is off limits.
pub(super) fn is_forbidden(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_forbidden_v4(v4),
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            // NAT64 (RFC 6052) and 6to4 (RFC 3056) carry an IPv4 address.
            let octets = v6.octets();
            let nat64 = (first, second) == (0x64, 0xff9b)
                && is_forbidden_v4(Ipv4Addr::new(octets[12], octets[13], octets[14], octets[15]));
            let six_to_four = first == 0x2002 && is_forbidden_v4(Ipv4Addr::new(octets[2], octets[3], octets[4], octets[5]));
            let compatible =
                v6.segments()[..6] == [0; 6] && is_forbidden_v4(Ipv4Addr::new(octets[12], octets[13], octets[14], octets[15]));
            v6.is_unicast_link_local() || v6 == METADATA_V6 || v6.is_multicast() || nat64 || six_to_four || compatible
        }
    }
}

const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
/// Alibaba Cloud's, which is no link-local one.
const METADATA_V4: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);

fn is_forbidden_v4(address: Ipv4Addr) -> bool {
    address.is_link_local() || address.is_broadcast() || address.is_multicast() || address == METADATA_V4
}

/// Resolves a name once; the connection goes to an address that was looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.iter().any(|address| is_forbidden(address.ip())) {
                return Err(REFUSED.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_addresses_are_known_in_every_spelling() {
        for text in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "::a9fe:a9fe",
            "100.100.100.200",
        ] {
            assert!(is_forbidden(text.parse().unwrap()), "{text}");
        }
        for text in ["127.0.0.1", "::1", "10.0.0.1", "192.0.2.1", "2001:db8::1", "fd00::1"] {
            assert!(!is_forbidden(text.parse().unwrap()), "{text}");
        }
        // The parser of addresses reads decimal, octal and hexadecimal ones before we look.
        for text in ["http://2852039166/", "http://0xa9fea9fe/", "http://0251.0376.0251.0376/", "http://[::ffff:a9fe:a9fe]/"] {
            let url = reqwest::Url::parse(text).unwrap();
            let host = url.host_str().unwrap().trim_matches(['[', ']']).to_owned();
            assert!(is_forbidden(host.parse().unwrap()), "{text}");
        }
    }
}
