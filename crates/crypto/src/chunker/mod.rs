//! Cuts contents into chunks at boundaries that only the holder of the chunker key can predict.
//!
//! Normative description: `spec/archive-v1.md`, section "Chunking". The boundaries are part of the
//! format: an archive cut by two different rules stores everything twice.
//!
//! # Definition
//!
//! A window of 64 bytes `w_0` to `w_63`, the last being the newest, is hashed in two lanes:
//!
//! ```text
//! H_lane = sum over j of x^(63-j) * T_lane[w_j]     in GF(2^64), x^64 = x^4 + x^3 + x + 1
//! E      = AES-128_k(H_0 as 8 bytes little-endian || H_1 as 8 bytes little-endian)
//! v      = the first 4 bytes of E as a little-endian integer
//! ```
//!
//! A position, the index of a window's last byte, is a *candidate* when v < 87381, which is
//! floor(2^32 / 49152). A chunk ends after the first candidate that makes it at least
//! [`CHUNK_LEN_MIN`] bytes long, or at [`CHUNK_LEN_MAX`] bytes, or with the content. The expected
//! length is 16 KiB + 48 KiB = 64 KiB. The window always lies inside the chunk.
//!
//! `T` is 4096 bytes of BLAKE3 keyed with the chunker key over `strongroom archive-v1 chunker table`
//! (row b at 16 b: lane 0, then lane 1, little-endian), and k is the first 16 bytes over
//! `strongroom archive-v1 chunker cipher`.
//!
//! # Why so
//!
//! The storage sees sizes, and whoever can also choose or guess some content learns about the key
//! of a chunker from them. Every chunker that compares a keyed rolling hash with a mask (Gear,
//! Rabin, buzhash) gives its key away, because the comparison is linear in the key: "Breaking and
//! Fixing Content-Defined Chunking" (2025). Here the hash decides nothing by itself:
//!
//! - The hash only has to keep different windows apart. The difference of two windows' hashes is a
//!   sum of distinct random rows, each multiplied by a polynomial of degree below 64 that is not
//!   zero and therefore invertible; so one lane collides with probability 2^-64, and the two
//!   independent lanes with 2^-128, over the choice of the table.
//! - The decision is a pseudo-random function of the hash under an independent key. What the cuts
//!   show is one comparison of an AES output, from which neither the rows nor the hash follow.
//! - A rotation instead of the multiplication (buzhash) fails: x^64 = 1 makes the weights of
//!   different places sum to a zero divisor. A window of equal bytes, for one, would hash to T[b]
//!   times 1 + x + … + x^63, whose value has only the one bit of T[b]'s parity, so windows collide
//!   for half of the keys.
//!
//! Rows are loaded at indices that are bytes of plaintext, which the machine reads anyway, and the
//! cipher runs in instructions without tables, or in bit-sliced code.
//!
//! # Use
//!
//! Contents up to [`WHOLE_MAX`] bytes are one chunk and never come here; the caller sees to that.
//! A candidate depends on 64 bytes alone, so a caller with several threads may collect
//! [`Chunker::candidates`] over spans in parallel and select in order; [`Chunker::first_cut`] looks
//! at less, because it passes over the first 16 KiB of every chunk.

#[cfg(target_arch = "x86_64")]
mod platform;
mod scan;
mod table;
#[cfg(test)]
mod tests;

use scan::Portable;

/// Contents up to this length are one chunk, uncut.
///
/// Applied by the caller, who knows the length of the content; [`Chunker`] knows only windows.
pub const WHOLE_MAX: usize = 128 * 1024;

/// Length of the shortest chunk, except for the last of a content.
///
/// It bounds the number of chunks, and one byte in four need not be hashed.
pub const CHUNK_LEN_MIN: usize = 16 * 1024;

/// Length of the longest chunk.
///
/// A chunk of random content reaches it with probability (1 - 1/49152)^507904, about 1 in 31,000.
pub const CHUNK_LEN_MAX: usize = 512 * 1024;

/// How many bytes decide whether a position is a candidate.
pub const WINDOW_LEN: usize = table::WINDOW;

/// A position is a candidate when its value is below this: one position in 49152.
const THRESHOLD: u32 = 87_381;

