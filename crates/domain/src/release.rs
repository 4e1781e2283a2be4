//! Releases: which agents a server serves.
//!
//! A server serves the agents of its own series of releases, of the two series before it, and newer ones: what they say that
//! it does not know it passes over. A series is the first two numbers of a version.

use std::fmt;
use std::str::FromStr;

use strongroom_base::{Class, Classified};

/// All series there were, oldest first; the last is the one of this program.
pub const SERIES: &[Series] = &[Series::new(0, 1)];

/// How many series before its own a server serves.
const SERVED_BEFORE: usize = 2;

/// A series of releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    major: u32,
    minor: u32,
}

/// A text is no version of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no version of a program; it has the form 1.2.3")]
pub struct NoVersion;

impl Classified for NoVersion {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// An agent is too old to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this server serves Strongroom {oldest} and newer, and not {found}: bring this computer up to date"
)]
pub struct TooOld {
    /// What it is.
    pub found: Series,
    /// The oldest that is served.
    pub oldest: Series,
}

impl Classified for TooOld {
    fn class(&self) -> Class {
        Class::Caller
    }
}

impl Series {
    /// Names a series.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// Checks whether a server with these series serves an agent of this one.
    pub fn check(self, series: &[Self]) -> Result<(), TooOld> {
        let at = series.len().saturating_sub(SERVED_BEFORE + 1);
        match series.get(at) {
            Some(oldest) if self < *oldest => Err(TooOld {
                found: self,
                oldest: *oldest,
            }),
            Some(_) | None => Ok(()),
        }
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Reads a version, `1.2.3` perhaps with `-` or `+` and more behind it.
impl FromStr for Series {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let numbers = text.split(['-', '+']).next().unwrap_or_default();
        let mut numbers = numbers.split('.').map(|digits| {
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.parse().ok().filter(|_| is_number);
            number.ok_or(NoVersion)
        });
        let mut next = || numbers.next().unwrap_or(Err(NoVersion));
        let (major, minor, _patch): (u32, u32, u32) = (next()?, next()?, next()?);
        match numbers.next() {
            None => Ok(Self { major, minor }),
            Some(_) => Err(NoVersion),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(text: &str) -> Series {
        text.parse().unwrap()
    }

    #[test]
    fn the_last_series_is_that_of_the_program() {
        assert_eq!(SERIES.last(), Some(&series(env!("CARGO_PKG_VERSION"))));
        assert!(SERIES.is_sorted());
    }

    #[test]
    fn a_version_is_read() {
        assert_eq!(series("0.1.0"), Series::new(0, 1));
        assert_eq!(series("12.34.56-rc.1+abc"), Series::new(12, 34));
        for wrong in [
            "",
            "1",
            "1.2",
            "1.2.x",
            "1.+2.3",
            "1.2.3.4",
            "v1.2.3",
            "99999999999.1.1",
        ] {
            assert_eq!(wrong.parse::<Series>(), Err(NoVersion), "{wrong}");
        }
    }

    #[test]
    fn two_series_before_ones_own_are_served() {
        let all = [(0, 8), (0, 9), (1, 0), (1, 1)].map(|(major, minor)| Series::new(major, minor));
        assert_eq!(
            series("0.8.9").check(&all),
            Err(TooOld {
                found: Series::new(0, 8),
                oldest: Series::new(0, 9)
            })
        );
        for served in ["0.9.0", "1.0.3", "1.1.0", "1.2.0", "2.0.0"] {
            assert_eq!(series(served).check(&all), Ok(()), "{served}");
        }
        assert_eq!(series("0.0.1").check(&[]), Ok(()));
        let refused = series("0.0.9").check(SERIES);
        assert!(refused.unwrap_err().to_string().contains("0.1 and newer"));
    }
}
