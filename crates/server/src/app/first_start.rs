//! What a server does that was never started: it makes the first organisation, the first sysadmin, and a link.

use std::collections::BTreeMap;

use strongroom_base::ids::{LinkId, OrganisationId, UserId, to_hex};
use strongroom_custody::audit::LogId;
use strongroom_db::organisations::{self, Organisation};
use strongroom_db::users::{self, User};
use strongroom_db::{Writing, grants, links, server};
use strongroom_domain::access::Grant;
use strongroom_domain::account::{Account, AccountState, Origin, SignIn};
use strongroom_domain::link::{Link, Purpose};
use strongroom_domain::name::{OrganisationName, UserName};
use strongroom_domain::organisation::{OrganisationState, Parent};

use super::users::link_text;
use super::{App, Fault, NewSecret, SecretKind, key_ring, system};

/// The names of what is made.
const ORGANISATION: &str = "Default";
const SYSADMIN: &str = "sysadmin";

/// Sets the server up if it never was; returns the link with which the first sysadmin signs in.
pub async fn set_up(app: &App) -> Result<Option<String>, Fault> {
    let link = make(app).await?;
    key_ring::prepare(app).await?;
    Ok(link)
}

/// Fails where the server never ran; prepares what a newer program needs.
pub async fn check(app: &App) -> Result<(), Fault> {
    server::known(&app.database.read().await?).await?;
    key_ring::prepare(app).await
}

async fn make(app: &App) -> Result<Option<String>, Fault> {
    let writing = app.database.set_up().await?;
    if server::find(&writing).await?.is_some() {
        return Ok(None);
    }
    let mut id = [0; 16];
    app.random.fill(&mut id);
    let log = LogId::random(&*app.random);
    server::set_up(&writing, &to_hex(&id), log, app.now()).await?;
    let organisation = organisation(app, &writing).await?;
    let user = sysadmin(app, &writing, organisation.id).await?;
    let known = server::known(&writing).await?;
    let secret = NewSecret::random(SecretKind::Link, &*app.random);
    let link = Link {
        id: LinkId::random(&*app.random),
        user,
        purpose: Purpose::SetUp,
        made: app.now(),
        used: None,
        voided: None,
        epoch: known.epoch,
    };
    links::add(&writing, &link, &secret.hash).await?;
    system::record(app, &writing, "server.set-up", BTreeMap::new()).await?;
    writing.commit().await?;
    Ok(Some(link_text(&app.settings, &secret)))
}

async fn organisation(app: &App, writing: &Writing) -> Result<Organisation, Fault> {
    let organisation = Organisation {
        id: OrganisationId::random(&*app.random),
        parent: Parent::Root,
        name: OrganisationName::new(ORGANISATION).map_err(Fault::refused)?,
        state: OrganisationState::Active,
        made: app.now(),
        version: 1,
        second_factor: None,
    };
    organisations::add(writing, &organisation).await?;
    Ok(organisation)
}

async fn sysadmin(
    app: &App,
    writing: &Writing,
    organisation: OrganisationId,
) -> Result<UserId, Fault> {
    let user = UserId::random(&*app.random);
    let sysadmin = User {
        account: Account {
            user,
            origin: Origin::Internal,
            state: AccountState::Active,
            sign_in: SignIn::Open,
        },
        organisation,
        name: UserName::new(SYSADMIN).map_err(Fault::refused)?,
        person: None,
        email: None,
        made: app.now(),
        version: 1,
    };
    users::add(writing, &sysadmin).await?;
    for grant in Grant::SELF_REGISTERED.into_iter().chain([Grant::Sysadmin]) {
        grants::add(writing, user, grant, app.now()).await?;
    }
    Ok(user)
}
