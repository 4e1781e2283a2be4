//! What an operation must notice and what it must keep, judged from what was so before it and from nothing that
//! looks: a destination that went back is not taken for one that is up to date, and what one that is away lacks stays in the
//! spool.

use strongroom_base::ids::Seq;
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_engine::{DestinationStatus, Memory as _};
use strongroom_replica::layout::object_path;

use crate::machine::{Machine, Reports};

/// What was so before an operation.
pub(crate) struct Before {
    /// The destinations that are there, and have no more what they acknowledged.
    pub(crate) went_back: Vec<usize>,
    /// The first and the newest record in the spool, where it goes on.
    spooled: Option<(Seq, RecordId)>,
}

impl Before {
    /// Checks what was said of the destinations by an operation that ended well.
    pub(crate) fn check_noticed(&self, reports: &Reports) -> Result<(), String> {
        let mut went_back = self.went_back.iter().map(|number| &reports[*number]);
        match went_back.find(|report| report.status.is_complete()) {
            Some(report) => Err(format!("nobody noticed that {} went back", report.name)),
            None => Ok(()),
        }
    }
}

impl Machine {
    pub(crate) fn look_before(&self) -> Before {
        let numbers = 0..self.sites.len();
        Before {
            went_back: numbers
                .filter(|number| self.has_gone_back(*number))
                .collect(),
            spooled: self.in_spool(),
        }
    }

    /// Says whether the newest record at a destination is older than the one that it acknowledged last, and nobody
    /// has decided what to do about that.
    fn has_gone_back(&self, number: usize) -> bool {
        let state = self.profile.memory.load().expect("it is in memory");
        let site = &self.sites[number];
        let path = |id: RecordId| object_path(self.archive, &ObjectRef::record(id)).to_string();
        let Some(known) = state.heads.get(&site.id) else {
            return false;
        };
        let is_decided = self.rivals
            || self.adopting
            || self.floor.is_some()
            || state.given_up.is_some()
            || state.head.is_none_or(|head| head.id < known.id);
        let found = site.newest_record();
        let is_older = found.is_none_or(|found| found < path(known.id));
        site.present && site.broken.is_empty() && !is_decided && is_older
    }

    /// Returns the first and the newest record in a spool that is not limited and has the newest record.
    fn in_spool(&self) -> Option<(Seq, RecordId)> {
        let spool = self.profile.spool.as_ref()?;
        let state = self.profile.memory.load().expect("it is in memory");
        let newest = state.spool.filter(|_| state.announced.is_empty())?;
        let seqs = spool.seqs(self.archive);
        let goes_on = state.head == Some(newest) && seqs.last() == Some(&newest.id.seq);
        (spool.is_unlimited() && goes_on).then_some((*seqs.first()?, newest.id))
    }

    /// Checks that an operation which nothing disturbed has kept in the spool what destinations lack that are away.
    pub(crate) fn check_kept(&self, before: &Before, reports: &Reports) -> Result<(), String> {
        let Some((first, newest)) = before.spooled else {
            return Ok(());
        };
        let state = self.profile.memory.load().expect("it is in memory");
        let (Some(head), Some(spool)) = (state.head, &self.profile.spool) else {
            return Ok(());
        };
        let seqs = spool.seqs(self.archive);
        for report in reports {
            let Some(known) = state.heads.get(&report.id) else {
                continue;
            };
            let waits = matches!(report.status, DestinationStatus::Unreachable(_));
            let is_served = known.id.seq.0 + 1 >= first.0
                && known.id.generation == newest.generation
                && known.id < head.id;
            let is_kept = seqs
                .first()
                .is_some_and(|begin| begin.0 <= known.id.seq.0 + 1)
                && state.spool == Some(head);
            if waits && is_served && !is_kept {
                let (name, known) = (&report.name, known.id);
                return Err(format!(
                    "{name} lacks what comes after {known}, and the spool has {seqs:?}"
                ));
            }
        }
        Ok(())
    }
}
