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
        let opened = self.open_in_place(index, cell, last);
        match opened {
            Ok(text_len) => cell.truncate(text_len),
            Err(_) => cell.zeroize(),
        }
        opened.map(drop)
    }

    /// Decrypts `cell` in place and returns the length of the plaintext at its start.
    fn open_in_place(&self, index: u64, cell: &mut [u8], last: bool) -> Result<usize, OpenError> {
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
        let (text, tag) = cell.split_at_mut(text_len);
        let opened = self.cells.open(index, text, tag, last);
        opened.map_err(|_| OpenError::CellDamaged { index })?;
        Ok(text_len)
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
    // A plaintext is shorter than its sealed form, which is in memory; one cell's tag comes on top
    // while that cell is opened.
    let text_len = usize::try_from(text_len).map_err(|_| OpenError::Truncated)?;
    let mut plaintext = Vec::with_capacity(text_len + suite.tag_len());

    let stored_len = suite.cell_len() + suite.tag_len();
    let last = text_len / suite.cell_len();
    for (index, cell) in body.chunks(stored_len).enumerate() {
        let start = plaintext.len();
        plaintext.extend_from_slice(cell);
        match opener.open_in_place(index as u64, &mut plaintext[start..], index == last) {
            Ok(cell_text_len) => plaintext.truncate(start + cell_text_len),
            Err(error) => {
                plaintext.zeroize();
                return Err(error);
            }
        }
    }
    Ok(plaintext)
}
