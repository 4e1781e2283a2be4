//! What is left to somebody who has not shown the second factor that is required of them.

use std::collections::BTreeSet;

use strongroom_base::ids::ComputerId;
use strongroom_domain::access::{
    Action, Actor, Denial, Grant, Kind, SecondFactor, Subject, Target, Via, decide,
};
use strongroom_domain::account::{SignIn, Standing};
use strongroom_domain::token::TokenScope;

mod world;

use world::{ACTIVE, OWN, STRANGER, account, actor, forest, of_organisation, subject};

/// Returns the names of all that may be done, to the own account and to whatever else there is.
fn allowed(via: Via<'_>, second_factor: SecondFactor) -> [BTreeSet<&'static str>; 2] {
    let (forest, held) = (forest(), [Grant::Sysadmin]);
    let by = Actor {
        via,
        second_factor,
        ..actor(&held)
    };
    let may =
        |action: &Action, target: &Target<'_>| decide(&forest, &by, *action, target).is_allowed();
    let own = Target::Account(subject(1, OWN, &[]));
    let others = |action: &Action| match action.rule().kind {
        Kind::Account => account(2, OWN),
        Kind::Organisation => of_organisation(OWN),
        Kind::System => Target::System,
    };
    let names = |may: &dyn Fn(&Action) -> bool| {
        let allowed = Action::ALL.iter().filter(|action| may(action));
        allowed.map(|action| action.name()).collect()
    };
    [
        names(&|action| may(action, &own)),
        names(&|action| may(action, &others(action))),
    ]
}

#[test]
fn a_session_without_it_leads_to_it_and_to_nothing_else() {
    let nothing = BTreeSet::new();
    let [own, others] = allowed(Via::Session, SecondFactor::Missing);
    let leads_on = [
        "account.reactivate-own",
        "credentials.change",
        "profile.read",
        "session.end",
    ];
    assert_eq!(own, BTreeSet::from(leads_on));
    assert_eq!(others, nothing);
    let [own, others] = allowed(Via::Session, SecondFactor::NotShown);
    assert_eq!(own, BTreeSet::from(["session.end"]));
    assert_eq!(others, nothing);
    let [own, others] = allowed(Via::Session, SecondFactor::Enough);
    assert!(own.len() > 20 && others.len() > 40);
}

#[test]
fn a_token_is_as_good_as_its_owner() {
    let scope = TokenScope::new([Action::ProfileRead, Action::AccountRead], None);
    let scope = scope.expect("tokens can do that");
    let via = Via::Token(&scope);
    let [own, others] = allowed(via, SecondFactor::Missing);
    assert!(own.is_empty() && others.is_empty());
    let [own, _] = allowed(via, SecondFactor::Enough);
    assert_eq!(own, BTreeSet::from(["account.read", "profile.read"]));
}

#[test]
fn a_computer_goes_on() {
    let (forest, held) = (forest(), [Grant::DesktopUser]);
    let own = ComputerId([1; 16]);
    let by = Actor {
        via: Via::Computer(own),
        second_factor: SecondFactor::Missing,
        ..actor(&held)
    };
    let target = Target::Account(Subject {
        computer: Some(own),
        ..subject(1, OWN, &[])
    });
    assert!(decide(&forest, &by, Action::ArchiveAppend, &target).is_allowed());
}

#[test]
fn why_is_said() {
    let (forest, held) = (forest(), [Grant::Sysadmin]);
    for (second_factor, denial) in [
        (SecondFactor::Missing, Denial::SecondFactorMissing),
        (SecondFactor::NotShown, Denial::SecondFactorNotShown),
    ] {
        let by = Actor {
            second_factor,
            ..actor(&held)
        };
        let decision = decide(&forest, &by, Action::ServerRead, &Target::System);
        assert_eq!(decision.permit().err(), Some(denial));
        assert_eq!(second_factor.denial(), Some(denial));
    }
}

/// Neither a second factor that is missing nor an account that rests makes a difference between what somebody may not see
/// and what is not there.
#[test]
fn what_is_not_seen_is_not_there() {
    let (forest, held) = (forest(), [Grant::WebUser, Grant::Admin(OWN)]);
    let suspended = Standing::Active {
        sign_in: SignIn::Suspended {
            since: world::at(0),
        },
    };
    let cases = [
        (SecondFactor::Missing, ACTIVE, Denial::SecondFactorMissing),
        (SecondFactor::NotShown, ACTIVE, Denial::SecondFactorNotShown),
        (SecondFactor::Enough, suspended, Denial::NotActive),
    ];
    for (second_factor, standing, denial) in cases {
        let by = Actor {
            second_factor,
            standing,
            ..actor(&held)
        };
        let refused = |action, target: &Target<'_>| decide(&forest, &by, action, target).permit();
        for (action, there, nowhere) in [
            (
                Action::OrganisationRead,
                of_organisation(OWN),
                of_organisation(STRANGER),
            ),
            (
                Action::PolicyEdit,
                of_organisation(OWN),
                of_organisation(STRANGER),
            ),
            (Action::AccountRead, account(2, OWN), account(2, STRANGER)),
            (Action::AccountBlock, account(2, OWN), account(2, STRANGER)),
        ] {
            assert_eq!(refused(action, &there).err(), Some(denial), "{action:?}");
            let unseen = refused(action, &nowhere).err();
            assert_eq!(unseen, Some(Denial::Unseen), "{action:?}");
        }
        let servers = refused(Action::ServerRead, &Target::System).err();
        assert_eq!(servers, Some(Denial::Unseen));
    }
}
