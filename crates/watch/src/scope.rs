//! What is watched: the parts of the roots, one for each mount, and what is wanted of them.

use std::collections::HashSet;

use crate::hints::Hints;
use crate::place::{Place, below, join, way};
use crate::settings::Wants;

/// The part of a root that lies on one mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Where it begins.
    pub(crate) place: Place,
    /// The same as an absolute path, as the kernel shows it.
    pub(crate) top: Vec<u8>,
    /// The number of the mount.
    pub(crate) mount: u64,
    /// The device, which all mounts of one file system share.
    pub(crate) device: String,
    /// The type of the file system.
    pub(crate) file_system: String,
}

impl Part {
    /// Names what is at `path` below the top.
    pub(crate) fn place_of(&self, path: &[u8]) -> Place {
        self.place.join(path)
    }

    /// Names what is at an absolute path, if that is in this part.
    pub(crate) fn place_at(&self, path: &[u8]) -> Option<Place> {
        below(path, &self.top).map(|rest| self.place_of(rest))
    }
}

/// What those who watch a part need, besides it.
pub(crate) struct Scope<'a> {
    pub(crate) wants: &'a Wants,
    /// Where something is mounted below the roots: another part begins there, or nothing that is watched.
    pub(crate) mount_points: &'a HashSet<Vec<u8>>,
    pub(crate) hints: &'a mut Hints,
}

impl Scope<'_> {
    /// Says whether the directory at `path` below the top of a part is wanted, and belongs to the part. Those above it do.
    pub(crate) fn has(&self, part: &Part, path: &[u8]) -> bool {
        (self.wants)(&part.place_of(path))
            && (self.mount_points.is_empty() || !self.mount_points.contains(&join(&part.top, path)))
    }
}

/// Says whether a directory and all above it are wanted. A root is.
pub(crate) fn is_wanted(wants: &Wants, place: &Place) -> bool {
    let steps = way(place.bytes()).skip(1);
    steps
        .map(|step| Place::new(place.root(), step.to_vec()))
        .all(|step| wants(&step))
}
