//! Whether the one who asks may.

use std::sync::Arc;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::OrganisationId;
use strongroom_db::{Reading, grants, server, sessions, tokens};
use strongroom_domain::access::{Action, Need, Permit, Target, decide};
use strongroom_domain::moment::elapsed;
use strongroom_domain::session::TOUCH;

use super::authenticate::authenticate;
use super::{Access, Caller, Credential, Request, Right, Thing, View};
use crate::app::{App, Fault};

/// Whether a request is asked for the first time, or anew under the lock.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It counts against the limits.
    First,
    /// It was counted.
    Again,
}

/// Lets a request in that reads, or one that changes something as far as it can be told before it is read.
pub async fn view(app: &Arc<App>, request: &Request) -> Result<View, Fault> {
    let reading = app.database.read().await?;
    let access = authorize(app, &reading, request, Asked::First).await?;
    note_use(app, &access.caller, access.now).await;
    Ok(View {
        access,
        reading,
        app: Arc::clone(app),
    })
}

/// Decides whether the one who asks may.
pub(crate) async fn authorize(
    app: &App,
    reading: &Reading,
    request: &Request,
    asked: Asked,
) -> Result<Access, Fault> {
    let now = app.now();
    if asked == Asked::First {
        app.limits.check(request.address, now)?;
    }
    let known = server::known(reading).await?;
    let tree = app.trees.of_version(reading, known.tree_version).await?;
    let caller = authenticate(app, reading, &known, &tree, request.bearer, request.address);
    let caller = caller.await.inspect_err(|fault| {
        charge_guess(app, fault, request);
    })?;
    if asked == Asked::First {
        app.limits.admit(caller.user, request.pace, now)?;
    }
    let (thing, permit) = match request.right {
        Right::Public => return Err(Fault::Program("a public endpoint asks who asks")),
        Right::Computer => return Err(Fault::Program("a check-in is let in by its own way")),
        Right::List(_) => {
            stands(&caller)?;
            (Thing::Servers, None)
        }
        Right::To(action) => {
            let kind = action.rule().kind;
            let thing = Thing::find(reading, &caller, kind, request.aim).await?;
            let facts = thing.facts(reading, &tree, action).await?;
            let target = thing.target(&facts);
            let decision = decide(tree.forest(), &caller.actor(), action, &target);
            let permit = decision.permit()?;
            check_fresh(&caller, action, now)?;
            (thing, Some(permit))
        }
    };
    Ok(Access {
        caller,
        permit,
        thing,
        tree,
        epoch: known.epoch,
        now,
    })
}

/// Decides whether the one who asks may do something else too to an organisation; `concerned` are those whose people it is
/// done to.
pub(crate) async fn authorize_too(
    reading: &Reading,
    access: &Access,
    action: Action,
    organisation: OrganisationId,
    concerned: &[OrganisationId],
) -> Result<Permit, Fault> {
    let roles = grants::roles_within(reading, concerned).await?;
    let target = Target::Organisation {
        organisation,
        roles_within: &roles,
    };
    let (forest, actor) = (access.tree.forest(), access.caller.actor());
    let permit = decide(forest, &actor, action, &target).permit()?;
    check_fresh(&access.caller, action, access.now)?;
    Ok(permit)
}

/// Counts a credential that was shown and was not good: only that is a guess.
pub(crate) fn charge_guess(app: &App, fault: &Fault, request: &Request) {
    if matches!(fault, Fault::NotSignedIn) && request.bearer.is_some() {
        app.limits.failed(request.address, app.now());
    }
}

/// A list is for people who may sign in, and for tokens of such.
fn stands(caller: &Caller) -> Result<(), Fault> {
    match &caller.credential {
        Credential::Computer(_) => Err(Fault::Unseen),
        Credential::Session(_) | Credential::Token(_) if caller.standing.may_sign_in() => {
            let denial = caller.second_factor.denial();
            denial.map_or(Ok(()), |denial| Err(Fault::Denied(denial)))
        }
        Credential::Session(_) | Credential::Token(_) => {
            Err(Fault::Denied(strongroom_domain::access::Denial::NotActive))
        }
    }
}

fn check_fresh(caller: &Caller, action: Action, now: Timestamp) -> Result<(), Fault> {
    let is_needed = action.rule().needs.contains(&Need::FreshSignIn);
    let is_fresh = caller
        .session()
        .is_some_and(|session| session.is_fresh(now));
    if is_needed && !is_fresh {
        return Err(Fault::NotFresh);
    }
    Ok(())
}

/// Notes that a credential was used, where the last time was a while ago. Where that fails nothing is lost.
async fn note_use(app: &App, caller: &Caller, now: Timestamp) {
    let note = async || -> Result<(), strongroom_db::DbError> {
        match &caller.credential {
            Credential::Session(session) => {
                if let Some(touched) = session.touched(now) {
                    let writing = app.database.note().await?;
                    sessions::touch(&writing, touched.id, touched.last_used).await?;
                    writing.commit().await?;
                }
            }
            Credential::Token(token) => {
                let is_due = token
                    .last_used
                    .is_none_or(|used| elapsed(used, now) >= TOUCH);
                if is_due {
                    let writing = app.database.note().await?;
                    tokens::touch(&writing, token.id, now).await?;
                    writing.commit().await?;
                }
            }
            Credential::Computer(_) => {}
        }
        Ok(())
    };
    if let Err(error) = note().await {
        tracing::warn!(error = %strongroom_base::with_causes(&error), "the use of a credential was not noted");
    }
}
