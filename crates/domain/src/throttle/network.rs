//! Addresses, as somebody who changes theirs at will would see them.
//!
//! Whoever has one IPv6 address has 2⁶⁴ of them, so what counts is the network of 64 bits. Providers hand
//! out blocks of those, and IPv4 addresses in blocks too, so the block counts as well, with more allowance.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// One IPv4 address, or one IPv6 network of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpNet);

/// The IPv4 block of 24 bits, or IPv6 block of 48, that a network is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block(IpNet);

impl Network {
    /// Returns the network of an address. An IPv4 address written as an IPv6 one is the IPv4 address.
    pub fn of(address: IpAddr) -> Self {
        Self(prefix(address, 32, 64))
    }

    /// Returns the block that it is in.
    pub fn block(self) -> Block {
        Block(prefix(self.0.addr(), 24, 48))
    }

    /// Returns it as address and prefix length.
    pub fn net(self) -> IpNet {
        self.0
    }
}

impl Block {
    /// Returns it as address and prefix length.
    pub fn net(self) -> IpNet {
        self.0
    }
}

fn prefix(address: IpAddr, bits_v4: u8, bits_v6: u8) -> IpNet {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let net = Ipv4Net::new(address, bits_v4).map(|net| net.trunc());
            IpNet::V4(net.unwrap_or_else(|_| Ipv4Net::from(Ipv4Addr::UNSPECIFIED)))
        }
        IpAddr::V6(address) => {
            let net = Ipv6Net::new(address, bits_v6).map(|net| net.trunc());
            IpNet::V6(net.unwrap_or_else(|_| Ipv6Net::from(Ipv6Addr::UNSPECIFIED)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::of(text.parse().unwrap())
    }

    #[test]
    fn one_holder_is_one_network() {
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    #[test]
    fn a_block_is_what_is_handed_out() {
        assert_eq!(
            network("2001:db8:1:2::1").block(),
            network("2001:db8:1:ffff::1").block()
        );
        assert_ne!(
            network("2001:db8:1::1").block(),
            network("2001:db8:2::1").block()
        );
        assert_eq!(
            network("192.0.2.1").block().net().to_string(),
            "192.0.2.0/24"
        );
        assert_eq!(network("192.0.2.7").net().to_string(), "192.0.2.7/32");
    }
}
