//! What the retention job does, one step at a time.
//!
//! The job runs daily. For each archive that is not active it asks for the next step until there is none;
//! each is stored with its audit record before the next. A step that was interrupted is asked for again.

use strongroom_base::clock::Timestamp;

use super::state::{Archive, ArchiveEffect, ArchiveState, Cold};
use crate::moment::{after, elapsed};
use crate::policy::RetentionTerms;

/// Whether a legal hold is on the owner of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegalHold {
    /// There is none.
    None,
    /// There is one: nothing expires, nothing is purged.
    Placed,
}

/// Whether something is being restored from an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restores {
    /// Nothing is.
    None,
    /// Something is: it is not purged meanwhile.
    Running,
}

/// What else is so when the job looks at an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// The time on the server's clock.
    pub now: Timestamp,
    /// Whether there is a legal hold.
    pub held: LegalHold,
    /// Whether something is being restored.
    pub restores: Restores,
}

/// The next step of the retention job for one archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advance {
    /// It is as it should be.
    Rest(Waiting),
    /// It has changed, and something is to be done.
    Step(Archive, Vec<ArchiveEffect>),
}

/// What an archive waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Nothing: it is active, or gone.
    Nothing,
    /// A time: when it is announced, expires, or is purged.
    Until(Timestamp),
    /// The end of a legal hold.
    LegalHold,
    /// The end of a restore.
    Restore,
    /// That its data is destroyed.
    Destruction,
}

impl Archive {
    /// Returns the next step, if one is due.
    pub fn advance(&self, terms: &RetentionTerms, around: Circumstances) -> Advance {
        match &self.state {
            ArchiveState::Active | ArchiveState::Purged { .. } => Advance::Rest(Waiting::Nothing),
            ArchiveState::Purging { .. } => Advance::Rest(Waiting::Destruction),
            ArchiveState::Cold(_) | ArchiveState::Expired { .. }
                if around.held == LegalHold::Placed =>
            {
                Advance::Rest(Waiting::LegalHold)
            }
            ArchiveState::Cold(cold) => self.advance_cold(cold, terms, around),
            ArchiveState::Expired { since, .. } => self.advance_expired(*since, terms, around),
        }
    }

    fn advance_cold(&self, cold: &Cold, terms: &RetentionTerms, around: Circumstances) -> Advance {
        let Some(end) = cold.end(terms) else {
            return Advance::Rest(Waiting::Nothing);
        };
        let notice = terms.notice.length();
        let Some(announced) = cold.announced else {
            let announce = Timestamp(end.0.saturating_sub(nanos(notice)));
            if around.now < announce {
                return Advance::Rest(Waiting::Until(announce));
            }
            let purge = end.max(after(around.now, notice));
            let cold = Cold {
                announced: Some(around.now),
                ..cold.clone()
            };
            let effects = vec![ArchiveEffect::Verify, ArchiveEffect::Announce { purge }];
            return Advance::Step(self.with(ArchiveState::Cold(cold)), effects);
        };
        let is_noticed = elapsed(announced, around.now) >= notice;
        if around.now < end || !is_noticed {
            return Advance::Rest(Waiting::Until(end.max(after(announced, notice))));
        }
        let expired = ArchiveState::Expired {
            cold: cold.clone(),
            since: around.now,
        };
        Advance::Step(self.with(expired), Vec::new())
    }

    fn advance_expired(
        &self,
        since: Timestamp,
        terms: &RetentionTerms,
        around: Circumstances,
    ) -> Advance {
        // Behind the time at which it expired the clock was set back, and what is due is not.
        let purge = after(since, terms.expired_grace.length());
        if around.now < purge {
            return Advance::Rest(Waiting::Until(purge));
        }
        if around.restores == Restores::Running {
            return Advance::Rest(Waiting::Restore);
        }
        let purging = ArchiveState::Purging { since: around.now };
        Advance::Step(self.with(purging), vec![ArchiveEffect::DestroyKeys])
    }

    fn with(&self, state: ArchiveState) -> Self {
        Self {
            state,
            ..self.clone()
        }
    }
}

fn nanos(length: std::time::Duration) -> i128 {
    i128::try_from(length.as_nanos()).unwrap_or(i128::MAX)
}
