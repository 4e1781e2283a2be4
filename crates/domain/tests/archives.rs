//! The life of an archive on a clock that the test turns (administration 2.4 and 2.9).

use proptest::prelude::*;
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::ArchiveId;
use strongroom_domain::access::{Action, Actor, Grant, Permit, Target, decide};
use strongroom_domain::archive::{
    Advance, Archive, ArchiveEffect, ArchiveRefusal, ArchiveState, Circumstances, ColdCause,
    LegalHold, Restores, Waiting,
};
use strongroom_domain::moment::Days;
use strongroom_domain::policy::{Chain, RetentionSettings, RetentionTerms, Settings as _};

mod world;

use world::{OWN, days, forest, subject, user};

fn terms() -> RetentionTerms {
    let server = RetentionSettings::default();
    RetentionSettings::policy(&Chain {
        server: &server,
        below: &[],
    })
    .terms()
}

fn archive() -> Archive {
    Archive {
        id: ArchiveId([1; 16]),
        owner: user(2),
        state: ArchiveState::Active,
    }
}

fn cold(cause: ColdCause, since: Timestamp) -> Archive {
    archive().cooled(cause, since).0
}

fn around(now: Timestamp) -> Circumstances {
    Circumstances {
        now,
        held: LegalHold::None,
        restores: Restores::None,
    }
}

/// The right of somebody to something with an archive of user 2.
fn permit(by: u8, action: Action) -> Permit {
    let forest = forest();
    let actor = Actor {
        user: user(by),
        ..world::actor(&[Grant::Sysadmin])
    };
    let target = Target::Account(subject(2, OWN, &[]));
    let decision = decide(&forest, &actor, action, &target);
    decision.permit().expect("a sysadmin may")
}

/// What the job does on a day, until there is nothing left to do.
fn run(
    archive: &mut Archive,
    terms: &RetentionTerms,
    around: Circumstances,
) -> (Vec<ArchiveEffect>, Waiting) {
    let mut all = Vec::new();
    loop {
        match archive.advance(terms, around) {
            Advance::Rest(waiting) => return (all, waiting),
            Advance::Step(next, effects) => {
                assert_ne!(next, *archive, "a step without a change");
                *archive = next;
                all.extend(effects);
            }
        }
    }
}

#[test]
fn active_inactive_thirty_days_keys_destroyed_data_gone() {
    let (mut archive, effects) = archive().cooled(ColdCause::Inactive, days(0));
    assert_eq!(
        effects,
        [ArchiveEffect::RefuseWrites, ArchiveEffect::Verify]
    );
    let terms = terms();
    let mut log = Vec::new();
    for day in 0..40 {
        let (effects, _) = run(&mut archive, &terms, around(days(day)));
        log.extend(effects.into_iter().map(|effect| (day, effect)));
    }
    let purge = days(30);
    assert_eq!(
        log,
        [
            (23, ArchiveEffect::Verify),
            (23, ArchiveEffect::Announce { purge }),
            (30, ArchiveEffect::DestroyKeys),
        ]
    );
    assert_eq!(archive.keys_destroyed(), Ok(ArchiveEffect::DestroyData));
    let (archive, effects) = archive.data_destroyed(days(40)).unwrap();
    assert_eq!(effects, [ArchiveEffect::Report]);
    assert_eq!(archive.state, ArchiveState::Purged { since: days(40) });
}

#[test]
fn who_comes_back_in_time_finds_everything() {
    let mut archive = cold(ColdCause::Inactive, days(0));
    run(&mut archive, &terms(), around(days(29)));
    let (archive, effects) = archive.warmed(ColdCause::Inactive);
    assert_eq!(archive.state, ArchiveState::Active);
    assert_eq!(effects, [ArchiveEffect::AcceptWrites]);
}

#[test]
fn each_reason_is_lifted_by_itself() {
    let archive = cold(ColdCause::Inactive, days(0));
    let (archive, _) = archive.cooled(ColdCause::ComputerDeactivated, days(5));
    let (archive, _) = archive.cooled(ColdCause::Blocked, days(8));
    let (archive, effects) = archive.warmed(ColdCause::Inactive);
    assert_eq!(effects, []);
    let ArchiveState::Cold(cold) = &archive.state else {
        panic!("it is {:?}", archive.state);
    };
    let reasons: Vec<_> = cold.reasons.iter().collect();
    assert_eq!(reasons, [(ColdCause::ComputerDeactivated, days(5))]);
    let (archive, _) = archive.warmed(ColdCause::ComputerDeactivated);
    assert_eq!(archive.state, ArchiveState::Active);
}

