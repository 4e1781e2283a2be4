//! The operations, and how they are drawn.

use std::fmt;

use strongroom_store::fault::Fault;

use crate::dice::Dice;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    Backup,
    Forget,
    Prune,
    Sync,
    Heal,
    Verify,
    Accept,
    Adopt,
    Former,
    OldProfile,
    Away,
    WriterClock,
    SiteClock,
    Copy,
    GoBack,
    Damage,
    Lose,
    NewDisk,
    NoCatalogue,
    Spool,
    Calm,
}

/// How an operation is disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    None,
    /// It is killed after so many calls.
    Kill(u64),
    /// One call fails.
    Fail(u64, Fault),
}

/// How much happens beside backups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    /// Kills, faults, absences and clocks.
    Plain,
    /// Damage, lost disks and disks that go back, too.
    Disks,
    /// Other profiles and old ones, too.
    Profiles,
    /// A spool, destinations that take turns or are all away, and what happens to disks.
    Spool,
}

const FAULTS: [Fault; 6] = [
    Fault::Full,
    Fault::ReadOnly,
    Fault::Denied,
    Fault::Gone,
    Fault::Io,
    Fault::LostAnswer,
];

/// Draws an operation.
pub(crate) fn draw(theme: Theme, dice: &mut Dice) -> Deed {
    let (disks, profiles, spool) = match theme {
        Theme::Plain => (0, 0, 0),
        Theme::Disks => (1, 0, 0),
        Theme::Profiles => (1, 1, 0),
        Theme::Spool => (1, 0, 1),
    };
    dice.weighted(&[
        (26, Deed::Backup),
        (9, Deed::Forget),
        (10, Deed::Prune),
        (6, Deed::Sync),
        (5, Deed::Heal),
        (3, Deed::Verify),
        (12 + 18 * spool, Deed::Away),
        (4, Deed::WriterClock),
        (4, Deed::SiteClock),
        (2, Deed::NoCatalogue),
        (1, Deed::Calm),
        (3 * disks, Deed::Copy),
        (2 * disks, Deed::GoBack),
        (5 * disks, Deed::Damage),
        (4 * spool, Deed::Spool),
        (disks, Deed::Lose),
        (disks, Deed::NewDisk),
        (3 * disks, Deed::Accept),
        (2 * profiles, Deed::Adopt),
        (3 * profiles, Deed::Former),
        (profiles, Deed::OldProfile),
    ])
}

/// Draws what disturbs an operation that makes about so many calls.
pub(crate) fn draw_cut(calls: u64, dice: &mut Dice) -> Cut {
    let end = usize::try_from(calls).unwrap_or(usize::MAX) + 2;
    let call = dice.below(end) as u64;
    match dice.below(10) {
        0..3 => Cut::Kill(call),
        3 => Cut::Fail(call, dice.pick(&FAULTS).unwrap_or(Fault::Io)),
        _ => Cut::None,
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Kill(calls) => write!(f, ", killed after {calls}"),
            Self::Fail(call, fault) => write!(f, ", {fault:?} at {call}"),
        }
    }
}
