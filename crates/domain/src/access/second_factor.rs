//! What somebody may do who has not shown the second factor that is required of them.

use super::action::Action;
use super::decide::{Denial, Via};

/// What of a second factor somebody who acts has shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondFactor {
    /// None is required, or one was shown.
    #[default]
    Enough,
    /// One is required, and the account has none: it is set up before anything else.
    Missing,
    /// One is required, and the account has one that was not shown at this sign-in.
    NotShown,
}

impl SecondFactor {
    /// Judges what was shown: whether one is required of the account, whether it has one, and whether one was shown.
    ///
    /// One that was shown and is there no more, because somebody took it away, counts for nothing.
    pub fn judge(is_required: bool, is_there: bool, was_shown: bool) -> Self {
        match (is_required, is_there, was_shown) {
            (false, _, _) | (true, true, true) => Self::Enough,
            (true, false, _) => Self::Missing,
            (true, true, false) => Self::NotShown,
        }
    }

    /// Returns why nothing may be done that does not lead to a second factor.
    pub fn denial(self) -> Option<Denial> {
        match self {
            Self::Enough => None,
            Self::Missing => Some(Denial::SecondFactorMissing),
            Self::NotShown => Some(Denial::SecondFactorNotShown),
        }
    }

    /// Returns why an action may not be done; what leads to a second factor may, to oneself and in a session. A computer
    /// shows none: its backups go on.
    pub(super) fn denial_of(self, via: Via<'_>, action: Action, is_own: bool) -> Option<Denial> {
        if matches!(via, Via::Computer(_)) {
            return None;
        }
        let leads_on = match self {
            Self::Enough => true,
            Self::Missing => action.is_before_second_factor(),
            Self::NotShown => action == Action::SessionEnd,
        };
        let may = leads_on && is_own && matches!(via, Via::Session);
        self.denial().filter(|_| !may)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_required_is_shown() {
        use SecondFactor::{Enough, Missing, NotShown};
        for is_there in [false, true] {
            for was_shown in [false, true] {
                assert_eq!(SecondFactor::judge(false, is_there, was_shown), Enough);
            }
            // Shown and taken away since, or never set up.
            assert_eq!(SecondFactor::judge(true, false, is_there), Missing);
        }
        assert_eq!(SecondFactor::judge(true, true, true), Enough);
        assert_eq!(SecondFactor::judge(true, true, false), NotShown);
    }
}
