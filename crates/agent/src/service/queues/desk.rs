//! What a queue tells while it copies, and what makes it stop.

use std::ops::ControlFlow;
use std::time::Instant;

use strongroom_engine::queue::Desk;
use strongroom_engine::{Head, MemoryError};
use strongroom_replica::sync::Copied;

use super::entry::Lane;
use super::permit::Why;
use super::work::Work;
use crate::acknowledged::Noted;

/// The desk of one queue while it copies.
pub(super) struct Teller<'a> {
    pub(super) work: &'a Work,
    pub(super) begun: Instant,
    pub(super) why: Option<Why>,
}

impl Desk for Teller<'_> {
    fn acknowledge(&mut self, head: Head) -> Result<(), MemoryError> {
        let work = self.work;
        let noted = Noted {
            head,
            at: work.now(),
        };
        let place = (&work.profile, work.archive);
        let written = work.office.notebook.note(place, work.id, noted);
        written.map_err(|error| MemoryError(Box::new(error)))?;
        let mut table = work.office.lock();
        if let Some(entry) = work.entry(&mut table) {
            (entry.acknowledged, entry.acknowledged_at) = (Some(head), Some(noted.at));
        }
        Ok(())
    }

    fn lacks(&mut self, is_so: bool) -> Result<(), MemoryError> {
        let work = self.work;
        let place = (&work.profile, work.archive);
        let written = work.office.notebook.note_incomplete(place, work.id, is_so);
        written.map_err(|error| MemoryError(Box::new(error)))
    }

    fn copied(&mut self, copied: Copied) -> ControlFlow<()> {
        let work = self.work;
        self.why = work.await_turn();
        if self.why.is_some() {
            return ControlFlow::Break(());
        }
        let milliseconds = self.begun.elapsed().as_millis().max(1);
        let speed = u128::from(copied.bytes) * 1_000 / milliseconds;
        let now = work.now();
        let mut table = work.office.lock();
        if let Some(entry) = work.entry(&mut table)
            && entry.lane == Lane::Background
        {
            entry.set("catching-up", None, now);
            entry.copying = Some(Instant::now());
            entry.bytes_waiting = Some(copied.bytes_total.saturating_sub(copied.bytes));
            entry.bytes_per_second = u64::try_from(speed).ok();
        }
        ControlFlow::Continue(())
    }
}
