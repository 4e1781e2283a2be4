//! Account states: who may change them, what follows, and that nothing else changes them
//! (administration 2.2 and 2.9).

use proptest::prelude::*;
use strongroom_base::clock::Timestamp;
use strongroom_domain::access::{
    Action, Actor, Grant, Permit, Removal, SysadminRemains, Sysadmins, Target, decide,
};
use strongroom_domain::account::{
    Account, AccountChange, AccountState, By, Cause, DirectoryRun, Effect, Ended, Origin, Outcome,
    Refusal, RunRefusal, SignIn, Standing, Who, effective, effects,
};
use strongroom_domain::archive::ColdCause;
use strongroom_domain::organisation::{
    Organisation, OrganisationChange, OrganisationRefusal, OrganisationState, Path,
};

mod world;

use world::{ACTIVE, CHILD, OWN, at, days, forest, of_organisation, subject, user};

/// User 2, whose states are changed here.
fn account(origin: Origin, state: AccountState) -> Account {
    Account {
        user: user(2),
        origin,
        state,
        sign_in: SignIn::Open,
    }
}

fn remains() -> SysadminRemains {
    let path = Path::of(&forest(), OWN).expect("it is in the forest");
    let mut sysadmins = Sysadmins::who_can_sign_in([(user(1), path)]);
    sysadmins
        .remove(Removal::Account(user(2)))
        .expect("user 2 is no sysadmin")
}

/// The right of user 1, who holds `grant`, to something with user 2; the own right of user 2 otherwise.
fn permit(action: Action, grant: Grant, standing: Standing) -> Option<Permit> {
    let forest = forest();
    let by = if action == Action::AccountReactivateOwn {
        2
    } else {
        1
    };
    let held = [grant];
    let actor = Actor {
        user: user(by),
        standing: if by == 2 { standing } else { ACTIVE },
        ..world::actor(&held)
    };
    let target = Target::Account(subject(2, OWN, &[]));
    decide(&forest, &actor, action, &target).permit().ok()
}

const ADMIN: Grant = Grant::Admin(OWN);

fn by_admin(account: &Account, change: &AccountChange, now: Timestamp) -> Result<Account, Refusal> {
    let permit = permit(change.action(), ADMIN, ACTIVE).expect("an admin may");
    let changed = account.change(change, Who::Person(&permit), &[], now)?;
    Ok(changed.account)
}

const ACTIVE_STATE: AccountState = AccountState::Active;

fn inactive(by: By) -> AccountState {
    AccountState::Inactive { since: at(0), by }
}

fn blocked(by: By) -> AccountState {
    AccountState::Blocked { since: at(0), by }
}

fn changes() -> [AccountChange; 6] {
    [
        AccountChange::Deactivate(remains()),
        AccountChange::Block(remains()),
        AccountChange::Reactivate,
        AccountChange::Unblock,
        AccountChange::Suspend(remains()),
        AccountChange::Resume,
    ]
}

/// Which state comes of which, by whom: `.` for none.
#[test]
fn the_grid_of_states() {
    use By::{Administrator, Directory};

    // Columns: deactivate, block, reactivate, unblock, suspend, resume.
    // A active, i inactive by an administrator, d by the directory, B and D blocked likewise, S suspended.
    let table = [
        ("admin", ACTIVE_STATE, "iB..S."),
        ("admin", inactive(Administrator), ".BA.S."),
        ("admin", inactive(Directory), "iBA.S."),
        ("admin", blocked(Administrator), "..AiS."),
        ("admin", blocked(Directory), ".BAiS."),
        ("directory", ACTIVE_STATE, "dD...."),
        ("directory", inactive(Administrator), ".B...."),
        ("directory", inactive(Directory), ".DA..."),
        ("directory", blocked(Administrator), "......"),
        ("directory", blocked(Directory), "..A..."),
        ("oneself", ACTIVE_STATE, "......"),
        ("oneself", inactive(Administrator), "..A..."),
        ("oneself", inactive(Directory), "..A..."),
        ("oneself", blocked(Administrator), "......"),
        ("oneself", blocked(Directory), "......"),
        ("job", ACTIVE_STATE, "......"),
        ("job", inactive(Administrator), "......"),
        ("job", blocked(Directory), "......"),
    ];
    for (who, state, expected) in table {
        let before = account(Origin::External, state);
        let found: String = changes()
            .iter()
            .map(|change| letter(outcome(who, &before, change)))
            .collect();
        assert_eq!(found, expected, "{who} {state:?}");
    }
}

