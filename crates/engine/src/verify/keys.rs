//! Whether the descriptor and the keys are whole.

use strongroom_base::{Class, Classified as _, with_causes};
use strongroom_read::Archive;
use strongroom_replica::layout::Place;
use strongroom_replica::{Replica, ReplicaError};
use strongroom_store::StoreError;

use super::VerifyReport;
use crate::error::EngineError;

/// How often keys are looked at that somebody changes meanwhile.
const LOOKS: usize = 4;

/// What is damaged, and how.
type Fault = (String, String);

/// Checks the descriptor, and both copies of the newest keys object.
pub(super) fn check_keys(
    replica: &Replica,
    archive: &Archive,
    report: &mut VerifyReport,
) -> Result<(), EngineError> {
    let authority = archive.key_ring().authority().public_key();
    match replica.descriptor() {
        Ok(descriptor) if descriptor.authority == authority => {}
        Ok(_) => {
            let what = "was not written by this archive's owner".to_owned();
            report.damage.push(("descriptor".to_owned(), what));
        }
        Err(error) if error.class() == Class::Retry => return Err(error.into()),
        Err(error) => {
            let what = with_causes(&error);
            report.damage.push(("descriptor".to_owned(), what));
        }
    }
    let mut faults = Vec::new();
    let mut there = replica.keys_places()?;
    for _ in 0..LOOKS {
        faults = faults_of(replica, &there, &authority)?;
        if faults.is_empty() {
            break;
        }
        // Nobody waits for a verification to end: keys may change between the list and the look.
        let now = replica.keys_places()?;
        if now == there {
            break;
        }
        there = now;
    }
    report.damage.append(&mut faults);
    Ok(())
}

fn faults_of(
    replica: &Replica,
    there: &[Place],
    authority: &[u8; 32],
) -> Result<Vec<Fault>, EngineError> {
    let (name, newest) = match strongroom_read::newest_keys(replica, authority) {
        Ok(newest) => newest,
        Err(error) if error.class() == Class::Retry => return Err(error.into()),
        Err(error) => return Ok(vec![("keys".to_owned(), with_causes(&error))]),
    };
    let number_of = |place: &Place| place.keys().map(|(number, _)| number);
    // Whoever changes keys deletes the older ones when both copies are there: a copy that is missing beside them is to come.
    let is_changing = there
        .iter()
        .any(|place| number_of(place) < Some(newest.number));
    // One with a higher number that has not its name may be the newest, with both copies damaged.
    let higher = there
        .iter()
        .filter(|place| number_of(place) > Some(newest.number));
    let own = Place::of_keys(newest.number, name);
    let mut faults = Vec::new();
    for place in own.iter().chain(higher) {
        let Place::Keys { number, name, copy } = *place else {
            continue;
        };
        match replica.keys_copy(number, name, copy) {
            Ok(_) => {}
            Err(ReplicaError::Store(StoreError::NotFound { .. })) if is_changing => {}
            Err(error) if error.class() == Class::Retry => return Err(error.into()),
            Err(error) => faults.push((place.to_string(), with_causes(&error))),
        }
    }
    Ok(faults)
}
