//! One-time links: the first sysadmin's set-up, invitations, resets (server notes, "Shape"; identity 5.1, 8.3).
//!
//! A link lets its holder choose what signs in to one account, once. Nobody else learns or chooses it. It
//! opens no account that does not stand active: an invitation brings back nobody who was blocked since.

use std::time::Duration;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{LinkId, UserId};
use strongroom_base::{Class, Classified};

use crate::account::Standing;
use crate::moment::{DAY, after};
use crate::session::{Over, ServerEpoch, check_clock, check_epoch};

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The first sign-in of the first sysadmin.
    SetUp,
    /// The first sign-in of somebody for whom an account was made.
    Invitation,
    /// A sign-in whose secret was lost.
    Reset,
}

impl Purpose {
    /// Returns how long such a link is good.
    pub fn life(self) -> Duration {
        match self {
            Self::SetUp => DAY,
            Self::Invitation => DAY * 7,
            Self::Reset => Duration::from_hours(1),
        }
    }
}

/// Why a link opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkRefusal {
    /// It was used.
    #[error("the link was used already")]
    Used,
    /// It is over for another reason.
    #[error("the link is no longer good")]
    Over(#[source] Over),
    /// The account does not stand active.
    #[error("the account is not active")]
    NotActive,
}

impl Classified for LinkRefusal {
    fn class(&self) -> Class {
        match self {
            Self::Used | Self::NotActive => Class::Caller,
            Self::Over(source) => source.class(),
        }
    }
}

/// A link, without the secret that proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which one.
    pub id: LinkId,
    /// Whose account it opens.
    pub user: UserId,
    /// What it is for.
    pub purpose: Purpose,
    /// When it was made.
    pub made: Timestamp,
    /// When it was used.
    pub used: Option<Timestamp>,
    /// When it was voided.
    pub voided: Option<Timestamp>,
    /// In which epoch it was made.
    pub epoch: ServerEpoch,
}

impl Link {
    /// Returns when it ends.
    pub fn expires(&self) -> Timestamp {
        after(self.made, self.purpose.life())
    }

    /// Uses it up; the caller stores that before anything else happens.
    pub fn used(
        &self,
        standing: Standing,
        epoch: ServerEpoch,
        now: Timestamp,
    ) -> Result<Self, LinkRefusal> {
        if self.used.is_some() {
            return Err(LinkRefusal::Used);
        }
        if self.voided.is_some() {
            return Err(LinkRefusal::Over(Over::Ended));
        }
        check_epoch(self.epoch, epoch).map_err(LinkRefusal::Over)?;
        check_clock(self.made, now).map_err(LinkRefusal::Over)?;
        if now >= self.expires() {
            return Err(LinkRefusal::Over(Over::Expired));
        }
        if !standing.may_sign_in() {
            return Err(LinkRefusal::NotActive);
        }
        Ok(Self {
            used: Some(now),
            ..*self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Cause, SignIn};

    const ACTIVE: Standing = Standing::Active {
        sign_in: SignIn::Open,
    };

    fn link(purpose: Purpose) -> Link {
        Link {
            id: LinkId([1; 16]),
            user: UserId([2; 16]),
            purpose,
            made: Timestamp::from_parts(1_000_000, 0),
            used: None,
            voided: None,
            epoch: ServerEpoch(1),
        }
    }

    #[test]
    fn a_link_is_used_once() {
        let link = link(Purpose::Invitation);
        let used = link.used(ACTIVE, ServerEpoch(1), link.made).unwrap();
        assert_eq!(
            used.used(ACTIVE, ServerEpoch(1), link.made),
            Err(LinkRefusal::Used)
        );
    }

    #[test]
    fn a_link_ends() {
        for purpose in [Purpose::SetUp, Purpose::Invitation, Purpose::Reset] {
            let link = link(purpose);
            let last = Timestamp(link.expires().0 - 1);
            assert!(link.used(ACTIVE, ServerEpoch(1), last).is_ok());
            assert_eq!(
                link.used(ACTIVE, ServerEpoch(1), link.expires()),
                Err(LinkRefusal::Over(Over::Expired))
            );
            assert_eq!(
                link.used(ACTIVE, ServerEpoch(2), last),
                Err(LinkRefusal::Over(Over::OlderEpoch))
            );
        }
    }

    #[test]
    fn an_invitation_brings_nobody_back() {
        let link = link(Purpose::Invitation);
        let since = link.made;
        for standing in [
            Standing::Blocked {
                since,
                cause: Cause::Own,
            },
            Standing::Inactive {
                since,
                cause: Cause::Own,
                sign_in: SignIn::Open,
            },
            Standing::Active {
                sign_in: SignIn::Suspended { since },
            },
        ] {
            assert_eq!(
                link.used(standing, ServerEpoch(1), since),
                Err(LinkRefusal::NotActive)
            );
        }
    }
}
