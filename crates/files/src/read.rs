//! Reading the content of a file, and where it has holes.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::io::Errno;

use crate::error::{Action, Error, Result};
use crate::linux;
use crate::stat::Stat;

/// How many extents of one file are told apart; what follows counts as data.
pub const EXTENTS_MAX: usize = 1 << 20;

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Bytes to read.
    Data {
        /// Where the part begins.
        offset: u64,
        /// How many bytes it has; never 0.
        len: u64,
    },
    /// A hole, which reads as zeros and takes no storage.
    Hole {
        /// Where the part begins.
        offset: u64,
        /// How many bytes it has; never 0.
        len: u64,
    },
}

/// How a file read whole compares with the length it was said to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// It had that length.
    AsExpected,
    /// It ended before; the buffer has all of it.
    Shorter,
    /// It goes on; the buffer has only the expected length.
    Longer,
}

/// A regular file open for reading. It may be shared between threads.
#[derive(Debug)]
pub struct OpenFile {
    fd: OwnedFd,
    stat: Stat,
}

impl AsFd for OpenFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl OpenFile {
    pub(crate) fn new(fd: OwnedFd, stat: Stat) -> Self {
        Self { fd, stat }
    }

    /// Returns the state of the file when it was opened.
    pub fn stat_at_open(&self) -> &Stat {
        &self.stat
    }

    /// Asks for the state of the file now; compared with the state at opening, it tells whether the
    /// content that was read is of one piece.
    pub fn stat(&self) -> Result<Stat> {
        linux::stat(self.as_fd()).map_err(|errno| Error::new(Action::Stat, b"", errno))
    }

    /// Reads a file of `len` bytes whole into `buffer`, in one call where it has that length.
    pub fn read_all_small(&self, len: usize, buffer: &mut Vec<u8>) -> Result<Whole> {
        buffer.clear();
        // The byte more tells the end of the file without another call.
        buffer.reserve(len.saturating_add(1));
        loop {
            let offset = buffer.len() as u64;
            let count = retry(|| rustix::io::pread(&self.fd, spare_capacity(buffer), offset))?;
            if count == 0 || buffer.len() >= len {
                break;
            }
        }
        let whole = match buffer.len() {
            found if found == len => Whole::AsExpected,
            found if found < len => Whole::Shorter,
            _ => Whole::Longer,
        };
        buffer.truncate(len);
        Ok(whole)
    }

    /// Fills `buffer` from `offset` on and returns how many bytes there were: fewer than asked for only
    /// at the end of the file.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let at = offset.saturating_add(filled as u64);
            match retry(|| rustix::io::pread(&self.fd, &mut buffer[filled..], at))? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }

    /// Divides the first `size` bytes into data and holes, in order and without gaps.
    ///
    /// Where the file system cannot tell, all is data. Where the file is being cut short meanwhile, what
    /// was cut off counts as a hole; a later [`stat`](Self::stat) shows the change.
    pub fn extents(&self, size: u64) -> Result<Vec<Extent>> {
        let mut extents = Extents::default();
        let allocated = self.stat.blocks.saturating_mul(512);
        if size <= self.stat.size && self.stat.size <= allocated {
            extents.data_until(size);
            return Ok(extents.list);
        }
        match self.find_holes(size, &mut extents) {
            Ok(()) => {}
            Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS | Errno::NOTTY) => {
                extents.data_until(size);
            }
            Err(errno) => return Err(Error::new(Action::FindHoles, b"", errno)),
        }
        Ok(extents.list)
    }

    fn find_holes(&self, size: u64, extents: &mut Extents) -> rustix::io::Result<()> {
        while extents.end < size && extents.list.len() < EXTENTS_MAX {
            let Some(data) = linux::data_from(self.as_fd(), extents.end)? else {
                extents.hole_until(size);
                break;
            };
            extents.hole_until(data.min(size));
            if size <= data {
                break;
            }
            let hole = linux::hole_from(self.as_fd(), data)?.unwrap_or(size);
            if hole <= data {
                break;
            }
            extents.data_until(hole.min(size));
        }
        extents.data_until(size);
        Ok(())
    }
}

#[derive(Default)]
struct Extents {
    list: Vec<Extent>,
    end: u64,
}

impl Extents {
    fn data_until(&mut self, end: u64) {
        if self.end < end {
            self.list.push(Extent::Data {
                offset: self.end,
                len: end - self.end,
            });
            self.end = end;
        }
    }

    fn hole_until(&mut self, end: u64) {
        if self.end < end {
            self.list.push(Extent::Hole {
                offset: self.end,
                len: end - self.end,
            });
            self.end = end;
        }
    }
}

fn retry(mut read: impl FnMut() -> rustix::io::Result<usize>) -> Result<usize> {
    rustix::io::retry_on_intr(&mut read).map_err(|errno| Error::new(Action::Read, b"", errno))
}
