//! The search for candidates with the vector and AES instructions of x86-64.
//!
//! Bit-identical to the portable engine, which also does what is too short for a block here.
#![expect(
    unsafe_code,
    reason = "the AES and vector intrinsics, and loads whose bounds are checked once per block"
)]
#![expect(
    clippy::inline_always,
    reason = "an intrinsic is an instruction only when all of the kernel is inlined into the \
              function that enables its feature"
)]

mod kernel;
mod vector;

use core::arch::x86_64::{
    _mm_aeskeygenassist_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_shuffle_epi32,
    _mm_slli_si128, _mm_unpackhi_epi64, _mm_xor_si128,
};

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Engine;
use super::table::{self, Row, Tables, WINDOW, add, times_x};
use vector::{Four, One, Two};

/// The first position that a block can begin at: its streams roll from the byte before a window.
pub(super) const POSITION_MIN: usize = WINDOW;

/// Positions of a block. A larger one spends less on the warm-up of its streams, and more beyond
/// the cut that is looked for; 4 KiB measured 2 % faster at cutting than 8.
pub(super) const BLOCK: usize = 4 * 1024;

/// Positions of the block used for what does not fill a [`BLOCK`].
pub(super) const REST: usize = 1024;

/// Registers rolled side by side: enough AES in flight to hide a round's latency. Measured.
const WIDE: usize = 4;

/// The same for the engine of one block per register.
const NARROW: usize = 8;

/// What the kernels read: tables with the first round key folded in, and the round keys.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Schedule {
    tables: Box<Tables>,
    rounds: [Row; 11],
}

/// The search with one set of instructions that this machine has.
pub(super) struct Accelerated {
    schedule: Schedule,
    engine: Engine,
}

/// Whether this machine has the instructions of `engine`.
pub(super) fn has(engine: Engine) -> bool {
    let aes = is_x86_feature_detected!("aes") && is_x86_feature_detected!("sse4.2");
    let vaes = aes && is_x86_feature_detected!("vaes") && is_x86_feature_detected!("avx2");
    match engine {
        Engine::Portable => true,
        Engine::AesNi => aes,
        Engine::Vaes256 => vaes,
        Engine::Vaes512 => vaes && is_x86_feature_detected!("avx512f"),
    }
}

impl Accelerated {
    /// Derives the tables from the chunker key; `None` for the portable engine and for one whose
    /// instructions this machine lacks.
    pub(super) fn new(key: &[u8; 32], engine: Engine) -> Option<Self> {
        if engine == Engine::Portable || !has(engine) {
            return None;
        }
        // SAFETY: every accelerated engine has `aes`, as just checked.
        let rounds = unsafe { round_keys(&table::cipher_key(key)) };
        let mut tables = Tables::derive(key);
        let folded = add(times_x(rounds[0]), rounds[0]);
        for row in &mut tables.entering {
            *row = add(*row, folded);
        }
        let schedule = Schedule { tables, rounds };
        Some(Self { schedule, engine })
    }

    /// Appends the candidates among the positions `from..to` of `data` in order.
    ///
    /// The positions begin at [`POSITION_MIN`] or later, and there are [`REST`] from there to `to`.
    pub(super) fn scan(&self, data: &[u8], mut from: usize, to: usize, out: &mut Vec<usize>) {
        while from < to {
            let known = out.len();
            let end = if to - from < BLOCK {
                // The last one begins early enough to end with `to`.
                let begin = from.min(to - REST);
                self.search_rest(data, begin, out);
                begin + REST
            } else {
                self.search_block(data, from, out);
                from + BLOCK
            };
            if known < out.len() {
                out[known..].sort_unstable();
                let again = out[known..].iter().take_while(|p| **p < from).count();
                out.drain(known..known + again);
            }
            from = end;
        }
    }