fn outcome(who: &str, before: &Account, change: &AccountChange) -> Option<Account> {
    let own = effective(before, &[]);
    let shown = match who {
        "admin" => permit(change.action(), ADMIN, own),
        "oneself" => permit(Action::AccountReactivateOwn, Grant::DesktopUser, own),
        _ => None,
    };
    let run = DirectoryRun::pushed();
    let who = match (who, &shown) {
        ("directory", _) => Who::Directory(&run),
        ("job", _) => Who::RetentionJob,
        (_, Some(permit)) => Who::Person(permit),
        (_, None) => return None,
    };
    let changed = before.change(change, who, &[], at(100)).ok()?;
    Some(changed.account)
}

fn letter(account: Option<Account>) -> char {
    let Some(account) = account else { return '.' };
    match (account.sign_in, account.state) {
        (SignIn::Suspended { .. }, _) => 'S',
        (SignIn::Open, AccountState::Active) => 'A',
        (
            SignIn::Open,
            AccountState::Inactive {
                by: By::Administrator,
                ..
            },
        ) => 'i',
        (
            SignIn::Open,
            AccountState::Inactive {
                by: By::Directory, ..
            },
        ) => 'd',
        (
            SignIn::Open,
            AccountState::Blocked {
                by: By::Administrator,
                ..
            },
        ) => 'B',
        (
            SignIn::Open,
            AccountState::Blocked {
                by: By::Directory, ..
            },
        ) => 'D',
    }
}

#[test]
fn managers_change_nobody() {
    for change in changes() {
        for grant in [Grant::DesktopUser, Grant::WebUser, Grant::Manager(OWN)] {
            assert_eq!(permit(change.action(), grant, ACTIVE), None);
        }
    }
}

#[test]
fn a_right_is_for_one_deed_and_one_account() {
    let one = account(Origin::Internal, ACTIVE_STATE);
    let suspend = permit(Action::AccountSuspend, ADMIN, ACTIVE).unwrap();
    let change = AccountChange::Block(remains());
    assert_eq!(
        one.change(&change, Who::Person(&suspend), &[], at(0)),
        Err(Refusal::WrongProof)
    );
    let other = Account {
        user: user(3),
        ..one
    };
    let block = permit(Action::AccountBlock, ADMIN, ACTIVE).unwrap();
    assert_eq!(
        other.change(&change, Who::Person(&block), &[], at(0)),
        Err(Refusal::WrongProof)
    );
}

#[test]
fn a_directory_changes_only_what_lives_in_it() {
    let internal = account(Origin::Internal, ACTIVE_STATE);
    let change = AccountChange::Deactivate(remains());
    let run = DirectoryRun::pushed();
    assert_eq!(
        internal.change(&change, Who::Directory(&run), &[], at(0)),
        Err(Refusal::NotInTheDirectory)
    );
}

#[test]
fn a_person_confirms_many_stops_and_nothing_incomplete() {
    let forest = forest();
    let sysadmin = [Grant::Sysadmin];
    let permit = |action, target: &Target<'_>| {
        decide(&forest, &world::actor(&sysadmin), action, target)
            .permit()
            .unwrap()
    };
    let outcome = |ended| Outcome {
        ended,
        active: 10,
        stops: 10,
    };
    let configure = permit(Action::ServerConfigure, &Target::System);
    assert!(DirectoryRun::confirmed(outcome(Ended::Complete), &configure).is_ok());
    assert_eq!(
        DirectoryRun::confirmed(outcome(Ended::Incomplete), &configure),
        Err(RunRefusal::Incomplete)
    );
    let other = permit(Action::ServerRead, &Target::System);
    assert_eq!(
        DirectoryRun::confirmed(outcome(Ended::Complete), &other),
        Err(RunRefusal::WrongProof)
    );
}

#[test]
fn a_block_does_not_begin_the_retention_anew() {
    let resting = by_admin(
        &account(Origin::Internal, ACTIVE_STATE),
        &AccountChange::Deactivate(remains()),
        days(0),
    )
    .unwrap();
    let shut = by_admin(&resting, &AccountChange::Block(remains()), days(20)).unwrap();
    let open = by_admin(&shut, &AccountChange::Unblock, days(25)).unwrap();
    for account in [resting, shut, open] {
        let (AccountState::Inactive { since, .. } | AccountState::Blocked { since, .. }) =
            account.state
        else {
            panic!("it is active");
        };
        assert_eq!(since, days(0));
    }
}

