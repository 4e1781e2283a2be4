//! Sessions, and the epochs of a server that was restored (identity 8.5; mission D12).
//!
//! A session ends by itself when it was idle too long or lives too long, and at once when somebody ends it.
//! A server restored from a backup begins a new epoch: what was signed out since that backup would be
//! signed in again, so sessions of an older epoch are over.

use std::time::Duration;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{SessionId, UserId};
use strongroom_base::{Class, Classified};

use crate::moment::{after, elapsed};

/// How far the clocks of two nodes may be apart. A clock that is further behind what was seen already was
/// set back, and nothing that depends on it is believed.
pub const SKEW_MAX: Duration = Duration::from_mins(5);

/// How long ago a sign-in may be to count as fresh for what asks for one.
pub const FRESH: Duration = Duration::from_mins(10);

/// How old the last use that is stored may become before it is stored again.
pub const TOUCH: Duration = Duration::from_mins(1);

/// Counts how often the server was restored from a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerEpoch(pub u32);

/// How long a session may last; values of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTerms {
    /// How long between two uses.
    pub idle: Duration,
    /// How long from sign-in to its end.
    pub absolute: Duration,
}

/// A session: who signed in, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Which one.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// When its user last proved who they are.
    pub signed_in: Timestamp,
    /// When it began.
    pub began: Timestamp,
    /// When it was last used, as far as that is stored.
    pub last_used: Timestamp,
    /// In which epoch it began.
    pub epoch: ServerEpoch,
    /// When somebody ended it.
    pub ended: Option<Timestamp>,
    /// When its user showed a second factor, if they did.
    pub second_factor: Option<Timestamp>,
}

/// Why a session or another credential is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Over {
    /// Somebody ended or revoked it.
    #[error("it was ended")]
    Ended,
    /// It was not used for too long.
    #[error("it was not used for too long")]
    Idle,
    /// Its time is over.
    #[error("its time is over")]
    Expired,
    /// The server was restored from a backup since.
    #[error("the server was restored since it began")]
    OlderEpoch,
    /// The clock shows a time before one that it showed already.
    #[error("the server's clock went back")]
    ClockWentBack,
}

impl Classified for Over {
    fn class(&self) -> Class {
        match self {
            Self::Ended | Self::Idle | Self::Expired | Self::OlderEpoch => Class::Caller,
            Self::ClockWentBack => Class::Retry,
        }
    }
}

impl Session {
    /// Begins a session.
    pub fn begin(id: SessionId, user: UserId, now: Timestamp, epoch: ServerEpoch) -> Self {
        Self {
            id,
            user,
            signed_in: now,
            began: now,
            last_used: now,
            epoch,
            ended: None,
            second_factor: None,
        }
    }

    /// Notes that its user has shown a second factor.
    #[must_use]
    pub fn with_second_factor(&self, now: Timestamp) -> Self {
        Self {
            second_factor: Some(now),
            ..*self
        }
    }

    /// Checks whether it may be used.
    ///
    /// A policy that was changed holds for sessions that began before, so the terms are an argument.
    pub fn check(
        &self,
        terms: SessionTerms,
        epoch: ServerEpoch,
        now: Timestamp,
    ) -> Result<(), Over> {
        if self.ended.is_some() {
            return Err(Over::Ended);
        }
        check_epoch(self.epoch, epoch)?;
        check_clock(self.last_used.max(self.began), now)?;
        // Behind the last use, but within the skew, is as late as the last use.
        let now = now.max(self.last_used);
        if elapsed(self.began, now) >= terms.absolute {
            return Err(Over::Expired);
        }
        if elapsed(self.last_used, now) >= terms.idle {
            return Err(Over::Idle);
        }
        Ok(())
    }

    /// Notes a use. `None` where what is stored is recent enough to stay.
    pub fn touched(&self, now: Timestamp) -> Option<Self> {
        let is_due = elapsed(self.last_used, now) >= TOUCH;
        is_due.then_some(Self {
            last_used: now,
            ..*self
        })
    }

    /// Notes that its user has proved again who they are.
    #[must_use]
    pub fn signed_in_again(&self, now: Timestamp) -> Self {
        let now = now.max(self.last_used);
        Self {
            signed_in: now,
            last_used: now,
            ..*self
        }
    }

    /// Tells whether its user has just proved who they are, as [`crate::access::Need::FreshSignIn`] asks.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        elapsed(self.signed_in, now.max(self.last_used)) < FRESH
    }

    /// Ends it; the first end counts.
    #[must_use]
    pub fn ended(&self, now: Timestamp) -> Self {
        Self {
            ended: self.ended.or(Some(now)),
            ..*self
        }
    }
}

pub(crate) fn check_epoch(made: ServerEpoch, now: ServerEpoch) -> Result<(), Over> {
    if made == now {
        Ok(())
    } else {
        Err(Over::OlderEpoch)
    }
}

/// Fails if the clock is behind what it showed already by more than clocks differ.
pub(crate) fn check_clock(seen: Timestamp, now: Timestamp) -> Result<(), Over> {
    if after(now, SKEW_MAX) < seen {
        Err(Over::ClockWentBack)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: SessionTerms = SessionTerms {
        idle: Duration::from_mins(30),
        absolute: Duration::from_hours(12),
    };

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_parts(1_000_000 + minutes * 60, 0)
    }

    fn session() -> Session {
        Session::begin(SessionId([1; 16]), UserId([2; 16]), at(0), ServerEpoch(1))
    }

    fn check(session: &Session, minutes: i64) -> Result<(), Over> {
        session.check(TERMS, ServerEpoch(1), at(minutes))
    }

    #[test]
    fn a_session_lasts_while_it_is_used() {
        let mut session = session();
        assert_eq!(check(&session, 29), Ok(()));
        assert_eq!(check(&session, 30), Err(Over::Idle));
        for minutes in (0..720).step_by(20) {
            assert_eq!(check(&session, minutes), Ok(()));
            session = session.touched(at(minutes)).unwrap_or(session);
        }
        assert_eq!(check(&session, 719), Ok(()));
        assert_eq!(check(&session, 720), Err(Over::Expired));
    }

    #[test]
    fn an_end_is_an_end() {
        let ended = session().ended(at(1));
        assert_eq!(check(&ended, 2), Err(Over::Ended));
        assert_eq!(ended.ended(at(5)).ended, Some(at(1)));
    }

    #[test]
    fn a_restored_server_signs_everybody_out() {
        assert_eq!(
            session().check(TERMS, ServerEpoch(2), at(1)),
            Err(Over::OlderEpoch)
        );
    }

    #[test]
    fn a_clock_set_back_gives_no_session_more_time() {
        let used = session().touched(at(29)).unwrap();
        assert_eq!(check(&used, 25), Ok(()));
        assert_eq!(check(&used, 23), Err(Over::ClockWentBack));
        assert_eq!(check(&session(), -6), Err(Over::ClockWentBack));
    }

    #[test]
    fn a_fresh_sign_in_does_not_stay_one() {
        let session = session();
        assert!(session.is_fresh(at(9)));
        assert!(!session.is_fresh(at(10)));
        assert!(session.signed_in_again(at(20)).is_fresh(at(21)));
    }
}
