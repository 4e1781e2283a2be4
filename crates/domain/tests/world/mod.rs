//! A small forest with every relation in it, and actors.

#![allow(dead_code, reason = "no test program uses all of it")]

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{OrganisationId, UserId};
use strongroom_domain::access::{Actor, Grant, Relation, SecondFactor, Subject, Target, Via};
use strongroom_domain::account::{SignIn, Standing};
use strongroom_domain::organisation::{Forest, Parent};

pub(crate) const ROOT: OrganisationId = organisation(1);
pub(crate) const PARENT: OrganisationId = organisation(2);
pub(crate) const OWN: OrganisationId = organisation(3);
pub(crate) const CHILD: OrganisationId = organisation(4);
pub(crate) const GRANDCHILD: OrganisationId = organisation(5);
pub(crate) const SIBLING: OrganisationId = organisation(6);
pub(crate) const NEPHEW: OrganisationId = organisation(7);
pub(crate) const UNCLE: OrganisationId = organisation(8);
pub(crate) const STRANGER: OrganisationId = organisation(9);

/// Every organisation with how it lies to [`OWN`].
pub(crate) const LIES: [(OrganisationId, Relation); 9] = [
    (OWN, Relation::Organisation),
    (CHILD, Relation::Child),
    (GRANDCHILD, Relation::Child),
    (PARENT, Relation::Parent),
    (ROOT, Relation::Parent),
    (SIBLING, Relation::Sibling),
    (NEPHEW, Relation::Sibling),
    (UNCLE, Relation::Other),
    (STRANGER, Relation::Other),
];

pub(crate) const ACTIVE: Standing = Standing::Active {
    sign_in: SignIn::Open,
};

pub(crate) const fn organisation(n: u8) -> OrganisationId {
    OrganisationId([n; 16])
}

pub(crate) const fn user(n: u8) -> UserId {
    UserId([n; 16])
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_parts(1_700_000_000 + seconds, 0)
}

pub(crate) fn days(n: i64) -> Timestamp {
    at(n * 86_400)
}

pub(crate) fn forest() -> Forest {
    let rows = [
        (GRANDCHILD, Parent::Below(CHILD)),
        (OWN, Parent::Below(PARENT)),
        (CHILD, Parent::Below(OWN)),
        (PARENT, Parent::Below(ROOT)),
        (ROOT, Parent::Root),
        (NEPHEW, Parent::Below(SIBLING)),
        (SIBLING, Parent::Below(PARENT)),
        (UNCLE, Parent::Below(ROOT)),
        (STRANGER, Parent::Root),
    ];
    Forest::from_rows(rows).expect("the rows are a forest")
}

/// User 1, of [`OWN`], signed in.
pub(crate) fn actor(grants: &[Grant]) -> Actor<'_> {
    Actor {
        user: user(1),
        grants,
        standing: ACTIVE,
        via: Via::Session,
        second_factor: SecondFactor::Enough,
    }
}

pub(crate) fn subject(n: u8, organisation: OrganisationId, grants: &[Grant]) -> Subject<'_> {
    Subject {
        user: user(n),
        organisation,
        grants,
        computer: None,
    }
}

pub(crate) fn account(n: u8, organisation: OrganisationId) -> Target<'static> {
    Target::Account(subject(n, organisation, &[]))
}

pub(crate) fn of_organisation(organisation: OrganisationId) -> Target<'static> {
    Target::Organisation {
        organisation,
        roles_within: &[],
    }
}
