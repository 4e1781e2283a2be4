//! When each pack of a destination was read whole: what `--max-age` goes by.

use std::collections::BTreeMap;

use strongroom_base::clock::Timestamp;
use strongroom_base::object::ObjectRef;

const NANOSECONDS: i128 = 1_000_000_000;
const MAGIC: [u8; 8] = *b"SRread 1";
const ROW_LEN: usize = 40;

/// When packs were read whole and found sound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadTimes {
    /// Seconds after the epoch, by name.
    seconds: BTreeMap<[u8; 32], i64>,
}

impl ReadTimes {
    /// Returns when a pack was read; `None` where it never was.
    pub fn of(&self, object: &ObjectRef) -> Option<Timestamp> {
        let seconds = self.seconds.get(&object.list_name())?;
        Some(Timestamp(i128::from(*seconds) * NANOSECONDS))
    }

    /// Notes that a pack was read.
    pub fn note(&mut self, object: &ObjectRef, now: Timestamp) {
        let seconds = i64::try_from(now.0 / NANOSECONDS).unwrap_or(i64::MAX);
        self.seconds.insert(object.list_name(), seconds);
    }

    /// Forgets a pack that is damaged or gone.
    pub fn forget(&mut self, object: &ObjectRef) {
        self.seconds.remove(&object.list_name());
    }

    /// Forgets packs that are not live.
    pub(super) fn keep(&mut self, is_live: impl Fn(&[u8; 32]) -> bool) {
        self.seconds.retain(|name, _| is_live(name));
    }

    /// Returns the bytes of a file.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for (name, seconds) in &self.seconds {
            out.extend_from_slice(name);
            out.extend_from_slice(&seconds.to_be_bytes());
        }
        out
    }

    /// Reads a file. One that is not as it should be says that nothing was read, which costs time alone.
    pub fn decode(bytes: &[u8]) -> Self {
        let rows = bytes.strip_prefix(&MAGIC).unwrap_or_default();
        let row = |row: &[u8; ROW_LEN]| {
            let (name, seconds) = row.split_at(32);
            let mut key = [0; 32];
            key.copy_from_slice(name);
            let mut number = [0; 8];
            number.copy_from_slice(seconds);
            (key, i64::from_be_bytes(number))
        };
        Self {
            seconds: rows.as_chunks::<ROW_LEN>().0.iter().map(row).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use strongroom_base::ids::ObjectName;

    use super::*;

    #[test]
    fn what_was_noted_comes_back() {
        let pack = |name| ObjectRef::pack(ObjectName([name; 32]));
        let (one, two) = (pack(1), pack(2));
        let mut times = ReadTimes::default();
        times.note(&one, Timestamp(5 * NANOSECONDS + 7));
        times.note(&two, Timestamp(-3 * NANOSECONDS));
        let read = ReadTimes::decode(&times.encode());
        assert_eq!(read, times);
        assert_eq!(read.of(&one), Some(Timestamp(5 * NANOSECONDS)));
        times.forget(&two);
        assert_eq!(times.of(&two), None);
        assert_eq!(ReadTimes::decode(b"SRread 2"), ReadTimes::default());
    }
}
