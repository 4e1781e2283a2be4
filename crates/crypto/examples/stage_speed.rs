//! Measures chunking, hashing and sealing on one core, beside what limits them: a line for each stage with
//! its MB/s, the name of the limit and its MB/s, divided by tabs.
//!
//! `cargo xtask bench --stages` puts it into its table.
#![expect(clippy::print_stdout, reason = "a measurement is for reading")]

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use strongroom_crypto::chunker::Chunker;
use strongroom_crypto::keys::{ChunkKind, DedupKeys};
use strongroom_crypto::random::SystemRandom;
use strongroom_crypto::seal::{SealingKey, seal, sealed_len};
use strongroom_crypto::suite::Suite;

const LEN: usize = 16 << 20;
/// The mean length of a chunk.
const CHUNK_LEN: usize = 64 << 10;
const ROUNDS: u32 = 8;

/// Returns the best speed of several rounds, in MB/s.
#[expect(clippy::cast_precision_loss, reason = "a short length")]
fn speed(mut work: impl FnMut()) -> f64 {
    let seconds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    });
    LEN as f64 / 1e6 / seconds.fold(f64::MAX, f64::min)
}

fn main() {
    let mut data = vec![0; LEN];
    blake3::Hasher::new().finalize_xof().fill(&mut data);
    let mut copy = data.clone();
    let memcpy = speed(|| black_box(&mut copy).copy_from_slice(black_box(&data)));
    let blake3 = speed(|| {
        black_box(blake3::hash(black_box(&data)));
    });
    let chunker = Chunker::new(&[7; 32]);
    let chunking = speed(|| {
        let mut start = 0;
        while let Some(len) = chunker.first_cut(black_box(&data[start..]), 0) {
            start += len;
        }
    });
    row("chunk", chunking, "memcpy", memcpy);
    let keys = DedupKeys::random(&SystemRandom);
    let hashing = speed(|| {
        for chunk in data.chunks(CHUNK_LEN) {
            black_box(keys.chunk_id(ChunkKind::Data, black_box(chunk)));
        }
    });
    row("hash", hashing, "BLAKE3", blake3);
    for suite in Suite::ALL {
        let sealing = sealing(suite, &data);
        let limit = match suite {
            Suite::Aes128 => ("AES-128-GCM", gcm(&AES_128_GCM, &data)),
            Suite::Aes256 => ("AES-256-GCM", gcm(&AES_256_GCM, &data)),
            Suite::ChaCha20 | Suite::Blowfish448 => ("memcpy", memcpy),
        };
        row(&format!("seal ({suite})"), sealing, limit.0, limit.1);
    }
}

fn row(stage: &str, speed: f64, limit: &str, limit_speed: f64) {
    println!("{stage}\t{speed:.0}\t{limit}\t{limit_speed:.0}");
}

/// The speed of a suite, by the pack.
fn sealing(suite: Suite, data: &[u8]) -> f64 {
    let key = SealingKey::new(suite, &vec![7; suite.key_len()]).expect("the right length");
    let len = sealed_len(suite, data.len() as u64);
    let mut sealed = Vec::with_capacity(usize::try_from(len).expect("it fits in memory"));
    speed(|| {
        sealed.clear();
        seal(&key, &[1; 24], b"speed", black_box(data), &mut sealed);
    })
}

/// The speed of the cipher alone, all in one call.
fn gcm(algorithm: &'static aws_lc_rs::aead::Algorithm, data: &[u8]) -> f64 {
    let key = UnboundKey::new(algorithm, &vec![7; algorithm.key_len()]).expect("the right length");
    let key = LessSafeKey::new(key);
    let mut text = data.to_vec();
    speed(|| {
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), black_box(&mut text));
        let _tag = black_box(tag).expect("it is short enough");
    })
}
