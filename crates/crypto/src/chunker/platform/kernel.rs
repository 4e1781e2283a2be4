//! The search of one block of positions, generic over the register and compiled once per engine.
//!
//! A block is divided into as many streams of `LEN` consecutive positions as the registers hold
//! blocks. All streams roll side by side, which hides the latency of the roll and of AES: a
//! position depends on its 64 bytes only, so a stream needs nothing but 64 bytes of warm-up.
//!
//! The state kept is `H + k_0`: the key of AES's first addition is folded into the rows that enter,
//! `T[b] + (x + 1) k_0`, so that a state is at once the input of the first round.

use core::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_xor_si128};

use super::super::table::{Row, WINDOW};
use super::Schedule;
use super::vector::Vector;

/// Appends to `out`, by stream and not in order, the candidates among the positions from `from` on:
/// `GROUPS` registers of `V::BLOCKS` streams of `LEN` positions.
///
/// # Safety
///
/// The processor has the features `V` names, and `data` holds the bytes
/// `from - 64 .. from + GROUPS * V::BLOCKS * LEN`.
#[inline(always)]
pub(super) unsafe fn search<V: Vector, const GROUPS: usize, const LEN: usize>(
    schedule: &Schedule,
    data: &[u8],
    from: usize,
    out: &mut Vec<usize>,
) {
    // SAFETY: the processor's features and the bounds of `data` are the caller's promise; a row is
    // loaded at a byte's index from an array of 256, and `Row` is 16 bytes without padding.
    unsafe {
        let rounds = schedule.rounds.each_ref().map(|key| V::splat(load(key)));
        let entering = &schedule.tables.entering;
        let leaving = &schedule.tables.leaving;
        let first = data.as_ptr().add(from);
        let mut state = [rounds[0]; GROUPS];
        for t in 0..WINDOW {
            let old = first.sub(WINDOW).add(t);
            for (g, state) in state.iter_mut().enumerate() {
                let row = |i| load_at(entering, old.add((g * V::BLOCKS + i) * LEN));
                *state = state.roll(V::pack(row));
            }
        }
        for t in 0..LEN {
            let new = first.add(t);
            for (g, state) in state.iter_mut().enumerate() {
                let rows = |i| {
                    let new = new.add((g * V::BLOCKS + i) * LEN);
                    _mm_xor_si128(load_at(entering, new), load_at(leaving, new.sub(WINDOW)))
                };
                *state = state.roll(V::pack(rows));
            }
            let mut block = state;
            for key in &rounds[1..10] {
                for block in &mut block {
                    *block = block.round(*key);
                }
            }
            for block in &mut block {
                *block = block.last_round(rounds[10]);
            }
            let mut least = block[0];
            for block in &block[1..] {
                least = least.min(*block);
            }
            if least.any_below() {
                let mut below = [0; GROUPS];
                for (below, block) in below.iter_mut().zip(&block) {
                    *below = block.below();
                }
                report(&below, V::BLOCKS, LEN, from + t, out);
            }
        }
    }
}

/// Appends the candidates of one step: bit i of `below[g]` stands for stream `g * blocks + i`.
#[cold]
#[inline(never)]
fn report(below: &[u32], blocks: usize, len: usize, first: usize, out: &mut Vec<usize>) {
    for (g, below) in below.iter().enumerate() {
        let streams = (0..blocks).filter(|i| below >> i & 1 == 1);
        out.extend(streams.map(|i| first + (g * blocks + i) * len));
    }
}

/// Loads a row as a block.
#[inline(always)]
fn load(row: &Row) -> __m128i {
    // SAFETY: a row is 16 readable bytes; the load needs no alignment. SSE2 is part of x86-64.
    unsafe { _mm_loadu_si128(core::ptr::from_ref(row).cast()) }
}

/// The row of the byte at `at`.
#[inline(always)]
unsafe fn load_at(rows: &[Row; 256], at: *const u8) -> __m128i {
    // SAFETY: the caller promises a readable byte. It indexes an array of 256.
    load(&rows[usize::from(unsafe { *at })])
}
