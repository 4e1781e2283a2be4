//! How fast somebody may guess (identity 8.5; mission A19).
//!
//! Three things are counted, each in a fixed number of bytes:
//!
//! - *Networks* ([`Bucket`]): failures from an address, and from the block it is in, drip away at a steady
//!   rate. At most [`Rate::most_in`] guesses an hour get through from one address.
//! - *Accounts* ([`Failures`]): each failure in a row makes the next wait longer. Strangers cannot lock
//!   anybody out with that: whoever comes from a *familiar* place, from which the account was signed in to
//!   before, is counted apart, by account and place together.
//! - *Everybody* ([`Bucket`] with [`Rate::EVERYWHERE`]): when there are too many failures altogether,
//!   networks that have a failure of their own wait. One that has none is let through, so that an attack
//!   from elsewhere keeps nobody from signing in or enrolling.
//!
//! An attempt is charged *before* the secret is checked and paid back when it was right, or guesses made
//! side by side would all get through. What is waited for is the same whether or not there is such an
//! account; unknown names are counted by [`crate::throttle::UNKNOWN_SLOTS`] slots, so that they need no
//! memory of their own.
//!
//! A clock that is set back makes nobody wait longer than the longest wait, and forgives nothing.

mod bucket;
mod failures;
mod ledger;
mod network;

pub use bucket::{Bucket, Rate};
pub use failures::{FREE_FAILURES, Failures, WAIT_MAX};
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
    /// Of the block that the address is in.
    pub block: Bucket,
    /// Of everybody.
    pub everywhere: Bucket,
    /// Of the account, from this place if it is familiar and from all others if not; nothing where no
    /// account is named, as with a registration key.
    pub account: Failures,
}

/// Whether somebody may try now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Now; this is the history with the attempt charged.
    Allowed(History),
    /// Not before so long.
    Wait(Duration),
}

impl History {
    /// Decides whether somebody may try now, and charges the attempt.
    pub fn attempt(&self, now: Timestamp) -> Verdict {
        let is_stranger = !self.network.is_clean(now);
        let everywhere = if is_stranger {
            self.everywhere.wait(Rate::EVERYWHERE, now)
        } else {
            Duration::ZERO
        };
        let waits = [
            self.network.wait(Rate::ADDRESS, now),
            self.block.wait(Rate::BLOCK, now),
            everywhere,
            self.account.wait(now),
        ];
        let longest = waits.into_iter().max().unwrap_or_default();
        if !longest.is_zero() {
            return Verdict::Wait(longest);
        }
        Verdict::Allowed(Self {
            network: self.network.charged(Rate::ADDRESS, now),
            block: self.block.charged(Rate::BLOCK, now),
            everywhere: self.everywhere.charged(Rate::EVERYWHERE, now),
            account: self.account.failed(now),
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
            block: self.block.paid_back(Rate::BLOCK),
            everywhere: self.everywhere.paid_back(Rate::EVERYWHERE),
            account: Failures::default(),
        }
    }
}
