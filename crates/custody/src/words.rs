//! A custody key as 24 English words of BIP-39, to be written on paper.

use bip39::{Language, Mnemonic};
use strongroom_crypto::custody::CustodyKey;
use strongroom_crypto::secret::{Secret, SecretBytes};

use crate::ImportError;

/// The words of a key.
pub const WORDS: usize = 24;

/// Letters that are enough to tell the words of the list apart.
const DISTINCT_LETTERS: usize = 4;

/// Longest text that is read as words, in bytes.
pub const TEXT_LEN_MAX: u64 = 4_096;

/// Returns the words, separated by single blanks.
///
/// # Panics
///
/// Never: 32 bytes have 24 words.
pub fn to_words(key: &CustodyKey) -> SecretBytes {
    let words = Mnemonic::from_entropy_in(Language::English, key.expose_bytes())
        .expect("32 bytes have 24 words");
    let len: usize = words.words().map(|word| word.len() + 1).sum();
    let mut text = Vec::with_capacity(len);
    for word in words.words() {
        if !text.is_empty() {
            text.push(b' ');
        }
        text.extend_from_slice(word.as_bytes());
    }
    SecretBytes::new(text)
}

/// Reads words; case, numbers before words (`1. abandon`) and the white space between do not matter.
pub fn from_words(text: &str) -> Result<CustodyKey, ImportError> {
    let words: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c == ',' || c == '.')
        .filter(|word| !word.is_empty() && !word.bytes().all(|byte| byte.is_ascii_digit()))
        .map(str::to_lowercase)
        .collect();
    for (at, word) in words.iter().enumerate() {
        if Language::English.find_word(word).is_none() {
            return Err(ImportError::UnknownWord {
                position: at + 1,
                similar: similar(word),
                word: word.clone(),
            });
        }
    }
    if words.len() != WORDS {
        return Err(ImportError::WordCount { found: words.len() });
    }
    let joined = SecretBytes::new(words.join(" ").into_bytes());
    let joined = std::str::from_utf8(joined.expose_bytes()).unwrap_or_default();
    let mnemonic = Mnemonic::parse_in_normalized(Language::English, joined)
        .map_err(|_| ImportError::WordsChecksum)?;
    let (entropy, len) = mnemonic.to_entropy_array();
    let bytes: [u8; 32] = entropy[..len]
        .try_into()
        .map_err(|_| ImportError::WordCount { found: words.len() })?;
    Ok(CustodyKey::from_bytes(Secret::new(bytes)))
}

/// Returns the word of the list with the same first letters, the most of them that any word shares.
fn similar(word: &str) -> Option<&'static str> {
    let letters = word.chars().count().min(DISTINCT_LETTERS);
    (2..=letters).rev().find_map(|letters| {
        let start: String = word.chars().take(letters).collect();
        let mut list = Language::English.words_by_prefix_iter(&start);
        let first = list.next();
        first.filter(|_| letters == DISTINCT_LETTERS || list.next().is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::tests::example;

    const EXAMPLE: &str = "abandon amount liar amount expire adjust cage candy arch gather drum bullet absurd math era live bid rhythm alien crouch range attend journey unaware";

    fn refused(text: &str) -> String {
        from_words(text)
            .err()
            .map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn the_words_are_those_of_bip_39() {
        // The vector of 32 zero bytes of BIP-39.
        let zero = to_words(&CustodyKey::from_bytes([0; 32]));
        let expected = format!("{}art", "abandon ".repeat(23));
        assert_eq!(zero.expose_bytes(), expected.as_bytes());
        assert_eq!(to_words(&example()).expose_bytes(), EXAMPLE.as_bytes());
    }

    #[test]
    fn words_lead_back_to_their_key_however_they_were_written_down() {
        let numbered: String = (1..)
            .zip(EXAMPLE.to_uppercase().split(' '))
            .map(|(n, word)| format!("{n}. {word}\r\n"))
            .collect::<Vec<_>>()
            .concat();
        for text in [EXAMPLE, &EXAMPLE.replace(' ', "\n"), &numbered] {
            assert_eq!(
                from_words(text).unwrap().expose_bytes(),
                example().expose_bytes()
            );
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        insta::assert_snapshot!(refused(&EXAMPLE.replace("expire", "expirre")), @"word 5, `expirre`, is not in the list of words; is it `expire`?");
        insta::assert_snapshot!(refused(&EXAMPLE.replace("cage", "xqz")), @"word 7, `xqz`, is not in the list of words");
        insta::assert_snapshot!(refused("abandon amount"), @"there are 2 words; a custody key has 24");
        insta::assert_snapshot!(refused(&EXAMPLE.replace("abandon amount", "amount abandon")), @"the words do not belong together: one is another word of the list, or two are exchanged");
    }
}
