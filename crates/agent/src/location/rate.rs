//! A rate as people write it: `500K`, `2M`.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// Bytes per second; K, M and G are 1024, 1024² and 1024³.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(NonZeroU64);

/// The text is not a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is a number of bytes per second, or one with K, M or G, as 500K")]
pub struct NotARate;

/// The units, largest first.
const UNITS: [(char, u32); 3] = [('G', 30), ('M', 20), ('K', 10)];

impl Rate {
    pub(super) fn bytes_per_second(self) -> NonZeroU64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        let unit = UNITS.iter().find(|(unit, _)| text.ends_with(*unit));
        let number = unit.map_or(text, |(unit, _)| text.strip_suffix(*unit).unwrap_or(text));
        let number: u64 = number.parse().map_err(|_| NotARate)?;
        let factor = 1 << unit.map_or(0, |(_, bits)| *bits);
        let bytes = number.checked_mul(factor).and_then(NonZeroU64::new);
        bytes.map(Self).ok_or(NotARate)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.get();
        match UNITS
            .iter()
            .find(|(_, bits)| bytes.trailing_zeros() >= *bits)
        {
            Some((unit, bits)) => write!(f, "{}{unit}", bytes >> bits),
            None => write!(f, "{bytes}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_written() {
        for text in ["1", "1000", "500K", "2M", "3G"] {
            assert_eq!(
                text.parse::<Rate>().map(|rate| rate.to_string()),
                Ok(text.to_owned())
            );
        }
        for text in [
            "",
            "K",
            "0",
            "-1",
            "1.5M",
            "1k",
            "1KK",
            "1T",
            "99999999999G",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
