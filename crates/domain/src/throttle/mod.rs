//! How fast somebody may guess (identity 8.5; mission A19).
//!
//! Three things are counted, each in a fixed number of bytes:
//!
//! - *Networks* ([`Bucket`]): failures from an address, and from the block it is in, drip away at a steady
//!   rate. At most [`Rate::most_in`] guesses an hour get through from one address.
//! - *Accounts* ([`Failures`]): each failure in a row makes the next wait longer. Strangers cannot lock
//!   anybody out with that: whoever comes from a *familiar* place ([`Familiar`]), from which the account was
//!   signed in to before, is counted apart, by account and place together.
//! - *Everybody* ([`Bucket`] with [`Rate::EVERYWHERE`]): when there are too many failures altogether,
//!   networks wait that have a failure of their own in the last hours ([`Rate::RECORD`]). One that has none
//!   is let through, so that an attack from elsewhere keeps nobody from signing in or enrolling.
//!
//! An attempt is charged *before* the secret is checked and paid back when it was right, or guesses made
//! side by side would all get through. What is waited for is the same whether or not there is such an
//! account; unknown names are counted by [`crate::throttle::UNKNOWN_SLOTS`] slots, so that they need no
//! memory of their own.
//!
//! A clock that is set back forgives nothing and makes nobody wait longer than the longest wait: what is
//! stored is set back with it, which is why a [`Verdict::Wait`] has something to store too.

mod bucket;
mod failures;
mod familiar;
mod ledger;
mod network;

pub use bucket::{Bucket, Rate};
pub use failures::{FREE_FAILURES, Failures, WAIT_MAX};
pub use familiar::{Familiar, PLACES_MAX, STRANGE_AFTER};
pub use ledger::Ledger;
pub use network::{Block, Network};

use std::time::Duration;

use strongroom_base::clock::Timestamp;

/// How many counters stand for all names that are nobody's: a keyed hash of the name chooses one.
pub const UNKNOWN_SLOTS: usize = 1 << 16;

/// What is known about somebody who tries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Of the address.
    pub network: Bucket,
    /// Of the address, for longer: nobody waits for it, but who has one waits for everybody.
    pub record: Bucket,
    /// Of the block that the address is in.
    pub block: Bucket,
    /// Of everybody.
    pub everywhere: Bucket,
    /// Of the account, from this place if it is familiar and from all others if not; nothing where no
    /// account is named, as with a registration key.
    pub account: Failures,
}

/// Whether somebody may try now, and the history that is stored before anything else is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Now; the attempt is charged.
    Allowed(History),
    /// Not before so long. The history is another one only where the clock was set back.
    Wait(Duration, History),
}

impl History {
    /// Decides whether somebody may try now, and charges the attempt.
    pub fn attempt(&self, now: Timestamp) -> Verdict {
        let settled = self.settled(now);
        let everywhere = if settled.record.is_clean(now) {
            Duration::ZERO
        } else {
            settled.everywhere.wait(Rate::EVERYWHERE, now)
        };
        let waits = [
            settled.network.wait(Rate::ADDRESS, now),
            settled.block.wait(Rate::BLOCK, now),
            everywhere,
            settled.account.wait(now),
        ];
        let longest = waits.into_iter().max().unwrap_or_default();
        if !longest.is_zero() {
            return Verdict::Wait(longest, settled);
        }
        Verdict::Allowed(Self {
            network: settled.network.charged(Rate::ADDRESS, now),
            record: settled.record.charged(Rate::RECORD, now),
            block: settled.block.charged(Rate::BLOCK, now),
            everywhere: settled.everywhere.charged(Rate::EVERYWHERE, now),
            account: settled.account.failed(now),
        })
    }

    /// Pays back an attempt that was charged, because the secret was right.
    ///
    /// The account begins anew. The networks get back what this attempt cost and no more: somebody with one
    /// account of their own could otherwise clear the way for guesses at others.
    #[must_use]
    pub fn succeeded(&self) -> Self {
        Self {
            network: self.network.paid_back(Rate::ADDRESS),
            record: self.record.paid_back(Rate::RECORD),
            block: self.block.paid_back(Rate::BLOCK),
            everywhere: self.everywhere.paid_back(Rate::EVERYWHERE),
            account: Failures::default(),
        }
    }

    fn settled(&self, now: Timestamp) -> Self {
        Self {
            network: self.network.settled(Rate::ADDRESS, now),
            record: self.record.settled(Rate::RECORD, now),
            block: self.block.settled(Rate::BLOCK, now),
            everywhere: self.everywhere.settled(Rate::EVERYWHERE, now),
            account: self.account.settled(now),
        }
    }
}
