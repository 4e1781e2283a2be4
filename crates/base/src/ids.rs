//! Identifiers, each its own type. Knowing one never grants anything.

use std::fmt;
use std::str::FromStr;

use crate::random::RandomSource;
use crate::wire::{Reader, WireError, invalid};

/// The text is not an identifier of the kind that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct ParseIdError {
    text: String,
    expected: &'static str,
}

/// Writes bytes as lower-case hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Reads exactly `N` bytes of lower-case hexadecimal digits; upper case is refused, so that a value has
/// one spelling.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let digit = |d: u8| match d {
        b'0'..=b'9' => Some(d - b'0'),
        b'a'..=b'f' => Some(d - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Draws a new identifier.
            pub fn random(random: &dyn RandomSource) -> Self {
                let mut bytes = [0; $len];
                random.fill(&mut bytes);
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&to_hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                from_hex(text).map(Self).ok_or_else(|| ParseIdError {
                    text: text.to_owned(),
                    expected: $expected,
                })
            }
        }
    };
}

id!(
    /// Names an archive.
    ArchiveId, 16, "an archive id (32 hexadecimal digits)"
);
id!(
    /// Names a destination.
    DestinationId, 16, "a destination id (32 hexadecimal digits)"
);
id!(
    /// Names an organisation.
    OrganisationId, 16, "an organisation id (32 hexadecimal digits)"
);
id!(
    /// Names a user.
    UserId, 16, "a user id (32 hexadecimal digits)"
);
id!(
    /// Names a group of users.
    GroupId, 16, "a group id (32 hexadecimal digits)"
);
id!(
    /// Names a computer.
    ComputerId, 16, "a computer id (32 hexadecimal digits)"
);
id!(
    /// Names a session; it is not the secret that proves one.
    SessionId, 16, "a session id (32 hexadecimal digits)"
);
id!(
    /// Names an API token; it is not the secret that proves one.
    TokenId, 16, "a token id (32 hexadecimal digits)"
);
id!(
    /// Names a one-time link; it is not the secret in it.
    LinkId, 16, "a link id (32 hexadecimal digits)"
);
id!(
    /// Names a passkey at a server; its authenticator knows it by another id.
    PasskeyId, 16, "a passkey id (32 hexadecimal digits)"
);
id!(
    /// Names one wrap of a key.
    SlotId, 16, "a slot id (32 hexadecimal digits)"
);
id!(
    /// The BLAKE3 hash of an object's stored bytes, which is its name.
    ObjectName, 32, "an object name (64 hexadecimal digits)"
);

/// Numbers the writers of an archive, from 1: a higher generation fences off every lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u32);

/// Numbers the records of an archive, from 1 and without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// Selects the epoch secret that sealed an object, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

impl Generation {
    /// Reads a generation; refuses 0.
    pub fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, WireError> {
        match reader.u32(field)? {
            0 => Err(invalid(field)),
            number => Ok(Self(number)),
        }
    }
}

impl Seq {
    /// Reads the number of a record; refuses 0.
    pub fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, WireError> {
        match reader.u64(field)? {
            0 => Err(invalid(field)),
            number => Ok(Self(number)),
        }
    }
}

impl Epoch {
    /// Reads an epoch; refuses 0.
    pub fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, WireError> {
        match reader.u32(field)? {
            0 => Err(invalid(field)),
            number => Ok(Self(number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let text = "00112233445566778899aabbccddeeff";
        let id: ArchiveId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert!(text.to_uppercase().parse::<ArchiveId>().is_err());
        assert!(text[1..].parse::<ArchiveId>().is_err());
    }
}
