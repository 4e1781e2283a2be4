//! Computers: signed out, deactivated, revoked (administration 2.3).

use strongroom_base::ids::ComputerId;
use strongroom_domain::access::{Grant, Permit, Target, decide};
use strongroom_domain::account::{Cause, SignIn, Standing};
use strongroom_domain::archive::ColdCause;
use strongroom_domain::computer::{
    Computer, ComputerChange, ComputerEffect, ComputerRefusal, Credential, Life,
};
use strongroom_domain::group::Group;
use strongroom_domain::name::GroupName;
use strongroom_domain::organisation::Path;

mod world;

use world::{ACTIVE, CHILD, OWN, PARENT, at, forest, subject, user};

const COMPUTER: Computer = Computer {
    id: ComputerId([1; 16]),
    owner: user(2),
    life: Life::Active,
    credential: Credential::Good,
};

const CAUSE: ColdCause = ColdCause::ComputerDeactivated;

fn permit(change: ComputerChange) -> Permit {
    let target = Target::Account(subject(2, OWN, &[]));
    let admin = [Grant::Admin(OWN)];
    let decision = decide(&forest(), &world::actor(&admin), change.action(), &target);
    decision.permit().expect("an admin may")
}

fn change(
    computer: Computer,
    change: ComputerChange,
) -> Result<(Computer, Vec<ComputerEffect>), ComputerRefusal> {
    computer.change(change, &permit(change), at(5))
}

#[test]
fn a_signed_out_computer_loses_nothing() {
    let (out, effects) = change(COMPUTER, ComputerChange::SignOut).unwrap();
    assert_eq!(effects, [ComputerEffect::Disconnect]);
    assert_eq!(out.check(ACTIVE), Err(ComputerRefusal::SignedOut));
    assert_eq!(out.signed_in(ACTIVE), Ok((COMPUTER, vec![])));
}

#[test]
fn a_deactivated_computer_comes_back_with_its_user() {
    let (off, effects) = change(COMPUTER, ComputerChange::Deactivate).unwrap();
    let cold = ComputerEffect::ArchivesCold(CAUSE, at(5));
    assert_eq!(effects, [ComputerEffect::Disconnect, cold]);
    assert_eq!(off.check(ACTIVE), Err(ComputerRefusal::Deactivated));
    let warm = vec![ComputerEffect::ArchivesWarm(CAUSE)];
    assert_eq!(off.signed_in(ACTIVE), Ok((COMPUTER, warm.clone())));
    assert_eq!(
        change(off, ComputerChange::Reactivate),
        Ok((COMPUTER, warm))
    );
}

#[test]
fn a_revoked_computer_never_comes_back() {
    let (lost, effects) = change(COMPUTER, ComputerChange::Revoke).unwrap();
    assert_eq!(effects, [ComputerEffect::Disconnect]);
    assert_eq!(lost.check(ACTIVE), Err(ComputerRefusal::Revoked));
    assert_eq!(lost.signed_in(ACTIVE), Err(ComputerRefusal::Revoked));
    assert_eq!(
        change(lost, ComputerChange::SignOut),
        Err(ComputerRefusal::Revoked)
    );
    assert_eq!(
        change(lost, ComputerChange::Revoke),
        Err(ComputerRefusal::Unchanged)
    );
    let (off, _) = change(lost, ComputerChange::Deactivate).unwrap();
    let (on, _) = change(off, ComputerChange::Reactivate).unwrap();
    assert_eq!(on.check(ACTIVE), Err(ComputerRefusal::Revoked));
}

#[test]
fn a_computer_stands_with_its_account() {
    let since = at(0);
    let suspended = Standing::Active {
        sign_in: SignIn::Suspended { since },
    };
    let inactive = Standing::Inactive {
        since,
        cause: Cause::Own,
        sign_in: SignIn::Open,
    };
    assert_eq!(COMPUTER.check(suspended), Ok(()));
    assert_eq!(
        COMPUTER.signed_in(suspended),
        Err(ComputerRefusal::AccountNotActive)
    );
    assert_eq!(
        COMPUTER.check(inactive),
        Err(ComputerRefusal::AccountNotActive)
    );
}

#[test]
fn a_right_is_for_one_deed() {
    let wrong = permit(ComputerChange::SignOut);
    let refused = COMPUTER.change(ComputerChange::Revoke, &wrong, at(5));
    assert_eq!(refused, Err(ComputerRefusal::WrongProof));
    let other = Computer {
        owner: user(3),
        ..COMPUTER
    };
    let refused = change(other, ComputerChange::Revoke);
    assert_eq!(refused, Err(ComputerRefusal::WrongProof));
}

#[test]
fn a_group_takes_users_of_its_organisation_and_below() {
    let group = Group {
        id: strongroom_base::ids::GroupId([1; 16]),
        organisation: OWN,
        name: GroupName::new("Laptops").unwrap(),
    };
    let takes = |organisation| group.takes(&Path::of(&forest(), organisation).unwrap());
    assert_eq!([OWN, CHILD, PARENT].map(takes), [true, true, false]);
}
