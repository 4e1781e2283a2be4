//! Maps of CBOR, as authenticators write them: each key once, few of them, of a length that stands before them.

use cbor4ii::core::dec::{Decode as _, IgnoredAny, Read as _, Reference};
use cbor4ii::core::types;
use cbor4ii::core::utils::SliceReader;

/// Most keys of a map.
const KEYS_MAX: usize = 64;

/// A map of CBOR.
pub(super) struct Map<'a>(Vec<(Key<'a>, Value<'a>)>);

/// A key of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// A number.
    Number(i128),
    /// Text.
    Text(&'a str),
}

enum Value<'a> {
    Number(i128),
    Bytes(&'a [u8]),
    Text(&'a str),
    /// A map, as it is written.
    Map(&'a [u8]),
    /// What nobody asks for.
    Other,
}

impl From<i128> for Key<'_> {
    fn from(number: i128) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> Map<'a> {
    /// Reads a map at the beginning of bytes, and returns what follows it. `None` where there is none.
    pub(super) fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut reader = SliceReader::new(bytes);
        let len = types::Map::len(&mut reader).ok()??;
        if len > KEYS_MAX {
            return None;
        }
        let mut pairs: Vec<(Key<'a>, Value<'a>)> = Vec::new();
        for _ in 0..len {
            let key = key(&mut reader)?;
            if pairs.iter().any(|(known, _)| *known == key) {
                return None;
            }
            pairs.push((key, value(&mut reader)?));
        }
        Some((Self(pairs), rest(&mut reader)))
    }

    /// Reads bytes that are a map and nothing else.
    pub(super) fn whole(bytes: &'a [u8]) -> Option<Self> {
        let (map, rest) = Self::read(bytes)?;
        rest.is_empty().then_some(map)
    }

    /// Tells whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many keys there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns a number.
    pub(super) fn number<'k>(&self, key: impl Into<Key<'k>>) -> Option<i128> {
        match self.get(key.into())? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns bytes.
    pub(super) fn bytes<'k>(&self, key: impl Into<Key<'k>>) -> Option<&'a [u8]> {
        match self.get(key.into())? {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Returns text.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        match self.get(key.into())? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a map in it.
    pub(super) fn map(&self, key: &str) -> Option<Self> {
        match self.get(key.into())? {
            Value::Map(bytes) => Self::whole(bytes),
            _ => None,
        }
    }

    fn get(&self, key: Key<'_>) -> Option<&Value<'a>> {
        let found = self.0.iter().find(|(known, _)| *known == key);
        found.map(|(_, value)| value)
    }
}

/// Returns what was not read yet.
fn rest<'a>(reader: &mut SliceReader<'a>) -> &'a [u8] {
    match reader.fill(usize::MAX) {
        Ok(Reference::Long(rest)) => rest,
        Ok(Reference::Short(_)) | Err(_) => &[],
    }
}

/// Returns the kind of what follows: the upper three bits.
fn kind(reader: &mut SliceReader<'_>) -> Option<u8> {
    rest(reader).first().map(|first| first >> 5)
}

fn key<'a>(reader: &mut SliceReader<'a>) -> Option<Key<'a>> {
    match kind(reader)? {
        0 | 1 => i128::decode(reader).ok().map(Key::Number),
        3 => <&str>::decode(reader).ok().map(Key::Text),
        _ => None,
    }
}

fn value<'a>(reader: &mut SliceReader<'a>) -> Option<Value<'a>> {
    let here = rest(reader);
    Some(match kind(reader)? {
        0 | 1 => Value::Number(i128::decode(reader).ok()?),
        2 => Value::Bytes(types::Bytes::<&[u8]>::decode(reader).ok()?.0),
        3 => Value::Text(<&str>::decode(reader).ok()?),
        kind => {
            IgnoredAny::decode(reader).ok()?;
            let len = here.len() - rest(reader).len();
            match kind {
                5 => Value::Map(&here[..len]),
                _ => Value::Other,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read_and_what_follows_is_left() {
        let bytes = [0xa2, 0x01, 0x02, 0x61, b'a', 0x41, 7, 0xff, 0xff];
        let (map, rest) = Map::read(&bytes).expect("a map");
        assert_eq!(
            (map.number(1_i128), map.bytes("a")),
            (Some(2), Some(&[7][..]))
        );
        assert_eq!(
            (map.len(), map.number(2_i128), map.text("a")),
            (2, None, None)
        );
        assert_eq!(rest, [0xff, 0xff]);
        assert!(Map::whole(&bytes).is_none() && Map::whole(&bytes[..7]).is_some());
    }

    #[test]
    fn what_is_no_map_is_refused() {
        for len in 0..7 {
            let bytes = [0xa2, 0x01, 0x02, 0x61, b'a', 0x41, 7];
            assert!(Map::read(&bytes[..len]).is_none(), "{len}");
        }
        let twice = [0xa2, 0x01, 0x02, 0x01, 0x03];
        assert!(Map::read(&twice).is_none());
        let deep: Vec<u8> = std::iter::repeat_n(0x81, 100_000).collect();
        assert!(Map::read(&deep).is_none());
        // A length that nothing stands behind costs no memory.
        assert!(Map::read(&[0xbb, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_none());
        assert!(
            Map::read(&[
                0xa1, 0x01, 0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
            ])
            .is_none()
        );
    }
}
