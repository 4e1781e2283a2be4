//! All that ever was at a path.
//!
//! The timeline of a path is made from that of the folder above: a stored directory that is the same in many
//! snapshots is looked into once.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use strongroom_format::content::Content;
use strongroom_format::tree::{Entry, Node};

use crate::folders::{Failure, Found, Stores};
use crate::history::{AtPath, Moment, Shown};
use crate::names;
use crate::table::{Folder, Place};

/// How many bytes of timelines are kept.
const TIMELINE_BYTES_KEPT: u64 = 16 << 20;
/// About how many timelines that is.
const TIMELINES_KEPT: usize = 1_024;

/// What stood at a path in snapshots that follow one another.
pub(crate) struct Span {
    /// The numbers of the first and the last of these snapshots.
    snapshots: (usize, usize),
    at: At,
}

/// What stands at a path of a snapshot.
enum At {
    Nothing,
    Above,
    Entry(Place, Box<Entry>),
}

impl At {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, Self::Nothing) | (Self::Above, Self::Above) => true,
            (Self::Entry(_, one), Self::Entry(_, other)) => one == other,
            _ => false,
        }
    }
}

/// A moment and a path in it.
type Key = (u64, Box<[u8]>);

#[derive(Clone)]
struct ByLen;

impl Weighter<Key, Arc<Vec<Span>>> for ByLen {
    fn weight(&self, key: &Key, spans: &Arc<Vec<Span>>) -> u64 {
        let span = size_of::<Span>() + 2 * size_of::<Entry>();
        (64 + key.1.len() + spans.len() * span) as u64
    }
}

/// Timelines that were asked for lately.
pub(crate) struct Timelines(Cache<Key, Arc<Vec<Span>>, ByLen>);

impl Timelines {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(
            TIMELINES_KEPT,
            TIMELINE_BYTES_KEPT,
            ByLen,
        ))
    }

    /// Returns the timeline of a path: empty, or beginning with a slash and without one at its end.
    fn of(&self, stores: &Stores, moment: &Moment, path: &[u8]) -> Result<Arc<Vec<Span>>, Failure> {
        let slashes = path.iter().enumerate().skip(1);
        let ends = slashes.filter_map(|(at, byte)| (*byte == b'/').then_some(at));
        let mut timeline = self.step(moment, b"", || of_top(stores, moment))?;
        for end in ends.chain((!path.is_empty()).then_some(path.len())) {
            let above = timeline;
            timeline = self.step(moment, &path[..end], || {
                below(stores, moment, &above, &path[..end])
            })?;
        }
        Ok(timeline)
    }

    fn step(
        &self,
        moment: &Moment,
        path: &[u8],
        make: impl FnOnce() -> Result<Vec<Span>, Failure>,
    ) -> Result<Arc<Vec<Span>>, Failure> {
        let key = (moment.number, Box::from(path));
        self.0.get_or_insert_with(&key, || make().map(Arc::new))
    }
}

fn of_top(stores: &Stores, moment: &Moment) -> Result<Vec<Span>, Failure> {
    let mut spans = Vec::new();
    for (number, shown) in moment.snapshots.iter().enumerate() {
        add(&mut spans, (number, number), at_path(stores, shown, b"")?);
    }
    Ok(spans)
}

/// Makes the timeline of a path from that of the folder above.
fn below(
    stores: &Stores,
    moment: &Moment,
    above: &[Span],
    path: &[u8],
) -> Result<Vec<Span>, Failure> {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let mut spans = Vec::new();
    for span in above {
        match &span.at {
            At::Nothing => add(&mut spans, span.snapshots, At::Nothing),
            At::Above => {
                for number in span.snapshots.0..=span.snapshots.1 {
                    let at = at_path(stores, &moment.snapshots[number], path)?;
                    add(&mut spans, (number, number), at);
                }
            }
            At::Entry(place, entry) => {
                let at = match stores.child(moment, *place, entry, name) {
                    Ok(Some((place, entry))) => At::Entry(place, Box::new(entry)),
                    Ok(None) => At::Nothing,
                    Err(Failure::Read(error)) => {
                        // The other snapshots may have it.
                        stores.problems.tell(path, &error);
                        At::Nothing
                    }
                    Err(failure) => return Err(failure),
                };
                add(&mut spans, span.snapshots, at);
            }
        }
    }
    Ok(spans)
}

fn at_path(stores: &Stores, shown: &Arc<Shown>, path: &[u8]) -> Result<At, Failure> {
    Ok(match shown.at(path) {
        AtPath::Nothing => At::Nothing,
        AtPath::Above => At::Above,
        AtPath::Root(number, root) => {
            let place = stores.place_of_root(shown, number)?;
            At::Entry(place, Box::new(root.entry.clone()))
        }
    })
}

fn add(spans: &mut Vec<Span>, snapshots: (usize, usize), at: At) {
    match spans.last_mut() {
        Some(last) if last.at.is_same(&at) => last.snapshots.1 = snapshots.1,
        _ => spans.push(Span { snapshots, at }),
    }
}

/// Returns what a folder of versions has by this name: a version, or the versions of what was below.
pub(crate) fn lookup(
    stores: &Stores,
    moment: &Moment,
    path: &[u8],
    name: &[u8],
) -> Result<Option<Found>, Failure> {
    let timeline = stores.timelines.of(stores, moment, path)?;
    let mut versions = versions_of(moment, path, &timeline);
    if let Some((_, found)) = versions.find(|(version, _)| version == name) {
        return Ok(Some(found));
    }
    let path = [path, b"/", name].concat();
    let below = stores.timelines.of(stores, moment, &path)?;
    let was_there = below.iter().any(|span| !matches!(span.at, At::Nothing));
    Ok(was_there.then(|| Found::Folder(Folder::Versions { path: path.into() })))
}

