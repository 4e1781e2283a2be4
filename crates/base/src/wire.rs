//! The canonical encodings of `spec/archive-v1.md`, section 2.
//!
//! Integers are big endian; a *varint* is unsigned LEB128 in its shortest form; a *zigzag* is a signed
//! integer mapped to a varint; *bytes* is a varint length and that many bytes. Every value has exactly
//! one encoding, and a reader refuses every other.

/// Longest varint in bytes: 128 bits in groups of seven.
pub const VARINT_LEN_MAX: usize = 19;

/// Why bytes were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The bytes end inside a value.
    #[error("the bytes end inside `{field}`")]
    Truncated {
        /// The name of the field in the specification.
        field: &'static str,
    },
    /// A field holds a value that no writer produces.
    #[error("`{field}` holds a value that no writer produces")]
    Invalid {
        /// The name of the field in the specification.
        field: &'static str,
    },
    /// Bytes follow the end of the value.
    #[error("bytes follow the end of the value")]
    Trailing,
}

/// Returns the error for a field that holds a value no writer produces.
pub fn invalid(field: &'static str) -> WireError {
    WireError::Invalid { field }
}

/// Appends canonical encodings to a byte vector.
pub trait Put {
    /// Appends an integer as two bytes.
    fn put_u16(&mut self, value: u16);
    /// Appends an integer as four bytes.
    fn put_u32(&mut self, value: u32);
    /// Appends an integer as eight bytes.
    fn put_u64(&mut self, value: u64);
    /// Appends a varint.
    fn put_varint(&mut self, value: u128);
    /// Appends a zigzag.
    fn put_zigzag(&mut self, value: i128);
    /// Appends a length and the bytes.
    fn put_bytes(&mut self, value: &[u8]);
    /// Appends a number of things as a varint.
    fn put_count(&mut self, value: usize) {
        self.put_varint(value as u128);
    }
}

impl Put for Vec<u8> {
    fn put_u16(&mut self, value: u16) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn put_varint(&mut self, mut value: u128) {
        while value >= 0x80 {
            self.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.push((value & 0x7f) as u8);
    }

    fn put_zigzag(&mut self, value: i128) {
        self.put_varint((value << 1 ^ value >> 127).cast_unsigned());
    }

    fn put_bytes(&mut self, value: &[u8]) {
        self.put_count(value.len());
        self.extend_from_slice(value);
    }
}

/// Reads canonical encodings from a slice, front to back.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns what has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Says whether everything has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Refuses bytes that have not been read.
    pub fn finish(&self) -> Result<(), WireError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(WireError::Trailing)
        }
    }

    /// Reads `len` bytes.
    pub fn take(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], WireError> {
        let (head, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(WireError::Truncated { field })?;
        self.rest = rest;
        Ok(head)
    }

    /// Reads `N` bytes.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], WireError> {
        let (head, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(WireError::Truncated { field })?;
        self.rest = rest;
        Ok(*head)
    }

    /// Reads one byte.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, WireError> {
        self.array(field).map(|[byte]| byte)
    }

    /// Reads a two-byte integer.
    pub fn u16(&mut self, field: &'static str) -> Result<u16, WireError> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// Reads a four-byte integer.
    pub fn u32(&mut self, field: &'static str) -> Result<u32, WireError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// Reads an eight-byte integer.
    pub fn u64(&mut self, field: &'static str) -> Result<u64, WireError> {
        self.array(field).map(u64::from_be_bytes)
    }

    /// Reads a varint; refuses one that is longer than needed or above 128 bits.
    pub fn varint(&mut self, field: &'static str) -> Result<u128, WireError> {
        let mut value = 0_u128;
        for (position, &byte) in self.rest.iter().enumerate().take(VARINT_LEN_MAX) {
            let bits = u128::from(byte & 0x7f);
            if position == VARINT_LEN_MAX - 1 && bits > 0x3 {
                return Err(invalid(field));
            }
            value |= bits << (7 * position);
            if byte & 0x80 == 0 {
                if byte == 0 && position != 0 {
                    return Err(invalid(field));
                }
                self.rest = &self.rest[position + 1..];
                return Ok(value);
            }
        }
        if self.rest.len() < VARINT_LEN_MAX {
            Err(WireError::Truncated { field })
        } else {
            Err(invalid(field))
        }
    }

    /// Reads a varint of at most `max`.
    pub fn varint_u64(&mut self, max: u64, field: &'static str) -> Result<u64, WireError> {
        let value = self.varint(field)?;
        u64::try_from(value)
            .ok()
            .filter(|value| *value <= max)
            .ok_or(invalid(field))
    }

    /// Reads a zigzag.
    pub fn zigzag(&mut self, field: &'static str) -> Result<i128, WireError> {
        let value = self.varint(field)?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    /// Reads a length of at most `max` and that many bytes.
    pub fn bytes(&mut self, max: usize, field: &'static str) -> Result<&'a [u8], WireError> {
        let len = self.count(max, field)?;
        self.take(len, field)
    }

    /// Reads a number of things, at most `max`.
    pub fn count(&mut self, max: usize, field: &'static str) -> Result<usize, WireError> {
        let value = self.varint_u64(max as u64, field)?;
        usize::try_from(value).map_err(|_| invalid(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back_and_have_one_form() {
        for value in [0, 1, 0x7f, 0x80, u128::from(u64::MAX), u128::MAX] {
            let mut bytes = Vec::new();
            bytes.put_varint(value);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.varint("v"), Ok(value));
            assert_eq!(reader.finish(), Ok(()));
        }
        assert_eq!(Reader::new(&[0x80, 0x00]).varint("v"), Err(invalid("v")));
        assert_eq!(
            Reader::new(&[0x80]).varint("v"),
            Err(WireError::Truncated { field: "v" })
        );
        assert_eq!(Reader::new(&[0xff; 19]).varint("v"), Err(invalid("v")));
    }

    #[test]
    fn zigzags_come_back() {
        for value in [0, -1, 1, i128::MIN, i128::MAX, -1_000_000_007] {
            let mut bytes = Vec::new();
            bytes.put_zigzag(value);
            assert_eq!(Reader::new(&bytes).zigzag("v"), Ok(value));
        }
    }

    #[test]
    fn lengths_are_bounded() {
        let mut bytes = Vec::new();
        bytes.put_bytes(b"abc");
        assert_eq!(Reader::new(&bytes).bytes(3, "v"), Ok(&b"abc"[..]));
        assert_eq!(Reader::new(&bytes).bytes(2, "v"), Err(invalid("v")));
        assert_eq!(
            Reader::new(&bytes[..2]).bytes(3, "v"),
            Err(WireError::Truncated { field: "v" })
        );
    }
}
