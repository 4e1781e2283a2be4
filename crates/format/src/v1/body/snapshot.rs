//! The state of files at one time.

use strongroom_base::clock::Timestamp;
use strongroom_base::wire::{Put, Reader, WireError, invalid};

use super::read_text;
use crate::v1::limits::{LABEL_LEN_MAX, PATH_LEN_MAX, PROGRAM_LEN_MAX, ROOTS_MAX, TAGS_MAX};
use crate::v1::tree;

/// Longest tree chunk of a root: one entry with large extended attributes by reference.
const ROOT_CHUNK_LEN_MAX: usize = 4_194_304;

/// The state of files at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// When reading began.
    pub started: Timestamp,
    /// When reading ended.
    pub ended: Timestamp,
    /// The name of the computer.
    pub host: Vec<u8>,
    /// The program and its version.
    pub program: String,
    /// Tags, sorted.
    pub tags: Vec<String>,
    /// Totals.
    pub statistics: Statistics,
    /// What was backed up, sorted by path.
    pub roots: Vec<Root>,
}

/// Totals of a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links, FIFOs and devices.
    pub others: u64,
    /// Bytes of content of files.
    pub bytes: u64,
    /// What could not be read.
    pub failed: u64,
}

/// A path that was backed up, and its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The absolute path.
    pub path: Vec<u8>,
    /// Its entry.
    pub entry: tree::Entry,
}

impl Snapshot {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.put_zigzag(self.started.0);
        out.put_zigzag(self.ended.0);
        out.put_bytes(&self.host);
        out.put_bytes(self.program.as_bytes());
        out.put_count(self.tags.len());
        self.tags
            .iter()
            .for_each(|tag| out.put_bytes(tag.as_bytes()));
        let totals = &self.statistics;
        for total in [
            totals.files,
            totals.directories,
            totals.others,
            totals.bytes,
            totals.failed,
        ] {
            out.put_varint(u128::from(total));
        }
        out.put_count(self.roots.len());
        for root in &self.roots {
            out.put_bytes(&root.path);
            let mut chunk = Vec::new();
            tree::ChunkWriter::default().put(&root.entry, &mut chunk);
            out.put_bytes(&chunk);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let started = Timestamp(reader.zigzag("started")?);
        let ended = Timestamp(reader.zigzag("ended")?);
        let host = reader.bytes(LABEL_LEN_MAX, "host")?.to_vec();
        let program = read_text(reader, PROGRAM_LEN_MAX, "program")?;
        let tag_count = reader.count(TAGS_MAX, "tags")?;
        let tags = (0..tag_count)
            .map(|_| read_text(reader, LABEL_LEN_MAX, "tags"))
            .collect::<Result<Vec<_>, _>>()?;
        if !tags.is_sorted_by(|a, b| a < b) {
            return Err(invalid("tags"));
        }
        let mut total = |field| reader.varint_u64(u64::MAX, field);
        let statistics = Statistics {
            files: total("files")?,
            directories: total("directories")?,
            others: total("others")?,
            bytes: total("bytes")?,
            failed: total("failed")?,
        };
        let roots = read_roots(reader)?;
        Ok(Self {
            started,
            ended,
            host,
            program,
            tags,
            statistics,
            roots,
        })
    }
}

fn read_roots(reader: &mut Reader<'_>) -> Result<Vec<Root>, WireError> {
    let count = reader.count(ROOTS_MAX, "roots")?;
    let mut roots: Vec<Root> = Vec::with_capacity(count);
    for _ in 0..count {
        let path = reader.bytes(PATH_LEN_MAX, "path")?.to_vec();
        let mut entries = tree::Entries::new(reader.bytes(ROOT_CHUNK_LEN_MAX, "tree chunk")?);
        let entry = entries.next().ok_or(invalid("tree chunk"))??;
        if entries.next().is_some() || root_name(&path) != Some(&entry.name) {
            return Err(invalid("roots"));
        }
        let after_last = roots.last().is_none_or(|last| last.path < path);
        if !after_last || lies_below_one(&path, &roots) {
            return Err(invalid("roots"));
        }
        roots.push(Root { path, entry });
    }
    if roots.is_empty() {
        return Err(invalid("roots"));
    }
    Ok(roots)
}

/// Says whether one of the sorted roots holds the path, or is the path.
fn lies_below_one(path: &[u8], roots: &[Root]) -> bool {
    let is_root = |above: &[u8]| {
        let found = roots.binary_search_by(|root| root.path.as_slice().cmp(above));
        found.is_ok()
    };
    let mut slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    is_root(b"/") || slashes.any(|(at, _)| is_root(&path[..at]))
}

/// Returns the name that the entry of a root has: the last component of its path, and `root` for `/`.
///
/// `None` where no snapshot has such a root: a path is absolute and ends with no slash, and its components
/// are names of entries.
pub fn root_name(path: &[u8]) -> Option<&[u8]> {
    let below = path.strip_prefix(b"/")?;
    if below.is_empty() {
        return Some(b"root");
    }
    let mut components = below.split(|byte| *byte == b'/');
    let fits = path.len() <= PATH_LEN_MAX && components.clone().all(tree::is_entry_name);
    if fits { components.next_back() } else { None }
}
