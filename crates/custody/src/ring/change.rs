//! The journal of a change: another key, another algorithm, or the end of protection
//! (`spec/secrets-v1.md`, section 5).
//!
//! Every step returns the next value of the ring. A step that was done and not stored is done again; one that
//! was stored is not asked for again.

use strongroom_base::random::RandomSource;
use strongroom_crypto::stored::StoredAlgorithm;

use super::state::KEYS_MAX;
use super::{
    KeyEntry, KeyId, KeySet, KeyState, OpenError, Place, Protection, Ring, RingError, RingRefusal,
    protection_of,
};

/// What an administrator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new key with the algorithm that is in use.
    Key,
    /// Another algorithm, with a new key; also turns encryption on.
    Algorithm(StoredAlgorithm),
    /// No encryption any more: every value is stored as it is.
    Disable,
}

/// A change under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Journal {
    pub(super) from: Protection,
    pub(super) to: Protection,
    pub(super) phase: Phase,
    /// Values of this pass that did not open.
    pub(super) unreadable: u64,
}

/// How far a change is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The new key is durable and seals nothing yet.
    KeyDurable,
    /// New values are sealed under it; those up to the cursor are, too.
    Resealing { after: Option<Place> },
    /// All values were looked at once.
    Counting,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: no change is under way.
    Rest,
    /// Read the key files again, and store [`Ring::activated`].
    Activate {
        /// The key that must be among them.
        key: KeyId,
    },
    /// Read values that follow a place, in an order that never changes, and store what [`Ring::resealed`] gives.
    Reseal {
        /// Where to go on; at the first value where it is `None`.
        after: Option<Place>,
    },
    /// Count the values that are sealed otherwise, and store [`Ring::counted`].
    Count {
        /// How they should be.
        to: Protection,
    },
}

/// A value to be stored in place of another.
#[derive(Debug)]
pub struct Resealed {
    /// Where.
    pub place: Place,
    /// What was read; a value that is another by now stays.
    pub before: Vec<u8>,
    /// What is stored instead.
    pub after: Vec<u8>,
}

/// What one step over values gives.
#[derive(Debug)]
pub struct Batch {
    /// The values to be stored, in the transaction that stores the ring.
    pub changed: Vec<Resealed>,
    /// The values that do not open, and why. They stay as they are.
    pub unreadable: Vec<(Place, OpenError)>,
    /// The ring to be stored.
    pub ring: Ring,
}

impl Ring {
    /// Tells whether a change needs a new key. `None` where everything is already as asked for.
    pub fn needs_new_key(&self, change: Change) -> Result<Option<bool>, RingRefusal> {
        if self.journal.is_some() {
            return Err(RingRefusal::Busy);
        }
        match change {
            Change::Key if self.protection == Protection::Plain => Err(RingRefusal::Plain),
            Change::Algorithm(algorithm) if self.protection.algorithm() == Some(algorithm) => {
                Ok(None)
            }
            Change::Key | Change::Algorithm(_) => Ok(Some(true)),
            Change::Disable if self.protection == Protection::Plain => Ok(None),
            Change::Disable => Ok(Some(false)),
        }
    }

    /// Begins a change. The file of a new key is durable by now. `None` where there is nothing to do.
    pub fn begin(
        &self,
        change: Change,
        new_key: Option<KeyId>,
        now_seconds: u64,
    ) -> Result<Option<Self>, RingRefusal> {
        let Some(needs_key) = self.needs_new_key(change)? else {
            return Ok(None);
        };
        let from = self.protection;
        let algorithm = match change {
            Change::Key => from.algorithm(),
            Change::Algorithm(algorithm) => Some(algorithm),
            Change::Disable => None,
        };
        let mut next = self.next();
        let (Some(algorithm), true) = (algorithm, needs_key) else {
            next.journal = Some(Journal::new(from, Protection::Plain));
            next.activate();
            return Ok(Some(next));
        };
        let key = new_key.ok_or(RingRefusal::NoNewKey)?;
        if self.entry(&key).is_some() {
            return Err(RingRefusal::NoNewKey);
        }
        if self.keys.len() >= KEYS_MAX {
            return Err(RingRefusal::TooMany { max: KEYS_MAX });
        }
        next.keys.push(KeyEntry {
            id: key,
            state: KeyState::New,
            made: now_seconds,
        });
        next.keys.sort_unstable_by_key(|entry| entry.id);
        next.journal = Some(Journal::new(from, Protection::Sealed { algorithm, key }));
        Ok(Some(next))
    }

