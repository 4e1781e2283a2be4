//! Lists of networks from which something may be done.
//!
//! A list only ever narrows. It is asked after a credential was checked and never in its place (identity
//! 2.3, after CVE-2022-43782), and that of an organisation narrows those above it: nothing below can allow
//! what something above does not. So it is not inherited like other settings; every list on the path holds.

use std::net::IpAddr;

use ipnet::IpNet;
use strongroom_base::{Class, Classified};

/// Most networks of one list.
pub const NETWORKS_MAX: usize = 64;

/// Why there is no such list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllowListError {
    /// Nobody could do anything.
    #[error("a list of no networks would allow nobody")]
    Empty,
    /// There are too many.
    #[error("a list has at most {NETWORKS_MAX} networks")]
    TooLong,
}

impl Classified for AllowListError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// From where something may be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AllowList {
    /// From anywhere.
    #[default]
    Anywhere,
    /// From these networks; where lists had nothing in common, from none.
    Only(Vec<IpNet>),
}

impl AllowList {
    /// Makes a list of networks.
    pub fn only(networks: impl IntoIterator<Item = IpNet>) -> Result<Self, AllowListError> {
        let networks: Vec<_> = networks.into_iter().take(NETWORKS_MAX + 1).collect();
        match networks.len() {
            0 => Err(AllowListError::Empty),
            1..=NETWORKS_MAX => Ok(Self::Only(tidy(&networks))),
            _ => Err(AllowListError::TooLong),
        }
    }

    /// Returns what all lists of a path allow, the server's first.
    pub fn effective<'a>(lists: impl IntoIterator<Item = &'a Self>) -> Self {
        let lists = lists.into_iter();
        lists.fold(Self::Anywhere, |so_far, list| so_far.narrowed_by(list))
    }

    /// Returns what both allow. Two networks are nested or have nothing in common, so it is never longer
    /// than both together.
    #[must_use]
    pub fn narrowed_by(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Anywhere, list) | (list, Self::Anywhere) => list.clone(),
            (Self::Only(one), Self::Only(other)) => {
                let pairs = one
                    .iter()
                    .flat_map(|one| other.iter().map(move |other| (*one, *other)));
                let both: Vec<_> = pairs
                    .filter_map(|(one, other)| common(one, other))
                    .collect();
                Self::Only(tidy(&both))
            }
        }
    }

    /// Tells whether an address is in it. An IPv4 address written as an IPv6 one is the IPv4 address.
    pub fn includes(&self, address: IpAddr) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Only(networks) => {
                let address = address.to_canonical();
                networks.iter().any(|network| network.contains(&address))
            }
        }
    }
}

fn tidy(networks: &[IpNet]) -> Vec<IpNet> {
    let networks = networks.iter().map(IpNet::trunc).collect();
    let mut networks = IpNet::aggregate(&networks);
    networks.sort_unstable();
    networks
}

fn common(one: IpNet, other: IpNet) -> Option<IpNet> {
    if one.contains(&other) {
        Some(other)
    } else if other.contains(&one) {
        Some(one)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(networks: &[&str]) -> AllowList {
        AllowList::only(networks.iter().map(|net| net.parse().unwrap())).unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn below_is_only_what_is_above() {
        let company = list(&["10.0.0.0/8", "2001:db8::/32"]);
        let department = list(&["10.1.0.0/16", "192.0.2.0/24", "0.0.0.0/0"]);
        let both = AllowList::effective([&AllowList::Anywhere, &company, &department]);
        assert_eq!(both, list(&["10.0.0.0/8"]));
        let narrow = AllowList::effective([&company, &list(&["10.1.0.0/16", "192.0.2.0/24"])]);
        assert!(narrow.includes(address("10.1.2.3")));
        assert!(narrow.includes(address("::ffff:10.1.2.3")));
        assert!(!narrow.includes(address("10.2.2.3")));
        assert!(!narrow.includes(address("192.0.2.1")));
    }

    #[test]
    fn lists_with_nothing_in_common_allow_nobody() {
        let none = list(&["10.0.0.0/8"]).narrowed_by(&list(&["192.0.2.0/24"]));
        assert_eq!(none, AllowList::Only(Vec::new()));
        assert!(!none.includes(address("10.0.0.1")));
        assert_eq!(none.narrowed_by(&AllowList::Anywhere), none);
    }

    #[test]
    fn a_list_has_a_size() {
        assert_eq!(AllowList::only([]), Err(AllowListError::Empty));
        let many = (0..=64).map(|n| format!("10.0.{n}.0/24").parse().unwrap());
        assert_eq!(AllowList::only(many), Err(AllowListError::TooLong));
    }

    fn any_list() -> impl Strategy<Value = AllowList> {
        let net = (0_u32..16, 26_u8..=32).prop_map(|(low, bits)| {
            let address = std::net::Ipv4Addr::from(0x0a00_0000 | low << 2);
            IpNet::new(IpAddr::V4(address), bits).unwrap()
        });
        prop_oneof![
            Just(AllowList::Anywhere),
            proptest::collection::vec(net, 1..6).prop_map(|nets| AllowList::only(nets).unwrap()),
        ]
    }

    proptest! {
        /// What all lists allow is what each of them allows: no more, and no less.
        #[test]
        fn lists_only_ever_narrow(lists in proptest::collection::vec(any_list(), 0..5), low in 0_u32..64) {
            let address = IpAddr::from(std::net::Ipv4Addr::from(0x0a00_0000 | low));
            let all = AllowList::effective(&lists);
            prop_assert_eq!(all.includes(address), lists.iter().all(|list| list.includes(address)));
        }
    }
}
