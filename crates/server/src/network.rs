//! Networks of addresses, as settings name them: `192.0.2.0/24`, or one address.

use std::net::IpAddr;

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// `None` when it is none, or has bits set behind those that count.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(front, bits)| (front, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let usual = |bits: &&str| bits.bytes().all(|octet| octet.is_ascii_digit());
        let bits = bits.map_or(Some(all), |bits| Some(bits).filter(usual)?.parse().ok())?;
        let network = Self { address, bits };
        (bits <= all && network.front_of(address) == value(address)).then_some(network)
    }

    /// An IPv4 address counts as such, also inside IPv6.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && self.front_of(address) == value(self.address)
    }

    fn front_of(&self, address: IpAddr) -> u128 {
        let all = if address.is_ipv4() { 32 } else { 128 };
        let behind = all - self.bits.min(all);
        value(address).checked_shr(behind).and_then(|front| front.checked_shl(behind)).unwrap_or(0)
    }
}

fn value(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_hold_what_begins_like_them() {
        let holds = |network: &str, address: &str| {
            Network::parse(network).unwrap().contains(address.parse().unwrap())
        };
        assert!(holds("127.0.0.0/8", "127.255.0.1") && !holds("127.0.0.0/8", "128.0.0.1"));
        assert!(holds("127.0.0.0/8", "::ffff:127.0.0.1") && !holds("127.0.0.0/8", "::1"));
        assert!(holds("::1", "::1") && !holds("::1", "::2"));
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7/32", "192.0.2.6"));
        assert!(holds("2001:db8::/33", "2001:db8:7fff::1") && !holds("2001:db8::/33", "2001:db8:8000::1"));
        assert!(holds("0.0.0.0/0", "203.0.113.9") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("::/0", "2001:db8::1"));
        for wrong in
            ["", "/8", "127.0.0.1/8", "127.0.0.0/33", "::/129", "::1/+8", "::1/", "localhost", "10.0/8"]
        {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }
}
