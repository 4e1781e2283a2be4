//! The chain of hashes (`spec/audit-v1.md`, section 2).

use std::fmt;
use std::str::FromStr;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{from_hex, to_hex};
use strongroom_base::random::RandomSource;
use strongroom_crypto::hash::Hasher;

use super::entry::milliseconds;
use super::{Entry, Event, FaultKind};

const ENTRY: &[u8] = b"strongroom audit-v1 entry\0";
const LOG: &[u8] = b"strongroom audit-v1 log\0";
const CHAIN: &[u8] = b"strongroom audit-v1 chain\0";

/// Names a log.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogId(pub [u8; 16]);

impl LogId {
    /// Draws a new one.
    pub fn random(random: &dyn RandomSource) -> Self {
        let mut id = [0; 16];
        random.fill(&mut id);
        Self(id)
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogId({self})")
    }
}

/// The text is not the id of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a log id has 32 hexadecimal digits")]
pub struct NoLogId;

impl FromStr for LogId {
    type Err = NoLogId;

    fn from_str(text: &str) -> Result<Self, NoLogId> {
        from_hex(text).map(Self).ok_or(NoLogId)
    }
}

/// Where a log ends: what the next entry is chained to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Of which log.
    pub log: LogId,
    /// The number of the last entry; 0 for none.
    pub sequence: u64,
    /// The hash of the last entry.
    pub hash: [u8; 32],
}

/// An entry and the hash of the chain up to it, as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The entry.
    pub entry: Entry,
    /// The hash.
    pub hash: [u8; 32],
}

impl Head {
    /// Returns the head of a log without entries.
    pub fn start(log: LogId) -> Self {
        let hash = Hasher::new().update(LOG).update(&log.0).finalize();
        Self {
            log,
            sequence: 0,
            hash,
        }
    }

    /// Makes the next record and the head after it. Both are stored in the transaction of the deed, in which
    /// this head was read and locked.
    pub fn append(&self, event: &Event, now: Timestamp) -> (Record, Self) {
        let entry = Entry {
            sequence: self.sequence.saturating_add(1),
            time: milliseconds(now),
            event: event.cleaned(),
        };
        let next = self.followed_by(&entry.digest());
        let hash = next.hash;
        (Record { entry, hash }, next)
    }

    /// Checks that a record is the next one, and returns the head after it.
    pub fn check(&self, record: &Record) -> Result<Self, FaultKind> {
        self.check_next(record.entry.sequence, &record.entry.digest(), &record.hash)
    }

    /// Does the same for an entry of which only the digest is known.
    pub fn check_next(
        &self,
        sequence: u64,
        digest: &[u8; 32],
        hash: &[u8; 32],
    ) -> Result<Self, FaultKind> {
        let expected = self.sequence.saturating_add(1);
        if sequence != expected {
            return Err(FaultKind::Sequence { found: sequence });
        }
        let next = self.followed_by(digest);
        if next.hash == *hash {
            Ok(next)
        } else {
            Err(FaultKind::Hash)
        }
    }

    fn followed_by(&self, digest: &[u8; 32]) -> Self {
        let sequence = self.sequence.saturating_add(1);
        let hash = Hasher::new()
            .update(CHAIN)
            .update(&self.log.0)
            .update(&sequence.to_be_bytes())
            .update(&self.hash)
            .update(digest)
            .finalize();
        Self {
            log: self.log,
            sequence,
            hash,
        }
    }
}

impl Entry {
    /// Returns what stands for it in the chain.
    pub fn digest(&self) -> [u8; 32] {
        Hasher::new()
            .update(ENTRY)
            .update(&self.to_bytes())
            .finalize()
    }
}
