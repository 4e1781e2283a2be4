//! Values of settings as texts: what is stored, sent and typed. Each value has one text.

use std::time::Duration;

use strongroom_base::{Class, Classified};

use super::escrow::{Escrow, EscrowBounds, PrivatePassword};
use super::terms::{Lifetime, Registration};
use crate::moment::Days;
use crate::password::PasswordLength;

/// What stands for no value, where there need be none.
const NONE: &str = "none";

/// What lifetimes are counted in, the longest first.
const UNITS: [(&str, u64); 3] = [("d", 86_400), ("h", 3_600), ("m", 60)];

/// A text is no value of a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(String);

impl Classified for ValueError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

impl ValueError {
    pub(super) fn new(what: impl std::fmt::Display) -> Self {
        Self(what.to_string())
    }
}

/// A value of a setting.
pub trait Value: Sized {
    /// Returns its text.
    fn text(&self) -> String;

    /// Reads a text.
    fn read(text: &str) -> Result<Self, ValueError>;

    /// Tells whether it lets more happen than another one.
    fn is_looser_than(&self, other: &Self) -> bool;
}

/// Values that are one of a few words, the loosest first.
macro_rules! words {
    ($($value:ty { $($variant:ident = $word:literal),* })*) => {
        $(impl Value for $value {
            fn text(&self) -> String {
                match self { $(Self::$variant => $word,)* }.to_owned()
            }

            fn read(text: &str) -> Result<Self, ValueError> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(ValueError::new(concat!("one of:" $(, " ", $word)*))),
                }
            }

            fn is_looser_than(&self, other: &Self) -> bool {
                let place = |of: &Self| [$($word),*].iter().position(|word| *word == of.text());
                place(self) < place(other)
            }
        })*
    };
}

words! {
    Registration { Open = "open", Closed = "closed" }
    Escrow { Unsecured = "unsecured", Secured = "secured", None = "none" }
    PrivatePassword { Allowed = "allowed", Forbidden = "forbidden" }
}

impl Value for PasswordLength {
    fn text(&self) -> String {
        self.get().to_string()
    }

    fn read(text: &str) -> Result<Self, ValueError> {
        Self::new(number(text)?).map_err(ValueError::new)
    }

    fn is_looser_than(&self, other: &Self) -> bool {
        self.get() < other.get()
    }
}

/// What is kept for fewer days is gone sooner.
impl Value for Days {
    fn text(&self) -> String {
        self.get().to_string()
    }

    fn read(text: &str) -> Result<Self, ValueError> {
        number(text).map(Self::new)
    }

    fn is_looser_than(&self, other: &Self) -> bool {
        self < other
    }
}

impl Value for u32 {
    fn text(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Result<Self, ValueError> {
        match number(text)? {
            0 => Err(ValueError::new("at least 1")),
            number => Ok(number),
        }
    }

    fn is_looser_than(&self, other: &Self) -> bool {
        self > other
    }
}

/// `30m`, `12h` or `90d`: in the longest unit that it is a number of.
impl Value for Lifetime {
    fn text(&self) -> String {
        let seconds = self.length().as_secs();
        let unit = UNITS.iter().find(|(_, unit)| seconds.is_multiple_of(*unit));
        match unit {
            Some((name, unit)) => format!("{}{name}", seconds / unit),
            // None is made that is no number of minutes.
            None => format!("{}m", seconds.div_ceil(60)),
        }
    }

    fn read(text: &str) -> Result<Self, ValueError> {
        let wrong = || ValueError::new("a number of minutes, hours or days: 30m, 12h or 90d");
        let split = UNITS
            .iter()
            .find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)));
        let (digits, unit) = split.ok_or_else(wrong)?;
        let count: u64 = number(digits).map_err(|_no_number| wrong())?;
        Self::new(Duration::from_secs(count.saturating_mul(*unit))).map_err(ValueError::new)
    }

    fn is_looser_than(&self, other: &Self) -> bool {
        self > other
    }
}

impl<T: Value> Value for Option<T> {
    fn text(&self) -> String {
        self.as_ref().map_or_else(|| NONE.to_owned(), Value::text)
    }

