//! Recovery codes: what signs in once in place of a lost second factor.
//!
//! A code has 16 symbols of Crockford's base 32, which are 80 bits, so a plain hash of it is enough to store:
//! nobody tries 2^80. The hash is bound to the account. Whoever stores them deletes the hash of a code in the
//! transaction that accepts it, and accepts it only if there was one to delete.

use strongroom_base::ids::UserId;
use strongroom_base::random::RandomSource;
use strongroom_base::{Class, Classified};
use strongroom_crypto::hash::{Hasher, same};
use strongroom_crypto::secret::Secret;

/// How many codes an account gets at a time.
pub const CODES: usize = 10;

/// How many symbols a code has.
pub const SYMBOLS: usize = 16;

const ALPHABET: &[u8; SYMBOLS_IN_ALL] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SYMBOLS_IN_ALL: usize = 32;
const TYPED_LEN_MAX: usize = 64;
const LABEL: &[u8] = b"strongroom sign-in-v1 recovery code\0";

/// What was typed is no recovery code. The error does not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a recovery code has {SYMBOLS} letters and digits, like 0123-4567-89AB-CDEF")]
pub struct NoCode;

impl Classified for NoCode {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// A recovery code. It has no `Debug`, is not copied, and is wiped when dropped.
pub struct RecoveryCode(Secret<SYMBOLS>);

/// What is stored of a recovery code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecoveryHash(pub [u8; 32]);

impl RecoveryCode {
    /// Draws the codes of an account; they replace all that it had.
    pub fn draw(random: &dyn RandomSource) -> [Self; CODES] {
        std::array::from_fn(|_| {
            let values = Secret::<SYMBOLS>::random(random);
            // Every value of five bits is as likely as every other.
            let symbols = values
                .expose_bytes()
                .map(|value| ALPHABET[usize::from(value & 31)]);
            Self(Secret::new(symbols))
        })
    }

    /// Takes what somebody typed: case, white space and dashes do not matter, `O` is read as `0`, and `I` and
    /// `L` as `1`.
    pub fn from_typed(text: &str) -> Result<Self, NoCode> {
        if text.len() > TYPED_LEN_MAX {
            return Err(NoCode);
        }
        let mut symbols = [0; SYMBOLS];
        let mut typed = text
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}'));
        for symbol in &mut symbols {
            *symbol = typed.next().and_then(canonical).ok_or(NoCode)?;
        }
        let code = Self(Secret::new(symbols));
        typed.next().is_none().then_some(code).ok_or(NoCode)
    }

    /// Gives the code out as it is printed once: `XXXX-XXXX-XXXX-XXXX`, 19 bytes of ASCII.
    pub fn expose_text(&self) -> Secret<19> {
        let mut text = [b'-'; 19];
        for (place, symbol) in self.0.expose_bytes().iter().enumerate() {
            text[place + place / 4] = *symbol;
        }
        Secret::new(text)
    }

    /// Returns what is stored of it for an account.
    pub fn hash(&self, user: &UserId) -> RecoveryHash {
        let mut hasher = Hasher::new();
        hasher.update(LABEL).update(&user.0);
        RecoveryHash(hasher.update(self.0.expose_bytes()).finalize())
    }

    /// Returns which of the stored hashes is that of this code. It must be deleted before anybody is let in.
    pub fn find<'a>(&self, user: &UserId, stored: &'a [RecoveryHash]) -> Option<&'a RecoveryHash> {
        let hash = self.hash(user);
        stored.iter().find(|one| same(&one.0, &hash.0))
    }
}

fn canonical(symbol: char) -> Option<u8> {
    let symbol = match symbol.to_ascii_uppercase() {
        'O' => b'0',
        'I' | 'L' => b'1',
        other => u8::try_from(other).ok()?,
    };
    ALPHABET.contains(&symbol).then_some(symbol)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use strongroom_crypto::random::SystemRandom;

    use super::*;

    const ANN: UserId = UserId([1; 16]);
    const BOB: UserId = UserId([2; 16]);

    fn text(code: &RecoveryCode) -> String {
        String::from_utf8(code.expose_text().expose_bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_code_signs_in_once() {
        let codes = RecoveryCode::draw(&SystemRandom);
        let mut stored: Vec<_> = codes.iter().map(|code| code.hash(&ANN)).collect();
        for (left, code) in (0..CODES).rev().zip(&codes) {
            let typed = RecoveryCode::from_typed(&text(code)).unwrap();
            let used = *typed.find(&ANN, &stored).unwrap();
            stored.retain(|hash| *hash != used);
            assert_eq!(stored.len(), left);
            assert_eq!(typed.find(&ANN, &stored), None);
        }
    }

    #[test]
    fn a_code_is_good_for_one_account() {
        let [code, ..] = RecoveryCode::draw(&SystemRandom);
        assert_ne!(code.hash(&ANN), code.hash(&BOB));
        assert_eq!(code.find(&BOB, &[code.hash(&ANN)]), None);
    }

    #[test]
    fn all_codes_differ_and_use_the_whole_alphabet() {
        let codes: Vec<_> = (0..20)
            .flat_map(|_| RecoveryCode::draw(&SystemRandom))
            .collect();
        let texts: HashSet<_> = codes.iter().map(text).collect();
        assert_eq!(texts.len(), 20 * CODES);
        let symbols: HashSet<_> = texts.iter().flat_map(|text| text.chars()).collect();
        assert_eq!(symbols.len(), 32 + 1);
    }

    #[test]
    fn a_code_may_be_typed_as_it_is_read() {
        let good = RecoveryCode::from_typed("0123-4567-89AB-CDEF").unwrap();
        for typed in [
            "o123 4567 89ab cdef",
            "OL2345678 9abcdef\n",
            "0i23–4567–89ab–cdef",
        ] {
            let typed = RecoveryCode::from_typed(typed).unwrap();
            assert_eq!(typed.hash(&ANN), good.hash(&ANN));
        }
        let other = RecoveryCode::from_typed("0123-4567-89AB-CDEG").unwrap();
        assert_ne!(other.hash(&ANN), good.hash(&ANN));
        let long = " ".repeat(65);
        for typed in [
            "",
            "0123-4567-89AB-CDE",
            "0123-4567-89AB-CDEF0",
            "0123-4567-89AB-CDEU",
            &long,
        ] {
            assert_eq!(
                RecoveryCode::from_typed(typed).err(),
                Some(NoCode),
                "{typed}"
            );
        }
    }

    #[test]
    fn the_stored_hash_stays_as_it_is() {
        let code = RecoveryCode::from_typed("0123-4567-89AB-CDEF").unwrap();
        insta::assert_snapshot!(strongroom_base::ids::to_hex(&code.hash(&ANN).0), @"d30052e79ef3299f89a0db1f3ca73a696dc09498ad042efdfb81a25ed35418b2");
    }
}
