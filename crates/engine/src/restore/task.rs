//! Files and directories that are being restored. The last of its parts to be done finishes each: a
//! directory gets its metadata after everything in it.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use strongroom_base::{Class, Classified as _, with_causes};
use strongroom_crypto::keys::ChunkKind;
use strongroom_files::{
    ACCESS_LIST, Extra, FileWriter, Metadata, Names, NotApplied, Owner, Place, Target, apply_flags,
    apply_metadata,
};
use strongroom_format::content::Content;
use strongroom_format::tree::{Entry, Meta};
use strongroom_read::{Archive, ReadError, XATTR_LEN_MAX};

use super::options::RestoreSummary;
use super::select::Selected;
use crate::backup::explain;
use crate::error::EngineError;
use crate::monitor::{Monitor, Progress, Stop, Warning};

/// What every part of a restore uses.
pub(crate) struct Context<'a> {
    pub(crate) archive: &'a Archive,
    pub(crate) names: Names,
    pub(crate) monitor: &'a dyn Monitor,
    pub(crate) progress: &'a Progress,
    pub(crate) totals: Totals,
    pub(crate) verify: bool,
    pub(crate) stop: &'a Stop,
    /// What there was no room for, and the answer of the operating system. Nothing more is written then.
    pub(crate) full: OnceLock<(PathBuf, io::Error)>,
}

/// Counts what was done, from any thread.
#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) files: AtomicU64,
    pub(crate) directories: AtomicU64,
    pub(crate) others: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) skipped: AtomicU64,
    pub(crate) deleted: AtomicU64,
    pub(crate) damaged: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// Entries whose owner this user has no right to set.
    pub(crate) unowned: AtomicU64,
}

impl Totals {
    pub(crate) fn summary(&self) -> RestoreSummary {
        let get = |total: &AtomicU64| total.load(Ordering::Relaxed);
        RestoreSummary {
            files: get(&self.files),
            directories: get(&self.directories),
            others: get(&self.others),
            bytes: get(&self.bytes),
            skipped: get(&self.skipped),
            deleted: get(&self.deleted),
            damaged: get(&self.damaged),
            failed: get(&self.failed),
        }
    }
}

