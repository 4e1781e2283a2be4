//! One-time passwords of an authenticator app: TOTP (RFC 6238) with HMAC-SHA-1, 6 digits and 30 seconds, the
//! one form that every such app knows.
//!
//! A code is good in its step and in the one before and after, and never again: whoever stores a secret stores
//! the last step that was used beside it, in the transaction that accepts the code.

use aws_lc_rs::hmac;
use strongroom_base::clock::Timestamp;
use strongroom_base::random::RandomSource;
use strongroom_base::{Class, Classified};
use zeroize::Zeroizing;

use crate::hash::same;
use crate::secret::Secret;

/// The length of a secret: the output of SHA-1, as RFC 4226 asks.
pub const TOTP_SECRET_LEN: usize = 20;

/// How long a step is, in seconds.
pub const STEP_SECONDS: u64 = 30;

/// How many digits a code has.
pub const DIGITS: usize = 6;

/// How many steps a clock may be ahead or behind.
pub const DRIFT: u64 = 1;

const MODULUS: u32 = 1_000_000;

/// The step of the clock that a code belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(pub u64);

impl Step {
    /// Returns the step of a time; the first one for times before 1970.
    pub fn at(time: Timestamp) -> Self {
        let seconds = time.0.div_euclid(1_000_000_000).max(0);
        let step = seconds / i128::from(STEP_SECONDS);
        Self(u64::try_from(step).unwrap_or(u64::MAX))
    }
}

/// Why a code was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TotpRefusal {
    /// What was typed has no six digits.
    #[error("a code has {DIGITS} digits")]
    Malformed,
    /// It is the code of no step near now.
    #[error("the code is wrong")]
    Wrong,
    /// It is right, and it or a later one was used already.
    #[error("the code was used already")]
    Used,
}

impl Classified for TotpRefusal {
    fn class(&self) -> Class {
        match self {
            Self::Malformed => Class::Caller,
            Self::Wrong | Self::Used => Class::WrongKey,
        }
    }
}

/// The secret that an authenticator app and the server share.
pub struct TotpSecret(Secret<TOTP_SECRET_LEN>);

impl TotpSecret {
    /// Draws a new one.
    pub fn random(random: &dyn RandomSource) -> Self {
        Self(Secret::random(random))
    }

    /// Takes over a stored one.
    pub fn from_bytes(bytes: impl Into<Secret<TOTP_SECRET_LEN>>) -> Self {
        Self(bytes.into())
    }

    /// Gives the bytes out, to be sealed.
    pub fn expose_bytes(&self) -> &[u8; TOTP_SECRET_LEN] {
        self.0.expose_bytes()
    }

    /// Gives the secret out as it is typed into an app: 32 letters and digits of base 32.
    pub fn expose_base32(&self) -> Zeroizing<String> {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut text = Zeroizing::new(String::with_capacity(TOTP_SECRET_LEN / 5 * 8));
        for group in self.expose_bytes().chunks_exact(5) {
            let bits = group
                .iter()
                .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            for place in (0..8).rev() {
                let value = usize::try_from(bits >> (5 * place) & 31).unwrap_or(0);
                text.push(char::from(ALPHABET[value]));
            }
        }
        text
    }

    /// Gives out the address that a QR code carries to an app: `otpauth://totp/ISSUER:ACCOUNT?secret=…`.
    pub fn expose_uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let (issuer, account) = (percent_encoded(issuer), percent_encoded(account));
        let secret = self.expose_base32();
        Zeroizing::new(
            [
                "otpauth://totp/",
                &issuer,
                ":",
                &account,
                "?secret=",
                &secret,
                "&issuer=",
                &issuer,
                "&algorithm=SHA1&digits=6&period=30",
            ]
            .concat(),
        )
    }

    /// Returns the code of a step.
    fn code(&self, step: Step) -> Zeroizing<String> {
        Zeroizing::new(format!("{:06}", self.truncated(step) % MODULUS))
    }

    /// RFC 4226, section 5.3.
    fn truncated(&self, Step(step): Step) -> u32 {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.expose_bytes());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag[TOTP_SECRET_LEN - 1] & 0xf);
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&tag[offset..offset + 4]);
        u32::from_be_bytes(bytes) & 0x7fff_ffff
    }

    /// Checks what somebody typed, and returns the step to store as the last one that was used.
    ///
    /// White space in it does not count. `last_used` is the step that was stored before; that one and all
    /// before it are not taken again, however the clock is set.
    pub fn accept(
        &self,
        typed: &str,
        now: Timestamp,
        last_used: Option<Step>,
    ) -> Result<Step, TotpRefusal> {
        let typed = digits(typed).ok_or(TotpRefusal::Malformed)?;
        let Step(current) = Step::at(now);
        let mut found = None;
        // All steps are looked at, so that the time does not tell which one it was.
        for step in current.saturating_sub(DRIFT)..=current.saturating_add(DRIFT) {
            if same(self.code(Step(step)).as_bytes(), typed.as_slice()) {
                found = Some(Step(step));
            }
        }
        let step = found.ok_or(TotpRefusal::Wrong)?;
        if last_used.is_some_and(|last| step <= last) {
            return Err(TotpRefusal::Used);
        }
        Ok(step)
    }
}

