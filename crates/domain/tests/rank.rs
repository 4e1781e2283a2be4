//! Nobody acts on someone who outranks them, gives what they do not have, or removes the last sysadmin
//! (administration 3.3, rules 2 and 3); and what credentials cannot do.

use strongroom_base::ids::{ComputerId, OrganisationId};
use strongroom_domain::access::{
    Action, Actor, AddOn, Denial, Grant, GrantRefusal, LastSysadmin, Removal, Scope, Subject,
    Sysadmins, Target, Via, decide, may_give, may_move_account, may_move_organisation, may_take,
};
use strongroom_domain::account::{Cause, SignIn, Standing};
use strongroom_domain::organisation::{Parent, Path, plan_move};
use strongroom_domain::token::TokenScope;

mod world;

use world::{
    CHILD, GRANDCHILD, OWN, PARENT, ROOT, SIBLING, account, actor, at, forest, of_organisation,
    subject, user,
};

const RESTORE: Grant = Grant::AddOn(AddOn::RestoreOthers, Scope::Subtree(OWN));
const RESTORE_EVERYWHERE: Grant = Grant::AddOn(AddOn::RestoreOthers, Scope::Everywhere);

/// Who may block, and whose credentials may be reset, when both are in the actor's organisation.
#[test]
fn rank_has_a_place() {
    let forest = forest();
    // What the other holds, and whether an admin of OWN, one of PARENT, and a sysadmin may block them and
    // reset their credentials.
    let table: &[(&[Grant], [bool; 6])] = &[
        (&[], [true, true, true, true, true, true]),
        (
            &Grant::SELF_REGISTERED,
            [true, true, true, true, true, true],
        ),
        (
            &[Grant::Manager(CHILD)],
            [true, true, true, true, true, true],
        ),
        (&[Grant::Manager(OWN)], [true, true, true, true, true, true]),
        (&[Grant::Admin(OWN)], [true, true, true, true, true, true]),
        (
            &[Grant::Manager(PARENT)],
            [false, false, true, true, true, true],
        ),
        (
            &[Grant::Admin(PARENT)],
            [false, false, true, true, true, true],
        ),
        (
            &[Grant::Manager(SIBLING)],
            [false, false, true, true, true, true],
        ),
        (
            &[Grant::Admin(ROOT)],
            [false, false, false, false, true, true],
        ),
        (&[Grant::Sysadmin], [false, false, false, false, true, true]),
        (&[RESTORE], [true, false, true, false, true, true]),
        (
            &[RESTORE_EVERYWHERE],
            [true, false, true, false, true, true],
        ),
    ];
    let actors = [Grant::Admin(OWN), Grant::Admin(PARENT), Grant::Sysadmin];
    let actions = [Action::AccountBlock, Action::CredentialsReset];
    for (theirs, expected) in table {
        let target = Target::Account(subject(2, OWN, theirs));
        let found: Vec<bool> = actors
            .iter()
            .flat_map(|held| actions.map(|action| (held, action)))
            .map(|(held, action)| decide(&forest, &actor(&[*held]), action, &target).is_allowed())
            .collect();
        assert_eq!(found, expected, "{theirs:?}");
    }
}

#[test]
fn who_has_the_add_on_may_reset_its_holder() {
    let forest = forest();
    let target = Target::Account(subject(2, OWN, &[RESTORE]));
    let held = [Grant::Admin(OWN), RESTORE];
    assert!(decide(&forest, &actor(&held), Action::CredentialsReset, &target).is_allowed());
    let target = Target::Account(subject(2, OWN, &[RESTORE_EVERYWHERE]));
    let denial = decide(&forest, &actor(&held), Action::CredentialsReset, &target).permit();
    assert_eq!(denial.err(), Some(Denial::Outranked));
}

