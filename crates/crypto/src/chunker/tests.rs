use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use proptest::prelude::*;

use super::table::{Tables, cipher_key};
use super::*;

/// The definition, evaluated for one window with nothing rolled, skipped or batched.
fn is_candidate(key: &[u8; 32], window: &[u8]) -> bool {
    let tables = Tables::derive(key);
    let mut block = [0; 16];
    for lane in 0..2 {
        let mut hash = 0u128;
        for (j, b) in window.iter().enumerate() {
            hash ^= u128::from(tables.entering[usize::from(*b)][lane]) << (63 - j);
        }
        for bit in (64..128).rev() {
            if hash >> bit & 1 == 1 {
                hash ^= 0x1_0000_0000_0000_001b << (bit - 64);
            }
        }
        block[lane * 8..][..8].copy_from_slice(&hash.to_le_bytes()[..8]);
    }
    let mut block = Array::from(block);
    Aes128::new(&Array::from(*cipher_key(key))).encrypt_block(&mut block);
    u32::from_le_bytes([block[0], block[1], block[2], block[3]]) < THRESHOLD
}

/// `len` bytes of BLAKE3 output over `seed`.
fn stream(seed: &str, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(seed.as_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

/// Cuts a content as the format says, with the rest as the last chunk.
fn cut(chunker: &Chunker, mut data: &[u8]) -> Vec<usize> {
    let mut lens = Vec::new();
    while let Some(len) = chunker.first_cut(data, 0) {
        lens.push(len);
        data = &data[len..];
    }
    if !data.is_empty() {
        lens.push(data.len());
    }
    lens
}

#[test]
fn candidates_are_those_of_the_definition() {
    let key = [3; 32];
    let data = stream("definition", 150_000);
    let mut found = Vec::new();
    Chunker::new(&key).candidates(&data, 0, &mut found);
    // A derivation per window is slow; a stride and all that was found is enough to tell.
    let looked_at = (63..data.len()).step_by(97).chain(found.iter().copied());
    for p in looked_at {
        let expected = is_candidate(&key, &data[p - 63..=p]);
        assert_eq!(found.contains(&p), expected, "position {p}");
    }
    assert!(!found.is_empty());
}

#[test]
fn first_cut_selects_the_first_candidate_past_the_minimum() {
    let chunker = Chunker::new(&[9; 32]);
    let data = stream("selection", 3 << 20);
    let mut candidates = Vec::new();
    chunker.candidates(&data, 0, &mut candidates);
    let mut start = 0;
    for len in cut(&chunker, &data) {
        let end = candidates
            .iter()
            .map(|p| p + 1)
            .find(|end| start + CHUNK_LEN_MIN <= *end)
            .unwrap_or(data.len())
            .min(start + CHUNK_LEN_MAX);
        assert_eq!(start + len, end);
        start = end;
    }
    assert_eq!(start, data.len());
}

#[test]
fn content_without_candidates_is_cut_at_the_maximum() {
    let chunker = Chunker::new(&[1; 32]);
    let data = vec![0; 2 * CHUNK_LEN_MAX + 5];
    assert_eq!(cut(&chunker, &data), [CHUNK_LEN_MAX, CHUNK_LEN_MAX, 5]);
    assert_eq!(chunker.first_cut(&data[..CHUNK_LEN_MAX - 1], 0), None);
    assert_eq!(
        chunker.first_cut(&data, CHUNK_LEN_MAX + 7),
        Some(CHUNK_LEN_MAX)
    );
}

#[test]
fn short_data_has_no_cut() {
    let chunker = Chunker::new(&[2; 32]);
    for len in [0, 1, 63, 64, CHUNK_LEN_MIN - 1] {
        assert_eq!(chunker.first_cut(&vec![5; len], 0), None);
        assert_eq!(chunker.first_cut(&vec![5; len], len + 1), None);
    }
}

/// Contents from random bytes to a single one repeated, which may make every position a candidate.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![0usize..3000, 0usize..60_000];
    (any::<u64>(), len, any::<u8>(), any::<u8>(), 1usize..200).prop_map(
        |(seed, len, mask, base, period)| {
            let random = stream(&seed.to_string(), len.max(period));
            let byte = |i: usize| match seed % 4 {
                0 => random[i],
                1 => random[i] & mask | base,
                2 => random[i % period],
                _ => base,
            };
            (0..len).map(byte).collect()
        },
    )
}

#[test]
fn engines_agree_on_megabytes() {
    for (seed, key) in ["a", "b", "c"].into_iter().zip(1u8..) {
        let data = stream(seed, (4 << 20) + 321);
        let mut expected = Vec::new();
        Chunker::with_engine(&[key; 32], Engine::Portable).candidates(&data, 0, &mut expected);
        assert!(50 < expected.len());
        for engine in Engine::available() {
            let mut found = Vec::new();
            let chunker = Chunker::with_engine(&[key; 32], engine);
            chunker.candidates(&data, 0, &mut found);
            assert_eq!(found, expected, "{engine:?}");
        }
    }
}

/// Keys under which a content of one repeated byte is all candidates: 1 in 49152 times 256 is.
#[test]
fn engines_agree_where_every_position_is_a_candidate() {
    let (key, b) = (0u32..)
        .find_map(|n| {
            let key: [u8; 32] = *blake3::hash(&n.to_le_bytes()).as_bytes();
            let chunker = Chunker::with_engine(&key, Engine::Portable);
            let is_candidate = |b: &u8| {
                let mut found = Vec::new();
                chunker.candidates(&[*b; 64], 0, &mut found);
                !found.is_empty()
            };
            Some((key, (0..=255).find(is_candidate)?))
        })
        .expect("a search without end ends with a find");
    let data = vec![b; 40_000];
    for engine in Engine::available() {
        let chunker = Chunker::with_engine(&key, engine);
        let mut found = Vec::new();
        chunker.candidates(&data, 0, &mut found);
        assert!(found.iter().copied().eq(63..data.len()), "{engine:?}");
        assert_eq!(chunker.first_cut(&data, 0), Some(CHUNK_LEN_MIN));
        assert_eq!(chunker.first_cut(&data, 20_000), Some(20_001));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn engines_agree(
        key in any::<[u8; 32]>(),
        content in content(),
        skip in 0usize..70,
        from in prop_oneof![0usize..200, 0usize..60_000],
    ) {
        let data = &content[skip.min(content.len())..];
        let mut expected = Vec::new();
        let reference = Chunker::with_engine(&key, Engine::Portable);
        reference.candidates(data, from, &mut expected);
        for engine in Engine::available() {
            let chunker = Chunker::with_engine(&key, engine);
            let mut found = Vec::new();
            chunker.candidates(data, from, &mut found);
            prop_assert_eq!(&found, &expected, "{:?}", engine);
            let cut = chunker.first_cut(data, from);
            prop_assert_eq!(cut, reference.first_cut(data, from), "{:?}", engine);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn data_that_comes_in_pieces_is_cut_alike(
        seed in any::<u64>(),
        step in 1usize..70_000,
    ) {
        let chunker = Chunker::new(&[4; 32]);
        let data = stream(&seed.to_string(), CHUNK_LEN_MAX);
        let expected = chunker.first_cut(&data, 0);
        let mut scanned = 0;
        loop {
            let len = data.len().min(scanned + step);
            match chunker.first_cut(&data[..len], scanned) {
                None => scanned = len,
                cut => {
                    prop_assert_eq!(cut, expected);
                    break;
                }
            }
        }
    }

    #[test]
    fn spans_together_hold_all_candidates(seed in any::<u64>(), split in 63usize..300_000) {
        let chunker = Chunker::new(&[5; 32]);
        let data = stream(&seed.to_string(), 300_000);
        let (mut whole, mut left, mut right) = (vec![], vec![], vec![]);
        chunker.candidates(&data, 0, &mut whole);
        chunker.candidates(&data[..split], 0, &mut left);
        chunker.candidates(&data[split - 63..], 63, &mut right);
        left.extend(right.iter().map(|p| p + split - 63));
        prop_assert_eq!(left, whole);
    }
}

#[test]
fn golden_vectors() {
    const VECTORS: &str = include_str!("../../../../spec/vectors/archive-v1/valid/chunker.json");
    let vectors: serde_json::Value = serde_json::from_str(VECTORS).unwrap();
    let bytes = |name: &str| hex::decode(vectors[name].as_str().unwrap()).unwrap();
    let key: [u8; 32] = bytes("chunker_key").try_into().unwrap();
    let tables = Tables::derive(&key);
    let row = |b: usize| tables.entering[b].map(u64::to_le_bytes).concat();
    assert_eq!(row(0), bytes("table_first_row"));
    assert_eq!(row(255), bytes("table_last_row"));
    assert_eq!(cipher_key(&key).to_vec(), bytes("cipher_key"));

    for content in vectors["contents"].as_array().unwrap() {
        let generator = &content["generator"];
        let number = |name: &str| usize::try_from(generator[name].as_u64().unwrap()).unwrap();
        let mut data = stream(generator["seed"].as_str().unwrap(), number("length"));
        for b in &mut data {
            *b = *b & u8::try_from(number("mask")).unwrap() | u8::try_from(number("or")).unwrap();
        }
        assert_eq!(
            content["content_blake3"],
            blake3::hash(&data).to_hex().as_str()
        );
        let expected: Vec<usize> = serde_json::from_value(content["cuts"].clone()).unwrap();
        for engine in Engine::available() {
            let chunker = Chunker::with_engine(&key, engine);
            assert_eq!(
                cut(&chunker, &data),
                expected,
                "{engine:?}: {}",
                content["name"]
            );
        }
    }
}
