//! How much of the computer may be used.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A share of all processors of the machine, from 1 to 100 percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Share(u8);

/// The text or number is not a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a share is a number of percent from 1 to 100, as 20%")]
pub struct NotAShare;

impl Share {
    /// Everything.
    pub const ALL: Self = Self(100);

    /// Returns the share of so many percent.
    pub fn of_percent(percent: u8) -> Option<Self> {
        (1..=100).contains(&percent).then_some(Self(percent))
    }

    /// Returns the number of percent.
    pub fn percent(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Share {
    type Error = NotAShare;

    fn try_from(percent: u8) -> Result<Self, NotAShare> {
        Self::of_percent(percent).ok_or(NotAShare)
    }
}

impl From<Share> for u8 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl FromStr for Share {
    type Err = NotAShare;

    fn from_str(text: &str) -> Result<Self, NotAShare> {
        let number = text.strip_suffix('%').unwrap_or(text);
        let percent = number.parse().map_err(|_| NotAShare)?;
        Self::of_percent(percent).ok_or(NotAShare)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// How much of the computer may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Most of the machine's processors, in percent.
    pub cpu: Share,
    /// Most bytes that are read from and written to disks in a second.
    #[serde(
        default,
        rename = "io_bytes_per_second",
        skip_serializing_if = "Option::is_none"
    )]
    pub io: Option<u64>,
    /// Most bytes that go over the network in a second.
    #[serde(
        default,
        rename = "network_bytes_per_second",
        skip_serializing_if = "Option::is_none"
    )]
    pub network: Option<NonZeroU64>,
}

impl Budget {
    /// Returns a budget that limits nothing but the processors.
    pub(super) const fn of_cpu(percent: u8) -> Self {
        Self {
            cpu: Share(percent),
            io: None,
            network: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_percent_from_1_to_100() {
        for (text, percent) in [("20%", 20), ("1", 1), ("100%", 100)] {
            assert_eq!(text.parse::<Share>().map(Share::percent), Ok(percent));
        }
        for text in ["", "%", "0", "101%", "-1", "1.5%", "20 %", "20%%"] {
            assert_eq!(text.parse::<Share>(), Err(NotAShare), "{text}");
        }
    }
}
