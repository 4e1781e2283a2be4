//! The stored form of a ring (`spec/secrets-v1.md`, section 4).

use strongroom_base::wire::{Put, Reader, WireError, invalid};
use strongroom_crypto::stored::StoredAlgorithm;

use super::change::{Journal, Phase};
use super::state::KEYS_MAX;
use super::{KeyEntry, KeyId, KeyState, Place, Protection, Ring, RingError};

const MAGIC: &[u8; 6] = b"SRring";
const VERSION: u8 = 1;

impl Ring {
    /// Returns the stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&[VERSION, 0]);
        out.put_u64(self.number);
        put_protection(&mut out, self.protection);
        out.put_count(self.keys.len());
        for entry in &self.keys {
            out.extend_from_slice(&entry.id.0);
            out.push(entry.state as u8);
            out.put_u64(entry.made);
        }
        out.push(u8::from(self.journal.is_some()));
        if let Some(journal) = &self.journal {
            put_journal(&mut out, journal);
        }
        out
    }

    /// Reads the stored form; refuses every other.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RingError> {
        let mut reader = Reader::new(bytes);
        if reader.take(MAGIC.len(), "magic")? != MAGIC {
            return Err(invalid("magic").into());
        }
        match reader.u8("version")? {
            VERSION => {}
            0 => return Err(invalid("version").into()),
            version => return Err(RingError::TooNew { version }),
        }
        Ok(read(&mut reader)?)
    }
}

fn read(reader: &mut Reader<'_>) -> Result<Ring, WireError> {
    if reader.u8("reserved")? != 0 {
        return Err(invalid("reserved"));
    }
    let number = reader.u64("number")?;
    if number == 0 {
        return Err(invalid("number"));
    }
    let protection = read_protection(reader)?;
    let keys = read_keys(reader)?;
    let journal = match reader.u8("change")? {
        0 => None,
        1 => Some(read_journal(reader)?),
        _ => return Err(invalid("change")),
    };
    reader.finish()?;
    let ring = Ring {
        number,
        protection,
        keys,
        journal,
    };
    check(&ring)?;
    Ok(ring)
}

/// Refuses what no sequence of steps leads to.
fn check(ring: &Ring) -> Result<(), WireError> {
    let of_state = |state| {
        let found = ring.keys.iter().filter(move |entry| entry.state == state);
        found.map(|entry| entry.id).collect::<Vec<_>>()
    };
    let active: Vec<_> = ring.protection.key().into_iter().collect();
    if of_state(KeyState::Active) != active {
        return Err(invalid("keys"));
    }
    let mut new = Vec::new();
    if let Some(journal) = &ring.journal {
        let expected = match journal.phase {
            Phase::KeyDurable => {
                new.push(journal.to.key().ok_or(invalid("phase"))?);
                journal.from
            }
            Phase::Resealing { .. } | Phase::Counting => journal.to,
        };
        if ring.protection != expected || journal.from == journal.to {
            return Err(invalid("change"));
        }
        let is_first = matches!(
            journal.phase,
            Phase::KeyDurable | Phase::Resealing { after: None }
        );
        if is_first && journal.unreadable != 0 {
            return Err(invalid("unreadable"));
        }
        let is_known = |key: KeyId| ring.entry(&key).is_some();
        if !journal.from.key().is_none_or(is_known) {
            return Err(invalid("from"));
        }
    }
    if of_state(KeyState::New) == new {
        Ok(())
    } else {
        Err(invalid("keys"))
    }
}

fn put_protection(out: &mut Vec<u8>, protection: Protection) {
    match protection {
        Protection::Plain => out.push(0),
        Protection::Sealed { algorithm, key } => {
            out.push(algorithm.code());
            out.extend_from_slice(&key.0);
        }
    }
}

fn read_protection(reader: &mut Reader<'_>) -> Result<Protection, WireError> {
    match reader.u8("algorithm")? {
        0 => Ok(Protection::Plain),
        code => Ok(Protection::Sealed {
            algorithm: StoredAlgorithm::from_code(code).ok_or(invalid("algorithm"))?,
            key: KeyId(reader.array("key id")?),
        }),
    }
}

fn read_keys(reader: &mut Reader<'_>) -> Result<Vec<KeyEntry>, WireError> {
    let n_keys = reader.count(KEYS_MAX, "keys")?;
    let mut keys: Vec<KeyEntry> = Vec::new();
    for _ in 0..n_keys {
        let id = KeyId(reader.array("key id")?);
        if keys.last().is_some_and(|last| last.id >= id) {
            return Err(invalid("keys"));
        }
        let state = match reader.u8("state")? {
            1 => KeyState::New,
            2 => KeyState::Active,
            3 => KeyState::Inactive,
            _ => return Err(invalid("state")),
        };
        let made = reader.u64("made")?;
        keys.push(KeyEntry { id, state, made });
    }
    Ok(keys)
}

fn put_journal(out: &mut Vec<u8>, journal: &Journal) {
    put_protection(out, journal.from);
    put_protection(out, journal.to);
    let (phase, cursor) = match &journal.phase {
        Phase::KeyDurable => (1, None),
        Phase::Resealing { after } => (2, Some(after)),
        Phase::Counting => (3, None),
    };
    out.push(phase);
    out.put_u64(journal.unreadable);
    if let Some(cursor) = cursor {
        out.push(u8::from(cursor.is_some()));
        if let Some(place) = cursor {
            place.put(out);
        }
    }
}

fn read_journal(reader: &mut Reader<'_>) -> Result<Journal, WireError> {
    let from = read_protection(reader)?;
    let to = read_protection(reader)?;
    let phase = reader.u8("phase")?;
    let unreadable = reader.u64("unreadable")?;
    let phase = match phase {
        1 => Phase::KeyDurable,
        2 => Phase::Resealing {
            after: match reader.u8("cursor")? {
                0 => None,
                1 => Some(Place::read(reader)?),
                _ => return Err(invalid("cursor")),
            },
        },
        3 => Phase::Counting,
        _ => return Err(invalid("phase")),
    };
    Ok(Journal {
        from,
        to,
        phase,
        unreadable,
    })
}
