//! Where index and log do not name the same packs.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_base::{Class, Classified};
use strongroom_format::content::IdPrefix;
use strongroom_read::Archive;

use super::history::History;
use super::marks::PackKey;
use super::usage::PackUse;
use crate::error::EngineError;

/// Refuses where an index run names a pack that no record has added, or is such an object itself: the record is lost,
/// and what others go by would not hold it.
pub(super) fn refuse_unrecorded(
    history: &History,
    uses: &BTreeMap<PackKey, PackUse>,
    runs: &[ObjectRef],
) -> Result<(), EngineError> {
    let packs = uses.keys().map(|(object, _)| object);
    let is_record = |object: &&ObjectRef| object.kind() == ObjectKind::Record;
    let mut objects = packs.chain(runs).filter(|object| !is_record(object));
    match objects.find(|object| !history.objects.contains_key(object)) {
        Some(object) => Err(EngineError::Unprunable {
            reason: format!("{object} is in use, and the record that added it is lost"),
        }),
        None => Ok(()),
    }
}

/// Returns live packs in which no run places anything, and which can go.
///
/// Where chunks are missing, the trailer of each is asked: it may be that a run is what is missing. A pack whose
/// trailer cannot be read stays.
pub(super) fn unindexed(
    archive: &Archive,
    history: &History,
    uses: &BTreeMap<PackKey, PackUse>,
    missing: &BTreeSet<IdPrefix>,
) -> Result<Vec<ObjectRef>, EngineError> {
    let packs = history.objects.iter();
    let is_unindexed = |(object, _): &(&ObjectRef, &u64)| {
        object.kind() == ObjectKind::Pack && !uses.contains_key(&(**object, 0))
    };
    let mut going = Vec::new();
    for (object, size) in packs.filter(is_unindexed) {
        if missing.is_empty() {
            going.push(*object);
            continue;
        }
        let trailer = match archive.trailer(object, *size) {
            Ok((_, trailer)) => trailer,
            Err(error) if error.class() == Class::Damage => continue,
            Err(error) => return Err(error.into()),
        };
        let mut chunks = trailer.segments.iter().flat_map(|segment| &segment.chunks);
        if chunks.any(|chunk| missing.contains(&chunk.prefix)) {
            let reason = format!("no index run says what is in {object}, and some of it is needed");
            return Err(EngineError::Unprunable { reason });
        }
        going.push(*object);
    }
    Ok(going)
}
