//! Everything that is watched: the regions, and what changes them.

use std::collections::HashSet;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::changes::Why;
use crate::fanotify::Group;
use crate::hints::Hints;
use crate::inotify::Reader;
use crate::mechanism::Mechanism;
use crate::place::below;
use crate::plan::Plan;
use crate::region::{Engine, Region};
use crate::scope::{Part, Scope};
use crate::settings::Settings;
use crate::source::{Reason, Source};

/// How many directories get watches before notices are looked at again.
const VISITS_MAX: usize = 128;

/// Everything that is watched.
#[derive(Debug, Default)]
pub(crate) struct Field {
    regions: Vec<Region>,
    groups: Vec<Group>,
    mount_points: HashSet<Vec<u8>>,
}

impl Field {
    /// Brings the regions into line with a plan. What stays is left alone; what is new, or no longer covered, has to be
    /// walked. Of the roots in `again` nothing stays, for the reason that is given with them.
    pub(crate) fn arrange(
        &mut self,
        plan: Plan,
        again: &(Vec<usize>, Why),
        settings: &Settings,
        hints: &mut Hints,
    ) {
        let is_again = |part: &Part| again.0.contains(&part.place.root());
        let stays = |region: &Region| plan.parts.contains(&region.part) && !is_again(&region.part);
        let before = std::mem::take(&mut self.regions);
        let (mut regions, gone): (Vec<_>, Vec<_>) = before.into_iter().partition(stays);
        // The file system of a group without a region may have been unmounted, and its mark with it.
        self.groups
            .retain(|group| regions.iter().any(|region| is_told_by(region, group)));
        self.groups.iter_mut().for_each(Group::forget);
        for point in plan.mount_points.difference(&self.mount_points) {
            cover(&mut regions, point);
        }
        let uncovered: Vec<_> = self.mount_points.difference(&plan.mount_points).collect();
        for point in uncovered {
            uncover(&mut regions, point, hints);
        }
        for part in plan.parts {
            if !regions.iter().any(|region| region.part == part) {
                let why = if is_again(&part) {
                    again.1
                } else {
                    Why::Mounted
                };
                let region = Region::open(part, &mut self.groups, why, settings);
                if region.is_calm() {
                    hints.tree(region.part.place.clone(), why);
                }
                regions.push(region);
            }
        }
        drop(gone);
        self.mount_points = plan.mount_points;
        self.regions = regions;
    }

    /// Returns what to wait for.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let watches = self
            .regions
            .iter()
            .filter_map(|region| match &region.engine {
                Engine::Inotify(watches) => Some(watches.as_fd()),
                Engine::Fanotify | Engine::Polling(_) => None,
            });
        self.groups.iter().map(|group| group.as_fd()).chain(watches)
    }

    /// Takes in notices, and says whether those were all.
    pub(crate) fn read(
        &mut self,
        reader: &mut Reader,
        settings: &Settings,
        hints: &mut Hints,
    ) -> bool {
        let mut scope = Scope {
            wants: &settings.wants,
            mount_points: &self.mount_points,
            hints,
        };
        let mut all = true;
        self.groups.retain_mut(|group| {
            let mut own: Vec<_> = self.regions.iter_mut().collect();
            own.retain(|region| is_told_by(region, group));
            let parts: Vec<&Part> = own.iter().map(|region| &region.part).collect();
            let answer = group.read(&parts, &mut scope);
            all &= *answer.as_ref().unwrap_or(&true);
            let errno = answer.err();
            if let Some(errno) = errno {
                for region in own {
                    give_up(region, Mechanism::Fanotify, errno, &mut scope);
                }
            }
            errno.is_none()
        });
        for region in &mut self.regions {
            let Engine::Inotify(watches) = &mut region.engine else {
                continue;
            };
            match watches.read(reader, &region.part, &mut scope) {
                Ok(done) => all &= done,
                Err(errno) => give_up(region, Mechanism::Inotify, errno, &mut scope),
            }
        }
        all
    }

    /// Gives some more directories their watches, and says whether that was all.
    pub(crate) fn step(&mut self, settings: &Settings, hints: &mut Hints) -> bool {
        let mut scope = Scope {
            wants: &settings.wants,
            mount_points: &self.mount_points,
            hints,
        };
        for Region { part, engine, .. } in &mut self.regions {
            if let Engine::Inotify(watches) = engine {
                watches.step(VISITS_MAX, part, &mut scope);
            }
        }
        self.regions.iter().all(Region::is_calm)
    }

    /// Looks where it is time to look.
    pub(crate) fn poll(&mut self, hints: &mut Hints) {
        for region in &mut self.regions {
            if !region.is_due() {
                continue;
            }
            match &mut region.engine {
                Engine::Fanotify => {}
                Engine::Inotify(watches) => watches.poll(),
                Engine::Polling(_) => hints.tree(region.part.place.clone(), Why::Polled),
            }
        }
    }

    /// Returns when to look next.
    pub(crate) fn next_poll(&mut self, every: Duration) -> Option<Instant> {
        let regions = self.regions.iter_mut();
        regions.filter_map(|region| region.poll_at(every)).min()
    }

    /// Describes the regions.
    pub(crate) fn sources(&self) -> impl Iterator<Item = Source> {
        self.regions.iter().map(Region::source)
    }
}

fn is_told_by(region: &Region, group: &Group) -> bool {
    matches!(region.engine, Engine::Fanotify) && group.has(&region.part)
}

/// Notices cannot be fetched any more; from here on there is polling.
fn give_up(region: &mut Region, mechanism: Mechanism, errno: Errno, scope: &mut Scope<'_>) {
    scope.hints.tree(region.part.place.clone(), Why::Lost);
    let answer = errno.to_string();
    region.engine = Engine::Polling(Reason::Refused { mechanism, answer });
}

/// Something was mounted at `point`: the directories below are not seen any more.
fn cover(regions: &mut [Region], point: &[u8]) {
    for Region { part, engine, .. } in regions {
        if let (Engine::Inotify(watches), Some(path)) = (engine, below(point, &part.top)) {
            watches.drop_tree(path);
        }
    }
}

/// Something that was mounted at `point` is not any more: what is there now belongs to the region around it.
fn uncover(regions: &mut [Region], point: &[u8], hints: &mut Hints) {
    let around = regions
        .iter_mut()
        .filter(|region| below(point, &region.part.top).is_some());
    let Some(region) = around.max_by_key(|region| region.part.top.len()) else {
        return;
    };
    let path = below(point, &region.part.top).unwrap_or_default().to_vec();
    match &mut region.engine {
        Engine::Inotify(watches) => watches.walk(path, Why::Mounted),
        Engine::Fanotify | Engine::Polling(_) => {
            hints.tree(region.part.place_of(&path), Why::Mounted);
        }
    }
}