/// Returns the names of the versions of what is no directory, and themselves, oldest first.
fn versions_of<'a>(
    moment: &'a Moment,
    path: &'a [u8],
    timeline: &'a [Span],
) -> impl Iterator<Item = (Vec<u8>, Found)> + 'a {
    let file = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    timeline.iter().filter_map(move |span| {
        let At::Entry(place, entry) = &span.at else {
            return None;
        };
        if matches!(entry.node, Node::Directory { .. }) {
            return None;
        }
        let first = &moment.snapshots[span.snapshots.0];
        let name = names::of_version(&first.name, file);
        let (place, entry) = (*place, (**entry).clone());
        Some((name, Found::Entry { place, entry }))
    })
}

/// Lists a folder of versions: the versions, then the names of all that ever was below, sorted.
///
/// Directories of several snapshots are read side by side, a tree chunk of each at a time.
pub(crate) struct Listing {
    moment: Arc<Moment>,
    path: Arc<[u8]>,
    started: bool,
    cursors: Vec<(Content, u64)>,
    /// Names of folders above roots that are still to be given.
    names_above: BTreeSet<Vec<u8>>,
    /// Names up to this one were given.
    given: Option<Vec<u8>>,
    /// What was read and is to be given, and how much was given before it.
    window: Vec<(Vec<u8>, Found)>,
    before: u64,
}

impl Listing {
    pub(crate) fn new(moment: Arc<Moment>, path: Arc<[u8]>) -> Self {
        Self {
            moment,
            path,
            started: false,
            cursors: Vec::new(),
            names_above: BTreeSet::new(),
            given: None,
            window: Vec::new(),
            before: 0,
        }
    }

    /// Returns the item with a number; `None` behind the last one. Going back reads everything again.
    pub(crate) fn item(
        &mut self,
        stores: &Stores,
        number: u64,
    ) -> Result<Option<&(Vec<u8>, Found)>, Failure> {
        if number < self.before {
            *self = Self::new(self.moment.clone(), self.path.clone());
        }
        if !self.started {
            self.start(stores)?;
        }
        while number - self.before >= self.window.len() as u64 {
            if self.cursors.is_empty() && self.names_above.is_empty() {
                return Ok(None);
            }
            self.before += self.window.len() as u64;
            self.read_window(stores);
        }
        let at = usize::try_from(number - self.before).unwrap_or(usize::MAX);
        Ok(self.window.get(at))
    }

    fn start(&mut self, stores: &Stores) -> Result<(), Failure> {
        let timeline = stores.timelines.of(stores, &self.moment, &self.path)?;
        self.window = versions_of(&self.moment, &self.path, &timeline).collect();
        let mut seen = HashSet::new();
        for span in timeline.iter() {
            match &span.at {
                At::Nothing => {}
                At::Above => {
                    for shown in &self.moment.snapshots[span.snapshots.0..=span.snapshots.1] {
                        self.names_above.extend(shown.names_above(&self.path));
                    }
                }
                At::Entry(_, entry) => {
                    let Node::Directory { tree } = &entry.node else {
                        continue;
                    };
                    let mut key = Vec::new();
                    tree.put(&mut key);
                    if seen.insert(key) {
                        self.cursors.push((tree.clone(), 0));
                    }
                }
            }
        }
        self.started = true;
        Ok(())
    }

    /// Reads the names up to the last one that all of the current tree chunks reach.
    fn read_window(&mut self, stores: &Stores) {
        let archive = &self.moment.archive;
        let mut leaves = Vec::new();
        self.cursors.retain(|(tree, position)| {
            let leaf = stores
                .trees
                .leaf(archive, &stores.lists, tree, *position)
                .unwrap_or_else(|error| {
                    stores.problems.tell(&self.path, &error);
                    None
                });
            leaf.map(|leaf| leaves.push(leaf)).is_some()
        });
        let last_names = leaves.iter().filter_map(|leaf| leaf.entries.last());
        let bound = last_names.map(|entry| entry.name.clone()).min();
        let is_within = |name: &[u8]| bound.as_deref().is_none_or(|bound| name <= bound);
        let is_new = |name: &[u8]| self.given.as_deref().is_none_or(|given| given < name);
        let (mut names, mut read) = (BTreeSet::new(), HashSet::new());
        for (cursor, leaf) in self.cursors.iter_mut().zip(&leaves) {
            if leaf.entries.last().is_none_or(|last| is_within(&last.name)) {
                cursor.1 = leaf.part.end();
            }
            if !read.insert(leaf.part.chunk) {
                continue;
            }
            let within = leaf.entries.iter().map(|entry| &entry.name);
            let within = within
                .filter(|name| is_new(name))
                .take_while(|name| is_within(name));
            names.extend(within.cloned());
        }
        let above = std::mem::take(&mut self.names_above);
        for name in above {
            if is_within(&name) {
                names.insert(name);
            } else {
                self.names_above.insert(name);
            }
        }
        self.given = bound.or_else(|| self.given.take());
        let found = |name: Vec<u8>| {
            let path = [&*self.path, b"/", &name].concat().into();
            (name, Found::Folder(Folder::Versions { path }))
        };
        self.window = names.into_iter().map(found).collect();
    }
}
