//! What the chunker derives from its key: the hash table, its outgoing twin and the cipher key.
//!
//! The hash is polynomial in x over GF(2^64), reduced by x^64 + x^4 + x^3 + x + 1; bit i of a `u64`
//! is the coefficient of x^i. A row holds one element for each of the two lanes.
//!
//! A row is loaded at an index that is a byte of the plaintext, never at one computed from the
//! state of the hash or the cipher.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes that a position's hash depends on: the position's own byte and the 63 before it.
pub(super) const WINDOW: usize = 64;

const TABLE_LABEL: &[u8] = b"strongroom archive-v1 chunker table";
const CIPHER_LABEL: &[u8] = b"strongroom archive-v1 chunker cipher";

/// One element of GF(2^64) for each lane.
pub(super) type Row = [u64; 2];

/// The low half of the reduction polynomial: x^64 = x^4 + x^3 + x + 1.
pub(super) const REDUCTION: u64 = 0x1b;

/// The tables of the rolling hash.
#[derive(Zeroize, ZeroizeOnDrop)]
#[repr(C, align(64))]
pub(super) struct Tables {
    /// `T[b]`, added when byte `b` enters the window.
    pub(super) entering: [Row; 256],
    /// `x^64 * T[b]`, added when byte `b` leaves the window.
    pub(super) leaving: [Row; 256],
}

impl Tables {
    /// Expands the tables from the chunker key.
    pub(super) fn derive(key: &[u8; 32]) -> Box<Self> {
        let mut bytes = Zeroizing::new([0; 16 * 256]);
        expand(key, TABLE_LABEL, bytes.as_mut_slice());
        let mut tables = Box::new(Self {
            entering: [[0; 2]; 256],
            leaving: [[0; 2]; 256],
        });
        let (lanes, _) = bytes.as_chunks::<8>();
        let (rows, _) = lanes.as_chunks::<2>();
        for (b, row) in rows.iter().enumerate() {
            let row = row.map(u64::from_le_bytes);
            tables.entering[b] = row;
            tables.leaving[b] = (0..WINDOW).fold(row, |row, _| times_x(row));
        }
        tables
    }
}

/// Expands the AES-128 key, which is independent of the tables.
pub(super) fn cipher_key(key: &[u8; 32]) -> Zeroizing<[u8; 16]> {
    let mut cipher_key = Zeroizing::new([0; 16]);
    expand(key, CIPHER_LABEL, cipher_key.as_mut_slice());
    cipher_key
}

/// Multiplies both lanes by x.
pub(super) fn times_x(row: Row) -> Row {
    row.map(|h| (h << 1) ^ (REDUCTION & 0u64.wrapping_sub(h >> 63)))
}

/// Adds two rows.
pub(super) fn add(a: Row, b: Row) -> Row {
    [a[0] ^ b[0], a[1] ^ b[1]]
}

fn expand(key: &[u8; 32], label: &[u8], out: &mut [u8]) {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(label);
    hasher.finalize_xof().fill(out);
}
