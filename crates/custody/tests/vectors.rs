//! The vectors of `spec/vectors/keys-v1` of exported custody keys: files and words.

#![expect(clippy::unwrap_used, reason = "tests, in helper functions too")]

use strongroom_crypto::custody::CustodyKey;
use strongroom_crypto::secret::SecretBytes;
use strongroom_custody::{export, words as mnemonic};

#[path = "../../format/tests/vectors/common.rs"]
mod common;
use common::{Case, Counter, Vector, check_files, check_generated, words, write};

const DOCUMENT: &str = "keys-v1";
const FILE: &str = "custody-file";
const WORDS: &str = "custody-words";

fn key() -> CustodyKey {
    CustodyKey::random(&Counter::default())
}

fn text(secret: &SecretBytes) -> String {
    String::from_utf8(secret.expose_bytes().to_vec()).unwrap()
}

fn case(structure: &str, name: &str, about: &str, text: &str) -> Case {
    Case::new(DOCUMENT, structure, name, about, text.as_bytes())
        .with("text", text)
        .with("custody_key", hex::encode(key().expose_bytes()))
}

fn cases() -> Vec<Case> {
    let (file, words) = (
        text(&export::to_file(&key())),
        text(&mnemonic::to_words(&key())),
    );
    let other_check = file.replacen(":00010203", ":10010203", 1);
    let checksum = "the checksum of the custody key does not fit: some character is not as it was";
    let belong =
        "the words do not belong together: one is another word of the list, or two are exchanged";
    let (last, rest) = (
        words.rsplit(' ').next().unwrap(),
        words.split_once(' ').unwrap().1,
    );
    let other_word = format!("zoo {rest}");
    vec![
        case(FILE, "file", "a key", &file),
        case(FILE, "newer", "version 2", &file.replace("-v1:", "-v2:"))
            .refused("this custody key was exported by a newer program"),
        case(FILE, "other", "another kind of file", "ssh-ed25519 AAAA\n").refused(
            "this is no exported custody key: it does not start with `strongroom-custody-key-v1:`",
        ),
        case(FILE, "check", "a changed digit", &other_check).refused(checksum),
        case(
            FILE,
            "upper-case",
            "an upper-case digit",
            &file.replacen("0a", "0A", 1),
        )
        .refused("character 22 of the custody key is not one of 0-9 and a-f"),
        case(
            FILE,
            "short",
            "a digit too few",
            &file.replacen("00", "0", 1),
        )
        .refused("the custody key has 72 characters after its name; it should have 73"),
        case(WORDS, "words", "a key", &words),
        case(WORDS, "checksum", "another first word", &other_word).refused(belong),
        case(WORDS, "count", "a word too few", rest)
            .refused("there are 23 words; a custody key has 24"),
        case(
            WORDS,
            "unknown",
            "a word that is not in the list",
            &words.replacen(last, "zebras", 1),
        )
        .refused("word 24, `zebras`, is not in the list of words; is it `zebra`?"),
    ]
}

fn judge(vector: &Vector) -> Option<Result<Vec<u8>, String>> {
    let bytes = vector.hex("bytes");
    let (key, write): (_, fn(&CustodyKey) -> SecretBytes) = match vector.structure() {
        FILE => (export::from_text(&bytes), export::to_file),
        WORDS => (
            mnemonic::from_words(vector.text("text")),
            mnemonic::to_words,
        ),
        other => {
            assert_eq!(other, "keys-object", "{}", vector.name);
            return None;
        }
    };
    let again = key.map(|key| {
        assert_eq!(key.expose_bytes().to_vec(), vector.hex("custody_key"));
        write(&key).expose_bytes().to_vec()
    });
    Some(again.map_err(|error| words(&error)))
}

#[test]
fn vectors_can_be_made_again() {
    check_generated(&cases());
}

#[test]
#[ignore = "writes the files"]
fn write_vectors() {
    write(&cases());
}

#[test]
fn every_vector_is_judged_as_it_says() {
    check_files(DOCUMENT, judge);
}
