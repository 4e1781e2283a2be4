//! The vectors of `spec/vectors/secrets-v1`: key files, values and rings.

#![expect(clippy::unwrap_used, reason = "tests, in helper functions too")]

use strongroom_crypto::custody::MasterKey;
use strongroom_crypto::stored::StoredKey;
use strongroom_custody::ring::{
    Algorithm, Change, KeyFile, KeyId, KeySet, Place, Ring, master_from_file, master_to_file,
    open_under_master, seal_under_master,
};

#[path = "../../format/tests/vectors/common.rs"]
mod common;
use common::{Case, Counter, Vector, check_files, check_generated, words, write};

const DOCUMENT: &str = "secrets-v1";
const KEY_FILE: &str = "secret-key-file";
const MASTER_FILE: &str = "master-key-file";
const VALUE: &str = "value";
const MASTER_VALUE: &str = "master-value";
const RING: &str = "ring";
const SECRET: &[u8] = b"a password of a directory";

fn key(first: u8) -> StoredKey {
    StoredKey::from_bytes([first; 32])
}

fn master() -> MasterKey {
    MasterKey::from_bytes([9; 32])
}

fn keys() -> KeySet {
    let mut keys = KeySet::new();
    keys.insert(key(1));
    keys.insert(key(2));
    keys
}

fn place() -> Place {
    Place::new("connector", "password", &[0xab; 16])
}

/// A ring that seals with an algorithm and key 1.
fn ring(algorithm: Algorithm) -> Ring {
    let id = KeyId::of(&key(1));
    let begun = Ring::plain().begin(Change::Algorithm(algorithm), Some(id), 1_800_000_000);
    let active = begun.unwrap().unwrap().activated(&keys()).unwrap();
    let counting = active.resealed(&keys(), vec![], &Counter::default());
    counting.unwrap().ring.counted(0).unwrap()
}

fn value(ring: &Ring) -> Vec<u8> {
    ring.seal(&keys(), &place(), &Counter::default(), SECRET)
        .unwrap()
}

fn changed(bytes: &[u8], at: usize, byte: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] = byte;
    bytes
}

fn file_case(structure: &str, name: &str, about: &str, bytes: &[u8]) -> Case {
    let file_name = KeyFile::name_of(&KeyId::of(&key(1)));
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Case::new(DOCUMENT, structure, name, about, bytes)
        .with("text", text)
        .with("name", file_name)
}

fn file_cases() -> Vec<Case> {
    let file = KeyFile::of(&key(1));
    let bytes = file.content.expose_bytes();
    let text = std::str::from_utf8(bytes).unwrap().to_owned();
    let master = master_to_file(&master());
    let damaged = "the key in the file is not as it was written";
    let case = |name, about, bytes: &[u8]| file_case(KEY_FILE, name, about, bytes);
    let other = KeyFile::of(&key(2));
    let other_id = KeyId::of(&key(2));
    vec![
        case("file", "a key", bytes),
        case(
            "other",
            "a key of another name",
            other.content.expose_bytes(),
        )
        .refused(&format!(
            "the file holds the key {other_id}, which is not that of its name"
        )),
        case(
            "digit",
            "a changed digit",
            text.replacen("0101", "0102", 1).as_bytes(),
        )
        .refused(damaged),
        case(
            "upper-case",
            "an upper-case digit",
            text.replacen("v1:0", "v1:A", 1).as_bytes(),
        )
        .refused(damaged),
        case("no-newline", "cut at the end", &bytes[..bytes.len() - 1]).refused(damaged),
        case("trailing", "a space more", format!("{text} ").as_bytes()).refused(damaged),
        case(
            "newer",
            "version 2",
            text.replacen("-v1:", "-v2:", 1).as_bytes(),
        )
        .refused("a newer program wrote this key file"),
        case("master", "the master key", master.expose_bytes())
            .refused("the file does not start with `strongroom-secret-key-v1:`"),
        file_case(MASTER_FILE, "file", "the master key", master.expose_bytes()),
        file_case(MASTER_FILE, "secret", "another kind of key", bytes)
            .refused("the file does not start with `strongroom-master-key-v1:`"),
    ]
}

fn value_case(structure: &str, name: &str, about: &str, algorithm: u8, bytes: &[u8]) -> Case {
    let place = place();
    Case::new(DOCUMENT, structure, name, about, bytes)
        .with("keys", vec![hex::encode([1; 32]), hex::encode([2; 32])])
        .with("master_key", hex::encode([9; 32]))
        .with("ring_algorithm", algorithm)
        .with("table", place.table)
        .with("column", place.column)
        .with("row", hex::encode(place.row))
        .with("secret", hex::encode(SECRET))
}

