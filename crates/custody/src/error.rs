//! Why an exported custody key was refused.

use strongroom_base::{Class, Classified};

/// Why an exported custody key was refused.
///
/// No message holds a part of a key: an unknown word is named because it is no part of one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The text is something else.
    #[error("this is no exported custody key: it does not start with `{expected}`")]
    NotAKey {
        /// How it should start.
        expected: &'static str,
    },
    /// The key was exported by a newer program.
    #[error("this custody key was exported by a newer program")]
    TooNew,
    /// The text is not as long as an exported key.
    #[error("the custody key has {found} characters after its name; it should have {expected}")]
    Length {
        /// The characters that were found.
        found: usize,
        /// The characters of a whole key.
        expected: usize,
    },
    /// A character cannot stand in a key.
    #[error("character {position} of the custody key is not one of 0-9 and a-f")]
    NotHexadecimal {
        /// Counted from 1, after the name.
        position: usize,
    },
    /// The checksum is that of another key.
    #[error("the checksum of the custody key does not fit: some character is not as it was")]
    Checksum,
    /// There are more or fewer words than a key has.
    #[error("there are {found} words; a custody key has 24")]
    WordCount {
        /// The words that were found.
        found: usize,
    },
    /// A word is not one of the list.
    #[error("word {position}, `{word}`, is not in the list of words{}", meant(*.similar))]
    UnknownWord {
        /// Counted from 1.
        position: usize,
        /// The word.
        word: String,
        /// A word of the list that starts the same way.
        similar: Option<&'static str>,
    },
    /// The checksum in the last word is that of other words.
    #[error(
        "the words do not belong together: one is another word of the list, or two are exchanged"
    )]
    WordsChecksum,
    /// The image cannot be read.
    #[error("cannot read the image; it should be a PNG file")]
    Image {
        /// Why.
        #[source]
        source: image::ImageError,
    },
    /// The image shows no QR code that can be read.
    #[error("the image shows no QR code that can be read")]
    NoQrCode,
}

fn meant(similar: Option<&'static str>) -> String {
    similar.map_or_else(String::new, |word| format!("; is it `{word}`?"))
}

impl Classified for ImportError {
    fn class(&self) -> Class {
        Class::Caller
    }
}
