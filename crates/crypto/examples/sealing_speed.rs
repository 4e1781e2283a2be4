//! Prints how fast each suite seals and opens 16 MiB, and what one password guess costs.
//!
//! `cargo run --release -p strongroom-crypto --example sealing_speed`
#![expect(clippy::print_stdout, reason = "a measurement is for reading")]

use std::{hint::black_box, time::Instant};

use strongroom_crypto::{
    hash::hash,
    password::{PasswordParams, stretch},
    seal::{SealingKey, open, seal, sealed_len},
    suite::Suite,
};

const TEXT_LEN: usize = 16 << 20;
const ROUNDS: u32 = 8;

/// Returns the best speed of several rounds, in MB/s.
fn speed(mut work: impl FnMut()) -> f64 {
    let seconds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    });
    16.0 * 1.048_576 / seconds.fold(f64::MAX, f64::min)
}

fn main() {
    let text = vec![0x5a; TEXT_LEN];
    for suite in Suite::ALL {
        let key = SealingKey::new(suite, &vec![7; suite.key_len()]).expect("the right length");
        let len = sealed_len(suite, TEXT_LEN as u64);
        let mut sealed = Vec::with_capacity(usize::try_from(len).expect("it fits in memory"));
        let sealing = speed(|| {
            sealed.clear();
            seal(&key, &[1; 24], b"speed", black_box(&text), &mut sealed);
        });
        let opening = speed(|| {
            black_box(open(&key, b"speed", black_box(&sealed))).expect("it opens");
        });
        println!("{suite:<12}  seal {sealing:>6.0} MB/s   open {opening:>6.0} MB/s");
    }
    let hashing = speed(|| {
        black_box(hash(black_box(&text)));
    });
    println!("blake3        hash {hashing:>6.0} MB/s");
    for params in [PasswordParams::FLOOR, PasswordParams::DEFAULT] {
        let start = Instant::now();
        stretch(b"password", &[1; 16], &params).expect("within the limits");
        println!("{params:?}  {:.2} s", start.elapsed().as_secs_f64());
    }
}
