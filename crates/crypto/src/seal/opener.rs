//! Opening: a whole sealed object, or any of its cells alone.

use zeroize::Zeroize;

use super::{
    CELLS_MAX, COMMITMENT_LEN, OpenError, PREFIX_LEN, SALT_LEN, SealingKey, cells::Cells,
    plaintext_len,
};
use crate::{hash::same, suite::Suite};

/// Opens the cells of one sealed object in any order and from any thread.
pub struct Opener {
    suite: Suite,
    cells: Cells,
}

impl Opener {
    /// Prepares to open the object that starts with `prefix`, if key and context are those it was
    /// sealed with.
    pub fn new(
        key: &SealingKey,
        context: &[u8],
        prefix: &[u8; PREFIX_LEN],
    ) -> Result<Self, OpenError> {
        let mut salt = [0; SALT_LEN];
        salt.copy_from_slice(&prefix[..SALT_LEN]);
        let (cells, commitment): (_, [u8; COMMITMENT_LEN]) = Cells::derive(key, &salt, context);
        if !same(&commitment, &prefix[SALT_LEN..]) {
            return Err(OpenError::WrongKeyOrContext);
        }
        let suite = key.suite();
        Ok(Self { suite, cells })
    }

    /// Returns the suite that the object is sealed with.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Turns `cell`, the bytes of the cell number `index` with its tag, into its plaintext.
    ///
    /// The length of an object is authenticated by its last cell alone: who needs the length opens
    /// that cell too. After an error `cell` is empty.
    pub fn open_cell(&self, index: u64, cell: &mut Vec<u8>, last: bool) -> Result<(), OpenError> {
        let mut plaintext = Vec::new();
        let opened = self.append_cell(index, cell, last, &mut plaintext);
        *cell = plaintext;
        opened
    }

    /// Appends the plaintext of `cell` to `out`, which is as it was after an error; otherwise like
    /// [`open_cell`](Self::open_cell).
    pub fn append_cell(
        &self,
        index: u64,
        cell: &[u8],
        last: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        let full_len = self.suite.cell_len();
        let text_len = cell.len().checked_sub(self.suite.tag_len());
        let fits = |len: &usize| {
            if last {
                *len < full_len
            } else {
                *len == full_len
            }
        };
        let text_len = text_len.filter(fits).ok_or(OpenError::Truncated)?;
        if index >= CELLS_MAX {
            return Err(OpenError::Truncated);
        }
        let opened = self.cells.open(index, cell.split_at(text_len), last, out);
        opened.map_err(|_| OpenError::CellDamaged { index })
    }
}

/// Opens a whole sealed object.
pub fn open(key: &SealingKey, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (prefix, body) = sealed
        .split_first_chunk::<PREFIX_LEN>()
        .ok_or(OpenError::Truncated)?;
    let opener = Opener::new(key, context, prefix)?;
    let suite = key.suite();
    let text_len = plaintext_len(suite, sealed.len() as u64).ok_or(OpenError::Truncated)?;
    // A plaintext is shorter than its sealed form, which is in memory.
    let text_len = usize::try_from(text_len).map_err(|_| OpenError::Truncated)?;
    let mut plaintext = Vec::with_capacity(text_len);

    let last = text_len / suite.cell_len();
    for (index, cell) in body.chunks(suite.cell_len() + suite.tag_len()).enumerate() {
        let answer = opener.append_cell(index as u64, cell, index == last, &mut plaintext);
        if let Err(error) = answer {
            plaintext.zeroize();
            return Err(error);
        }
    }
    Ok(plaintext)
}
