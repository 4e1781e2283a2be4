//! A root, which may come and go.

use std::path::{Path, PathBuf};

use rustix::io::Errno;
use strongroom_base::clock::{Clock, Timestamp};

use crate::mounts::{Kind, MountTable};
use crate::open::{Identity, as_path, identify};
use crate::source::Reason;
use std::os::unix::ffi::OsStrExt as _;

/// A root, and whether it is there.
#[derive(Debug)]
pub(crate) struct Root {
    given: PathBuf,
    state: State,
    /// Where the file system is mounted that had the root when it was seen first.
    home: Option<Vec<u8>>,
}

/// Whether a root is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is.
    Present {
        /// Its path without symbolic links.
        path: Vec<u8>,
        /// Which directory it is; unknown for one that is not local, which is not touched: that could take forever.
        identity: Option<Identity>,
    },
    /// It is not.
    Absent {
        /// Since when.
        since: Timestamp,
        /// Why.
        why: Reason,
    },
}

impl Root {
    /// Looks for the first time.
    pub(crate) fn new(given: PathBuf, table: &MountTable, clock: &dyn Clock) -> Self {
        let state = State::Absent {
            since: clock.now(),
            why: Reason::RootGone,
        };
        let home = None;
        let mut root = Self { given, state, home };
        root.look(table, clock);
        root
    }

    pub(crate) fn given(&self) -> &Path {
        &self.given
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self.state, State::Absent { .. })
    }

    /// Looks again, and says whether something is different.
    pub(crate) fn look(&mut self, table: &MountTable, clock: &dyn Clock) -> bool {
        let state = match self.find(table) {
            Ok(found) => found,
            Err(why) => match &self.state {
                State::Absent { since, .. } => State::Absent { since: *since, why },
                State::Present { .. } => State::Absent {
                    since: clock.now(),
                    why,
                },
            },
        };
        let differs = state != self.state;
        self.state = state;
        differs
    }

    fn find(&mut self, table: &MountTable) -> Result<State, Reason> {
        let given = self.given.as_os_str().as_bytes();
        let mount = table.containing(given);
        if mount.is_some_and(|mount| Kind::of(&mount.file_system) == Kind::Remote) {
            let path = given.to_vec();
            let identity = None;
            return Ok(State::Present { path, identity });
        }
        let (path, identity) = locate(&self.given).map_err(|_| self.reason_to_be_gone(table))?;
        let mount = identity.mount.and_then(|id| table.by_id(id));
        let home = mount
            .or_else(|| table.containing(&path))
            .map(|m| m.point.clone());
        if self.home.is_some() && home != self.home && self.is_unmounted(table) {
            // What is seen there now is the folder that the file system was mounted on.
            return Err(Reason::RootUnmounted);
        }
        self.home = home;
        let identity = Some(identity);
        Ok(State::Present { path, identity })
    }

    fn reason_to_be_gone(&self, table: &MountTable) -> Reason {
        if self.is_unmounted(table) {
            Reason::RootUnmounted
        } else {
            Reason::RootGone
        }
    }

    /// Says whether nothing is mounted where the root was.
    fn is_unmounted(&self, table: &MountTable) -> bool {
        let is_home = |home: &Vec<u8>| table.containing(home).is_some_and(|m| m.point == *home);
        self.home.as_ref().is_some_and(|home| !is_home(home))
    }
}

fn locate(given: &Path) -> Result<(Vec<u8>, Identity), Errno> {
    let failed = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    let path = std::fs::canonicalize(given).map_err(failed)?;
    let path = path.into_os_string().into_encoded_bytes();
    let identity = identify(&path)?;
    Ok((path, identity))
}

/// Shows where a root is: where it was found, or as it was given.
pub(crate) fn shown(root: &Root) -> PathBuf {
    match root.state() {
        State::Present { path, .. } => as_path(path).to_path_buf(),
        State::Absent { .. } => root.given().to_path_buf(),
    }
}
