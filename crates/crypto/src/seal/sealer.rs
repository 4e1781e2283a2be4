//! Sealing a plaintext that comes piece by piece, so that it need not be held as well as what it is sealed to.

use super::{CELLS_MAX, SALT_LEN, SealingKey, cells::Cells};

/// Seals one plaintext, piece by piece. The result is that of [`seal`](super::seal) on all of it.
pub struct Sealer {
    cells: Cells,
    cell_len: usize,
    index: u64,
    /// What does not fill a cell yet.
    rest: Vec<u8>,
}

impl Sealer {
    /// Begins: appends what stands before the first cell to `out`. The salt must never repeat under one key.
    pub fn begin(
        key: &SealingKey,
        salt: &[u8; SALT_LEN],
        context: &[u8],
        out: &mut Vec<u8>,
    ) -> Self {
        let (cells, commitment) = Cells::derive(key, salt, context);
        out.extend_from_slice(salt);
        out.extend_from_slice(&commitment);
        Self {
            cells,
            cell_len: key.suite().cell_len(),
            index: 0,
            rest: Vec::new(),
        }
    }

    /// Takes the next piece of the plaintext, and appends the cells that it fills to `out`.
    ///
    /// # Panics
    ///
    /// Panics where the plaintext reaches 4 PiB, which no memory holds.
    pub fn append(&mut self, mut piece: &[u8], out: &mut Vec<u8>) {
        if !self.rest.is_empty() {
            let (front, behind) = piece.split_at(piece.len().min(self.cell_len - self.rest.len()));
            self.rest.extend_from_slice(front);
            if self.rest.len() < self.cell_len {
                return;
            }
            let full = std::mem::take(&mut self.rest);
            self.seal(&full, false, out);
            self.rest = full;
            self.rest.clear();
            piece = behind;
        }
        let cells = piece.chunks_exact(self.cell_len);
        let rest = cells.remainder();
        cells.for_each(|cell| self.seal(cell, false, out));
        self.rest.extend_from_slice(rest);
    }

    /// Ends: appends the last cell to `out`.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        let rest = std::mem::take(&mut self.rest);
        self.seal(&rest, true, out);
    }

    fn seal(&mut self, cell: &[u8], last: bool, out: &mut Vec<u8>) {
        assert!(self.index < CELLS_MAX, "a plaintext is shorter than 4 PiB");
        self.cells.seal(self.index, cell, last, out);
        self.index += 1;
    }
}
