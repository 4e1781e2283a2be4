//! Random access to the plaintext of a sealed object or part of one.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_base::object::ObjectRef;
use strongroom_crypto::seal::Opener;
use strongroom_format::FormatError;
use strongroom_format::sealed::{CELLS_START, SealedHeader, plaintext_len};
use strongroom_replica::Replica;

use crate::error::ReadError;
use crate::replicas::Replicas;

/// A sealed object, or a sealed part of a record, that opens cell by cell.
pub(crate) struct Cells {
    pub(crate) object: ObjectRef,
    offset: u64,
    sealed_len: u64,
    plaintext_len: u64,
    opener: Opener,
    cell_len: u64,
    tag_len: u64,
}

impl Cells {
    /// Describes a sealed thing that starts at `offset` of `object`.
    pub(crate) fn new(
        object: ObjectRef,
        range: Range<u64>,
        header: &SealedHeader,
        opener: Opener,
    ) -> Result<Self, ReadError> {
        let sealed_len = range.end - range.start;
        let plaintext_len = plaintext_len(header.suite, sealed_len).ok_or(ReadError::Object {
            object,
            source: FormatError::malformed("sealed object")(strongroom_base::wire::invalid(
                "length",
            )),
        })?;
        Ok(Self {
            object,
            offset: range.start,
            sealed_len,
            plaintext_len,
            opener,
            cell_len: header.suite.cell_len() as u64,
            tag_len: header.suite.tag_len() as u64,
        })
    }

    /// Returns the length of the plaintext.
    pub(crate) fn plaintext_len(&self) -> u64 {
        self.plaintext_len
    }

    /// Reads a range of the plaintext.
    pub(crate) fn read(
        &self,
        replicas: &Replicas,
        range: Range<u64>,
    ) -> Result<Vec<u8>, ReadError> {
        replicas.ask(|replica| self.read_from(replica, &range))
    }

    fn read_from(&self, replica: &Replica, range: &Range<u64>) -> Result<Vec<u8>, ReadError> {
        let first = range.start / self.cell_len;
        let last = range.end.saturating_sub(1).max(range.start) / self.cell_len;
        let mut plaintext = self.open_cells(replica, first..last + 1)?;
        let skip = usize::try_from(range.start - first * self.cell_len).unwrap_or(usize::MAX);
        let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        if plaintext.len() < skip.saturating_add(len) {
            return Err(self.damaged(strongroom_crypto::seal::OpenError::Truncated));
        }
        plaintext.truncate(skip + len);
        plaintext.drain(..skip);
        Ok(plaintext)
    }

    fn open_cells(&self, replica: &Replica, cells: Range<u64>) -> Result<Vec<u8>, ReadError> {
        let range = self.place_of(&cells);
        let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(0);
        let sealed = Replicas::get_range(replica, &self.object, self.offset + range.start, len)?;
        self.open_sealed(cells.start, &sealed)
    }

    /// Returns where cells lie in what is sealed.
    fn place_of(&self, cells: &Range<u64>) -> Range<u64> {
        let stride = self.cell_len + self.tag_len;
        let end = (CELLS_START as u64 + cells.end * stride).min(self.sealed_len);
        CELLS_START as u64 + cells.start * stride..end
    }

    /// Opens the first cell, where the bytes of what is sealed begin with it all.
    pub(crate) fn open_first(&self, front: &[u8]) -> Result<Vec<u8>, ReadError> {
        let place = self.place_of(&(0..1));
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let cell = front.get(at(place.start)..at(place.end));
        let cell =
            cell.ok_or_else(|| self.damaged(strongroom_crypto::seal::OpenError::Truncated))?;
        self.open_sealed(0, cell)
    }

    fn open_sealed(&self, first: u64, sealed: &[u8]) -> Result<Vec<u8>, ReadError> {
        let mut plaintext = Vec::with_capacity(sealed.len());
        let last_cell = self.plaintext_len / self.cell_len;
        let stride = usize::try_from(self.cell_len + self.tag_len).unwrap_or(usize::MAX);
        for (number, cell) in (first..).zip(sealed.chunks(stride)) {
            self.opener
                .append_cell(number, cell, number == last_cell, &mut plaintext)
                .map_err(|source| self.damaged(source))?;
        }
        Ok(plaintext)
    }

    fn damaged(&self, source: strongroom_crypto::seal::OpenError) -> ReadError {
        let source = FormatError::Sealed {
            what: "the object",
            source,
        };
        ReadError::Object {
            object: self.object,
            source,
        }
    }
}

/// Keeps recently opened stretches of one sealed object.
pub(crate) struct CachedCells {
    pub(crate) cells: Cells,
    stretch: u64,
    kept: Mutex<HashMap<u64, Arc<Vec<u8>>>>,
    most: usize,
}

impl CachedCells {
    /// Reads `stretch` cells at a time, and keeps at most `most` of these stretches.
    pub(crate) fn new(cells: Cells, stretch: u64, most: usize) -> Self {
        let stretch = cells.cell_len * stretch;
        Self {
            cells,
            stretch,
            kept: Mutex::default(),
            most,
        }
    }

    /// Appends a range of the plaintext to `out`.
    pub(crate) fn append(
        &self,
        replicas: &Replicas,
        range: Range<u64>,
        out: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        let mut at = range.start;
        while at < range.end {
            let number = at / self.stretch;
            let cell = self.cell(replicas, number)?;
            let start = usize::try_from(at % self.stretch).unwrap_or(usize::MAX);
            let want = usize::try_from(range.end - at).unwrap_or(usize::MAX);
            let part = cell.get(start..).unwrap_or_default();
            let part = &part[..part.len().min(want)];
            if part.is_empty() {
                return Err(self
                    .cells
                    .damaged(strongroom_crypto::seal::OpenError::Truncated));
            }
            out.extend_from_slice(part);
            at += part.len() as u64;
        }
        Ok(())
    }

    fn cell(&self, replicas: &Replicas, number: u64) -> Result<Arc<Vec<u8>>, ReadError> {
        if let Some(cell) = self.kept().get(&number) {
            return Ok(cell.clone());
        }
        let end = ((number + 1) * self.stretch).min(self.cells.plaintext_len());
        let cell = Arc::new(self.cells.read(replicas, number * self.stretch..end)?);
        let mut kept = self.kept();
        if kept.len() >= self.most {
            kept.clear();
        }
        kept.insert(number, cell.clone());
        Ok(cell)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Vec<u8>>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
