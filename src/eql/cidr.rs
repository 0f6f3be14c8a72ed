//! Blocks of IP addresses. Addresses are 128 bits wide, IPv4 ones being `::ffff:a.b.c.d`, as in Elasticsearch.

use std::net::IpAddr;

/// The addresses that share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    base: u128,
    mask: u128,
}

impl Block {
    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or one address; bits after the prefix are ignored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Some((address, bits)) = text.split_once('/') else {
            return Some(Self { base: parse_address(text)?, mask: u128::MAX });
        };
        let address: IpAddr = address.parse().ok()?;
        let bits: u32 = bits.parse().ok()?;
        let bits = match address {
            IpAddr::V4(_) if bits <= 32 => bits + 96,
            // An IPv4 address in IPv6 form: it would be unclear which bits are counted.
            IpAddr::V6(address) if bits <= 128 && address.to_ipv4_mapped().is_none() => bits,
            _ => return None,
        };
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or_default();
        Some(Self { base: wide(address) & mask, mask })
    }

    /// Whether the address lies in it.
    #[must_use]
    pub fn contains(&self, address: u128) -> bool {
        address & self.mask == self.base
    }
}

/// Reads one address as its 128 bits.
#[must_use]
pub fn parse_address(text: &str) -> Option<u128> {
    text.parse().ok().map(wide)
}

fn wide(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, parse_address};

    fn holds(block: &str, address: &str) -> bool {
        Block::parse(block).unwrap().contains(parse_address(address).unwrap())
    }

    #[test]
    fn blocks_are_128_bits_wide() {
        assert!(holds("10.1.2.3/8", "10.200.0.1"));
        assert!(!holds("10.1.2.3/8", "11.0.0.1"));
        assert!(holds("::/0", "10.0.0.1"));
        assert!(holds("0.0.0.0/0", "255.1.1.1"));
        assert!(!holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("::ffff:1.2.3.4", "1.2.3.4"));
        assert!(holds("2001:db8::/32", "2001:db8:1::"));
    }

    #[test]
    fn wrong_blocks_are_refused() {
        for text in
            ["10.0.0.0/33", "::/129", "::ffff:10.0.0.0/104", "10.0.0/8", "x", "10.0.0.0/", "", "10.0.0.0/-1"]
        {
            assert_eq!(Block::parse(text), None, "{text}");
        }
    }
}