#[test]
fn files_of_those_above_stay_closed() {
    let forest = forest();
    let target = Target::Account(subject(2, OWN, &[Grant::Admin(OWN)]));
    let may = |held: &[Grant]| {
        decide(&forest, &actor(held), Action::ArchiveRestoreOthers, &target).is_allowed()
    };
    assert!(!may(&[Grant::WebUser, RESTORE]));
    assert!(may(&[Grant::Admin(OWN), RESTORE]));
    assert!(!may(&[Grant::Sysadmin]));
    assert!(may(&[Grant::Sysadmin, RESTORE]));
}

#[test]
fn an_organisation_is_its_people() {
    let forest = forest();
    let deactivate = |within: &[Grant]| {
        let target = Target::Organisation {
            organisation: CHILD,
            roles_within: within,
        };
        decide(
            &forest,
            &actor(&[Grant::Admin(OWN)]),
            Action::OrganisationDeactivate,
            &target,
        )
        .is_allowed()
    };
    assert!(deactivate(&[Grant::Manager(CHILD)]));
    assert!(!deactivate(&[Grant::Manager(CHILD), Grant::Sysadmin]));
}

fn give(held: &[Grant], to: &Subject<'_>, grant: Grant) -> Result<Vec<Grant>, GrantRefusal> {
    may_give(&forest(), &actor(held), to, grant).map(|given| given.grants)
}

#[test]
fn nobody_gives_above_their_own() {
    let other = subject(2, OWN, &[]);
    let admin = [Grant::Admin(OWN)];
    for grant in [
        Grant::DesktopUser,
        Grant::WebUser,
        Grant::Manager(OWN),
        Grant::Admin(OWN),
        Grant::Admin(GRANDCHILD),
    ] {
        assert_eq!(give(&admin, &other, grant), Ok(vec![grant]));
    }
    for grant in [
        Grant::Sysadmin,
        Grant::Admin(PARENT),
        Grant::Manager(SIBLING),
        Grant::Manager(world::organisation(99)),
    ] {
        assert_eq!(give(&admin, &other, grant), Err(GrantRefusal::AboveOwn));
        assert_eq!(give(&[Grant::Sysadmin], &other, grant), Ok(vec![grant]));
    }
    let manager = [Grant::Manager(OWN)];
    assert_eq!(
        give(&manager, &other, Grant::WebUser),
        Err(GrantRefusal::Denied(Denial::Forbidden))
    );
    // To manage a wider part does not make an admin of it.
    let mixed = [Grant::Admin(OWN), Grant::Manager(PARENT)];
    assert_eq!(
        give(&mixed, &other, Grant::Manager(PARENT)),
        Err(GrantRefusal::AboveOwn)
    );
}

#[test]
fn nobody_makes_themselves_more() {
    let own = [Grant::Admin(OWN)];
    let oneself = subject(1, OWN, &own);
    assert_eq!(
        give(&own, &oneself, Grant::Manager(OWN)),
        Err(GrantRefusal::Denied(Denial::Oneself))
    );
    let sysadmin = [Grant::Sysadmin];
    let oneself = subject(1, OWN, &sysadmin);
    assert_eq!(
        give(&sysadmin, &oneself, Grant::Admin(OWN)),
        Err(GrantRefusal::Oneself)
    );
    let given = may_give(&forest(), &actor(&sysadmin), &oneself, RESTORE);
    assert!(given.is_ok_and(|given| given.tells_sysadmins));
}

#[test]
fn add_ons_are_for_sysadmins_to_give() {
    let other = subject(2, OWN, &[]);
    for add_on in AddOn::ALL {
        let grant = Grant::AddOn(add_on, Scope::Subtree(OWN));
        assert_eq!(
            give(&[Grant::Admin(ROOT), grant], &other, grant),
            Err(GrantRefusal::SysadminOnly(grant))
        );
        assert_eq!(give(&[Grant::Sysadmin], &other, grant), Ok(vec![grant]));
    }
}

fn path(organisation: OrganisationId) -> Path {
    Path::of(&forest(), organisation).expect("it is in the forest")
}

