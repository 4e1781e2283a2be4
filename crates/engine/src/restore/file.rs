//! Restores a file: makes it, and hands its content to the threads that write.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use strongroom_files::{FileWriter, Kind, Stat};
use strongroom_format::content::{Content, ListItem};
use strongroom_format::tree::Entry;
use strongroom_read::ReadError;

use super::decide::{Around, Decision};
use super::task::FileTask;
use super::write::{self, Job};
use super::{Here, LARGE, Restore, stretch};
use crate::monitor::count;

/// A new file.
struct Created {
    writer: FileWriter,
    /// The name it is written under, and the one it gets when it is complete.
    written_as: Vec<u8>,
    name: Vec<u8>,
    /// The folder that has to go first.
    folder: Option<Stat>,
}

impl<'a> Restore<'a> {
    pub(super) fn file(
        &mut self,
        here: &Here<'a>,
        siblings: &[Entry],
        (entry, content): (&Entry, &Content),
        path: PathBuf,
    ) -> Result<(), strongroom_files::Error> {
        if let Some(link) = entry.meta.link
            && self.link(here, siblings, link, entry)?
        {
            return Ok(());
        }
        let Some(created) = self.create(here, siblings, entry)? else {
            count(&self.context.totals.skipped, 1);
            return Ok(());
        };
        let name = created.name.clone();
        let task = FileTask {
            dir: here.task.clone(),
            writer: created.writer,
            path,
            written_as: created.written_as,
            name: created.name,
            meta: entry.meta.clone(),
            len: content.len(),
            spoilt: AtomicBool::new(false),
        };
        if entry.meta.link.is_none() && created.folder.is_none() {
            self.write(task, content.clone());
            return Ok(());
        }
        // Its other names are made only when it is complete, and a folder goes only then, so it is written at once.
        if !write::write_now(self.context, &task, content) {
            return Ok(());
        }
        if let Some(folder) = created.folder
            && let Err(error) = self.clear_way(here, &task.name, &folder)
        {
            task.spoil_by_failure(&error);
            return Ok(());
        }
        drop(task);
        self.note_made(here, entry, &name);
        Ok(())
    }

    /// Makes the file; `None` where what is there stays.
    fn create(
        &mut self,
        here: &Here<'a>,
        siblings: &[Entry],
        entry: &Entry,
    ) -> Result<Option<Created>, strongroom_files::Error> {
        let target = &here.task.target;
        let as_named = |writer, name: &[u8]| {
            Some(Created {
                writer,
                written_as: name.to_vec(),
                name: name.to_vec(),
                folder: None,
            })
        };
        match target.create_file(&entry.name) {
            Ok(writer) => return Ok(as_named(writer, &entry.name)),
            Err(error) if error.is_taken() => {}
            Err(error) => return Err(error),
        }
        let dir = target.dir();
        let around = Around { dir, siblings };
        loop {
            let found = dir.stat_child(&entry.name)?;
            match self.judge.decide(around, entry, &found)? {
                Decision::Leave => return Ok(None),
                Decision::There(name) => {
                    self.note_found(here, entry, &name);
                    return Ok(None);
                }
                Decision::At(name, None) => match target.create_file(&name) {
                    Ok(writer) => {
                        self.judge.note_beside(dir, &name)?;
                        return Ok(as_named(writer, &name));
                    }
                    // Somebody took it meanwhile.
                    Err(error) if error.is_taken() => {}
                    Err(error) => return Err(error),
                },
                Decision::At(name, Some(found)) => {
                    let folder = (found.kind == Kind::Directory).then_some(found);
                    if folder.is_some() {
                        self.check_way(dir, &name)?;
                    }
                    let (writer, written_as) =
                        self.make_temporary(target, |name| target.create_temporary(name))?;
                    return Ok(Some(Created {
                        writer,
                        written_as,
                        name,
                        folder,
                    }));
                }
            }
        }
    }

    fn write(&mut self, task: FileTask<'a>, content: Content) {
        if content.len() <= LARGE {
            return self.jobs.push(task, content);
        }
        if let Err(error) = task.writer.set_len(content.len()) {
            return task.spoil_by_failure(&error);
        }
        let task = Arc::new(task);
        let (mut chunks, mut bytes, mut offset) = (Vec::new(), 0, 0);
        let jobs = &self.jobs;
        let archive = self.context.archive;
        let stretch = stretch(content.len(), archive);
        let result = archive.visit_items(&content, &mut |item| {
            if let ListItem::Part { len, id } = item {
                chunks.push((offset, u32::try_from(len).unwrap_or(u32::MAX), id));
                bytes += len;
            }
            offset += item.len();
            if bytes >= stretch {
                bytes = 0;
                jobs.send(Job::Chunks(task.clone(), std::mem::take(&mut chunks)));
            }
            Ok::<(), ReadError>(())
        });
        if !chunks.is_empty() {
            jobs.send(Job::Chunks(task.clone(), chunks));
        }
        if let Err(error) = result {
            task.spoil_by_damage(&error);
        }
    }
}