#[test]
fn what_follows_from_a_change() {
    let active = account(Origin::Internal, ACTIVE_STATE);
    let follows = |before: &Account, change: &AccountChange| {
        let permit = permit(change.action(), ADMIN, ACTIVE).unwrap();
        let changed = before
            .change(change, Who::Person(&permit), &[], at(9))
            .unwrap();
        (changed.account, changed.effects)
    };
    let cold = |cause| Effect::ArchivesCold {
        cause,
        since: at(9),
    };
    let shut_out = [Effect::EndSessions, Effect::RevokeTokens, Effect::VoidLinks];

    let (resting, effects) = follows(&active, &AccountChange::Deactivate(remains()));
    assert_eq!(effects[..3], shut_out);
    assert_eq!(
        effects[3..],
        [Effect::StopComputers, cold(ColdCause::Inactive)]
    );

    let (shut, effects) = follows(&resting, &AccountChange::Block(remains()));
    assert_eq!(effects, [Effect::VoidLinks, cold(ColdCause::Blocked)]);

    let (_, effects) = follows(&shut, &AccountChange::Reactivate);
    assert_eq!(effects, [Effect::StartComputers, Effect::ArchivesActive]);

    let (suspended, effects) = follows(&active, &AccountChange::Suspend(remains()));
    assert_eq!(effects, shut_out);
    let (_, effects) = follows(&suspended, &AccountChange::Resume);
    assert_eq!(effects, []);
}

#[test]
fn an_organisation_that_comes_back_brings_back_who_was_active() {
    let was_active = account(Origin::Internal, ACTIVE_STATE);
    let was_inactive = account(Origin::Internal, inactive(By::Administrator));
    let open = [(OWN, OrganisationState::Active)];
    let closed = [(OWN, OrganisationState::Inactive { since: at(50) })];
    let down = |account: &Account| effects(effective(account, &open), effective(account, &closed));
    let up = |account: &Account| effects(effective(account, &closed), effective(account, &open));
    assert!(down(&was_active).contains(&Effect::StopComputers));
    assert_eq!(
        up(&was_active),
        [Effect::StartComputers, Effect::ArchivesActive]
    );
    assert_eq!(down(&was_inactive), [Effect::VoidLinks]);
    assert_eq!(up(&was_inactive), []);
}

#[test]
fn nobody_comes_back_alone_into_an_organisation_at_rest() {
    let resting = account(Origin::Internal, inactive(By::Administrator));
    let permit = permit(
        Action::AccountReactivateOwn,
        Grant::DesktopUser,
        effective(&resting, &[]),
    )
    .unwrap();
    let above = [
        (CHILD, OrganisationState::Active),
        (OWN, OrganisationState::Inactive { since: at(0) }),
    ];
    let change = |account: &Account, above: &[_]| {
        account
            .change(
                &AccountChange::Reactivate,
                Who::Person(&permit),
                above,
                at(1),
            )
            .err()
    };
    assert_eq!(
        change(&resting, &above),
        Some(Refusal::OrganisationNotActive)
    );
    let suspended = Account {
        sign_in: SignIn::Suspended { since: at(0) },
        ..resting
    };
    assert_eq!(change(&suspended, &[]), Some(Refusal::Suspended));
    assert_eq!(change(&resting, &[]), None);
    // A right that was decided before the block does not lift it.
    let shut = account(Origin::Internal, blocked(By::Administrator));
    assert_eq!(change(&shut, &[]), Some(Refusal::BlockedForItsUser));
}

#[test]
fn the_worst_state_counts_and_the_earliest_time() {
    let shut = Account {
        state: AccountState::Blocked {
            since: at(30),
            by: By::Administrator,
        },
        ..account(Origin::Internal, ACTIVE_STATE)
    };
    let above = [
        (OWN, OrganisationState::Inactive { since: at(10) }),
        (CHILD, OrganisationState::Active),
    ];
    assert_eq!(
        effective(&shut, &above),
        Standing::Blocked {
            since: at(10),
            cause: Cause::Own
        }
    );
    let above = [(OWN, OrganisationState::Blocked { since: at(40) })];
    assert_eq!(
        effective(&shut, &above),
        Standing::Blocked {
            since: at(30),
            cause: Cause::Organisation(OWN)
        }
    );
}

