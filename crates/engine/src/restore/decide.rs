//! Decides where an entry goes whose place is taken: the same for a restore and for its rehearsal.

use std::collections::HashSet;

use strongroom_crypto::keys::ChunkKind;
use strongroom_files::{
    Dir, Error, Kind, Stat, extra_of_child, is_label_of_security_module, is_unfinished_file,
    may_give_away,
};
use strongroom_format::content::Content;
use strongroom_format::tree::{Entry, Node};
use strongroom_read::XATTR_LEN_MAX;

use super::options::{Conflict, RestoreOptions};
use super::task::Context;
use super::write::has_content;

/// The longest part of a name that a number is put behind.
const STEM_LEN_MAX: usize = 230;

/// Where an entry goes whose place is taken.
pub(super) enum Decision {
    /// Nowhere: what is there stays as it is.
    Leave,
    /// Nowhere: it is there, under this name.
    There(Vec<u8>),
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
    context: &'a Context<'a>,
    options: &'a RestoreOptions,
    /// Device and inode of what this restore wrote beside something else. It may be under way.
    written_beside: HashSet<(u64, u64)>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(context: &'a Context<'a>, options: &'a RestoreOptions) -> Self {
        Self {
            context,
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
            return Ok(Decision::There(entry.name.clone()));
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
                Ok(found) if self.is_there(around.dir, &name, &found, entry) => {
                    return Ok(Decision::There(name));
                }
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
        let is_there = match &entry.node {
            Node::Directory { .. } => false,
            Node::File { content } => {
                found.kind == Kind::File
                    && found.size == content.len()
                    && has_time
                    && self.is_trusted(dir, name, found, content)
            }
            // Nobody needs the same link twice, whatever its time.
            node => is_same_special(dir, name, found, node) && (has_time || goes_beside),
        };
        // What belongs to somebody else now, or is open to others, is not given back as it is: whoever could do that
        // could change the content, too.
        is_there
            && (self.options.on_conflict != Conflict::Overwrite
                || self.has_metadata(dir, name, found, entry))
    }

    /// Says whether what is there has the owner, the mode and the extended attributes of the entry.
    fn has_metadata(&self, dir: &Dir, name: &[u8], found: &Stat, entry: &Entry) -> bool {
        let meta = &entry.meta;
        let mut mode = u32::from(meta.mode);
        let owner = self.context.owner(meta);
        let is_owned = (found.uid, found.gid) == (owner.uid, owner.gid);
        let may_give = may_give_away();
        if !is_owned && !may_give {
            // Rights of an owner are not lent without the owner.
            mode &= 0o1777;
        }
        let has_mode = found.kind == Kind::Symlink || found.mode == mode;
        has_mode && (is_owned || !may_give) && self.has_xattrs(dir, name, entry)
    }

    /// Says whether what is there has the content of the entry, which is read.
    pub(super) fn holds(&self, dir: &Dir, name: &[u8], entry: &Entry) -> bool {
        let Node::File { content } = &entry.node else {
            return true;
        };
        let file = dir
            .stat_child(name)
            .and_then(|found| dir.open_file(name, &found));
        file.is_ok_and(|file| has_content(self.context, &file, content))
    }

    fn has_xattrs(&self, dir: &Dir, name: &[u8], entry: &Entry) -> bool {
        let Ok(mut found) = extra_of_child(dir, name) else {
            return false;
        };
        for (xattr, value) in &entry.meta.xattrs {
            let Some(at) = found.xattrs.iter().position(|(name, _)| name == xattr) else {
                return false;
            };
            let (_, there) = found.xattrs.swap_remove(at);
            let archive = self.context.archive;
            let value = archive.content_bytes(ChunkKind::Data, value, XATTR_LEN_MAX);
            if value.is_ok_and(|value| value != there) {
                return false;
            }
        }
        let mut others = found.xattrs.iter();
        others.all(|(name, _)| is_label_of_security_module(name))
    }

    /// A file of the same length and time is taken to be the same. Where everything is to be read, it is written
    /// anew, or read to see whether it needs to be beside itself; where it stays in any case, it is not.
    fn is_trusted(&self, dir: &Dir, name: &[u8], found: &Stat, content: &Content) -> bool {
        let has_content = || {
            dir.open_file(name, found)
                .is_ok_and(|file| has_content(self.context, &file, content))
        };
        match self.options.on_conflict {
            _ if !self.options.verify => true,
            Conflict::Skip | Conflict::Newer => true,
            Conflict::Rename => has_content(),
            Conflict::Overwrite => false,
        }
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
