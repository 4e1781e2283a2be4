//! The portable search for candidates: one rolling hash, AES in batches, no assumption about the
//! machine. It is the definition in code; every other engine is held against it.

use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};

use super::table::{Row, Tables, WINDOW, add, times_x};
use super::{THRESHOLD, table};

/// Digests enciphered at a time.
const BATCH: usize = 64;

/// Tables and cipher of one chunker key.
pub(super) struct Portable {
    tables: Box<Tables>,
    cipher: Aes128,
}

impl Portable {
    /// Derives tables and cipher from the chunker key.
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let cipher_key = table::cipher_key(key);
        Self {
            tables: Tables::derive(key),
            cipher: Aes128::new(&Array::from(*cipher_key)),
        }
    }

    /// Appends the candidates among the positions `from..to` of `data` in order.
    ///
    /// Positions whose window does not lie inside `data`, and positions outside it, are passed over.
    pub(super) fn scan(&self, data: &[u8], from: usize, to: usize, out: &mut Vec<usize>) {
        let from = from.max(WINDOW - 1);
        let to = to.min(data.len());
        if to <= from {
            return;
        }
        // The 63 bytes before `from`; the byte at `from` completes the first window.
        let mut hash = data[from + 1 - WINDOW..from]
            .iter()
            .fold([0; 2], |hash, &b| self.enter(hash, b));
        for start in (from..to).step_by(BATCH) {
            let end = to.min(start + BATCH);
            let mut blocks = [Array::from([0; 16]); BATCH];
            let blocks = &mut blocks[..end - start];
            for (block, p) in blocks.iter_mut().zip(start..) {
                hash = self.enter(hash, data[p]);
                if p != from {
                    hash = add(hash, self.tables.leaving[usize::from(data[p - WINDOW])]);
                }
                block[..8].copy_from_slice(&hash[0].to_le_bytes());
                block[8..].copy_from_slice(&hash[1].to_le_bytes());
            }
            self.cipher.encrypt_blocks(blocks);
            let hit = |block: &[u8]| {
                u32::from_le_bytes([block[0], block[1], block[2], block[3]]) < THRESHOLD
            };
            out.extend(
                (start..)
                    .zip(blocks.iter())
                    .filter(|(_, block)| hit(block.as_slice()))
                    .map(|(p, _)| p),
            );
        }
    }

    fn enter(&self, hash: Row, b: u8) -> Row {
        add(times_x(hash), self.tables.entering[usize::from(b)])
    }
}