    /// Returns what is to be done next.
    pub fn next_step(&self) -> Step {
        let Some(journal) = &self.journal else {
            return Step::Rest;
        };
        match (&journal.phase, journal.to.key()) {
            (Phase::KeyDurable, Some(key)) => Step::Activate { key },
            (Phase::Resealing { after }, _) => Step::Reseal {
                after: after.clone(),
            },
            // Without a key there is none to activate, and no such ring is made or read.
            (Phase::Counting | Phase::KeyDurable, _) => Step::Count { to: journal.to },
        }
    }

    /// Seals what is new under the new key from here on. `keys` are those that were read from files just now.
    pub fn activated(&self, keys: &KeySet) -> Result<Self, RingError> {
        let Step::Activate { key } = self.next_step() else {
            return Err(RingError::NotNext);
        };
        if keys.get(&key).is_none() {
            return Err(RingError::MissingKey { key });
        }
        let mut next = self.next();
        next.activate();
        Ok(next)
    }

    fn activate(&mut self) {
        let Some(journal) = &mut self.journal else {
            return;
        };
        let to = journal.to;
        journal.phase = Phase::Resealing { after: None };
        self.protection = to;
        for entry in &mut self.keys {
            if to.key() == Some(entry.id) {
                entry.state = KeyState::Active;
            } else if entry.state == KeyState::Active {
                entry.state = KeyState::Inactive;
            }
        }
    }

    /// Seals a batch of values anew: those that [`Step::Reseal`] asked for, in order. No values end the pass.
    pub fn resealed(
        &self,
        keys: &KeySet,
        values: Vec<(Place, Vec<u8>)>,
        random: &dyn RandomSource,
    ) -> Result<Batch, RingError> {
        let Step::Reseal { .. } = self.next_step() else {
            return Err(RingError::NotNext);
        };
        let mut next = self.next();
        let (mut changed, mut unreadable) = (Vec::new(), Vec::new());
        let last = values.last().map(|(place, _)| place.clone());
        if let Some(place) = &last {
            // It becomes the cursor, which is stored.
            place.check()?;
        }
        for (place, before) in values {
            if protection_of(&before).is_ok_and(|found| found == self.protection) {
                continue;
            }
            match self.open(keys, &place, &before) {
                Ok(secret) => {
                    let after = self.seal(keys, &place, random, secret.expose_bytes())?;
                    changed.push(Resealed {
                        place,
                        before,
                        after,
                    });
                }
                Err(error) => unreadable.push((place, error)),
            }
        }
        if let Some(journal) = &mut next.journal {
            journal.unreadable = journal.unreadable.saturating_add(unreadable.len() as u64);
            journal.phase = match last {
                Some(place) => Phase::Resealing { after: Some(place) },
                None => Phase::Counting,
            };
        }
        Ok(Batch {
            changed,
            unreadable,
            ring: next,
        })
    }

    /// Ends the change, or begins another pass: `left` values were counted that are sealed otherwise.
    pub fn counted(&self, left: u64) -> Result<Self, RingError> {
        let Step::Count { .. } = self.next_step() else {
            return Err(RingError::NotNext);
        };
        let mut next = self.next();
        match &mut next.journal {
            Some(journal) if left > journal.unreadable => {
                journal.phase = Phase::Resealing { after: None };
                journal.unreadable = 0;
            }
            _ => next.journal = None,
        }
        Ok(next)
    }
}

impl Journal {
    fn new(from: Protection, to: Protection) -> Self {
        Self {
            from,
            to,
            phase: Phase::KeyDurable,
            unreadable: 0,
        }
    }
}
