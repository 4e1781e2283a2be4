//! Mounting and unmounting.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;
use fuser::{BackgroundSession, Config, MountOption, Session, SessionACL};
use rustix::mount::UnmountFlags;
use strongroom_read::Archive;

use crate::ahead::Ahead;
use crate::answers::{Listings, Strongroom};
use crate::attributes::Mounter;
use crate::error::MountError;
use crate::folders::{Found, Stores};
use crate::history::{History, Shown};
use crate::parts::Lists;
use crate::problems::{Problem, Problems};
use crate::table::{Folder, Table};
use crate::trees::Trees;
use crate::versions::Timelines;

/// How many threads answer the kernel.
const THREADS: usize = 4;

/// Who may look into a mounted archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Whoever mounted it, who holds the key: everything, whatever its permissions.
    Mounter,
    /// Everybody, as permissions and access control lists say.
    Others,
}

/// How an archive is mounted.
#[derive(Clone, Debug)]
pub struct MountOptions {
    /// Who may look into it.
    pub access: Access,
    /// The hash of the one snapshot that is shown; `None` for all.
    pub snapshot: Option<[u8; 32]>,
}

/// An archive that is mounted; it is unmounted when this is dropped.
pub struct Mounted {
    path: PathBuf,
    session: Option<BackgroundSession>,
    problems: Receiver<Problem>,
}

/// How unmounting went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmounted {
    /// Nobody used it any more.
    Whole,
    /// It is gone from its folder, and will be gone altogether when nobody uses it any more, or when this
    /// process ends.
    InUse,
}

/// Mounts an archive at an empty folder.
pub fn mount(archive: Archive, path: &Path, options: &MountOptions) -> Result<Mounted, MountError> {
    let path = check_folder(path)?;
    let failed = |source| MountError::Mount {
        path: path.clone(),
        source,
    };
    let (problems, told) = Problems::new();
    let problems = Arc::new(problems);
    let history = History::new(archive, problems.clone())?;
    let name = format!("strongroom:{}", history.id());
    let filesystem = Strongroom {
        stores: stores(history, problems, options)?,
        ahead: Ahead::start().map_err(failed)?,
        mounter: Mounter {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        },
        checked: options.access == Access::Others,
        listings: Listings::default(),
    };
    let session = Session::new(filesystem, &path, &config(options, name)).map_err(failed)?;
    let session = session.spawn().map_err(failed)?;
    Ok(Mounted {
        path,
        session: Some(session),
        problems: told,
    })
}

fn config(options: &MountOptions, name: String) -> Config {
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::RO,
        MountOption::NoAtime,
        MountOption::NoDev,
        MountOption::NoSuid,
        MountOption::FSName(name),
        MountOption::Subtype("strongroom".to_owned()),
    ];
    if options.access == Access::Others {
        config.mount_options.push(MountOption::DefaultPermissions);
        config.acl = SessionACL::All;
    }
    config.n_threads = Some(THREADS);
    config
}

fn stores(
    history: History,
    problems: Arc<Problems>,
    options: &MountOptions,
) -> Result<Stores, MountError> {
    let mut one = None;
    if let Some(hash) = options.snapshot {
        let now = history.now();
        let found = now.snapshots.iter().find(|shown| shown.info.hash == hash);
        one = Some(found.cloned().ok_or(MountError::NoSuchSnapshot)?);
    }
    let top = one.as_ref().map_or(Folder::Top, folder_of);
    let stores = Stores {
        history,
        table: Table::new(top),
        trees: Trees::new(),
        lists: Lists::new(),
        timelines: Timelines::new(),
        problems,
    };
    // A snapshot of `/` is the root's folder itself.
    if let Some(shown) = one
        && let Ok(Some(Found::Entry { place, .. })) = stores.at_path(&shown, b"")
    {
        stores.table.set_top(Folder::Stored(place));
    }
    Ok(stores)
}

fn folder_of(shown: &Arc<Shown>) -> Folder {
    Folder::Above {
        shown: shown.clone(),
        path: Arc::from(&b""[..]),
    }
}

/// Returns the folder by its whole path, where it is empty.
fn check_folder(path: &Path) -> Result<PathBuf, MountError> {
    let failed = |source| MountError::Folder {
        path: path.to_owned(),
        source,
    };
    let whole = path.canonicalize().map_err(failed)?;
    match fs::read_dir(&whole).map_err(failed)?.next() {
        None => Ok(whole),
        Some(_) => Err(MountError::NotEmpty { path: whole }),
    }
}

impl Mounted {
    /// Returns the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for a problem, for at most `time`.
    pub fn wait_for_problem(&self, time: Duration) -> Option<Problem> {
        self.problems.recv_timeout(time).ok()
    }

    /// Says whether somebody else has unmounted it.
    pub fn is_over(&self) -> bool {
        let session = self.session.as_ref();
        session.is_none_or(|session| session.guard.is_finished())
    }

    /// Unmounts it.
    pub fn unmount(mut self) -> Result<Unmounted, MountError> {
        let Some(session) = self.session.take() else {
            return Ok(Unmounted::Whole);
        };
        match session.umount_and_join() {
            Ok(()) => Ok(Unmounted::Whole),
            // Somebody else has unmounted it.
            Err(error) if error.raw_os_error() == Some(EINVAL) => Ok(Unmounted::Whole),
            Err(error) if error.raw_os_error() == Some(EBUSY) => {
                detach(&self.path).map_err(|source| MountError::Unmount {
                    path: self.path.clone(),
                    source,
                })?;
                Ok(Unmounted::InUse)
            }
            Err(source) => Err(MountError::Unmount {
                path: self.path.clone(),
                source,
            }),
        }
    }
}

const EINVAL: i32 = rustix::io::Errno::INVAL.raw_os_error();
const EBUSY: i32 = rustix::io::Errno::BUSY.raw_os_error();

/// Takes it from its folder, while somebody uses it.
fn detach(path: &Path) -> io::Result<()> {
    if rustix::mount::unmount(path, UnmountFlags::DETACH).is_ok() {
        return Ok(());
    }
    // Who is not root asks the program that mounted it.
    let mut program = Command::new("fusermount3");
    let status = program.args(["-u", "-q", "-z", "--"]).arg(path).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(EBUSY))
    }
}
