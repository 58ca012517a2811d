use super::*;

/// What these rules make of an address as it is written.
fn answer(rules: &Rules, text: &str) -> &'static str {
    let Ok(url) = Url::parse(text) else { return "no address" };
    match rules.check_url(&url) {
        Ok(()) => "called",
        Err(message) if message == Refused::Forbidden.to_string() => "never",
        Err(message) if message == Refused::Private.to_string() => "private",
        Err(_) => "scheme",
    }
}

fn developer() -> Rules {
    Egress::default().rules(Some(Role::Developer))
}

fn sre() -> Rules {
    Egress::default().rules(Some(Role::Sre))
}

/// Every spelling of an IPv4 address that parsers of addresses and resolvers have been seen to take.
fn spellings(address: [u8; 4]) -> Vec<String> {
    let [a, b, c, d] = address.map(u32::from);
    let whole = u32::from_be_bytes(address);
    let (bc, cd) = (b << 16 | c << 8 | d, c << 8 | d);
    vec![
        format!("http://{a}.{b}.{c}.{d}/"),
        format!("http://{a}.{b}.{c}.{d}:8080/x?y#z"),
        format!("http://{a}.{b}.{c}.{d}./"),
        format!("http://{whole}/"),
        format!("http://{whole:#x}/"),
        format!("http://{whole:#X}/").replace("0X", "0x"),
        format!("http://0{whole:o}/"),
        format!("http://0{a:o}.0{b:o}.0{c:o}.0{d:o}/"),
        format!("http://000{a:o}.000{b:o}.000{c:o}.000{d:o}/"),
        format!("http://{a:#x}.{b:#x}.{c:#x}.{d:#x}/"),
        format!("http://{a:#x}.{b}.0{c:o}.{d}/"),
        format!("http://{a}.{bc}/"),
        format!("http://{a}.{b}.{cd}/"),
        format!("http://{a:#x}.{bc:#x}/"),
        format!("http://user:pw@{a}.{b}.{c}.{d}/"),
        format!("http://example.com@{a}.{b}.{c}.{d}/"),
        format!("http://{a}.{b}.{c}.{d}\\@example.com/"),
        format!("http:\\\\{a}.{b}.{c}.{d}/"),
        format!("http:/{a}.{b}.{c}.{d}/"),
        format!("http:{a}.{b}.{c}.{d}/"),
        format!("  http://{a}.{b}.{c}.{d}/  "),
        format!("http://{}/", percent(&format!("{a}.{b}.{c}.{d}"))),
        format!("http://{}/", full_width(&format!("{a}.{b}.{c}.{d}"))),
        format!("http://{a}。{b}。{c}。{d}/"),
        format!("http://[::ffff:{a}.{b}.{c}.{d}]/"),
        format!("http://[::ffff:{:x}:{:x}]/", whole >> 16, whole & 0xffff),
        format!("http://[0:0:0:0:0:ffff:{a}.{b}.{c}.{d}]/"),
        format!("http://[::ffff:0:{a}.{b}.{c}.{d}]/"),
        format!("http://[64:ff9b::{a}.{b}.{c}.{d}]/"),
        format!("http://[64:ff9b:1::{a}.{b}.{c}.{d}]/"),
        format!("http://[2002:{:x}:{:x}::]/", whole >> 16, whole & 0xffff),
        format!("http://[2001:0:{:x}:{:x}::1]/", whole >> 16, whole & 0xffff),
        format!("http://[2001:0:808:808:0:0:{:x}:{:x}]/", !whole >> 16, !whole & 0xffff),
        format!("http://[2001:db8::5efe:{a}.{b}.{c}.{d}]/"),
        format!("https://{a}.{b}.{c}.{d}/"),
    ]
}

/// The same of an IPv6 address.
fn spellings_v6(address: [u16; 8]) -> Vec<String> {
    let short = std::net::Ipv6Addr::from(address).to_string();
    let written = |form: fn(&u16) -> String| address.iter().map(form).collect::<Vec<_>>().join(":");
    let (plain, padded) = (written(|part| format!("{part:x}")), written(|part| format!("{part:04x}")));
    let (front, [.., high, low]) = (padded[..30].to_owned(), address);
    let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
    vec![
        format!("http://[{short}]/"),
        format!("https://[{short}]/"),
        format!("http://[{short}]:8080/x?y#z"),
        format!("http://[{}]/", short.to_uppercase()),
        format!("http://[{plain}]/"),
        format!("http://[{padded}]/"),
        format!("http://[{}]/", padded.to_uppercase()),
        format!("http://[{front}{a}.{b}.{c}.{d}]/"),
        format!("http://[{short}%25eth0]/"),
        format!("http://[{}]/", percent(&short)),
        format!("http://%5B{short}%5D/"),
        format!("http://user:pw@[{short}]/"),
        format!("http://example.com@[{short}]/"),
        format!("http://[{short}]\\@example.com/"),
        format!("http:\\\\[{short}]/"),
        format!("http:/[{short}]/"),
        format!("http:[{short}]/"),
        format!("  http://[{short}]/  "),
    ]
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn full_width(text: &str) -> String {
    let wide = |c: char| c.to_digit(10).and_then(|digit| char::from_u32(0xff10 + digit)).unwrap_or('．');
    text.chars().map(wide).collect()
}

#[test]
fn no_spelling_of_a_metadata_address_is_called_by_anybody() {
    let mut tried = 0;
    for address in
        [[169, 254, 169, 254], [169, 254, 170, 2], [169, 254, 42, 42], [100, 100, 100, 200], [168, 63, 129, 16], [192, 0, 0, 192]]
    {
        for text in spellings(address) {
            tried += 1;
            for rules in [developer(), sre()] {
                let answer = answer(&rules, &text);
                assert!(matches!(answer, "never" | "no address"), "{text} is {answer}");
            }
        }
    }
    assert!(tried >= 200, "{tried}");
}

#[test]
fn no_spelling_of_a_metadata_address_of_ipv6_is_called_by_anybody() {
    for address in [
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23],
        [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254],
        [0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe],
        [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42],
    ] {
        let mut read = 0;
        for text in spellings_v6(address) {
            for rules in [developer(), sre()] {
                let answer = answer(&rules, &text);
                assert!(matches!(answer, "never" | "no address"), "{text} is {answer}");
                read += u32::from(answer == "never");
            }
        }
        assert!(read >= 2 * 14, "only {read} of the spellings of {address:x?} are read as addresses");
        let next = std::net::Ipv6Addr::from(u128::from(std::net::Ipv6Addr::from(address)) + 1);
        assert_eq!(answer(&sre(), &format!("http://[{next}]/")), "called", "the one beside it is nobody's");
    }
}