    fn search_block(&self, data: &[u8], from: usize, out: &mut Vec<usize>) {
        assert!(WINDOW <= from && from + BLOCK <= data.len());
        // SAFETY: `new` checked the features of the engine, and the line above the bounds of the
        // block, which each kernel divides among its streams.
        unsafe {
            match self.engine {
                Engine::Portable => unreachable!("`new` makes none for the portable engine"),
                Engine::AesNi => one::<{ BLOCK / NARROW }>(&self.schedule, data, from, out),
                Engine::Vaes256 => two::<{ BLOCK / WIDE / 2 }>(&self.schedule, data, from, out),
                Engine::Vaes512 => four::<{ BLOCK / WIDE / 4 }>(&self.schedule, data, from, out),
            }
        }
    }

    fn search_rest(&self, data: &[u8], from: usize, out: &mut Vec<usize>) {
        assert!(WINDOW <= from && from + REST <= data.len());
        // SAFETY: as in `search_block`.
        unsafe {
            match self.engine {
                Engine::Portable => unreachable!("`new` makes none for the portable engine"),
                Engine::AesNi => one::<{ REST / NARROW }>(&self.schedule, data, from, out),
                Engine::Vaes256 => two::<{ REST / WIDE / 2 }>(&self.schedule, data, from, out),
                Engine::Vaes512 => four::<{ REST / WIDE / 4 }>(&self.schedule, data, from, out),
            }
        }
    }
}

#[target_feature(enable = "aes,sse4.2")]
unsafe fn one<const LEN: usize>(s: &Schedule, data: &[u8], from: usize, out: &mut Vec<usize>) {
    // SAFETY: the features are this function's; the bounds are its caller's promise.
    unsafe { kernel::search::<One, NARROW, LEN>(s, data, from, out) }
}

#[target_feature(enable = "aes,vaes,avx2")]
unsafe fn two<const LEN: usize>(s: &Schedule, data: &[u8], from: usize, out: &mut Vec<usize>) {
    // SAFETY: as in `one`.
    unsafe { kernel::search::<Two, WIDE, LEN>(s, data, from, out) }
}

#[target_feature(enable = "aes,vaes,avx512f")]
unsafe fn four<const LEN: usize>(s: &Schedule, data: &[u8], from: usize, out: &mut Vec<usize>) {
    // SAFETY: as in `one`.
    unsafe { kernel::search::<Four, WIDE, LEN>(s, data, from, out) }
}

/// Expands the round keys of AES-128.
#[target_feature(enable = "aes,sse2")]
fn round_keys(key: &[u8; 16]) -> [Row; 11] {
    let mut keys = [[0; 2]; 11];
    let (halves, _) = key.as_chunks::<8>();
    keys[0] = [u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1])];
    keys[1] = next_key::<0x01>(keys[0]);
    keys[2] = next_key::<0x02>(keys[1]);
    keys[3] = next_key::<0x04>(keys[2]);
    keys[4] = next_key::<0x08>(keys[3]);
    keys[5] = next_key::<0x10>(keys[4]);
    keys[6] = next_key::<0x20>(keys[5]);
    keys[7] = next_key::<0x40>(keys[6]);
    keys[8] = next_key::<0x80>(keys[7]);
    keys[9] = next_key::<0x1b>(keys[8]);
    keys[10] = next_key::<0x36>(keys[9]);
    keys
}

#[target_feature(enable = "aes,sse2")]
fn next_key<const CONSTANT: i32>(key: Row) -> Row {
    let key = _mm_set_epi64x(key[1].cast_signed(), key[0].cast_signed());
    let word = _mm_shuffle_epi32::<0xff>(_mm_aeskeygenassist_si128::<CONSTANT>(key));
    // Word i of the next key is the sum of words 0 ..= i of this one and the transformed word.
    let sums = _mm_xor_si128(key, _mm_slli_si128::<4>(key));
    let sums = _mm_xor_si128(sums, _mm_slli_si128::<8>(sums));
    let next = _mm_xor_si128(sums, word);
    let high = _mm_unpackhi_epi64(next, next);
    [_mm_cvtsi128_si64(next), _mm_cvtsi128_si64(high)].map(i64::cast_unsigned)
}
