//! The sixteen symbols of a registration key.
//!
//! The alphabet is Crockford's base 32: digits and capital letters without I, L, O and U. Sixteen of them
//! are 80 bits. A key is typed from paper, so case, dashes and spaces do not matter, `O` is read as `0`,
//! and `I` and `L` as `1`.

use strongroom_base::random::RandomSource;
use strongroom_base::{Class, Classified};
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

/// How many symbols a key has.
pub const SYMBOLS: usize = 16;

/// Most bytes of what somebody types for one: the symbols, and as many dashes and spaces.
const TYPED_LEN_MAX: usize = 64;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How many symbols at the end a masked key shows, to tell one key from another: 70 bits stay unknown.
const SHOWN: usize = 2;

/// What was typed is no registration key. The error does not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// There are too few or too many symbols.
    #[error("a registration key has {SYMBOLS} letters and digits")]
    Length,
    /// There is a symbol that no key has.
    #[error("a registration key has no symbol like the one at place {place}")]
    Symbol {
        /// Which symbol, from 1.
        place: usize,
    },
}

impl Classified for SecretError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// The secret of a registration key. It has no `Debug`, is not copied, and is wiped when dropped.
#[derive(ZeroizeOnDrop)]
pub struct RegistrationSecret {
    /// Values of symbols, each below 32.
    values: [u8; SYMBOLS],
}

impl RegistrationSecret {
    /// Draws a new one.
    pub fn random(random: &dyn RandomSource) -> Self {
        let mut values = [0; SYMBOLS];
        random.fill(&mut values);
        // Every value of five bits is as likely as every other.
        for value in &mut values {
            *value &= 31;
        }
        Self { values }
    }

    /// Takes what somebody typed.
    pub fn from_typed(text: &str) -> Result<Self, SecretError> {
        if text.len() > TYPED_LEN_MAX {
            return Err(SecretError::Length);
        }
        let mut secret = Self {
            values: [0; SYMBOLS],
        };
        let mut n_symbols = 0;
        for symbol in text.chars().filter(|c| !is_between(*c)) {
            let place = n_symbols + 1;
            let value = value(symbol).ok_or(SecretError::Symbol { place })?;
            let slot = secret
                .values
                .get_mut(n_symbols)
                .ok_or(SecretError::Length)?;
            *slot = value;
            n_symbols += 1;
        }
        if n_symbols != SYMBOLS {
            return Err(SecretError::Length);
        }
        Ok(secret)
    }

    /// Gives the key out as it is shown to whoever may see it: `XXXX-XXXX-XXXX-XXXX`.
    pub fn expose_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(SYMBOLS + 3));
        for (place, value) in self.values.iter().enumerate() {
            if place > 0 && place % 4 == 0 {
                text.push('-');
            }
            text.push(symbol(*value));
        }
        text
    }

    /// Gives out what is hashed to find and to check a key: its symbols without dashes.
    pub fn expose_symbols(&self) -> Zeroizing<[u8; SYMBOLS]> {
        let mut symbols = Zeroizing::new([0; SYMBOLS]);
        for (shown, value) in symbols.iter_mut().zip(self.values) {
            *shown = ALPHABET[usize::from(value & 31)];
        }
        symbols
    }

    /// Returns what lists show: dots, and the last symbols.
    pub fn masked(&self) -> String {
        let mut text = String::new();
        for (place, value) in self.values.iter().enumerate() {
            if place > 0 && place % 4 == 0 {
                text.push('-');
            }
            let is_shown = place >= SYMBOLS - SHOWN;
            text.push(if is_shown { symbol(*value) } else { '•' });
        }
        text
    }

    /// Tells whether two are the same, in a time that says nothing about where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        let pairs = self.values.iter().zip(&other.values);
        let mut difference = pairs.fold(0, |all, (one, other)| all | (one ^ other));
        let is_same = std::hint::black_box(difference) == 0;
        difference.zeroize();
        is_same
    }
}

fn symbol(value: u8) -> char {
    char::from(ALPHABET[usize::from(value & 31)])
}

fn value(symbol: char) -> Option<u8> {
    let symbol = match symbol.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let place = ALPHABET
        .iter()
        .position(|known| char::from(*known) == symbol)?;
    u8::try_from(place).ok()
}

/// Tells what may stand between symbols: white space, and the dashes that text programs make of one.
fn is_between(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes that count down from 255: their upper three bits do not matter.
    struct Counting;

    impl RandomSource for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (byte, value) in bytes.iter_mut().zip((0_u8..=255).rev()) {
                *byte = value;
            }
        }
    }

    fn text(typed: &str) -> Result<String, SecretError> {
        RegistrationSecret::from_typed(typed).map(|secret| secret.expose_text().to_string())
    }

    #[test]
    fn a_key_is_read_as_it_was_meant() {
        let meant = Ok("01AB-CDEF-GHJK-MN01".to_owned());
        assert_eq!(text("01AB-CDEF-GHJK-MN01"), meant);
        assert_eq!(text("oiab cdef ghjk mnOl"), meant);
        assert_eq!(text(" 01ab–cdef—ghjkmn01\n"), meant);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(text(""), Err(SecretError::Length));
        assert_eq!(text("01AB-CDEF-GHJK-MN0"), Err(SecretError::Length));
        assert_eq!(text("01AB-CDEF-GHJK-MN012"), Err(SecretError::Length));
        assert_eq!(
            text("01AB-CUEF-GHJK-MN01"),
            Err(SecretError::Symbol { place: 6 })
        );
        assert_eq!(
            text("0١AB-CDEF-GHJK-MN01"),
            Err(SecretError::Symbol { place: 2 })
        );
        assert_eq!(text(&"0".repeat(1000)), Err(SecretError::Length));
        assert_eq!(text(&"-".repeat(60)), Err(SecretError::Length));
    }

    #[test]
    fn a_masked_key_shows_its_end() {
        let secret = RegistrationSecret::from_typed("01AB-CDEF-GHJK-MN0Z").unwrap();
        assert_eq!(secret.masked(), "••••-••••-••••-••0Z");
        assert_eq!(*secret.expose_symbols(), *b"01ABCDEFGHJKMN0Z");
    }

    #[test]
    fn a_new_key_is_what_was_drawn() {
        let secret = RegistrationSecret::random(&Counting);
        assert_eq!(*secret.expose_text(), "ZYXW-VTSR-QPNM-KJHG");
    }

    proptest! {
        #[test]
        fn every_key_comes_back(values in proptest::array::uniform16(0_u8..32), other in proptest::array::uniform16(0_u8..32)) {
            let secret = RegistrationSecret { values };
            let again = RegistrationSecret::from_typed(&secret.expose_text()).unwrap();
            prop_assert!(secret.matches(&again));
            prop_assert_eq!(secret.matches(&RegistrationSecret { values: other }), values == other);
        }

        #[test]
        fn nothing_typed_is_a_surprise(typed in "\\PC{0,80}") {
            let _ = RegistrationSecret::from_typed(&typed);
        }
    }
}