/// Returns the six digits of what was typed.
fn digits(typed: &str) -> Option<Zeroizing<[u8; DIGITS]>> {
    let mut digits = Zeroizing::new([0; DIGITS]);
    let mut symbols = typed.chars().filter(|c| !c.is_whitespace());
    for digit in digits.iter_mut() {
        let symbol = symbols.next().filter(char::is_ascii_digit)?;
        *digit = u8::try_from(symbol).ok()?;
    }
    symbols.next().is_none().then_some(digits)
}

/// Returns a text with everything but letters, digits and `-._~` as `%XX`.
fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> TotpSecret {
        TotpSecret::from_bytes(*b"12345678901234567890")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_parts(seconds, 999_999_999)
    }

    #[test]
    fn the_vectors_of_rfc_6238_hold() {
        let cases = [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ];
        for (seconds, code) in cases {
            let step = Step::at(at(seconds));
            assert_eq!(secret().truncated(step) % 100_000_000, code, "{seconds}");
            let six = format!("{:06}", code % MODULUS);
            assert_eq!(secret().accept(&six, at(seconds), None), Ok(step));
        }
    }

    #[test]
    fn the_vectors_of_rfc_4226_hold() {
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583",
            "399871", "520489",
        ];
        for (code, step) in codes.into_iter().zip(0..) {
            assert_eq!(secret().code(Step(step)).as_str(), code);
        }
    }

    #[test]
    fn a_clock_may_be_one_step_off_and_no_more() {
        let code = secret().code(Step(1_000));
        for (step, taken) in [
            (998, false),
            (999, true),
            (1_000, true),
            (1_001, true),
            (1_002, false),
        ] {
            let result = secret().accept(&code, at(step * 30), None);
            let expected = if taken {
                Ok(Step(1_000))
            } else {
                Err(TotpRefusal::Wrong)
            };
            assert_eq!(result, expected, "{step}");
        }
    }

    #[test]
    fn a_code_is_good_once_and_so_are_those_before_it() {
        let (now, secret) = (at(30_000), secret());
        let last = secret.accept(&secret.code(Step(1_000)), now, None).unwrap();
        for step in [999, 1_000] {
            let again = secret.accept(&secret.code(Step(step)), now, Some(last));
            assert_eq!(again, Err(TotpRefusal::Used), "{step}");
        }
        let next = secret.accept(&secret.code(Step(1_001)), now, Some(last));
        assert_eq!(next, Ok(Step(1_001)));
    }

    #[test]
    fn only_six_digits_are_a_code() {
        let (now, code) = (at(59), "287082");
        for good in [code, " 287 082\n", "287\u{a0}082"] {
            assert_eq!(secret().accept(good, now, None), Ok(Step(1)), "{good}");
        }
        for bad in [
            "",
            "28708",
            "2870820",
            "28708a",
            "２８７０８２",
            "-28708",
            "287-082",
        ] {
            let refused = secret().accept(bad, now, None);
            assert_eq!(refused, Err(TotpRefusal::Malformed), "{bad}");
        }
    }

    #[test]
    fn an_app_reads_the_address() {
        assert_eq!(
            secret().expose_base32().as_str(),
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        );
        assert_eq!(
            secret()
                .expose_uri("Strongroom: ä", "ann+x@example.org")
                .as_str(),
            "otpauth://totp/Strongroom%3A%20%C3%A4:ann%2Bx%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Strongroom%3A%20%C3%A4&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn the_ends_of_time_hold() {
        assert_eq!(Step::at(Timestamp(i128::MIN)), Step(0));
        assert_eq!(Step::at(Timestamp(i128::MAX)), Step(u64::MAX));
        for time in [i128::MIN, i128::MAX] {
            let _ = secret().accept("000000", Timestamp(time), None);
        }
    }
}
