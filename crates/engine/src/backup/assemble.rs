//! Puts the trees together, from the leaves to the roots, and notes what was seen in the catalogue.

use std::collections::BTreeMap;

use crossbeam_channel::Receiver;
use strongroom_base::clock::Timestamp;
use strongroom_catalogue::{
    DirectoryRow, Local, Lookup, PAGE_ENTRIES, PageEntry, Sums, Totals, Update,
};
use strongroom_format::content::Content;
use strongroom_format::tree::{Entry, Node};

use super::assembled::Assembled;
use super::batch::{Batch, Done, join};
use super::chunks::ChunkSink;
use super::frame::{Frame, old_tree};
use crate::error::EngineError;

const NO_LOCAL: Local = Local {
    ino: 0,
    size: 0,
    ctime: Timestamp(0),
};

/// Puts the trees together.
pub(crate) struct Assembler<'a> {
    pub(crate) sink: ChunkSink<'a>,
    pub(crate) update: Update,
    pub(crate) lookup: Lookup,
    /// For every root, where the catalogue keeps it if it is not a directory.
    file_roots: Vec<Option<FileRoot>>,
    stack: Vec<Frame>,
    assembled: Assembled,
}

/// A root that is not a directory.
pub(crate) struct FileRoot {
    pub(crate) path: Vec<u8>,
    pub(crate) dev: u64,
    pub(crate) scanned: Timestamp,
}

impl<'a> Assembler<'a> {
    pub(crate) fn new(
        sink: ChunkSink<'a>,
        update: Update,
        lookup: Lookup,
        file_roots: Vec<Option<FileRoot>>,
    ) -> Self {
        Self {
            sink,
            update,
            lookup,
            file_roots,
            stack: Vec::new(),
            assembled: Assembled::default(),
        }
    }

    /// Takes batches, in whatever order they come, until there are no more. Takes a token for each, so
    /// that the walk may hand out another.
    pub(crate) fn run(
        mut self,
        done: &Receiver<Batch<Done>>,
        tokens: &Receiver<()>,
    ) -> Result<(Assembled, Update), EngineError> {
        let mut waiting: BTreeMap<u64, Vec<Done>> = BTreeMap::new();
        let mut next = 0;
        for batch in done {
            waiting.insert(batch.number, batch.steps);
            while let Some(steps) = waiting.remove(&next) {
                for step in steps {
                    self.take(step)?;
                }
                // There is one token for every batch that was handed out.
                let _ = tokens.try_recv();
                next += 1;
            }
        }
        if !waiting.is_empty() || !self.stack.is_empty() {
            // A worker failed, and its error is the one to tell.
            return Err(EngineError::Interrupted);
        }
        self.sink.flush_all()?;
        self.sink.hang_up();
        Ok((self.assembled, self.update))
    }

    fn take(&mut self, done: Done) -> Result<(), EngineError> {
        match done {
            Done::Enter(enter, meta) => {
                self.stack.push(Frame::new(enter, *meta));
                Ok(())
            }
            Done::Entry {
                entry,
                local,
                unsure,
                standing,
            } => {
                self.assembled.count_file(&entry, standing);
                self.entry(*entry, local, unsure)
            }
            Done::Leave => self.leave(),
            Done::SameDirectory(same, below) => self.same_directory(*same, &below),
            Done::Removed(path) => Ok(self.update.remove(&path)?),
            Done::Lost(name) => self.lost(&name),
            Done::Gone => {
                self.unsure();
                Ok(())
            }
        }
    }

    /// Takes a directory that was not looked at.
    fn same_directory(&mut self, same: PageEntry, below: &Sums) -> Result<(), EngineError> {
        let Some(mut frame) = self.stack.pop() else {
            return Ok(());
        };
        frame.children.add(below);
        let result = self.push(&mut frame, same);
        self.stack.push(frame);
        result
    }