impl Context<'_> {
    pub(crate) fn damaged(&self, path: &std::path::Path, error: &ReadError) {
        self.totals.damaged.fetch_add(1, Ordering::Relaxed);
        self.warn(path, with_causes(error), true);
    }

    /// Says whether nothing more can be written.
    pub(crate) fn is_full(&self) -> bool {
        self.full.get().is_some()
    }

    pub(crate) fn failed(&self, path: &std::path::Path, error: &strongroom_files::Error) {
        if let Some(source) = error.full() {
            // The first is told, and others have no other reason.
            let _ = self.full.set((path.to_owned(), source));
            return;
        }
        self.totals.failed.fetch_add(1, Ordering::Relaxed);
        self.warn(path, explain(error), true);
    }

    pub(crate) fn warn(&self, path: &std::path::Path, message: String, left_out: bool) {
        use std::os::unix::ffi::OsStrExt;
        let subject = path.as_os_str().as_bytes().to_vec();
        self.monitor.warning(Warning {
            subject,
            message,
            left_out,
        });
    }

    /// Reads a directory; what is damaged of it is told, and the rest returned. Says whether that is all.
    pub(crate) fn entries(
        &self,
        tree: &Content,
        path: &std::path::Path,
    ) -> Result<(Vec<Entry>, bool), EngineError> {
        let mut entries = Vec::new();
        let read = self
            .archive
            .read_tree(tree, &mut |entry| -> Result<(), ReadError> {
                entries.push(entry);
                Ok(())
            });
        match read {
            Ok(()) => Ok((entries, true)),
            Err(error) if error.class() == Class::Damage => {
                self.damaged(path, &error);
                Ok((entries, false))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns whom an entry belongs to on this system.
    pub(crate) fn owner(&self, meta: &Meta) -> Owner {
        let owner = Owner {
            uid: meta.owner.uid,
            gid: meta.owner.gid,
        };
        let known = |name: &'_ [u8]| (!name.is_empty()).then(|| name.to_vec());
        let (user, group) = (known(&meta.owner.user), known(&meta.owner.group));
        owner.by_name(&self.names, user.as_deref(), group.as_deref())
    }

    /// Gives an entry its metadata; what cannot be applied is a warning.
    pub(crate) fn apply(&self, place: Place<'_>, meta: &Meta, path: &std::path::Path) {
        let mut extra = Extra {
            flags: meta.file_flags,
            ..Extra::default()
        };
        let mut mode = u32::from(meta.mode);
        for (name, value) in &meta.xattrs {
            match self
                .archive
                .content_bytes(ChunkKind::Data, value, XATTR_LEN_MAX)
            {
                Ok(value) => extra.xattrs.push((name.clone(), value)),
                Err(error) => {
                    self.damaged(path, &error);
                    if name == ACCESS_LIST {
                        // Nobody knows who had which right.
                        mode &= !0o077;
                    }
                }
            }
        }
        let owner = self.owner(meta);
        let metadata = Metadata {
            mode,
            owner: Some(owner),
            mtime: meta.mtime,
            extra: &extra,
        };
        let mut is_unowned = false;
        for problem in apply_metadata(place, &metadata) {
            if problem.is_refused_owner() {
                is_unowned = true;
            } else {
                self.not_applied(path, &problem);
            }
        }
        if is_unowned {
            self.totals.unowned.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells once of all that could not be given to their owners.
    pub(super) fn tell_unowned(&self, selected: &[Selected]) {
        let count = self.totals.unowned.load(Ordering::Relaxed);
        if let (1.., Some(first)) = (count, selected.first()) {
            let message = format!(
                "owners or groups could not be set, which needs root: {count} times. What was restored belongs to you"
            );
            self.warn(&first.folder.path(), message, false);
        }
    }

    fn not_applied(&self, path: &std::path::Path, problem: &NotApplied) {
        if let Some(source) = problem.full() {
            let _ = self.full.set((path.to_owned(), source));
            return;
        }
        self.warn(path, format!("{problem}: {}", problem.source), false);
    }
}

/// A directory whose entries are being restored.
pub(crate) struct DirTask<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) target: Target,
    pub(crate) path: PathBuf,
    /// `None` where the directory is not part of the snapshot.
    pub(crate) meta: Option<Meta>,
    /// Keeps the directory above open until this one is done.
    pub(crate) _above: Option<Arc<DirTask<'a>>>,
}

impl Drop for DirTask<'_> {
    fn drop(&mut self) {
        if let Some(meta) = &self.meta {
            self.context
                .apply(Place::Folder(&self.target), meta, &self.path);
        }
    }
}

/// A file that is being written, perhaps by several threads.
pub(crate) struct FileTask<'a> {
    pub(crate) dir: Arc<DirTask<'a>>,
    pub(crate) writer: FileWriter,
    pub(crate) path: PathBuf,
    /// The name it is written under, and the one it gets when it is complete.
    pub(crate) written_as: Vec<u8>,
    pub(crate) name: Vec<u8>,
    pub(crate) meta: Meta,
    pub(crate) len: u64,
    pub(crate) spoilt: AtomicBool,
}

impl FileTask<'_> {
    pub(crate) fn spoil_by_damage(&self, error: &ReadError) {
        if !self.spoilt.swap(true, Ordering::Relaxed) {
            self.dir.context.damaged(&self.path, error);
        }
    }

    pub(crate) fn spoil_by_failure(&self, error: &strongroom_files::Error) {
        if !self.spoilt.swap(true, Ordering::Relaxed) {
            self.dir.context.failed(&self.path, error);
        }
    }

    fn finish(&self) -> Result<(), strongroom_files::Error> {
        let context = self.dir.context;
        // Flags may forbid that it gets its name.
        let is_renamed = self.written_as != self.name;
        let mut meta = self.meta.clone();
        let flags = if is_renamed {
            std::mem::take(&mut meta.file_flags)
        } else {
            0
        };
        context.apply(Place::File(&self.writer), &meta, &self.path);
        if context.is_full() {
            // There may have been no room for its metadata.
            self.spoilt.store(true, Ordering::Relaxed);
            return Ok(());
        }
        if is_renamed {
            self.dir.target.replace(&self.written_as, &self.name)?;
        }
        if flags != 0
            && let Some(problem) = apply_flags(&self.writer, flags)
        {
            context.not_applied(&self.path, &problem);
        }
        context.totals.files.fetch_add(1, Ordering::Relaxed);
        context.totals.bytes.fetch_add(self.len, Ordering::Relaxed);
        context
            .progress
            .entries_done
            .fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for FileTask<'_> {
    fn drop(&mut self) {
        if !self.spoilt.load(Ordering::Relaxed)
            && let Err(error) = self.finish()
        {
            self.spoil_by_failure(&error);
        }
        if self.spoilt.load(Ordering::Relaxed) {
            // A file that is not what the snapshot says must not look as if it were.
            let _ = self.dir.target.remove(&self.written_as);
        }
    }
}
