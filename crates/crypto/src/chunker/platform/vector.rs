//! The vector registers the kernel runs in: one to four 128-bit blocks side by side.
//!
//! The methods are only meaningful inside a function that enables the features of their type; they
//! are inlined into it.

#![allow(
    clippy::wildcard_imports,
    reason = "fifty intrinsics, whose prefix tells what they are"
)]

use core::arch::x86_64::*;

use super::super::THRESHOLD;
use super::super::table::REDUCTION;

/// The threshold and the reduction as the intrinsics want them.
const LAST_BELOW: i32 = (THRESHOLD - 1).cast_signed();
const REDUCTION_LOW: i64 = REDUCTION.cast_signed();

/// Blocks of two 64-bit lanes in one register.
///
/// # Safety
///
/// Every method may be called only where the processor has the features that the implementing type
/// names.
pub(super) trait Vector: Copy {
    /// How many blocks the register holds.
    const BLOCKS: usize;

    /// The same block everywhere.
    unsafe fn splat(block: __m128i) -> Self;
    /// Block i from `block(i)`.
    unsafe fn pack(block: impl Fn(usize) -> __m128i) -> Self;
    /// Multiplies every lane by x and adds `rows`.
    unsafe fn roll(self, rows: Self) -> Self;
    /// One round of AES encryption.
    unsafe fn round(self, key: Self) -> Self;
    /// The last round of AES encryption.
    unsafe fn last_round(self, key: Self) -> Self;
    /// The smaller of the two for every 32-bit word.
    unsafe fn min(self, other: Self) -> Self;
    /// Whether the first 32-bit word of any block is below the threshold.
    unsafe fn any_below(self) -> bool;
    /// Bit i is set when the first 32-bit word of block i is below the threshold.
    unsafe fn below(self) -> u32;
}

/// One block: `aes`, `sse4.2`.
#[derive(Clone, Copy)]
pub(super) struct One(__m128i);

/// Two blocks: `vaes`, `avx2`.
#[derive(Clone, Copy)]
pub(super) struct Two(__m256i);

/// Four blocks: `vaes`, `avx512f`.
#[derive(Clone, Copy)]
pub(super) struct Four(__m512i);

// SAFETY (of the three implementations): the intrinsics need nothing but their processor features,
// which the trait's contract asks of the caller.
impl Vector for One {
    const BLOCKS: usize = 1;

    #[inline(always)]
    unsafe fn splat(block: __m128i) -> Self {
        Self(block)
    }

    #[inline(always)]
    unsafe fn pack(block: impl Fn(usize) -> __m128i) -> Self {
        Self(block(0))
    }

    #[inline(always)]
    unsafe fn roll(self, rows: Self) -> Self {
        unsafe {
            let over = _mm_cmpgt_epi64(_mm_setzero_si128(), self.0);
            let folded = _mm_and_si128(over, _mm_set1_epi64x(REDUCTION_LOW));
            let shifted = _mm_add_epi64(self.0, self.0);
            Self(_mm_xor_si128(shifted, _mm_xor_si128(folded, rows.0)))
        }
    }

    #[inline(always)]
    unsafe fn round(self, key: Self) -> Self {
        unsafe { Self(_mm_aesenc_si128(self.0, key.0)) }
    }

