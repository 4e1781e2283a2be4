//! What is in a folder, whatever kind of folder it is.

use std::sync::Arc;

use strongroom_base::clock::Timestamp;
use strongroom_format::tree::{Entry, Node};
use strongroom_read::ReadError;

use crate::history::{AtPath, History, Moment, Shown};
use crate::names;
use crate::parts::Lists;
use crate::problems::Problems;
use crate::table::{Folder, Holder, Place, Table};
use crate::trees::Trees;
use crate::versions::{self, Timelines};

/// Names at the top that are no snapshots.
const BY_ID: &str = "by-id";
const LATEST: &str = "latest";
const TAGS: &str = "tags";
const VERSIONS: &str = "versions";

/// Everything that answers are made from.
pub(crate) struct Stores {
    pub(crate) history: History,
    pub(crate) table: Table,
    pub(crate) trees: Trees,
    pub(crate) lists: Lists,
    pub(crate) timelines: Timelines,
    pub(crate) problems: Arc<Problems>,
}

/// Something that has a name in a folder.
#[derive(Clone)]
pub(crate) enum Found {
    /// Of the archive.
    Entry { place: Place, entry: Entry },
    /// Not in the archive; links too.
    Folder(Folder),
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What the kernel asks about is not known any more.
    Gone,
    /// There are no numbers left.
    Full,
    /// The archive cannot be read.
    Read(ReadError),
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// Is told the number of the next item, a name and what it names; says whether it wants no more.
pub(crate) type Take<'a> = dyn FnMut(u64, &[u8], &Found) -> bool + 'a;

impl Stores {
    /// Returns the entry at a place.
    pub(crate) fn entry(&self, moment: &Moment, place: Place) -> Result<Entry, Failure> {
        let tree = self.table.tree(place.tree).ok_or(Failure::Gone)?;
        match &tree.holder {
            Holder::Roots(shown) => {
                let number = usize::try_from(place.position).unwrap_or(usize::MAX);
                let root = shown.info.snapshot.roots.get(number);
                root.map(|root| root.entry.clone()).ok_or(Failure::Gone)
            }
            Holder::Tree(tree) => {
                let (archive, lists) = (&moment.archive, &self.lists);
                Ok(self.trees.entry(archive, lists, tree, place.position)?)
            }
        }
    }

    /// Returns the path of an entry, as it was on the computer.
    pub(crate) fn path(&self, place: Place, entry: Option<&Entry>) -> Vec<u8> {
        let Some(tree) = self.table.tree(place.tree) else {
            return Vec::new();
        };
        match &tree.holder {
            Holder::Roots(shown) => {
                let number = usize::try_from(place.position).unwrap_or(usize::MAX);
                let root = shown.info.snapshot.roots.get(number);
                root.map(|root| root.path.clone()).unwrap_or_default()
            }
            Holder::Tree(_) => {
                let name = entry.map_or(&b"?"[..], |entry| &entry.name);
                let above = tree.path.strip_suffix(b"/").unwrap_or(&tree.path);
                [above, b"/", name].concat()
            }
        }
    }

    /// Returns the place of a root of a snapshot.
    pub(crate) fn place_of_root(
        &self,
        shown: &Arc<Shown>,
        number: usize,
    ) -> Result<Place, Failure> {
        let tree = self.table.number_roots(shown).ok_or(Failure::Full)?;
        let position = number as u64;
        Ok(Place { tree, position })
    }

    /// Returns what a stored directory has by this name; an entry that is none has nothing.
    pub(crate) fn child(
        &self,
        moment: &Moment,
        place: Place,
        entry: &Entry,
        name: &[u8],
    ) -> Result<Option<(Place, Entry)>, Failure> {
        let Node::Directory { tree } = &entry.node else {
            return Ok(None);
        };
        let found = self.trees.find(&moment.archive, &self.lists, tree, name)?;
        let Some((position, found)) = found else {
            return Ok(None);
        };
        let path = self.path(place, Some(entry));
        let tree = self.table.number_tree(tree, &path).ok_or(Failure::Full)?;
        Ok(Some((Place { tree, position }, found)))
    }

    /// Returns what a folder has by this name.
    pub(crate) fn lookup(
        &self,
        moment: &Moment,
        folder: &Folder,
        name: &[u8],
    ) -> Result<Option<Found>, Failure> {
        let own = |items: Vec<(String, Folder)>| {
            let mut items = items.into_iter();
            let found = items.find(|(own, _)| own.as_bytes() == name);
            found.map(|(_, folder)| Found::Folder(folder))
        };
        match folder {
            Folder::Top => {
                if let Some(found) = own(top(moment)) {
                    return Ok(Some(found));
                }
                let shown = moment.by_name(name);
                shown
                    .map(|shown| self.at_path(shown, b""))
                    .transpose()
                    .map(Option::flatten)
            }
            Folder::ById => Ok(own(by_id(moment))),
            Folder::Tags => Ok(own(tags(moment))),
            Folder::Tag(tag) => Ok(own(with_tag(moment, tag))),
            Folder::Link(_) => Ok(None),
            Folder::Above { shown, path } => {
                let path = [&**path, b"/", name].concat();
                self.at_path(shown, &path)
            }
            Folder::Stored(place) => {
                let entry = self.entry(moment, *place)?;
                let found = self.child(moment, *place, &entry, name)?;
                Ok(found.map(|(place, entry)| Found::Entry { place, entry }))
            }
            Folder::Versions { path } => versions::lookup(self, moment, path, name),
        }
    }