#[test]
fn no_spelling_of_a_private_address_is_called_for_a_developer_and_each_is_for_an_sre() {
    let mut tried = 0;
    for address in [[127, 0, 0, 1], [10, 1, 2, 3], [172, 16, 0, 9], [192, 168, 7, 1], [100, 64, 0, 1], [0, 0, 0, 1]] {
        for text in spellings(address) {
            tried += 1;
            let refused = answer(&developer(), &text);
            assert!(matches!(refused, "private" | "no address"), "{text} is {refused}");
            if refused == "private" {
                assert_eq!(answer(&sre(), &text), "called", "{text}");
            }
        }
    }
    assert!(tried >= 200, "{tried}");
}

#[test]
fn other_addresses_that_are_not_the_internets_are_known() {
    for text in ["[::1]", "[::]", "[fc00::1]", "[fd12:3456::1]", "[fec0::1]", "198.18.0.1", "192.0.0.8", "240.0.0.1"] {
        assert_eq!(answer(&developer(), &format!("http://{text}/")), "private", "{text}");
    }
    for text in ["[fe80::1]", "[fe80::1%25eth0]", "[ff02::1]", "[fd00:ec2::254]", "224.0.0.1", "255.255.255.255"] {
        let answer = answer(&sre(), &format!("http://{text}/"));
        assert!(matches!(answer, "never" | "no address"), "{text} is {answer}");
    }
    for text in ["192.0.2.1", "8.8.8.8", "[2001:db8::1]", "[2606:4700::1111]", "172.32.0.1", "100.128.0.1", "example.com"] {
        assert_eq!(answer(&developer(), &format!("http://{text}/")), "called", "{text}");
    }
}

#[test]
fn nothing_but_http_is_called() {
    let schemes =
        ["file:///etc/passwd", "ftp://example.com/", "gopher://example.com/_x", "dict://example.com/", "data:text/plain,x"];
    let others = ["ldap://example.com/", "jar:http://example.com!/", "unix:/run/x.sock", "javascript:1", "ws://example.com/"];
    for text in schemes.into_iter().chain(others) {
        assert_eq!(answer(&sre(), text), "scheme", "{text}");
    }
}

#[test]
fn an_allowed_network_is_everybodys_but_never_a_metadata_service() {
    let networks = ["10.1.0.0/16", "169.254.0.0/16", "fd00::/8"].map(|network| network.parse().expect("a network"));
    let rules = Egress { allowed: networks.to_vec(), ..Egress::default() }.rules(Some(Role::Developer));
    let seen = [
        "http://10.1.2.3/",
        "http://[::ffff:10.1.2.3]/",
        "http://10.2.0.1/",
        "http://169.254.169.254/",
        "http://[fd00:ec2::254]/",
    ];
    assert_eq!(seen.map(|text| answer(&rules, text)), ["called", "called", "private", "never", "never"]);
}

#[test]
fn who_may_call_private_networks_is_a_setting() {
    let by = |from, role| Egress { private_from: from, ..Egress::default() }.rules(role).private;
    assert!(by(Some(Role::Developer), Some(Role::Developer)) && by(Some(Role::Sre), Some(Role::Admin)));
    assert!(!by(None, Some(Role::Admin)) && !by(Some(Role::Sre), Some(Role::Developer)));
    assert!(!by(Some(Role::Developer), None), "an account that is gone may nothing");
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_refused_when_it_is_resolved() {
    let resolve = |rules: Rules| async move { rules.resolve("localhost".parse().expect("a name")).await.map(Iterator::count) };
    let refused = resolve(developer()).await.expect_err("a refusal");
    assert_eq!(refused.downcast_ref::<Refused>(), Some(&Refused::Private));
    assert!(resolve(sre()).await.expect("an address") > 0);
}
