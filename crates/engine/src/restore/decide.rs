//! Decides where an entry goes whose place is taken: the same for a restore and for its rehearsal.

use std::collections::HashSet;

use strongroom_files::{Dir, Error, Kind, Stat, is_unfinished_file};
use strongroom_format::content::Content;
use strongroom_format::tree::{Entry, Node};
use strongroom_read::Archive;

use super::options::{Conflict, RestoreOptions};
use super::write::has_content;

/// The longest part of a name that a number is put behind.
const STEM_LEN_MAX: usize = 230;

/// Where an entry goes whose place is taken.
pub(super) enum Decision {
    /// Nowhere: what is there stays as it is.
    Leave,
    /// It gets this name, in the place of what has it.
    At(Vec<u8>, Option<Stat>),
}

/// A folder, and what the snapshot has in it, sorted by name.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) dir: &'a Dir,
    pub(super) siblings: &'a [Entry],
}

/// Decides by the rule that was chosen.
pub(super) struct Judge<'a> {
    archive: &'a Archive,
    options: &'a RestoreOptions,
    /// Device and inode of what this restore wrote beside something else. It may be under way.
    written_beside: HashSet<(u64, u64)>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(archive: &'a Archive, options: &'a RestoreOptions) -> Self {
        Self {
            archive,
            options,
            written_beside: HashSet::new(),
        }
    }

    /// Takes note of a file that this restore is writing beside something else.
    pub(super) fn note_beside(&mut self, dir: &Dir, name: &[u8]) -> Result<(), Error> {
        let stat = dir.stat_child(name)?;
        self.written_beside.insert((stat.dev, stat.ino));
        Ok(())
    }

    /// Decides about an entry in whose place there is `found`, which is no directory where the entry is one.
    pub(super) fn decide(
        &self,
        around: Around<'_>,
        entry: &Entry,
        found: &Stat,
    ) -> Result<Decision, Error> {
        let in_its_place = || Decision::At(entry.name.clone(), Some(*found));
        if self.is_remainder(found) {
            return Ok(in_its_place());
        }
        if self.is_there(around.dir, &entry.name, found, entry) {
            return Ok(Decision::Leave);
        }
        match self.options.on_conflict {
            Conflict::Overwrite => Ok(in_its_place()),
            Conflict::Newer if entry.meta.mtime > found.mtime() => Ok(in_its_place()),
            Conflict::Skip | Conflict::Newer => Ok(Decision::Leave),
            Conflict::Rename => self.beside(around, entry),
        }
    }

    /// Finds the name of an entry that goes beside what is in its place. What an earlier restore put there is not
    /// put there again, and a name that the snapshot has itself is not taken.
    fn beside(&self, around: Around<'_>, entry: &Entry) -> Result<Decision, Error> {
        let is_directory = matches!(entry.node, Node::Directory { .. });
        for number in 1_u64.. {
            let name = numbered(&entry.name, number);
            let siblings = around.siblings;
            if siblings
                .binary_search_by(|sibling| sibling.name.cmp(&name))
                .is_ok()
            {
                continue;
            }
            match around.dir.stat_child(&name) {
                Err(error) if error.is_gone() => return Ok(Decision::At(name, None)),
                Err(error) => return Err(error),
                Ok(found) if is_directory && found.kind == Kind::Directory => {
                    return Ok(Decision::At(name, None));
                }
                Ok(found) if self.is_remainder(&found) => {
                    return Ok(Decision::At(name, Some(found)));
                }
                Ok(found) if self.is_there(around.dir, &name, &found, entry) => break,
                Ok(_) => {}
            }
        }
        Ok(Decision::Leave)
    }

    /// Says whether something is a file that an interrupted restore left under its name.
    fn is_remainder(&self, found: &Stat) -> bool {
        is_unfinished_file(found) && !self.written_beside.contains(&(found.dev, found.ino))
    }

    /// Says whether what is there needs no writing.
    fn is_there(&self, dir: &Dir, name: &[u8], found: &Stat, entry: &Entry) -> bool {
        let has_time = found.mtime() == entry.meta.mtime;
        let goes_beside = self.options.on_conflict == Conflict::Rename;
        match &entry.node {
            Node::Directory { .. } => false,
            Node::File { content } => {
                found.kind == Kind::File
                    && found.size == content.len()
                    && has_time
                    && self.is_trusted(dir, name, found, content)
            }
            // Nobody needs the same link twice, whatever its time.
            node => is_same_special(dir, name, found, node) && (has_time || goes_beside),
        }
    }

    /// A file of the same length and time is taken to be the same. Where everything is to be read, it is written
    /// anew, or read to see whether it needs to be beside itself.
    fn is_trusted(&self, dir: &Dir, name: &[u8], found: &Stat, content: &Content) -> bool {
        if !self.options.verify {
            return true;
        }
        self.options.on_conflict == Conflict::Rename
            && dir
                .open_file(name, found)
                .is_ok_and(|file| has_content(self.archive, &file, content))
    }
}

fn is_same_special(dir: &Dir, name: &[u8], found: &Stat, node: &Node) -> bool {
    match node {
        Node::Symlink { target } => {
            found.kind == Kind::Symlink && dir.read_link(name).is_ok_and(|text| text == *target)
        }
        Node::Fifo => found.kind == Kind::Fifo,
        Node::CharDevice { major, minor } => {
            found.kind == Kind::CharDevice && found.rdev == (*major, *minor)
        }
        Node::BlockDevice { major, minor } => {
            found.kind == Kind::BlockDevice && found.rdev == (*major, *minor)
        }
        Node::File { .. } | Node::Directory { .. } => false,
    }
}

fn numbered(name: &[u8], number: u64) -> Vec<u8> {
    let mut numbered = name[..name.len().min(STEM_LEN_MAX)].to_vec();
    numbered.extend_from_slice(format!(".restored-{number}").as_bytes());
    numbered
}
