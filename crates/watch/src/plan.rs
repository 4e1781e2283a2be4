//! Which parts there are: a root, and whatever is mounted below it.

use std::collections::HashSet;

use crate::mounts::{Kind, Mount, MountTable};
use crate::open::identify;
use crate::place::Place;
use crate::root::{Root, State};
use crate::scope::{Part, is_wanted};
use crate::settings::Wants;

/// Which parts there are.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) parts: Vec<Part>,
    /// All places below the roots where something is mounted, wanted or not.
    pub(crate) mount_points: HashSet<Vec<u8>>,
}

impl Plan {
    /// Divides the roots that are there at what is mounted below them.
    pub(crate) fn new(roots: &[Root], table: &MountTable, wants: &Wants) -> Self {
        let mut plan = Self::default();
        for (number, root) in roots.iter().enumerate() {
            let State::Present { path, identity } = root.state() else {
                continue;
            };
            let id = identity.and_then(|identity| identity.mount);
            let mount = id.and_then(|id| table.by_id(id));
            let Some(mount) = mount.or_else(|| table.containing(path)) else {
                continue;
            };
            let top = part(Place::of_root(number), path.clone(), mount);
            for mount in table.below(path).filter(|mount| is_visible(mount)) {
                plan.mount_points.insert(mount.point.clone());
                let Some(place) = top.place_at(&mount.point) else {
                    continue;
                };
                if Kind::of(&mount.file_system) != Kind::MadeUp && is_wanted(wants, &place) {
                    plan.parts.push(part(place, mount.point.clone(), mount));
                }
            }
            plan.parts.push(top);
        }
        plan
    }
}

fn part(place: Place, top: Vec<u8>, mount: &Mount) -> Part {
    Part {
        place,
        top,
        mount: mount.id,
        device: mount.device.clone(),
        file_system: mount.file_system.clone(),
    }
}

/// Says whether the mount is the one that is seen at its place, and not covered by another. What is not local is
/// not touched, for that could take forever.
fn is_visible(mount: &Mount) -> bool {
    if Kind::of(&mount.file_system) != Kind::Local {
        return true;
    }
    identify(&mount.point).is_ok_and(|found| found.mount.is_none_or(|id| id == mount.id))
}