    fn read(text: &str) -> Result<Self, ValueError> {
        match text {
            NONE => Ok(None),
            text => T::read(text)
                .map(Some)
                .map_err(|error| ValueError::new(format!("{error}, or {NONE}"))),
        }
    }

    /// No limit is the loosest.
    fn is_looser_than(&self, other: &Self) -> bool {
        match (self, other) {
            (Some(one), Some(other)) => one.is_looser_than(other),
            (None, Some(_)) => true,
            (_, None) => false,
        }
    }
}

/// `unsecured..none`: from the weakest to the strictest.
impl Value for EscrowBounds {
    fn text(&self) -> String {
        format!("{}..{}", self.weakest().text(), self.strictest().text())
    }

    fn read(text: &str) -> Result<Self, ValueError> {
        let wrong = || ValueError::new("the weakest and the strictest, as in: unsecured..none");
        let (weakest, strictest) = text.split_once("..").ok_or_else(wrong)?;
        Self::new(Escrow::read(weakest)?, Escrow::read(strictest)?).map_err(ValueError::new)
    }

    fn is_looser_than(&self, other: &Self) -> bool {
        !(other.includes(self.weakest()) && other.includes(self.strictest()))
    }
}

/// Reads a number that is written as numbers are: `+1` and `01` are none.
fn number<T: std::str::FromStr + ToString>(text: &str) -> Result<T, ValueError> {
    let number = text.parse().ok();
    let number = number.filter(|number: &T| number.to_string() == text);
    number.ok_or_else(|| ValueError::new("a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same<T: Value>(text: &str) {
        assert_eq!(T::read(text).map(|value| value.text()).as_deref(), Ok(text));
    }

    #[test]
    fn a_value_has_one_text() {
        for text in ["6", "12", "64"] {
            same::<PasswordLength>(text);
        }
        for text in ["1m", "90m", "12h", "1d", "3650d"] {
            same::<Lifetime>(text);
        }
        for text in ["none", "30d"] {
            same::<Option<Lifetime>>(text);
        }
        same::<Option<u32>>("1");
        same::<Registration>("closed");
        same::<EscrowBounds>("secured..none");
        same::<PrivatePassword>("forbidden");
        same::<Days>("0");
        assert_eq!(
            Lifetime::read("60m").map(|life| life.text()).as_deref(),
            Ok("1h")
        );
    }

    /// From the strictest on, each looser than all before it.
    fn loosens<T: Value>(texts: &[&str]) {
        let values: Vec<T> = texts.iter().map(|text| T::read(text).unwrap()).collect();
        for (at, value) in values.iter().enumerate() {
            for (other_at, other) in values.iter().enumerate() {
                let is_looser = value.is_looser_than(other);
                assert_eq!(is_looser, at > other_at, "{texts:?} {at} {other_at}");
            }
        }
    }

    #[test]
    fn what_lets_more_happen_is_looser() {
        loosens::<PasswordLength>(&["64", "12", "6"]);
        loosens::<Lifetime>(&["1m", "30m", "12h", "3650d"]);
        loosens::<Option<Lifetime>>(&["1d", "30d", "none"]);
        loosens::<Option<u32>>(&["1", "10", "none"]);
        loosens::<Registration>(&["closed", "open"]);
        loosens::<Days>(&["30", "0"]);
        loosens::<PrivatePassword>(&["forbidden", "allowed"]);
        loosens::<Escrow>(&["none", "secured", "unsecured"]);
        loosens::<EscrowBounds>(&["none..none", "secured..none", "unsecured..none"]);
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "5", "65", "+12", "012", "300", "twelve"] {
            assert!(PasswordLength::read(text).is_err(), "{text}");
        }
        for text in [
            "",
            "m",
            "0m",
            "30",
            "30s",
            "1.5h",
            "-1d",
            "3651d",
            "99999999999999999999d",
        ] {
            assert!(Lifetime::read(text).is_err(), "{text}");
        }
        assert!(Option::<u32>::read("0").is_err());
        assert!(EscrowBounds::read("none..unsecured").is_err());
        let error = Registration::read("ajar").unwrap_err();
        assert_eq!(error.to_string(), "one of: open closed");
    }
}
