//! Decides which packs and records go, and which packs are put together anew.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_base::object::ObjectRef;
use strongroom_format::limits::PACK_LEN_MAX;
use strongroom_format::pack::PackClass;

use super::history::History;
use super::marks::PackKey;
use super::options::PruneOptions;
use super::usage::PackUse;

/// Packs shorter than this are small.
const SMALL_LEN: u64 = PACK_LEN_MAX as u64 / 4;
/// So many small packs of one class are put together.
const SMALL_MANY: usize = 32;
/// A checkpoint is written when so many records can go.
const RECORDS_MANY: usize = 64;

/// What is to be done.
pub(crate) struct Plan {
    /// Packs of which nothing is kept where it is: those without use, and those that are copied.
    pub(crate) gone: BTreeSet<PackKey>,
    /// Packs that are copied.
    pub(crate) moved: Vec<PackUse>,
    /// Records that stay if a checkpoint is written, beside those that carry what stays.
    pub(crate) staying: BTreeSet<ObjectRef>,
    /// Whether a checkpoint is written.
    pub(crate) checkpoint: bool,
}

/// Chooses packs within a budget.
struct Chooser {
    budget: u64,
    moved: BTreeMap<PackKey, PackUse>,
}

impl Chooser {
    fn choose(&mut self, pack: &PackUse) -> bool {
        let size = u64::from(pack.place.size);
        if size > self.budget {
            return false;
        }
        if self.moved.insert(pack.key(), pack.clone()).is_none() {
            self.budget -= size;
        }
        true
    }

    fn has(&self, pack: &PackUse) -> bool {
        self.moved.contains_key(&pack.key())
    }
}

/// Plans; writes nothing.
pub(crate) fn plan(
    history: &History,
    uses: &BTreeMap<PackKey, PackUse>,
    options: &PruneOptions,
) -> Plan {
    let mut staying = history.staying();
    let can_go = history
        .records
        .keys()
        .filter(|record| !staying.contains(record));
    let checkpoint = !history.forgotten.is_empty() || can_go.count() >= RECORDS_MANY;
    let mut chooser = Chooser {
        budget: options.max_repack_bytes,
        moved: BTreeMap::new(),
    };
    for pack in uses.values().filter(|pack| pack.chunks > 0) {
        let Some(record) = pack.record() else {
            continue;
        };
        let goes = checkpoint && !staying.contains(&record);
        if goes && !chooser.choose(pack) {
            staying.insert(record);
        }
    }
    let objects: Vec<&PackUse> = uses
        .values()
        .filter(|pack| pack.chunks > 0 && history.objects.contains_key(&pack.place.object))
        .collect();
    choose_least_used(&mut chooser, &objects, options.max_unused_percent);
    choose_small(&mut chooser, &objects);
    let stays = |pack: &PackUse| {
        pack.record()
            .is_some_and(|record| staying.contains(&record))
    };
    let unneeded = uses
        .values()
        .filter(|pack| pack.chunks == 0 && !stays(pack));
    // A record that stays for its snapshot takes its unneeded packs along; they serve as long as it does.
    let mut gone: BTreeSet<PackKey> = unneeded.map(PackUse::key).collect();
    if !checkpoint {
        gone.retain(|(object, _)| object.record_id().is_none());
    }
    gone.extend(chooser.moved.keys());
    Plan {
        gone,
        moved: chooser.moved.into_values().collect(),
        staying,
        checkpoint,
    }
}

/// Chooses the packs of which the largest share is unused, until no more than `percent` of all is.
fn choose_least_used(chooser: &mut Chooser, objects: &[&PackUse], percent: u8) {
    let percent = u64::from(percent.min(100));
    let used: u64 = objects.iter().map(|pack| pack.used).sum();
    let mut unused: u64 = objects.iter().map(|pack| pack.unused).sum();
    let too_much = |unused: u64| {
        u128::from(unused) * u128::from(100 - percent) > u128::from(used) * u128::from(percent)
    };
    let mut partly: Vec<&PackUse> = objects
        .iter()
        .filter(|pack| pack.unused > 0)
        .copied()
        .collect();
    let per_mille = |pack: &PackUse| {
        u128::from(pack.unused) * 1_000 / u128::from(pack.used + pack.unused).max(1)
    };
    partly.sort_by_key(|pack| std::cmp::Reverse((per_mille(pack), pack.unused)));
    for pack in partly {
        if !too_much(unused) {
            break;
        }
        if chooser.choose(pack) {
            unused -= pack.unused;
        }
    }
}

/// Chooses the small packs of a class where there are many.
fn choose_small(chooser: &mut Chooser, objects: &[&PackUse]) {
    for class in [PackClass::Data, PackClass::Meta] {
        let small = objects.iter().filter(|pack| {
            pack.class == Some(class)
                && u64::from(pack.place.size) < SMALL_LEN
                && !chooser.has(pack)
        });
        let small: Vec<&&PackUse> = small.collect();
        if small.len() < SMALL_MANY {
            continue;
        }
        for pack in small {
            chooser.choose(pack);
        }
    }
}
