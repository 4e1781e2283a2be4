//! Measures the compression of segments on one core, beside zstd alone: a line for each kind of data with
//! the stage, its MB/s, the name of the limit and its MB/s, divided by tabs.
//!
//! `cargo xtask bench --stages` puts it into its table.
#![expect(clippy::print_stdout, reason = "a measurement is for reading")]

use std::hint::black_box;
use std::time::Instant;

use strongroom_engine::backup::{Compressor, Stream};

/// The length of a full segment.
const LEN: usize = 4 << 20;
const ROUNDS: u32 = 8;
const LEVEL: i32 = 3;

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

/// Bytes that look like source code: words and numbers, in an order that does not repeat.
fn text() -> Vec<u8> {
    let words = [
        "static ",
        "int ",
        "return ",
        "if (",
        ") {\n\t",
        "struct ",
        "->",
        " = ",
        ";\n",
        "unsigned ",
        "long ",
        "device",
        "buffer",
        "_lock",
        "(&",
        ", ",
    ];
    let mut text = Vec::with_capacity(LEN + 64);
    let mut state = 1_u64;
    while text.len() < LEN {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let [high, low, number, ..] = state.to_be_bytes();
        text.extend_from_slice(words[usize::from(high % 16)].as_bytes());
        if low < 60 {
            text.extend_from_slice(format!("{low:x}{number:x}").as_bytes());
        }
    }
    text.truncate(LEN);
    text
}

fn main() {
    let mut noise = vec![0; LEN];
    for (at, byte) in (0_u64..).zip(&mut noise) {
        let mixed = at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        *byte = (mixed ^ mixed >> 29)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9)
            .to_be_bytes()[0];
    }
    for (name, data) in [("text", text()), ("noise", noise)] {
        let mut compressor = Compressor::default();
        let stage = speed(|| {
            let compressed = compressor.compress(Stream::Files, black_box(&data));
            black_box(compressed).expect("zstd works");
        });
        let mut alone = zstd::bulk::Compressor::new(LEVEL).expect("zstd works");
        let limit = speed(|| {
            black_box(alone.compress(black_box(&data))).expect("zstd works");
        });
        println!("compress ({name})\t{stage:.0}\tzstd -{LEVEL}\t{limit:.0}");
    }
}
