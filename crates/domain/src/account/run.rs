//! When what a directory says is believed (administration 7, trap 2; identity 3.2 and 10, rows 1 to 5).
//!
//! A directory that fails, shrinks or times out changes nobody's state. A pull acts only when it is
//! complete and deactivates no more accounts than its guard lets it; beyond that a person looks first.

use strongroom_base::{Class, Classified};

use crate::access::{Action, On, Permit};

/// How many accounts one run may stop without a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunGuard {
    /// Percent of the directory's accounts that are active.
    pub percent_max: u8,
    /// And how many at most.
    pub accounts_max: u32,
}

impl Default for RunGuard {
    fn default() -> Self {
        Self {
            percent_max: 10,
            accounts_max: 500,
        }
    }
}

/// The least that a guard lets through whatever the share: one leaver of a small company.
const ALWAYS: u32 = 1;

/// How a run over a directory ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every page was read, and every answer was one.
    Complete,
    /// Anything else: a limit, a time-out, a page that was cut off.
    Incomplete,
}

/// What a run over a directory would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// How many accounts of the directory are active now.
    pub active: u32,
    /// How many of these it would stop.
    pub stops: u32,
}

/// Why a run changes nobody's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunRefusal {
    /// It did not see everything, so who is missing may be there.
    #[error("the directory was not read to its end")]
    Incomplete,
    /// It would stop more accounts than it may; an administrator can confirm it.
    #[error("the directory would deactivate {stops} accounts, of {active}")]
    TooMany {
        /// How many.
        stops: u32,
        /// Of how many.
        active: u32,
    },
    /// The right was for something else.
    #[error("the right shown was for something else")]
    WrongProof,
}

impl Classified for RunRefusal {
    fn class(&self) -> Class {
        match self {
            Self::Incomplete => Class::Retry,
            Self::TooMany { .. } | Self::WrongProof => Class::Caller,
        }
    }
}

/// The proof that what a directory says may be acted on.
#[derive(Debug, PartialEq, Eq)]
pub struct DirectoryRun(());

impl DirectoryRun {
    /// Judges a run.
    pub fn judged(outcome: Outcome, guard: RunGuard) -> Result<Self, RunRefusal> {
        let Outcome {
            ended,
            active,
            stops,
        } = outcome;
        if ended == Ended::Incomplete {
            return Err(RunRefusal::Incomplete);
        }
        let share = u64::from(active) * u64::from(guard.percent_max) / 100;
        let most = u64::from(guard.accounts_max)
            .min(share)
            .max(u64::from(ALWAYS));
        if u64::from(stops) > most {
            return Err(RunRefusal::TooMany { stops, active });
        }
        Ok(Self(()))
    }

    /// Lets a complete run act that somebody has seen and confirmed who may configure directories.
    pub fn confirmed(outcome: Outcome, permit: &Permit) -> Result<Self, RunRefusal> {
        if !permit.allows(Action::ServerConfigure, On::System) {
            return Err(RunRefusal::WrongProof);
        }
        match outcome.ended {
            Ended::Incomplete => Err(RunRefusal::Incomplete),
            Ended::Complete => Ok(Self(())),
        }
    }

    /// Lets a change act that an identity system pushed for one account.
    pub fn pushed() -> Self {
        Self(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(ended: Ended, active: u32, stops: u32) -> Result<(), RunRefusal> {
        let outcome = Outcome {
            ended,
            active,
            stops,
        };
        DirectoryRun::judged(outcome, RunGuard::default()).map(|_| ())
    }

    #[test]
    fn a_run_that_failed_or_shrank_changes_nobody() {
        let incomplete = judge(Ended::Incomplete, 1_000, 0);
        assert_eq!(incomplete, Err(RunRefusal::Incomplete));
        assert_eq!(judge(Ended::Complete, 1_000, 100), Ok(()));
        for (active, stops) in [(1_000, 101), (10_000, 501), (10_000, 10_000), (5, 2)] {
            let refused = judge(Ended::Complete, active, stops);
            assert_eq!(refused, Err(RunRefusal::TooMany { stops, active }));
        }
        assert_eq!(judge(Ended::Complete, 10_000, 500), Ok(()));
        assert_eq!(judge(Ended::Complete, 5, 1), Ok(()));
        assert_eq!(judge(Ended::Complete, 0, 0), Ok(()));
    }
}
