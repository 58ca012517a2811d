//! Which part of the world an address belongs to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// The internet.
    Public,
    /// This machine, or a network of one's own.
    Private,
    /// The link, a metadata service of a cloud, or many machines at once: nothing that an API call is for.
    Forbidden,
}

/// Metadata services that no link-local address (RFC 3927, RFC 4291) has: those are refused as a whole.
const METADATA_V4: [Ipv4Addr; 3] = [
    // Alibaba Cloud: ECS user guide, “Obtain instance metadata”.
    Ipv4Addr::new(100, 100, 100, 200),
    // Azure, the “wire server”: “What is IP address 168.63.129.16?”.
    Ipv4Addr::new(168, 63, 129, 16),
    // Oracle: Compute Classic, “Retrieving Instance Metadata”.
    Ipv4Addr::new(192, 0, 0, 192),
];
/// The same by IPv6, where they stand in networks of one's own (RFC 4193).
const METADATA_V6: [Ipv6Addr; 5] = [
    // AWS, and who follows it: EC2 user guide, “Access instance metadata”.
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    // AWS, the credentials of a pod: EKS user guide, “EKS Pod Identity Agent”.
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    // Google: Compute Engine, “Access metadata values”, for instances with IPv6 only.
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    // Oracle: cloud-init, `DataSourceOracle`.
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
    // Scaleway: cloud-init, `DataSourceScaleway`; by IPv4 it is the link-local 169.254.42.42.
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
];

/// Where an address leads; of one that carries another one within it, where that leads too.
pub(super) fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(v4) => reach_v4(v4),
        IpAddr::V6(v6) => carried(v6).map(reach_v4).max().unwrap_or(Reach::Public).max(reach_v6(v6)),
    }
}

/// The special-purpose registry of IANA (RFC 6890), as far as it does not lead to the internet.
fn reach_v4(address: Ipv4Addr) -> Reach {
    let [first, second, third, _] = address.octets();
    if address.is_link_local() || address.is_broadcast() || address.is_multicast() || METADATA_V4.contains(&address) {
        return Reach::Forbidden;
    }
    let shared = first == 100 && (64..128).contains(&second); // RFC 6598
    let benchmark = first == 198 && (18..20).contains(&second); // RFC 2544
    let protocol = (first, second, third) == (192, 0, 0); // RFC 6890
    let reserved = first >= 240; // RFC 1112
    let private = address.is_private() || address.is_loopback() || first == 0 || shared || benchmark || protocol || reserved;
    if private { Reach::Private } else { Reach::Public }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    if address.is_unicast_link_local() || address.is_multicast() || METADATA_V6.contains(&address) {
        return Reach::Forbidden;
    }
    let site_local = address.segments()[0] & 0xffc0 == 0xfec0; // RFC 3879
    let private = address.is_loopback() || address.is_unspecified() || address.is_unique_local() || site_local;
    if private { Reach::Private } else { Reach::Public }
}

/// The IPv4 addresses within an IPv6 one: mapped and compatible (RFC 4291), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056),
/// Teredo's server and client (RFC 4380), ISATAP (RFC 5214).
fn carried(address: Ipv6Addr) -> impl Iterator<Item = Ipv4Addr> {
    let segments = address.segments();
    let at = |index: usize| {
        let [a, b] = segments[index].to_be_bytes();
        let [c, d] = segments[index + 1].to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    let inverted = |index: usize| Ipv4Addr::from(!u32::from(at(index)));
    let zero = segments[..5] == [0; 5];
    // `::` and `::1` carry nothing: they are what they are.
    let compatible = segments[..6] == [0; 6] && !address.is_unspecified() && !address.is_loopback();
    let mapped = zero && segments[5] == 0xffff;
    let translated = segments[..4] == [0; 4] && segments[4] == 0xffff && segments[5] == 0;
    let nat64 = (segments[0], segments[1]) == (0x64, 0xff9b);
    let six_to_four = segments[0] == 0x2002;
    let teredo = (segments[0], segments[1]) == (0x2001, 0);
    let isatap = matches!((segments[4], segments[5]), (0 | 0x200, 0x5efe));
    [
        (compatible || mapped || translated || nat64 || isatap).then(|| at(6)),
        six_to_four.then(|| at(1)),
        teredo.then(|| at(2)),
        teredo.then(|| inverted(6)),
    ]
    .into_iter()
    .flatten()
}