#[test]
fn the_last_sysadmin_stays() {
    let both = [(user(1), path(OWN)), (user(2), path(CHILD))];
    let mut sysadmins = Sysadmins::who_can_sign_in(both.clone());
    let first = sysadmins.remove(Removal::Account(user(1)));
    assert_eq!(
        first.map(|proof| proof.without()),
        Ok(Removal::Account(user(1)))
    );
    assert_eq!(
        sysadmins.remove(Removal::Account(user(2))),
        Err(LastSysadmin)
    );
    assert_eq!(
        sysadmins.remove(Removal::Organisation(ROOT)),
        Err(LastSysadmin)
    );
    assert!(sysadmins.remove(Removal::Account(user(3))).is_ok());
    assert_eq!(sysadmins.len(), 1);

    let mut sysadmins = Sysadmins::who_can_sign_in(both);
    assert_eq!(
        sysadmins.remove(Removal::Organisation(OWN)),
        Err(LastSysadmin)
    );
    assert!(sysadmins.remove(Removal::Organisation(CHILD)).is_ok());
    assert_eq!(
        sysadmins.remove(Removal::Organisation(OWN)),
        Err(LastSysadmin)
    );
}

#[test]
fn the_last_sysadmin_is_not_demoted() {
    let held = [Grant::Sysadmin];
    let mut sysadmins = Sysadmins::who_can_sign_in([(user(1), path(OWN)), (user(2), path(OWN))]);
    let mut take = |n| {
        let subject = subject(n, OWN, &held);
        may_take(
            &forest(),
            &actor(&held),
            &subject,
            Grant::Sysadmin,
            &mut sysadmins,
        )
        .map(|taken| taken.grants)
    };
    assert_eq!(take(2), Ok(vec![]));
    assert_eq!(take(1), Err(GrantRefusal::Last(LastSysadmin)));
}

#[test]
fn an_admin_takes_no_role_from_above() {
    let held = [Grant::Manager(PARENT)];
    let mut sysadmins = Sysadmins::who_can_sign_in([]);
    let taken = may_take(
        &forest(),
        &actor(&[Grant::Admin(OWN)]),
        &subject(2, OWN, &held),
        Grant::Manager(PARENT),
        &mut sysadmins,
    );
    assert_eq!(taken, Err(GrantRefusal::Denied(Denial::Outranked)));
}

#[test]
fn a_move_needs_both_ends() {
    let forest = forest();
    let may = |held: Grant, from, to| {
        let planned = plan_move(&forest, from, to).unwrap();
        may_move_organisation(&forest, &actor(&[held]), &planned, &[]).is_ok()
    };
    assert!(may(Grant::Admin(OWN), GRANDCHILD, Parent::Below(OWN)));
    assert!(!may(Grant::Admin(OWN), GRANDCHILD, Parent::Below(SIBLING)));
    assert!(!may(Grant::Admin(OWN), SIBLING, Parent::Below(OWN)));
    assert!(!may(Grant::Admin(OWN), OWN, Parent::Below(SIBLING)));
    assert!(!may(Grant::Admin(ROOT), OWN, Parent::Root));
    assert!(may(Grant::Admin(ROOT), OWN, Parent::Below(SIBLING)));
    assert!(may(Grant::Sysadmin, OWN, Parent::Root));

    let may = |held: Grant, from, to| {
        may_move_account(&forest, &actor(&[held]), &subject(2, from, &[]), to).is_ok()
    };
    assert!(may(Grant::Admin(OWN), CHILD, OWN));
    assert!(!may(Grant::Admin(OWN), CHILD, SIBLING));
    assert!(!may(Grant::Admin(OWN), SIBLING, CHILD));
    assert!(!may(Grant::Manager(OWN), CHILD, OWN));
}