    /// Notes that an entry could not be read, or a directory not be listed.
    fn lost(&mut self, name: &[u8]) -> Result<(), EngineError> {
        match self.stack.last_mut() {
            Some(frame) => {
                frame.totals.failed += 1;
                if frame.enter.clean {
                    let path = join(&frame.enter.path, name);
                    let before = self.lookup.directory(&path)?;
                    let before = before.map(|row| row.below).unwrap_or_default();
                    frame.children_before.add(&before);
                    frame.changed.insert(name.to_vec(), None);
                }
            }
            None => self.assembled.statistics.failed += 1,
        }
        self.unsure();
        Ok(())
    }

    /// The directory must be looked at entry by entry next time; a root has no directory.
    fn unsure(&mut self) {
        if let Some(frame) = self.stack.last_mut() {
            frame.unsure = true;
            return;
        }
        self.assembled.changed = true;
        self.assembled.roots.push(None);
    }

    fn entry(&mut self, entry: Entry, local: Local, unsure: bool) -> Result<(), EngineError> {
        let Some(mut frame) = self.stack.pop() else {
            return self.root_entry(entry, local, unsure);
        };
        frame.unsure |= unsure;
        let result = self.push(&mut frame, PageEntry { local, entry });
        self.stack.push(frame);
        result
    }

    /// Takes a root that is not a directory.
    fn root_entry(&mut self, entry: Entry, local: Local, unsure: bool) -> Result<(), EngineError> {
        let statistics = &mut self.assembled.statistics;
        match &entry.node {
            Node::File { content } => {
                statistics.files += 1;
                statistics.bytes += content.len();
            }
            _ => statistics.others += 1,
        }
        let number = self.assembled.roots.len();
        if let Some(Some(FileRoot { path, dev, scanned })) = self.file_roots.get(number)
            && !unsure
        {
            let row = DirectoryRow {
                dev: *dev,
                local,
                fingerprint: None,
                newest: entry.meta.mtime,
                scanned: *scanned,
                totals: Totals::default(),
                below: Sums::default(),
                entry: entry.clone(),
            };
            self.update.put_directory(path, &row)?;
            self.update.put_page(
                path,
                0,
                &[PageEntry {
                    local,
                    entry: entry.clone(),
                }],
            )?;
            self.update.cut_pages(path, 1)?;
        }
        self.assembled.changed |= self.is_new_root(number, &entry)?;
        self.assembled.roots.push(Some(entry));
        Ok(())
    }

    /// Says whether a root that is not a directory is not as the last snapshot saw it.
    fn is_new_root(&self, number: usize, entry: &Entry) -> Result<bool, EngineError> {
        let Some(Some(root)) = self.file_roots.get(number) else {
            return Ok(true);
        };
        let before = self.lookup.directory(&root.path)?;
        Ok(before.is_none_or(|before| before.entry != *entry))
    }

    fn push(&mut self, frame: &mut Frame, entry: PageEntry) -> Result<(), EngineError> {
        match &entry.entry.node {
            Node::File { content } => {
                frame.totals.files += 1;
                frame.totals.bytes += content.len();
            }
            Node::Directory { .. } => {}
            _ => frame.totals.others += 1,
        }
        frame.tree.push(&mut self.sink, &entry.entry)?;
        if entry.entry.meta.link.is_some() {
            frame.links.push((entry.entry.name.clone(), entry.local));
        }
        frame.page.push(entry);
        if frame.page.len() == PAGE_ENTRIES {
            self.put_page(frame)?;
        }
        Ok(())
    }

    fn put_page(&mut self, frame: &mut Frame) -> Result<(), EngineError> {
        self.update
            .put_page(&frame.enter.path, frame.pages, &frame.page)?;
        frame.pages += 1;
        frame.page.clear();
        Ok(())
    }