/// Positions looked at before [`Chunker::first_cut`] asks whether there was a candidate.
const SPAN: usize = 4 * 1024;

const _: () = assert!(THRESHOLD as u64 == (1 << 32) / 49_152);
#[cfg(target_arch = "x86_64")]
const _: () = assert!(
    SPAN.is_multiple_of(platform::BLOCK),
    "a span is whole blocks"
);
const _: () = assert!(table::WINDOW <= CHUNK_LEN_MIN && CHUNK_LEN_MIN < CHUNK_LEN_MAX);

/// Finds the chunk boundaries that one chunker key defines.
///
/// Holds secrets: it is neither printable nor clonable, and wipes itself. Share it by `Arc`.
pub struct Chunker {
    portable: Portable,
    #[cfg(target_arch = "x86_64")]
    accelerated: Option<platform::Accelerated>,
}

/// How candidates are searched; the result is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Any machine.
    Portable,
    /// x86-64 with AES-NI: one block per instruction.
    AesNi,
    /// x86-64 with VAES and AVX2: two blocks per instruction.
    Vaes256,
    /// x86-64 with VAES and AVX-512: four blocks per instruction.
    Vaes512,
}

impl Engine {
    /// Returns the engines that this machine can run, the fastest last.
    pub fn available() -> impl Iterator<Item = Self> {
        [Self::Portable, Self::AesNi, Self::Vaes256, Self::Vaes512]
            .into_iter()
            .filter(|engine| engine.is_available())
    }

    #[cfg(target_arch = "x86_64")]
    fn is_available(self) -> bool {
        platform::has(self)
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn is_available(self) -> bool {
        self == Self::Portable
    }
}

impl Chunker {
    /// Derives the tables from the chunker key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self::with_engine(key, Engine::available().last().unwrap_or(Engine::Portable))
    }

    /// As [`Chunker::new`], with an engine other than the fastest; one that this machine cannot run
    /// becomes the portable one. For measurements and tests.
    pub fn with_engine(key: &[u8; 32], engine: Engine) -> Self {
        #[cfg(not(target_arch = "x86_64"))]
        let _ = engine;
        Self {
            portable: Portable::new(key),
            #[cfg(target_arch = "x86_64")]
            accelerated: platform::Accelerated::new(key, engine),
        }
    }

    /// Returns the length of the first chunk of `data`.
    ///
    /// `None` means that no cut lies within `data` and that `data` is shorter than
    /// [`CHUNK_LEN_MAX`]: more bytes are needed, or, at the end of the content, the rest is the
    /// last chunk. `scanned` is how many bytes of `data` an earlier call, for which it returned
    /// `None`, already covered; no position is looked at twice.
    pub fn first_cut(&self, data: &[u8], scanned: usize) -> Option<usize> {
        // The position that completes a chunk of the greatest length cuts without being asked.
        let end = data.len().min(CHUNK_LEN_MAX - 1);
        let mut found = Vec::new();
        let mut from = scanned.max(CHUNK_LEN_MIN - 1);
        while from < end {
            let to = end.min(from + SPAN);
            self.scan(data, from, to, &mut found);
            if let Some(p) = found.first() {
                return Some(p + 1);
            }
            from = to;
        }
        (CHUNK_LEN_MAX <= data.len()).then_some(CHUNK_LEN_MAX)
    }

    /// Appends to `out`, in order, the candidates among the positions `from..` of `data`.
    ///
    /// A position whose window begins before `data` is never one; a caller that cuts a content into
    /// spans lets each begin 63 bytes before its `from`.
    pub fn candidates(&self, data: &[u8], from: usize, out: &mut Vec<usize>) {
        self.scan(data, from, data.len(), out);
    }

    /// Appends the candidates among the positions `from..to` of `data` in order.
    fn scan(&self, data: &[u8], from: usize, to: usize, out: &mut Vec<usize>) {
        #[cfg(target_arch = "x86_64")]
        if let Some(accelerated) = &self.accelerated
            && platform::POSITION_MIN + platform::REST <= to
        {
            let begin = from.max(platform::POSITION_MIN);
            self.portable.scan(data, from, begin, out);
            accelerated.scan(data, begin, to, out);
            return;
        }
        self.portable.scan(data, from, to, out);
    }
}