#[test]
fn organisations_change_like_accounts() {
    let forest = forest();
    let sysadmin = [Grant::Sysadmin];
    let permit = |action| {
        let target = of_organisation(CHILD);
        decide(&forest, &world::actor(&sysadmin), action, &target)
            .permit()
            .unwrap()
    };
    let path = Path::of(&forest, OWN).unwrap();
    let remains = || {
        let mut sysadmins = Sysadmins::who_can_sign_in([(user(1), path.clone())]);
        sysadmins.remove(Removal::Organisation(CHILD)).unwrap()
    };
    let stop = permit(Action::OrganisationDeactivate);
    let child = Organisation {
        id: CHILD,
        state: OrganisationState::Active,
    };
    let resting = child
        .change(&OrganisationChange::Deactivate(remains()), &stop, at(1))
        .unwrap();
    assert_eq!(resting.state, OrganisationState::Inactive { since: at(1) });
    let shut = resting
        .change(&OrganisationChange::Block(remains()), &stop, at(2))
        .unwrap();
    assert_eq!(shut.state, OrganisationState::Blocked { since: at(1) });
    assert_eq!(
        shut.change(&OrganisationChange::Deactivate(remains()), &stop, at(3)),
        Err(OrganisationRefusal::Blocked)
    );
    assert_eq!(
        shut.change(&OrganisationChange::Reactivate, &stop, at(3)),
        Err(OrganisationRefusal::WrongProof)
    );
    let start = permit(Action::OrganisationReactivate);
    let again = shut
        .change(&OrganisationChange::Reactivate, &start, at(3))
        .unwrap();
    assert_eq!(again, child);
    let other = Organisation { id: OWN, ..child };
    assert_eq!(
        other.change(&OrganisationChange::Block(remains()), &stop, at(3)),
        Err(OrganisationRefusal::WrongProof)
    );
}

proptest! {
    /// Whatever somebody does who may not, and whatever the directory and the job do: an account that an
    /// administrator blocked stays blocked, one that is suspended stays so, and an internal one is changed by nobody
    /// but its user, who can only take it up again.
    #[test]
    fn who_may_not_changes_nothing(
        start in prop::sample::select(vec![ACTIVE_STATE, inactive(By::Administrator), inactive(By::Directory), blocked(By::Administrator), blocked(By::Directory)]),
        origin in prop::sample::select(vec![Origin::Internal, Origin::External]),
        is_suspended in any::<bool>(),
        deeds in prop::collection::vec((0_usize..6, 0_usize..4), 0..30),
    ) {
        let sign_in = if is_suspended { SignIn::Suspended { since: at(0) } } else { SignIn::Open };
        let first = Account { sign_in, ..account(origin, start) };
        let mut now = first;
        for (change, who) in deeds {
            let [deactivate, block, reactivate, unblock, suspend, resume] = changes();
            let change = [deactivate, block, reactivate, unblock, suspend, resume].into_iter().nth(change).unwrap();
            let own = effective(&now, &[]);
            let grants = [Grant::Manager(OWN), Grant::WebUser];
            let shown = if who < 2 { permit(change.action(), grants[who], own) } else { permit(Action::AccountReactivateOwn, Grant::DesktopUser, own) };
            let run = DirectoryRun::pushed();
            let who = match (who, &shown) {
                (3, _) => Who::Directory(&run),
                (_, Some(permit)) => Who::Person(permit),
                (_, None) => Who::RetentionJob,
            };
            if let Ok(changed) = now.change(&change, who, &[], at(5)) {
                now = changed.account;
            }
        }
        prop_assert_eq!(now.sign_in, first.sign_in);
        if start == blocked(By::Administrator) {
            prop_assert_eq!(now.state, start);
        }
        if origin == Origin::Internal && now.state != first.state {
            prop_assert_eq!(now.state, ACTIVE_STATE);
            let was_inactive = matches!(start, AccountState::Inactive { .. });
            prop_assert!(was_inactive && !is_suspended);
        }
    }

    /// Whatever administrators do, what keeps an account from being active has done so since the first of it.
    #[test]
    fn administrators_reach_every_state(deeds in prop::collection::vec(0_usize..6, 0..30)) {
        let mut now = account(Origin::Internal, ACTIVE_STATE);
        let mut since = None;
        for (day, change) in deeds.into_iter().enumerate() {
            let change = changes().into_iter().nth(change).unwrap();
            let day = days(i64::try_from(day).unwrap());
            if let Ok(changed) = by_admin(&now, &change, day) {
                now = changed;
            }
            since = match effective(&now, &[]) {
                Standing::Active { .. } => None,
                Standing::Inactive { since: found, .. } | Standing::Blocked { since: found, .. } => {
                    prop_assert_eq!(found, since.unwrap_or(day));
                    Some(found)
                }
            };
        }
    }
}