#[test]
fn a_reason_that_changes_does_not_begin_anew() {
    let (archive, _) = cold(ColdCause::Inactive, days(0)).cooled(ColdCause::Blocked, days(8));
    let ArchiveState::Cold(cold) = archive.state else {
        panic!("it is {:?}", archive.state);
    };
    let reasons: Vec<_> = cold.reasons.iter().collect();
    assert_eq!(reasons, [(ColdCause::Blocked, days(0))]);
}

#[test]
fn a_legal_hold_stops_everything_but_coming_back() {
    let mut archive = cold(ColdCause::Blocked, days(0));
    let terms = terms();
    let held = Circumstances {
        held: LegalHold::Placed,
        ..around(days(500))
    };
    assert_eq!(
        run(&mut archive, &terms, held),
        (vec![], Waiting::LegalHold)
    );
    let purge = [
        permit(1, Action::ArchivePurge),
        permit(3, Action::ArchivePurge),
    ];
    let purged = archive
        .clone()
        .purged_now([&purge[0], &purge[1]], &terms, held);
    assert_eq!(purged, Err(ArchiveRefusal::LegalHold));
    let own = permit_of_owner();
    assert_eq!(
        self::archive().given_up(&own, LegalHold::Placed, days(0)),
        Err(ArchiveRefusal::LegalHold)
    );
    assert!(
        self::archive()
            .given_up(&own, LegalHold::None, days(0))
            .is_ok()
    );
    // When it is lifted, the notice comes first.
    let (effects, waiting) = run(&mut archive, &terms, around(days(501)));
    assert_eq!(
        effects.last(),
        Some(&ArchiveEffect::Announce { purge: days(508) })
    );
    assert_eq!(waiting, Waiting::Until(days(508)));
}

fn permit_of_owner() -> Permit {
    let forest = forest();
    let actor = Actor {
        user: user(2),
        ..world::actor(&[Grant::DesktopUser])
    };
    let target = Target::Account(subject(2, OWN, &[]));
    let decision = decide(&forest, &actor, Action::ArchiveDelete, &target);
    decision.permit().expect("the owner may")
}

#[test]
fn nothing_goes_while_it_is_restored() {
    let mut archive = cold(ColdCause::Inactive, days(0));
    let terms = terms();
    run(&mut archive, &terms, around(days(23)));
    let restoring = Circumstances {
        restores: Restores::Running,
        ..around(days(31))
    };
    assert_eq!(
        run(&mut archive, &terms, restoring),
        (vec![], Waiting::Restore)
    );
    assert_eq!(
        run(&mut archive, &terms, around(days(31))).0,
        [ArchiveEffect::DestroyKeys]
    );
}

#[test]
fn in_its_grace_it_can_be_kept() {
    let terms = RetentionTerms {
        expired_grace: Days::new(20),
        ..terms()
    };
    let mut archive = cold(ColdCause::Inactive, days(0));
    run(&mut archive, &terms, around(days(23)));
    let (_, waiting) = run(&mut archive, &terms, around(days(30)));
    assert_eq!(waiting, Waiting::Until(days(50)));
    assert!(matches!(archive.state, ArchiveState::Expired { .. }));

    let permit = permit(1, Action::ArchiveSetPurgeDate);
    let early = archive.clone().purge_date_set(&permit, days(6), &terms);
    assert_eq!(early, Err(ArchiveRefusal::BeforeFloor));
    let mut kept = archive
        .clone()
        .purge_date_set(&permit, days(100), &terms)
        .unwrap();
    let (effects, waiting) = run(&mut kept, &terms, around(days(60)));
    assert_eq!((effects, waiting), (vec![], Waiting::Until(days(93))));

    // And its user who comes back has it back.
    let (back, _) = archive.warmed(ColdCause::Inactive);
    assert_eq!(back.state, ArchiveState::Active);
}

