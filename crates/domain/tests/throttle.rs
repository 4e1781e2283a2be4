//! Guessing from one and from many addresses, while others sign in and enrol (mission A19; identity 8.5).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use proptest::prelude::*;
use strongroom_domain::moment::after;
use strongroom_domain::throttle::{
    Block, Bucket, FREE_FAILURES, Failures, History, Ledger, Network, Rate, Verdict, WAIT_MAX,
};

mod world;

use world::at;

/// What a server keeps, with room for few networks.
struct Server {
    networks: Ledger<Network>,
    records: Ledger<Network>,
    blocks: Ledger<Block>,
    everywhere: Bucket,
    accounts: BTreeMap<u32, Failures>,
}

impl Server {
    fn new() -> Self {
        Self {
            networks: Ledger::new(4_096),
            records: Ledger::new(4_096),
            blocks: Ledger::new(4_096),
            everywhere: Bucket::default(),
            accounts: BTreeMap::new(),
        }
    }

    /// Tries once; tells whether the try got through.
    fn attempt(
        &mut self,
        address: IpAddr,
        account: Option<u32>,
        is_right: bool,
        seconds: i64,
    ) -> bool {
        let now = at(seconds);
        let network = Network::of(address);
        let failures = account.and_then(|account| self.accounts.get(&account));
        let history = History {
            network: self.networks.bucket(network),
            record: self.records.bucket(network),
            block: self.blocks.bucket(network.block()),
            everywhere: self.everywhere,
            account: failures.copied().unwrap_or_default(),
        };
        let Verdict::Allowed(charged) = history.attempt(now) else {
            return false;
        };
        let after = if is_right {
            charged.succeeded()
        } else {
            charged
        };
        self.networks.put(network, after.network, now);
        self.records.put(network, after.record, now);
        self.blocks.put(network.block(), after.block, now);
        self.everywhere = after.everywhere;
        if let Some(account) = account {
            self.accounts.insert(account, after.account);
        }
        true
    }
}

fn address(n: u32) -> IpAddr {
    // Each in a block of its own, up to 65,536 of them.
    Ipv4Addr::from(0x0a00_0000 | n << 8 | 1).into()
}

#[test]
fn one_address_has_a_hundred_guesses_an_hour_and_others_are_not_disturbed() {
    let mut server = Server::new();
    let mut n_guesses = 0;
    let mut n_enrolled = 0;
    for second in 0..3_600 {
        for _ in 0..5 {
            n_guesses += u32::from(server.attempt(address(1), None, false, second));
        }
        let who = u32::try_from(second).unwrap_or(0) % 200 + 2;
        n_enrolled += u32::from(server.attempt(address(who), None, true, second));
    }
    assert!(n_guesses <= 100, "{n_guesses}");
    assert_eq!(n_enrolled, 3_600);
}

#[test]
fn many_addresses_are_bounded_together_and_others_are_not_disturbed() {
    let mut server = Server::new();
    let mut n_guesses = 0;
    let mut n_enrolled = 0;
    for second in 0..600 {
        for n in 0..200 {
            let attacker = 1_000 + (u32::try_from(second).unwrap_or(0) * 200 + n) % 3_000;
            n_guesses += u32::from(server.attempt(address(attacker), None, false, second));
        }
        let who = u32::try_from(second).unwrap_or(0) + 20_000;
        n_enrolled += u32::from(server.attempt(address(who), None, true, second));
    }
    // Ten a second, the first thousand, and one for each address that was not seen before.
    assert!(n_guesses <= 600 * 10 + 1_000 + 3_000, "{n_guesses}");
    assert!(n_guesses > 3_000, "{n_guesses}");
    assert_eq!(n_enrolled, 600);
    assert!(server.records.len() <= 4_096);
}

#[test]
fn somebody_with_an_account_clears_no_way_for_guesses() {
    let mut server = Server::new();
    let mut n_guesses = 0;
    for second in 0..3_600 {
        server.attempt(address(1), Some(1), true, second);
        n_guesses += u32::from(server.attempt(address(1), Some(2), false, second));
    }
    assert!(n_guesses <= 100, "{n_guesses}");
}

#[test]
fn strangers_lock_nobody_out_of_a_familiar_place() {
    // The server keeps a counter for an account, and another for it from a familiar place.
    let (account, familiar) = (1, 2);
    let mut server = Server::new();
    for n in 0..2_000 {
        server.attempt(address(n + 10), Some(account), false, i64::from(n));
    }
    assert!(!server.attempt(address(5_000), Some(account), true, 2_001));
    assert!(server.attempt(address(5_001), Some(familiar), true, 2_001));
}

#[test]
fn a_guess_waits_for_the_longest() {
    let history = History {
        account: Failures {
            count: FREE_FAILURES + 5,
            last: at(0),
        },
        network: (0..20).fold(Bucket::default(), |bucket, _| {
            bucket.charged(Rate::ADDRESS, at(0))
        }),
        ..History::default()
    };
    let wait = Verdict::Wait(Duration::from_secs(45), history);
    assert_eq!(history.attempt(at(0)), wait);
    assert!(matches!(history.attempt(at(45)), Verdict::Allowed(_)));
}

proptest! {
    /// Whatever the clock does, nobody waits longer than the longest wait, and whoever waits that long gets through.
    #[test]
    fn every_wait_ends(steps in prop::collection::vec((-100_000_i64..100_000, any::<bool>()), 0..150)) {
        let mut history = History::default();
        let mut seconds = 0;
        for (step, is_right) in steps {
            seconds += step;
            match history.attempt(at(seconds)) {
                Verdict::Allowed(charged) => {
                    history = if is_right { charged.succeeded() } else { charged };
                }
                Verdict::Wait(wait, settled) => {
                    prop_assert!(wait <= WAIT_MAX);
                    history = settled;
                    let retried = history.attempt(after(at(seconds), wait));
                    prop_assert!(matches!(retried, Verdict::Allowed(_)), "{retried:?}");
                }
            }
        }
    }
}
