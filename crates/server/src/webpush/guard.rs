//! Which addresses a push service may have: a user names the endpoint, so without this any user could make
//! the server send requests to its own network.
//!
//! The connector asks for the very address it then connects to, so that a name that resolves to something
//! else the second time gains nothing. Must not: resolve, or connect.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a host may be on the public internet: an address that is, or a name that is nobody's own.
///
/// An address counts only as it is written canonically. What looks like one in another spelling (`127.1`,
/// `0x7f.1`, `2130706433`, `127.0.0.1.`), which some resolver or proxy would take for one, is refused: it
/// ends in a label that begins with a digit, which no name in the DNS does.
#[must_use]
pub fn may_be_public(host: &str) -> bool {
    if let Ok(address) = host.parse() {
        return is_public(address);
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default();
    // `localhost` is the machine itself, and so is everything below it.
    !last.is_empty()
        && !last.starts_with(|c: char| c.is_ascii_digit())
        && !last.eq_ignore_ascii_case("localhost")
}

/// Whether an address belongs to the public internet, whatever form it is written in.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The registry of special-purpose addresses of IANA.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // "This network", private networks, loopback, class E and broadcast; multicast.
        (0 | 10 | 127 | 224.., _, _) => true,
        // Shared by carriers.
        (100, 64..=127, _) => true,
        // Link-local, with the metadata services of clouds.
        (169, 254, _) => true,
        (172, 16..=31, _) => true,
        (192, 168, _) => true,
        // Protocol assignments, documentation, 6to4 relays, AS112.
        (192, 0, 0 | 2) | (192, 88, 99) | (192, 31, 196) | (192, 52, 193) | (192, 175, 48) => true,
        // Benchmarks, documentation.
        (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !special
}

/// What is public begins with 001; in it are ranges that stand for addresses of version 4.
fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = carried_v4(address) {
        return is_public_v4(inner);
    }
    let [first, second, ..] = address.segments();
    let special = match (first, second) {
        // Protocol assignments, Teredo and ORCHID among them; documentation.
        (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff) => true,
        _ => first & 0xe000 != 0x2000,
    };
    !special
}

/// The address of version 4 that one of version 6 leads to.
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let last = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        // Mapped and compatible. `::` and `::1` come out as 0.0.0.0 and 0.0.0.1.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => Some(last(high, low)),
        // Translated.
        [0, 0, 0, 0, 0xffff, 0, high, low] => Some(last(high, low)),
        // NAT64. The local prefix is not public anyway.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(last(high, low)),
        // 6to4.
        [0x2002, high, low, ..] => Some(last(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_in_one_spelling_only() {
        for host in
            ["push.example.org", "push.example.org.", "1and1.com", "8.8.8.8", "2606:4700::1", "0x7f.de"]
        {
            assert!(may_be_public(host), "{host}");
        }
        for host in [
            "2130706433",
            "134744072",
            "0x7f000001",
            "0X7F.0.0.1",
            "0x7f.1",
            "127.1",
            "127.0.1",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.1.",
            "127.0.0.01",
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:7f00:1",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "",
            ".",
        ] {
            assert!(!may_be_public(host), "{host}");
        }
    }

    #[test]
    fn only_the_public_internet_is_public() {
        for text in
            ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1", "::ffff:8.8.8.8"]
        {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["64:ff9b::8.8.8.8", "2002:808:808::1", "2001:4860:4860::8888", "2a00:1450::1"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "100.64.0.1",
            "100.127.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.192",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
            let v4: Ipv4Addr = text.parse().unwrap();
            let [a, b, c, d] = v4.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            for carrier in [
                Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ] {
                assert!(!is_public(carrier.into()), "{carrier}");
            }
        }
        for text in [
            "::",
            "::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "64:ff9b:1::1",
            "100::1",
            "2001:db8::1",
            "2001::1",
            "2001:10::1",
            "3fff::1",
            "4000::1",
            "e000::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }
}