#[test]
fn to_purge_by_hand_takes_two() {
    let terms = terms();
    let archive = cold(ColdCause::Blocked, days(0));
    let one = permit(1, Action::ArchivePurge);
    let other = permit(3, Action::ArchivePurge);
    let wrong = permit(3, Action::ArchiveSetPurgeDate);
    let purge = |permits, day| {
        let purged = archive
            .clone()
            .purged_now(permits, &terms, around(days(day)));
        purged.map(|(_, effects)| effects)
    };
    assert_eq!(purge([&one, &one], 10), Err(ArchiveRefusal::SamePerson));
    assert_eq!(purge([&one, &wrong], 10), Err(ArchiveRefusal::WrongProof));
    assert_eq!(purge([&one, &other], 6), Err(ArchiveRefusal::BeforeFloor));
    assert_eq!(
        purge([&one, &other], 7),
        Ok(vec![ArchiveEffect::DestroyKeys])
    );
    let active = self::archive().purged_now([&one, &other], &terms, around(days(10)));
    assert_eq!(active.err(), Some(ArchiveRefusal::WrongState));
}

#[test]
fn a_clock_that_jumps_gives_notice_first() {
    let mut archive = cold(ColdCause::Inactive, days(0));
    let terms = terms();
    let (effects, _) = run(&mut archive, &terms, around(days(3_650)));
    let announce = ArchiveEffect::Announce { purge: days(3_657) };
    assert_eq!(effects, [ArchiveEffect::Verify, announce]);
    // Back where it should be: nothing is lost.
    let (effects, _) = run(&mut archive, &terms, around(days(5)));
    assert_eq!(effects, []);
    assert!(matches!(archive.state, ArchiveState::Cold(_)));
}

#[test]
fn a_clock_set_back_waits() {
    let mut archive = cold(ColdCause::Inactive, days(0));
    let terms = terms();
    run(&mut archive, &terms, around(days(23)));
    let restoring = Circumstances {
        restores: Restores::Running,
        ..around(days(30))
    };
    run(&mut archive, &terms, restoring);
    let (effects, waiting) = run(&mut archive, &terms, around(days(29)));
    assert_eq!((effects, waiting), (vec![], Waiting::Until(days(30))));
}

#[derive(Clone, Debug)]
enum Deed {
    Cool(ColdCause),
    Warm(ColdCause),
    Run { held: bool, restoring: bool },
    Wait(i64),
}

fn deed() -> impl Strategy<Value = Deed> {
    let cause = || {
        prop::sample::select(vec![
            ColdCause::Inactive,
            ColdCause::Blocked,
            ColdCause::ComputerDeactivated,
            ColdCause::GivenUp,
        ])
    };
    prop_oneof![
        cause().prop_map(Deed::Cool),
        cause().prop_map(Deed::Warm),
        (any::<bool>(), any::<bool>()).prop_map(|(held, restoring)| Deed::Run { held, restoring }),
        (-20_i64..20).prop_map(Deed::Wait),
    ]
}

proptest! {
    /// Whatever happens, and whichever way the clock goes: keys are destroyed only when the archive was cold, nothing
    /// held it, nothing was restored from it, it was announced, and the notice had passed.
    #[test]
    fn nothing_goes_unannounced(deeds in prop::collection::vec(deed(), 1..80)) {
        let terms = terms();
        let mut archive = archive();
        let mut day = 0;
        let mut announced = None;
        for deed in deeds {
            match deed {
                Deed::Wait(n) => day += n,
                Deed::Cool(cause) => archive = archive.cooled(cause, days(day)).0,
                Deed::Warm(cause) => archive = archive.warmed(cause).0,
                Deed::Run { held, restoring } => {
                    let around = Circumstances {
                        now: days(day),
                        held: if held { LegalHold::Placed } else { LegalHold::None },
                        restores: if restoring { Restores::Running } else { Restores::None },
                    };
                    let (effects, _) = run(&mut archive, &terms, around);
                    for effect in effects {
                        match effect {
                            ArchiveEffect::Announce { .. } => announced = Some(day),
                            ArchiveEffect::DestroyKeys => {
                                prop_assert!(!held && !restoring);
                                prop_assert!(announced.is_some_and(|announced| day - announced >= 7));
                            }
                            _ => {}
                        }
                    }
                }
            }
            if archive.state == ArchiveState::Active {
                announced = None;
            }
        }
    }
}
