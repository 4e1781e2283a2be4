//! What is to be restored, and where.

use std::path::PathBuf;

use strongroom_base::ids::ArchiveId;

use crate::backup::Excludes;

/// What is to be restored, and where.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// Absolute paths in the snapshot; everything where there are none.
    pub paths: Vec<Vec<u8>>,
    /// Where to.
    pub place: RestorePlace,
    /// What happens where something is there already.
    pub on_conflict: Conflict,
    /// Whether entries of restored directories that are not in the snapshot are removed, and what is kept then.
    pub delete: Option<Keep>,
    /// Folders that nothing is restored into, such as those of archives and of a profile in use.
    pub closed: Vec<PathBuf>,
    /// Archives that nothing is restored into, wherever their folders are.
    pub closed_archives: Vec<ArchiveId>,
    /// Whether only to say what would be done.
    pub dry_run: bool,
    /// Whether every file is read back and compared.
    pub verify: bool,
}

/// What is not deleted, though the snapshot does not have it.
#[derive(Clone, Debug, Default)]
pub struct Keep {
    /// Folders with all that is in them, such as the keys and the destinations themselves.
    pub folders: Vec<PathBuf>,
    /// What matches.
    pub excludes: Excludes,
}

/// Where to restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestorePlace {
    /// Into this folder, which is made where it is missing.
    ///
    /// A single root that is a directory goes there with its contents, everything else under its name.
    Folder(PathBuf),
    /// To where it was.
    Original,
}

/// What happens where something else is there already. A file with the same length and time is not
/// something else, and stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// What is there stays, and what is restored gets a name of its own.
    Rename,
    /// What is restored takes its place.
    Overwrite,
    /// What is there stays, and is not restored.
    Skip,
    /// As overwrite where what is restored is newer, else as skip.
    Newer,
}

/// What a restore did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreSummary {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links, FIFOs, devices, and second names of files.
    pub others: u64,
    /// Bytes of files.
    pub bytes: u64,
    /// Entries that were left as they are.
    pub skipped: u64,
    /// Entries that were removed because the snapshot does not have them.
    pub deleted: u64,
    /// Entries that could not be restored because the archive is damaged.
    pub damaged: u64,
    /// Entries that could not be written.
    pub failed: u64,
}
