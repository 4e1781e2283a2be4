//! Measures the chunker on one core: every engine of this machine, on random bytes and on text.
#![expect(clippy::print_stdout, reason = "a program that prints a table")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use strongroom_crypto::chunker::{Chunker, Engine};

const LEN: usize = 256 << 20;
const RUNS: usize = 5;

fn main() {
    let mut random = vec![0; LEN];
    blake3::Hasher::new().finalize_xof().fill(&mut random);
    let words = [
        "strong ", "room ", "the ", "of ", "chunk\n", "and ", "a ", "key. ",
    ];
    let mut text: Vec<u8> = Vec::with_capacity(LEN + 8);
    for b in random.iter().cycle() {
        text.extend_from_slice(words[usize::from(b % 8)].as_bytes());
        if LEN <= text.len() {
            break;
        }
    }
    text.truncate(LEN);

    println!("engine     content   cut MB/s   candidates MB/s   chunks");
    for engine in Engine::available() {
        let chunker = Chunker::with_engine(&[7; 32], engine);
        for (name, data) in [("random", &random), ("text", &text)] {
            let mut chunks = 0;
            let cut = best(|| chunks = cut_all(&chunker, data));
            let mut found = Vec::with_capacity(LEN / 32_768);
            let all = best(|| {
                found.clear();
                chunker.candidates(black_box(data), 0, &mut found);
            });
            let engine = format!("{engine:?}");
            println!("{engine:<10} {name:<8} {cut:>9.0} {all:>17.0} {chunks:>8}");
        }
    }
}

fn cut_all(chunker: &Chunker, data: &[u8]) -> usize {
    let (mut start, mut chunks) = (0, 1);
    while let Some(len) = chunker.first_cut(black_box(&data[start..]), 0) {
        start += len;
        chunks += 1;
    }
    chunks
}

/// The speed of the best run, in MB/s.
fn best(mut run: impl FnMut()) -> f64 {
    let mut least = Duration::MAX;
    for _ in 0..RUNS {
        let begin = Instant::now();
        run();
        least = least.min(begin.elapsed());
    }
    256.0 * 1.048_576 / least.as_secs_f64()
}