    /// Returns what stands at a path of a snapshot, as far as its roots.
    pub(crate) fn at_path(
        &self,
        shown: &Arc<Shown>,
        path: &[u8],
    ) -> Result<Option<Found>, Failure> {
        Ok(match shown.at(path) {
            AtPath::Nothing => None,
            AtPath::Above => Some(Found::Folder(Folder::Above {
                shown: shown.clone(),
                path: path.into(),
            })),
            AtPath::Root(number, root) => Some(Found::Entry {
                place: self.place_of_root(shown, number)?,
                entry: root.entry.clone(),
            }),
        })
    }

    /// Lists a folder from the item with a number on. Folders of versions are listed by
    /// [`versions::Listing`].
    pub(crate) fn list(
        &self,
        moment: &Moment,
        folder: &Folder,
        from: u64,
        take: &mut Take<'_>,
    ) -> Result<(), Failure> {
        let own = |items: Vec<(String, Folder)>| -> Vec<(Vec<u8>, Found)> {
            let items = items.into_iter();
            let found = items.map(|(name, folder)| (name.into_bytes(), Found::Folder(folder)));
            found.collect()
        };
        let items = match folder {
            Folder::Stored(place) => return self.list_stored(moment, *place, from, take),
            Folder::Link(_) | Folder::Versions { .. } => Vec::new(),
            Folder::ById => own(by_id(moment)),
            Folder::Tags => own(tags(moment)),
            Folder::Tag(tag) => own(with_tag(moment, tag)),
            Folder::Top => {
                let mut items = own(top(moment));
                for shown in &moment.snapshots {
                    let found = self.at_path(shown, b"")?;
                    items.extend(found.map(|found| (shown.name.clone().into_bytes(), found)));
                }
                items
            }
            Folder::Above { shown, path } => {
                let mut items = Vec::new();
                for name in shown.names_above(path) {
                    let below = [&**path, b"/", &name].concat();
                    let found = self.at_path(shown, &below)?;
                    items.extend(found.map(|found| (name, found)));
                }
                items
            }
        };
        let first = usize::try_from(from).unwrap_or(usize::MAX);
        for (number, (name, found)) in (0..).zip(&items).skip(first) {
            if take(number + 1, name, found) {
                break;
            }
        }
        Ok(())
    }

    fn list_stored(
        &self,
        moment: &Moment,
        place: Place,
        from: u64,
        take: &mut Take<'_>,
    ) -> Result<(), Failure> {
        let entry = self.entry(moment, place)?;
        let Node::Directory { tree: content } = &entry.node else {
            return Err(Failure::Gone);
        };
        let path = self.path(place, Some(&entry));
        let tree = self
            .table
            .number_tree(content, &path)
            .ok_or(Failure::Full)?;
        let mut position = from;
        let archive = &moment.archive;
        while let Some(leaf) = self.trees.leaf(archive, &self.lists, content, position)? {
            let skip = usize::try_from(position - leaf.part.start).unwrap_or(usize::MAX);
            for (number, entry) in (leaf.part.start..).zip(leaf.entries.iter()).skip(skip) {
                let found = Found::Entry {
                    place: Place {
                        tree,
                        position: number,
                    },
                    entry: entry.clone(),
                };
                if take(number + 1, &entry.name, &found) {
                    return Ok(());
                }
            }
            position = leaf.part.end();
        }
        Ok(())
    }
}

/// Returns when a folder that is not in the archive changed last.
pub(crate) fn changed(moment: &Moment, folder: &Folder) -> Timestamp {
    match folder {
        Folder::Above { shown, .. } => shown.info.snapshot.started,
        _ => moment
            .latest()
            .map_or(Timestamp(0), |shown| shown.info.snapshot.started),
    }
}

/// Returns what is at the top beside the snapshots.
fn top(moment: &Moment) -> Vec<(String, Folder)> {
    let mut items = vec![(BY_ID.to_owned(), Folder::ById)];
    let latest = moment.latest();
    items.extend(latest.map(|shown| (LATEST.to_owned(), link("", shown))));
    items.push((TAGS.to_owned(), Folder::Tags));
    let path = Arc::from(&b""[..]);
    items.push((VERSIONS.to_owned(), Folder::Versions { path }));
    items
}

fn by_id(moment: &Moment) -> Vec<(String, Folder)> {
    let all = moment.snapshots.iter();
    all.map(|shown| (names::short(&shown.info), link("../", shown)))
        .collect()
}

fn tags(moment: &Moment) -> Vec<(String, Folder)> {
    let all = moment.snapshots.iter();
    let tags = all.flat_map(|shown| {
        shown
            .info
            .snapshot
            .tags
            .iter()
            .map(|tag| names::of_tag(tag))
    });
    let names: std::collections::BTreeSet<String> = tags.collect();
    let folder = |name: String| {
        let tag = Folder::Tag(name.as_str().into());
        (name, tag)
    };
    names.into_iter().map(folder).collect()
}

fn with_tag(moment: &Moment, tag: &str) -> Vec<(String, Folder)> {
    let has = |shown: &&Arc<Shown>| {
        let mut tags = shown.info.snapshot.tags.iter();
        tags.any(|own| names::of_tag(own) == tag)
    };
    let tagged = moment.snapshots.iter().filter(has);
    tagged
        .map(|shown| (shown.name.clone(), link("../../", shown)))
        .collect()
}

fn link(up: &str, shown: &Shown) -> Folder {
    Folder::Link(format!("{up}{}", shown.name).into())
}
