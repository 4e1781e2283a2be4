//! From the handle of a directory to where it is.

use std::collections::HashMap;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use rustix::io::{Errno, Result};

use crate::changes::Why;
use crate::open::{is_deleted, open_top, path_or_above};
use crate::place::Place;
use crate::platform::{Handle, open_by_handle};
use crate::scope::{Part, Scope, is_wanted};

/// How many handles are remembered.
const KNOWN_MAX: usize = 4096;

/// What the kernel appends to the path of a deleted directory.
const DELETED: &[u8] = b" (deleted)";

/// Where directories were found, until a directory moves.
#[derive(Debug, Default)]
pub(crate) struct Resolver {
    known: HashMap<Handle, Arc<[Found]>>,
}

/// Where a directory is. It is at several places where its file system is mounted several times.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) place: Place,
    /// Whether it is the directory; else it is somewhere below, too deep for the kernel to say where.
    pub(crate) is_exact: bool,
}

/// The parts of one file system; the top of each is opened when it is first needed, and closed with this.
pub(crate) struct Tops<'a> {
    parts: &'a [&'a Part],
    open: Vec<Option<OwnedFd>>,
}

impl<'a> Tops<'a> {
    pub(crate) fn new(parts: &'a [&'a Part]) -> Self {
        let open = parts.iter().map(|_| None).collect();
        Self { parts, open }
    }

    fn get(&mut self, index: usize) -> Result<&OwnedFd> {
        let top = match self.open[index].take() {
            Some(top) => top,
            None => open_top(&self.parts[index].top)?,
        };
        Ok(self.open[index].insert(top))
    }
}

impl Resolver {
    /// Forgets all places: some directory has moved, or something was mounted.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }

    /// Finds where in the parts a directory is. What is outside of them, not wanted or gone is nowhere.
    pub(crate) fn find(
        &mut self,
        handle: Handle,
        tops: &mut Tops<'_>,
        scope: &mut Scope<'_>,
    ) -> Arc<[Found]> {
        if let Some(found) = self.known.get(&handle) {
            return Arc::clone(found);
        }
        let mut all = Vec::new();
        let mut is_certain = true;
        for (index, part) in tops.parts.iter().enumerate() {
            match tops
                .get(index)
                .and_then(|top| find_in(part, top, &handle, scope))
            {
                Ok(found) => all.extend(found),
                Err(Errno::STALE | Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {
                    is_certain = false;
                }
                Err(_) => {
                    is_certain = false;
                    scope.hints.tree(part.place.clone(), Why::Lost);
                }
            }
        }
        let all: Arc<[Found]> = all.into();
        if is_certain {
            if self.known.len() >= KNOWN_MAX {
                self.known.clear();
            }
            self.known.insert(handle, Arc::clone(&all));
        }
        all
    }
}

fn find_in(
    part: &Part,
    top: &OwnedFd,
    handle: &Handle,
    scope: &Scope<'_>,
) -> Result<Option<Found>> {
    let directory = open_by_handle(top.as_fd(), handle)?;
    let (path, is_exact) = path_or_above(&directory)?;
    if path.ends_with(DELETED) && is_deleted(directory.as_fd()) {
        return Err(Errno::STALE);
    }
    let place = part.place_at(&path);
    let wanted = place.filter(|place| is_wanted(scope.wants, place));
    Ok(wanted.map(|place| Found { place, is_exact }))
}