fn value_cases() -> Vec<Case> {
    let (gcm, cbc) = (value(&ring(Algorithm::Gcm)), value(&ring(Algorithm::Cbc)));
    let plain = value(&Ring::plain());
    let case =
        |name, about, algorithm, bytes: &[u8]| value_case(VALUE, name, about, algorithm, bytes);
    let id = KeyId::of(&key(1));
    let damaged =
        format!("the secret under the key {id} was sealed for another place or is damaged");
    let unreadable = |field| {
        format!("the stored secret cannot be read: `{field}` holds a value that no writer produces")
    };
    let other_row = value_case(VALUE, "row", "another row", 1, &gcm).with("row", "ac");
    let unknown = KeyId(std::array::from_fn(
        |at| if at == 0 { 0 } else { gcm[2 + at] },
    ));
    vec![
        case("gcm", "AES/GCM/NoPadding", 1, &gcm),
        case("cbc", "AES/CBC/PKCS5Padding", 2, &cbc),
        case("plain", "not sealed, and the ring does not seal", 0, &plain),
        case("not-sealed", "not sealed, but the ring seals", 1, &plain)
            .refused("the secret is not sealed, as it should be"),
        other_row.refused(&damaged),
        case("nonce", "a changed nonce", 1, &changed(&gcm, 18, 0xff)).refused(&damaged),
        case("iv", "a changed iv", 2, &changed(&cbc, 18, 0xff)).refused(&damaged),
        case("algorithm", "the other algorithm", 1, &changed(&gcm, 1, 2)).refused(&damaged),
        case("cut", "a byte too few", 1, &gcm[..gcm.len() - 1]).refused(&damaged),
        case("trailing", "a byte too many", 2, &[&cbc[..], &[0]].concat()).refused(&damaged),
        case("key", "a key that is not there", 1, &changed(&gcm, 2, 0))
            .refused(&format!("the key {unknown} is missing")),
        case("newer", "version 2", 1, &changed(&gcm, 0, 2))
            .refused("a newer program stored this secret (version 2)"),
        case("version-0", "version 0", 1, &changed(&gcm, 0, 0)).refused(&unreadable("version")),
        case("unknown", "algorithm 3", 1, &changed(&gcm, 1, 3)).refused(&unreadable("algorithm")),
        case(
            "plain-trailing",
            "a byte after a plain secret",
            0,
            &[&plain[..], &[0]].concat(),
        )
        .refused("the stored secret cannot be read: bytes follow the end of the value"),
        case("plain-cut", "a plain secret cut", 0, &plain[..5])
            .refused("the stored secret cannot be read: the bytes end inside `secret`"),
    ]
}

fn master_cases() -> Vec<Case> {
    let value = seal_under_master(&master(), &place(), &Counter::default(), SECRET).unwrap();
    let id = KeyId(master().key_id());
    let unknown = KeyId(std::array::from_fn(|at| if at == 0 { 0 } else { id.0[at] }));
    let case = |name, about, bytes: &[u8]| value_case(MASTER_VALUE, name, about, 1, bytes);
    vec![
        case("value", "under the master key", &value),
        case("key", "another master key", &changed(&value, 1, 0))
            .refused(&format!("the key {unknown} is missing")),
        case(
            "text",
            "a changed byte",
            &changed(&value, value.len() - 1, 0),
        )
        .refused(&format!(
            "the secret under the key {id} was sealed for another place or is damaged"
        )),
    ]
}

