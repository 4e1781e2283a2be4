//! The cipher suites: their names, codes and lengths.

use std::{fmt, str::FromStr};

use strongroom_base::{Class, Classified};

/// How an archive's objects are sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    /// AES-128-GCM in chunked encryption.
    Aes128,
    /// AES-256-GCM in chunked encryption.
    Aes256,
    /// ChaCha20-Poly1305 in chunked encryption.
    ChaCha20,
    /// Blowfish in counter mode with 448-bit keys and HMAC-SHA256.
    Blowfish448,
}

impl Suite {
    /// Every suite.
    pub const ALL: [Self; 4] = [
        Self::Aes128,
        Self::Aes256,
        Self::ChaCha20,
        Self::Blowfish448,
    ];

    /// Returns the number that stands for the suite in stored bytes.
    pub const fn code(self) -> u8 {
        match self {
            Self::Aes128 => 1,
            Self::Aes256 => 2,
            Self::ChaCha20 => 3,
            Self::Blowfish448 => 0x81,
        }
    }

    /// Returns the suite that `code` stands for.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.code() == code)
    }

    /// Returns the name that people write.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128 => "aes-128",
            Self::Aes256 => "aes-256",
            Self::ChaCha20 => "chacha20",
            Self::Blowfish448 => "blowfish-448",
        }
    }

    /// Returns the length of a sealing key in bytes.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes256 | Self::ChaCha20 => 32,
            Self::Blowfish448 => 56,
        }
    }

    /// Returns the number of plaintext bytes in every cell but the last.
    pub const fn cell_len(self) -> usize {
        match self {
            Self::Aes128 | Self::Aes256 | Self::ChaCha20 => 16_384,
            Self::Blowfish448 => 65_536,
        }
    }

    /// Returns the length of the tag after every cell.
    pub const fn tag_len(self) -> usize {
        match self {
            Self::Aes128 | Self::Aes256 | Self::ChaCha20 => 16,
            Self::Blowfish448 => 32,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No suite has the name given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no suite is named {name:?}; there are {}", Suite::ALL.map(Suite::name).join(", "))]
pub struct UnknownSuite {
    name: String,
}

impl Classified for UnknownSuite {
    fn class(&self) -> Class {
        Class::Caller
    }
}

impl FromStr for Suite {
    type Err = UnknownSuite;

    fn from_str(name: &str) -> Result<Self, UnknownSuite> {
        Self::ALL
            .into_iter()
            .find(|suite| suite.name() == name)
            .ok_or_else(|| UnknownSuite {
                name: name.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_lead_back_to_their_suite() {
        for suite in Suite::ALL {
            assert_eq!(suite.name().parse(), Ok(suite));
            assert_eq!(Suite::from_code(suite.code()), Some(suite));
        }
        let codes = (0..=255).filter(|code| Suite::from_code(*code).is_some());
        assert_eq!(codes.collect::<Vec<u8>>(), [1, 2, 3, 0x81]);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = "AES-256".parse::<Suite>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "no suite is named \"AES-256\"; there are aes-128, aes-256, chacha20, blowfish-448"
        );
    }
}