    fn leave(&mut self) -> Result<(), EngineError> {
        let Some(mut frame) = self.stack.pop() else {
            return Ok(());
        };
        let is_as_it_was = frame.enter.clean && frame.changed.is_empty() && !frame.unsure;
        let tree = if is_as_it_was {
            frame.totals = frame.row_before().totals;
            self.move_pages(&frame)?;
            old_tree(&frame)
        } else {
            if frame.enter.clean {
                self.replay(&mut frame)?;
            }
            let tree = std::mem::take(&mut frame.tree).finish(&mut self.sink)?;
            if !frame.page.is_empty() {
                self.put_page(&mut frame)?;
            }
            self.update.cut_pages(&frame.enter.path, frame.pages)?;
            self.update.put_links(&frame.enter.path, &frame.links)?;
            Some(tree)
        };
        let tree = tree.unwrap_or_else(|| Content::Inline(Vec::new()));
        let entry = Entry {
            name: frame.enter.name.to_vec(),
            meta: frame.meta.clone(),
            node: Node::Directory { tree },
        };
        let row = frame.row(entry);
        let old = frame.enter.row.as_ref();
        let same_entry = old.is_some_and(|old| old.entry == row.entry);
        let same_state = old.is_some_and(|old| old.local == row.local && old.below == row.below);
        let has_moved = frame.enter.moved_from.is_some();
        if !is_as_it_was || !same_entry || !same_state || has_moved {
            self.update.put_directory(&frame.enter.path, &row)?;
        }
        let before = old.map(|old| old.below).unwrap_or_default();
        let same = same_entry && self.is_row_below(&frame);
        self.hand_up(row.entry, same, &row.below, &before)
    }

    /// Says whether the row of a directory is of the same time as the one of the directory above: it was seen there.
    fn is_row_below(&self, frame: &Frame) -> bool {
        let seen_at = |frame: &Frame| {
            let from = frame.enter.moved_from.as_ref();
            from.unwrap_or(&frame.enter.path).clone()
        };
        let above = self.stack.last().map(seen_at);
        above.is_none_or(|above| seen_at(frame)[..] == join(&above, &frame.enter.name)[..])
    }

    /// Keeps the pages of a directory that has moved at its new path.
    fn move_pages(&self, frame: &Frame) -> Result<(), EngineError> {
        let Some(from) = &frame.enter.moved_from else {
            return Ok(());
        };
        let (mut count, mut links) = (0, Vec::new());
        while let Some(page) = self.lookup.page(from, count)? {
            self.update.put_page(&frame.enter.path, count, &page)?;
            let linked = page.iter().filter(|known| known.entry.meta.link.is_some());
            links.extend(linked.map(|known| (known.entry.name.clone(), known.local)));
            count += 1;
        }
        self.update.put_links(&frame.enter.path, &links)?;
        Ok(self.update.cut_pages(&frame.enter.path, count)?)
    }

    /// Gives a finished directory to the one above it.
    fn hand_up(
        &mut self,
        entry: Entry,
        same: bool,
        below: &Sums,
        before: &Sums,
    ) -> Result<(), EngineError> {
        let Some(mut above) = self.stack.pop() else {
            self.assembled.changed |= !same;
            self.assembled.roots.push(Some(entry));
            self.count(below);
            return Ok(());
        };
        above.children.add(below);
        above.children_before.add(before);
        let result = if above.enter.clean {
            if !same {
                above.changed.insert(entry.name.clone(), Some(entry));
            }
            Ok(())
        } else {
            self.push(
                &mut above,
                PageEntry {
                    local: NO_LOCAL,
                    entry,
                },
            )
        };
        self.stack.push(above);
        result
    }

    /// Builds the tree of a clean directory again, some of whose directories changed.
    fn replay(&mut self, frame: &mut Frame) -> Result<(), EngineError> {
        let from = frame.enter.moved_from.as_ref();
        let from = from.unwrap_or(&frame.enter.path).clone();
        for number in 0.. {
            let Some(page) = self.lookup.page(&from, number)? else {
                return Ok(());
            };
            for mut old in page {
                match frame.changed.remove(&old.entry.name) {
                    Some(Some(new)) => {
                        old = PageEntry {
                            local: NO_LOCAL,
                            entry: new,
                        }
                    }
                    Some(None) => continue,
                    None => {}
                }
                self.push(frame, old)?;
            }
        }
        Ok(())
    }

    /// Counts a root and everything below it.
    fn count(&mut self, below: &Sums) {
        let (statistics, totals) = (&mut self.assembled.statistics, &below.totals);
        statistics.directories += below.directories;
        statistics.files += totals.files;
        statistics.others += totals.others;
        statistics.bytes += totals.bytes;
        statistics.failed += totals.failed;
    }
}
