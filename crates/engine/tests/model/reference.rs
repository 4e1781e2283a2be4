//! The reference: which snapshots there must be, and what is in them.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_base::object::RecordId;

use crate::source::Files;

/// Names a backup that was begun; its snapshot carries it as its tag.
pub(crate) type Tag = u32;

/// What became of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It died: its snapshot is there or not.
    Open,
    /// Its snapshot is in the spool alone, and will be one of the archive.
    Spooled,
    /// Its snapshot is one of the archive.
    Kept,
    /// A forgetting that died named it.
    Forgetting,
    /// It was forgotten.
    Forgotten,
    /// It is none of the archive: lost with a disk, left behind by an adoption, or it never was.
    Off,
}

/// A backup.
pub(crate) struct Attempt {
    pub(crate) files: Files,
    pub(crate) fate: Fate,
}

/// How what is listed is compared with what is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    /// The archive goes on as it was.
    Strict,
    /// Somebody went on at another record: these must be there, and others may.
    AtLeast(BTreeSet<Tag>),
}

/// Every backup there ever was.
#[derive(Default)]
pub(crate) struct Reference {
    pub(crate) attempts: BTreeMap<Tag, Attempt>,
    /// Where the records of the snapshots are.
    pub(crate) places: BTreeMap<Tag, RecordId>,
}

impl Reference {
    /// Notes that a backup begins.
    pub(crate) fn begin(&mut self, files: &Files) -> Tag {
        let tag = Tag::try_from(self.attempts.len()).unwrap_or(0);
        let files = files.clone();
        let fate = Fate::Open;
        self.attempts.insert(tag, Attempt { files, fate });
        tag
    }

    pub(crate) fn fate(&self, tag: Tag) -> Fate {
        self.attempts.get(&tag).map_or(Fate::Off, |one| one.fate)
    }

    pub(crate) fn set(&mut self, tag: Tag, fate: Fate) {
        if let Some(attempt) = self.attempts.get_mut(&tag) {
            attempt.fate = fate;
        }
    }

    /// Returns the snapshots that must be there.
    pub(crate) fn kept(&self) -> BTreeSet<Tag> {
        let kept = self.attempts.iter().filter(|(_, a)| a.fate == Fate::Kept);
        kept.map(|(tag, _)| *tag).collect()
    }

    /// Compares what a complete destination lists with what there must be, and takes over what was open, but for
    /// those that still are. Returns those that are there again, since the archive goes on where they were not forgotten.
    pub(crate) fn settle(
        &mut self,
        listed: &BTreeMap<Tag, RecordId>,
        compare: &Compare,
        open: &BTreeSet<Tag>,
    ) -> Result<BTreeSet<Tag>, String> {
        let mut again = BTreeSet::new();
        for tag in listed.keys().filter(|tag| !open.contains(tag)) {
            match (self.fate(*tag), compare) {
                (Fate::Kept | Fate::Open | Fate::Spooled | Fate::Forgetting, _)
                | (_, Compare::AtLeast(_)) => {
                    let was_gone = matches!(self.fate(*tag), Fate::Forgotten | Fate::Off);
                    again.extend(was_gone.then_some(*tag));
                    self.set(*tag, Fate::Kept);
                }
                (fate, Compare::Strict) => {
                    return Err(format!("snapshot {tag} is there, though it was {fate:?}"));
                }
            }
        }
        for (tag, attempt) in &mut self.attempts {
            if listed.contains_key(tag) || open.contains(tag) {
                continue;
            }
            attempt.fate = match (attempt.fate, compare) {
                (Fate::Kept, Compare::Strict) => return Err(format!("snapshot {tag} is gone")),
                (Fate::Kept, Compare::AtLeast(floor)) if floor.contains(tag) => {
                    return Err(format!(
                        "snapshot {tag} is gone, though a destination held it"
                    ));
                }
                (Fate::Spooled, Compare::Strict) => {
                    return Err(format!("snapshot {tag} was in the spool, and is gone"));
                }
                (Fate::Kept | Fate::Spooled | Fate::Open | Fate::Off, _) => Fate::Off,
                (Fate::Forgetting | Fate::Forgotten, _) => Fate::Forgotten,
            };
        }
        self.places.clone_from(listed);
        Ok(again)
    }
}
