//! Who asks: by a session, an API token or the credential of a computer.

use std::net::IpAddr;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::UserId;
use strongroom_db::server::Known;
use strongroom_db::{Reading, computers, grants, sessions, tokens, users};
use strongroom_domain::access::SecondFactor;

use super::{Caller, Credential};
use crate::app::{App, Bearer, Fault, SecretKind, Tree, second_factor};

/// Returns who asks. Whatever is wrong with the credential, the answer is the same.
pub(super) async fn authenticate(
    app: &App,
    reading: &Reading,
    known: &Known,
    tree: &Tree,
    bearer: Option<Bearer>,
    address: IpAddr,
) -> Result<Caller, Fault> {
    let now = app.now();
    let bearer = bearer.ok_or(Fault::NotSignedIn)?;
    let credential = credential(reading, known, bearer, now).await?;
    let user = match &credential {
        Credential::Session(session) => session.user,
        Credential::Token(token) => token.owner,
        Credential::Computer(computer) => computer.owner,
    };
    let caller = caller(reading, tree, user, credential, address).await?;
    match &caller.credential {
        // How long a session lasts is its user's organisation's to say.
        Credential::Session(session) => {
            let terms = app.policies(tree, caller.organisation).sessions.terms();
            let checked = session.check(terms, known.epoch, now);
            checked.map_err(|_over| Fault::NotSignedIn)?;
            Ok(caller)
        }
        // A deactivated or revoked computer is nobody.
        Credential::Computer(computer) if computer.check(caller.standing).is_err() => {
            Err(Fault::NotSignedIn)
        }
        Credential::Token(_) | Credential::Computer(_) => Ok(caller),
    }
}

async fn credential(
    reading: &Reading,
    known: &Known,
    bearer: Bearer,
    now: Timestamp,
) -> Result<Credential, Fault> {
    let hash = &bearer.hash;
    match bearer.kind {
        SecretKind::Session => {
            let found = sessions::find_by_secret(reading, hash).await?;
            Ok(Credential::Session(
                found.ok_or(Fault::NotSignedIn)?.session,
            ))
        }
        SecretKind::Token => {
            let found = tokens::find_by_secret(reading, hash).await?;
            let token = found.ok_or(Fault::NotSignedIn)?.token;
            let checked = token.check(known.epoch, now);
            checked.map_err(|_over| Fault::NotSignedIn)?;
            Ok(Credential::Token(token))
        }
        SecretKind::Computer => {
            let found = computers::find_by_secret(reading, hash).await?;
            Ok(Credential::Computer(
                found.ok_or(Fault::NotSignedIn)?.computer,
            ))
        }
        SecretKind::Link => Err(Fault::NotSignedIn),
    }
}

async fn caller(
    reading: &Reading,
    tree: &Tree,
    user: UserId,
    credential: Credential,
    address: IpAddr,
) -> Result<Caller, Fault> {
    let user = users::find(reading, user)
        .await?
        .ok_or(Fault::NotSignedIn)?;
    let id = user.account.user;
    let is_required = tree.requires_second_factor(&user.account, user.organisation);
    let second_factor = shown(reading, id, is_required, &credential).await?;
    Ok(Caller {
        user: id,
        organisation: user.organisation,
        grants: grants::of(reading, id).await?,
        standing: tree.standing(&user.account, user.organisation),
        name: user.name,
        credential,
        second_factor,
        address,
    })
}

/// Judges what was shown. A token is as good as what its owner has.
async fn shown(
    reading: &Reading,
    user: UserId,
    is_required: bool,
    credential: &Credential,
) -> Result<SecondFactor, Fault> {
    if !is_required || matches!(credential, Credential::Computer(_)) {
        return Ok(SecondFactor::Enough);
    }
    let is_there = second_factor::is_asked_for(reading, user).await?;
    let was_shown = match credential {
        Credential::Session(session) => session.second_factor.is_some(),
        Credential::Token(_) | Credential::Computer(_) => is_there,
    };
    Ok(SecondFactor::judge(is_required, is_there, was_shown))
}