    #[inline(always)]
    unsafe fn last_round(self, key: Self) -> Self {
        unsafe { Self(_mm_aesenclast_si128(self.0, key.0)) }
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        unsafe { Self(_mm_min_epu32(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn any_below(self) -> bool {
        unsafe { self.below() != 0 }
    }

    #[inline(always)]
    unsafe fn below(self) -> u32 {
        unsafe {
            let least = _mm_min_epu32(self.0, _mm_set1_epi32(LAST_BELOW));
            let below = _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(least, self.0)));
            below.cast_unsigned() & 1
        }
    }
}

impl Vector for Two {
    const BLOCKS: usize = 2;

    #[inline(always)]
    unsafe fn splat(block: __m128i) -> Self {
        unsafe { Self(_mm256_broadcastsi128_si256(block)) }
    }

    #[inline(always)]
    unsafe fn pack(block: impl Fn(usize) -> __m128i) -> Self {
        unsafe {
            Self(_mm256_inserti128_si256::<1>(
                _mm256_castsi128_si256(block(0)),
                block(1),
            ))
        }
    }

    #[inline(always)]
    unsafe fn roll(self, rows: Self) -> Self {
        unsafe {
            let over = _mm256_cmpgt_epi64(_mm256_setzero_si256(), self.0);
            let folded = _mm256_and_si256(over, _mm256_set1_epi64x(REDUCTION_LOW));
            let shifted = _mm256_add_epi64(self.0, self.0);
            Self(_mm256_xor_si256(shifted, _mm256_xor_si256(folded, rows.0)))
        }
    }

    #[inline(always)]
    unsafe fn round(self, key: Self) -> Self {
        unsafe { Self(_mm256_aesenc_epi128(self.0, key.0)) }
    }

    #[inline(always)]
    unsafe fn last_round(self, key: Self) -> Self {
        unsafe { Self(_mm256_aesenclast_epi128(self.0, key.0)) }
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        unsafe { Self(_mm256_min_epu32(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn any_below(self) -> bool {
        unsafe {
            let least = _mm256_min_epu32(self.0, _mm256_set1_epi32(LAST_BELOW));
            let below = _mm256_movemask_epi8(_mm256_cmpeq_epi32(least, self.0));
            below & 0x1_0001 != 0
        }
    }

    #[inline(always)]
    unsafe fn below(self) -> u32 {
        unsafe {
            let least = _mm256_min_epu32(self.0, _mm256_set1_epi32(LAST_BELOW));
            let below = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(least, self.0)));
            let below = below.cast_unsigned();
            below & 1 | below >> 3 & 2
        }
    }
}

impl Vector for Four {
    const BLOCKS: usize = 4;

    #[inline(always)]
    unsafe fn splat(block: __m128i) -> Self {
        unsafe { Self(_mm512_broadcast_i32x4(block)) }
    }

    #[inline(always)]
    unsafe fn pack(block: impl Fn(usize) -> __m128i) -> Self {
        unsafe {
            let low = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(block(0)), block(1));
            let high = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(block(2)), block(3));
            Self(_mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high))
        }
    }

    #[inline(always)]
    unsafe fn roll(self, rows: Self) -> Self {
        /// a ^ (b & c), by truth table.
        const ADD_MASKED: i32 = 0x78;
        unsafe {
            let over = _mm512_srai_epi64::<63>(self.0);
            let shifted = _mm512_xor_si512(_mm512_add_epi64(self.0, self.0), rows.0);
            let reduction = _mm512_set1_epi64(REDUCTION_LOW);
            Self(_mm512_ternarylogic_epi64::<ADD_MASKED>(
                shifted, over, reduction,
            ))
        }
    }

    #[inline(always)]
    unsafe fn round(self, key: Self) -> Self {
        unsafe { Self(_mm512_aesenc_epi128(self.0, key.0)) }
    }

    #[inline(always)]
    unsafe fn last_round(self, key: Self) -> Self {
        unsafe { Self(_mm512_aesenclast_epi128(self.0, key.0)) }
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        unsafe { Self(_mm512_min_epu32(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn any_below(self) -> bool {
        unsafe {
            let last = _mm512_set1_epi32(LAST_BELOW);
            _mm512_mask_cmple_epu32_mask(0x1111, self.0, last) != 0
        }
    }

    #[inline(always)]
    unsafe fn below(self) -> u32 {
        unsafe {
            let below = _mm512_cmple_epu32_mask(self.0, _mm512_set1_epi32(LAST_BELOW));
            let below = u32::from(below);
            below & 1 | below >> 3 & 2 | below >> 6 & 4 | below >> 9 & 8
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Engine, has};
    use super::*;

    /// Random contents hardly ever meet the threshold's edge.
    #[test]
    fn a_value_at_the_threshold_is_not_below() {
        let values = [0, THRESHOLD - 1, THRESHOLD, 1 << 31, u32::MAX];
        for (value, below) in values.into_iter().zip([true, true, false, false, false]) {
            let all = |blocks: u32| if below { (1 << blocks) - 1 } else { 0 };
            let value = value.cast_signed();
            // SAFETY: the processor has the features of the engine asked about.
            unsafe {
                if has(Engine::AesNi) {
                    let block = One(_mm_set1_epi32(value));
                    assert_eq!((block.below(), block.any_below()), (all(1), below));
                }
                if has(Engine::Vaes256) {
                    let block = Two(_mm256_set1_epi32(value));
                    assert_eq!((block.below(), block.any_below()), (all(2), below));
                }
                if has(Engine::Vaes512) {
                    let block = Four(_mm512_set1_epi32(value));
                    assert_eq!((block.below(), block.any_below()), (all(4), below));
                }
            }
        }
    }
}