#[test]
fn a_token_does_less_than_its_owner() {
    let forest = forest();
    let scope =
        TokenScope::new([Action::AccountBlock, Action::ServerConfigure], Some(CHILD)).unwrap();
    let held = [Grant::Sysadmin];
    let by_token = Actor {
        via: Via::Token(&scope),
        ..actor(&held)
    };
    let denial =
        |action, target: &Target<'_>| decide(&forest, &by_token, action, target).permit().err();
    assert_eq!(denial(Action::AccountBlock, &account(2, GRANDCHILD)), None);
    assert_eq!(
        denial(Action::AccountBlock, &account(2, OWN)),
        Some(Denial::Credential)
    );
    assert_eq!(
        denial(Action::AccountRead, &account(2, GRANDCHILD)),
        Some(Denial::Credential)
    );
    assert_eq!(
        denial(Action::ServerConfigure, &Target::System),
        Some(Denial::Credential)
    );
    assert_eq!(
        denial(Action::PolicyEdit, &of_organisation(CHILD)),
        Some(Denial::Credential)
    );

    // A token does not do what its owner no longer may.
    let by_token = Actor {
        via: Via::Token(&scope),
        ..actor(&[Grant::WebUser])
    };
    let decision = decide(&forest, &by_token, Action::AccountBlock, &account(2, CHILD));
    assert_eq!(decision.permit().err(), Some(Denial::Unseen));
}

#[test]
fn a_computer_has_its_own_archive() {
    let forest = forest();
    let own = ComputerId([1; 16]);
    let may = |held: &[Grant], action, computer, n| {
        let by_computer = Actor {
            via: Via::Computer(own),
            ..actor(held)
        };
        let target = Target::Account(Subject {
            computer,
            ..subject(n, OWN, &[])
        });
        decide(&forest, &by_computer, action, &target).is_allowed()
    };
    let held = [Grant::Sysadmin, RESTORE];
    assert!(may(&held, Action::ArchiveAppend, Some(own), 1));
    assert!(may(&held, Action::ArchiveRestore, Some(own), 1));
    assert!(may(&held, Action::ProfileRead, None, 1));
    assert!(!may(
        &held,
        Action::ArchiveAppend,
        Some(ComputerId([2; 16])),
        1
    ));
    assert!(!may(&held, Action::ArchiveAppend, None, 1));
    assert!(!may(&[Grant::WebUser], Action::ArchiveAppend, Some(own), 1));
    for action in Action::ALL
        .iter()
        .filter(|action| !action.is_for_computers())
    {
        assert!(!may(&held, *action, Some(own), 1), "{action:?}");
        assert!(!may(&held, *action, Some(own), 2), "{action:?}");
    }
}

/// Which standing may do what: role and state are a grid (administration 2.9).
#[test]
fn a_standing_is_asked_first() {
    let forest = forest();
    let since = at(0);
    let suspended = SignIn::Suspended { since };
    let inactive = |cause, sign_in| Standing::Inactive {
        since,
        cause,
        sign_in,
    };
    // The standing; whether its user may sign in, may take it up again, and its computer may back up.
    let table = [
        (world::ACTIVE, [true, true, true]),
        (
            Standing::Active { sign_in: suspended },
            [false, false, true],
        ),
        (inactive(Cause::Own, SignIn::Open), [false, true, false]),
        (inactive(Cause::Own, suspended), [false, false, false]),
        (
            inactive(Cause::Organisation(OWN), SignIn::Open),
            [false, false, false],
        ),
        (
            Standing::Blocked {
                since,
                cause: Cause::Own,
            },
            [false, false, false],
        ),
    ];
    let own = ComputerId([1; 16]);
    let target = Target::Account(Subject {
        computer: Some(own),
        ..subject(1, OWN, &[])
    });
    for held in [
        Grant::SELF_REGISTERED.to_vec(),
        vec![Grant::Admin(OWN)],
        vec![Grant::Sysadmin],
    ] {
        for (standing, expected) in table {
            let may = |action, via| {
                let actor = Actor {
                    standing,
                    via,
                    ..actor(&held)
                };
                decide(&forest, &actor, action, &target).is_allowed()
            };
            let found = [
                may(Action::ConsoleSignIn, Via::Session),
                may(Action::AccountReactivateOwn, Via::Session),
                may(Action::ArchiveAppend, Via::Computer(own)),
            ];
            assert_eq!(found, expected, "{standing:?} {held:?}");
        }
    }
}