fn ring_cases() -> Vec<Case> {
    let case = |name, about, bytes: &[u8]| Case::new(DOCUMENT, RING, name, about, bytes);
    let sealed = ring(Algorithm::Gcm);
    let second = KeyId::of(&key(2));
    let begun = sealed.begin(Change::Key, Some(second), 1_800_000_001);
    let begun = begun.unwrap().unwrap();
    let active = begun.activated(&keys()).unwrap();
    let rows = vec![(place(), value(&sealed))];
    let cursor = active.resealed(&keys(), rows, &Counter::default()).unwrap();
    let counting = cursor.ring.resealed(&keys(), vec![], &Counter::default());
    let ending = sealed.begin(Change::Disable, None, 1_800_000_001).unwrap();
    let (whole, begun) = (sealed.to_bytes(), begun.to_bytes());
    let refused = |field| {
        format!("the key ring cannot be read: `{field}` holds a value that no writer produces")
    };
    // Offsets in `whole`: number 8, algorithm 16, key id 17, keys 33, id 34, state 50, made 51, change 59.
    // In `begun`: keys 33, ids 34 and 59, change 84, from 85, to 102, phase 119, unreadable 120.
    let unsorted = [&begun[..34], &begun[59..84], &begun[34..59], &begun[84..]].concat();
    vec![
        case("plain", "nothing is sealed", &Ring::plain().to_bytes()),
        case("sealed", "one key", &whole),
        case("begun", "a new key is durable", &begun),
        case("resealing", "a new key is active", &active.to_bytes()),
        case(
            "cursor",
            "one value is sealed anew",
            &cursor.ring.to_bytes(),
        ),
        case(
            "counting",
            "values are counted",
            &counting.unwrap().ring.to_bytes(),
        ),
        case("ending", "protection ends", &ending.unwrap().to_bytes()),
        case("magic", "another magic", &changed(&whole, 0, b'X')).refused(&refused("magic")),
        case("newer", "version 2", &changed(&whole, 6, 2))
            .refused("a newer program wrote the key ring (version 2)"),
        case("reserved", "a reserved byte", &changed(&whole, 7, 1)).refused(&refused("reserved")),
        case("number", "number 0", &changed(&whole, 15, 0)).refused(&refused("number")),
        case("algorithm", "algorithm 3", &changed(&whole, 16, 3)).refused(&refused("algorithm")),
        case(
            "active",
            "the active key is another",
            &changed(&whole, 17, 0),
        )
        .refused(&refused("keys")),
        case("inactive", "no key is active", &changed(&whole, 50, 3)).refused(&refused("keys")),
        case("state", "state 4", &changed(&whole, 50, 4)).refused(&refused("state")),
        case("new", "a new key without a change", &changed(&whole, 50, 1))
            .refused(&refused("keys")),
        case("change", "change 2", &changed(&whole, 59, 2)).refused(&refused("change")),
        case("unsorted", "keys exchanged", &unsorted).refused(&refused("keys")),
        case(
            "phase",
            "phase 3, but the new key is not active",
            &changed(&begun, 119, 3),
        )
        .refused(&refused("change")),
        case("phase-4", "phase 4", &changed(&begun, 119, 4)).refused(&refused("phase")),
        case(
            "unreadable",
            "unreadable values before any was read",
            &changed(&begun, 127, 1),
        )
        .refused(&refused("unreadable")),
        case("cut", "a byte too few", &whole[..whole.len() - 1])
            .refused("the key ring cannot be read: the bytes end inside `change`"),
        case("trailing", "a byte too many", &[&whole[..], &[0]].concat())
            .refused("the key ring cannot be read: bytes follow the end of the value"),
    ]
}

fn cases() -> Vec<Case> {
    let mut cases = file_cases();
    cases.extend(value_cases());
    cases.extend(master_cases());
    cases.extend(ring_cases());
    cases
}

#[expect(clippy::unnecessary_wraps, reason = "the type of every judge")]
fn judge(vector: &Vector) -> Option<Result<Vec<u8>, String>> {
    let bytes = vector.hex("bytes");
    Some(match vector.structure() {
        KEY_FILE => KeyFile::read(vector.text("name"), &bytes)
            .map(|key| KeyFile::of(&key).content.expose_bytes().to_vec())
            .map_err(|error| words(&error)),
        MASTER_FILE => master_from_file(&bytes)
            .map(|key| master_to_file(&key).expose_bytes().to_vec())
            .map_err(|error| words(&error)),
        RING => Ring::from_bytes(&bytes)
            .map(|ring| ring.to_bytes())
            .map_err(|error| words(&error)),
        VALUE => {
            let ring = match vector.value["ring_algorithm"].as_u64() {
                Some(0) => Ring::plain(),
                code => ring(if code == Some(1) {
                    Algorithm::Gcm
                } else {
                    Algorithm::Cbc
                }),
            };
            let place = place_of(vector);
            let opened = ring.open(&keys(), &place, &bytes);
            let sealed = opened.map(|secret| {
                assert_eq!(secret.expose_bytes(), vector.hex("secret"));
                let secret = secret.expose_bytes();
                ring.seal(&keys(), &place, &Counter::default(), secret)
                    .unwrap()
            });
            sealed.map_err(|error| words(&error))
        }
        other => {
            assert_eq!(other, MASTER_VALUE);
            let place = place_of(vector);
            let opened = open_under_master(&master(), &place, &bytes);
            let sealed = opened.map(|secret| {
                assert_eq!(secret.expose_bytes(), vector.hex("secret"));
                let secret = secret.expose_bytes();
                seal_under_master(&master(), &place, &Counter::default(), secret).unwrap()
            });
            sealed.map_err(|error| words(&error))
        }
    })
}

fn place_of(vector: &Vector) -> Place {
    Place::new(
        vector.text("table"),
        vector.text("column"),
        &vector.hex("row"),
    )
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
