//! What is known of a directory.
//!
//! A directory has one small row, which is enough where nothing changed, and pages with its entries,
//! which are read only where something did.

use std::collections::BTreeSet;

use strongroom_base::clock::Timestamp;
use strongroom_base::wire::{Put, Reader, WireError, invalid};
use strongroom_format::tree::{ChunkWriter, Entries, Entry};

/// Most entries of a page.
pub const PAGE_ENTRIES: usize = 1_024;
/// Longest page in bytes, decompressed: entries with an inline content and long names.
const PAGE_LEN_MAX: usize = 64 << 20;

/// Sums over the entries of one directory that are not directories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Regular files.
    pub files: u64,
    /// Symbolic links, FIFOs and devices.
    pub others: u64,
    /// Bytes of regular files.
    pub bytes: u64,
    /// Entries that could not be read, directories among them.
    pub failed: u64,
}

/// Sums over a directory and everything below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Directories, itself among them.
    pub directories: u64,
    /// What is in all of them.
    pub totals: Totals,
}

impl Sums {
    /// Adds other sums.
    pub fn add(&mut self, other: &Self) {
        self.directories += other.directories;
        self.totals.add(&other.totals);
    }

    /// Takes other sums away, as far as they go.
    pub fn take(&mut self, other: &Self) {
        self.directories = self.directories.saturating_sub(other.directories);
        let (mine, others) = (&mut self.totals, &other.totals);
        mine.files = mine.files.saturating_sub(others.files);
        mine.others = mine.others.saturating_sub(others.others);
        mine.bytes = mine.bytes.saturating_sub(others.bytes);
        mine.failed = mine.failed.saturating_sub(others.failed);
    }
}

impl Totals {
    /// Adds other sums.
    pub fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.others += other.others;
        self.bytes += other.bytes;
        self.failed += other.failed;
    }

    fn put(&self, out: &mut Vec<u8>) {
        for total in [self.files, self.others, self.bytes, self.failed] {
            out.put_varint(u128::from(total));
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut total = |field| reader.varint_u64(u64::MAX, field);
        Ok(Self {
            files: total("files")?,
            others: total("others")?,
            bytes: total("bytes")?,
            failed: total("failed")?,
        })
    }
}

/// What the last snapshot saw of a directory as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryRow {
    /// The device it lies on.
    pub dev: u64,
    /// Its own number, time of change and length.
    pub local: Local,
    /// A hash over the names and states of its entries; `None` where they must be compared one by one.
    pub fingerprint: Option<[u8; 32]>,
    /// The newest time of change of an entry.
    pub newest: Timestamp,
    /// When it was listed.
    pub scanned: Timestamp,
    /// Sums over its entries.
    pub totals: Totals,
    /// Sums over it and everything below.
    pub below: Sums,
    /// Its entry in the directory above, with the tree.
    pub entry: Entry,
}

/// What tells on this computer that an entry is still the same; the rest is in the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// The number on its device.
    pub ino: u64,
    /// The length in bytes.
    pub size: u64,
    /// When content or metadata last changed.
    pub ctime: Timestamp,
}

/// An entry of a directory as the last snapshot saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageEntry {
    /// What tells that it is still the same.
    pub local: Local,
    /// Its entry in the tree.
    pub entry: Entry,
}

impl Local {
    fn put(&self, out: &mut Vec<u8>) {
        out.put_varint(u128::from(self.ino));
        out.put_varint(u128::from(self.size));
        out.put_zigzag(self.ctime.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            ino: reader.varint_u64(u64::MAX, "ino")?,
            size: reader.varint_u64(u64::MAX, "size")?,
            ctime: Timestamp(reader.zigzag("ctime")?),
        })
    }
}

impl DirectoryRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(160);
        out.put_varint(u128::from(self.dev));
        self.local.put(&mut out);
        out.extend_from_slice(&self.fingerprint.unwrap_or([0; 32]));
        out.put_zigzag(self.newest.0);
        out.put_zigzag(self.scanned.0);
        self.totals.put(&mut out);
        out.put_varint(u128::from(self.below.directories));
        self.below.totals.put(&mut out);
        ChunkWriter::default().put(&self.entry, &mut out);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let dev = reader.varint_u64(u64::MAX, "dev")?;
        let local = Local::read(&mut reader)?;
        let fingerprint = Some(reader.array("fingerprint")?).filter(|hash| *hash != [0; 32]);
        let newest = Timestamp(reader.zigzag("newest")?);
        let scanned = Timestamp(reader.zigzag("scanned")?);
        let totals = Totals::read(&mut reader)?;
        let below = Sums {
            directories: reader.varint_u64(u64::MAX, "directories")?,
            totals: Totals::read(&mut reader)?,
        };
        let entry = Entries::new(reader.rest())
            .next()
            .ok_or(invalid("entry"))??;
        Ok(Self {
            dev,
            local,
            fingerprint,
            newest,
            scanned,
            totals,
            below,
            entry,
        })
    }
}

/// Packs entries into a page.
pub(crate) fn encode_page(entries: &[PageEntry]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(entries.len() * 120);
    out.put_count(entries.len());
    for entry in entries {
        entry.local.put(&mut out);
    }
    let mut writer = ChunkWriter::default();
    for entry in entries {
        writer.put(&entry.entry, &mut out);
    }
    zstd::bulk::compress(&out, 1)
}

/// Unpacks a page.
pub(crate) fn decode_page(bytes: &[u8]) -> Result<Vec<PageEntry>, WireError> {
    let plain = unpack(bytes)?;
    let mut reader = Reader::new(&plain);
    let locals = read_locals(&mut reader)?;
    let entries = Entries::new(reader.rest()).collect::<Result<Vec<Entry>, WireError>>()?;
    if entries.len() != locals.len() {
        return Err(invalid("count"));
    }
    Ok(locals
        .into_iter()
        .zip(entries)
        .map(|(local, entry)| PageEntry { local, entry })
        .collect())
}

/// Says whether any entry of a page is of a file with one of these numbers.
pub(crate) fn page_has(bytes: &[u8], numbers: &BTreeSet<u64>) -> Result<bool, WireError> {
    let plain = unpack(bytes)?;
    let locals = read_locals(&mut Reader::new(&plain))?;
    Ok(locals.iter().any(|local| numbers.contains(&local.ino)))
}

fn unpack(page: &[u8]) -> Result<Vec<u8>, WireError> {
    zstd::bulk::decompress(page, PAGE_LEN_MAX).map_err(|_| invalid("page"))
}

fn read_locals(reader: &mut Reader<'_>) -> Result<Vec<Local>, WireError> {
    let count = reader.count(PAGE_ENTRIES, "count")?;
    (0..count).map(|_| Local::read(reader)).collect()
}
