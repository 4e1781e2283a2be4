//! Makes users: one, or many at once.

use strongroom_api::v1;
use strongroom_base::ids::{OrganisationId, UserId};
use strongroom_db::grants;
use strongroom_db::users::{self, User};
use strongroom_domain::access::Grant;
use strongroom_domain::account::{Account, AccountState, Origin, SignIn};
use strongroom_domain::email::Email;
use strongroom_domain::name::{PersonName, UserName};

use super::shown;
use crate::app::audit::Event;
use crate::app::words::named;
use crate::app::{Deed, Fault};

/// Most users made at once.
const IMPORT_MAX: usize = 1000;

/// Makes a user in the organisation of the path, with the rights of one who registers without help.
pub async fn create(deed: &mut Deed, request: v1::NewUser) -> Result<v1::User, Fault> {
    let organisation = deed.organisation()?.id;
    let user = add(deed, organisation, &request).await?;
    Ok(shown(&user, &deed.tree))
}

/// Makes many users in the organisation of the path. What is wrong with one keeps none of the others back.
pub async fn import(deed: &mut Deed, request: v1::ImportUsers) -> Result<v1::ImportOutcome, Fault> {
    let organisation = deed.organisation()?;
    if request.users.is_empty() || request.users.len() > IMPORT_MAX {
        let detail = format!("from 1 to {IMPORT_MAX} users are made at once");
        return Err(Fault::invalid("users", detail));
    }
    let mut outcome = v1::ImportOutcome {
        made: 0,
        failed: 0,
        users: Vec::with_capacity(request.users.len()),
    };
    for new in request.users {
        let (id, problem) = match add(deed, organisation.id, &new).await {
            Ok(user) => (Some(user.account.user.to_string()), None),
            Err(fault @ (Fault::Invalid { .. } | Fault::Refused(_))) => {
                (None, Some(fault.to_string()))
            }
            Err(other) => return Err(other),
        };
        outcome.made += u32::from(id.is_some());
        outcome.failed += u32::from(problem.is_some());
        outcome.users.push(v1::ImportedUser {
            name: new.name,
            id,
            problem,
        });
    }
    let event = Event::of_organisation("users.imported", &organisation)
        .with("made", outcome.made)
        .with("failed", outcome.failed);
    deed.record(event).await?;
    Ok(outcome)
}

async fn add(
    deed: &mut Deed,
    organisation: OrganisationId,
    new: &v1::NewUser,
) -> Result<User, Fault> {
    let name = named("name", &new.name, UserName::new)?;
    let person = new
        .person
        .as_deref()
        .map(|person| named("person", person, PersonName::new));
    let email = new.email.as_deref().map(Email::new).transpose();
    let user = User {
        account: Account {
            user: UserId::random(&*deed.app.random),
            origin: Origin::Internal,
            state: AccountState::Active,
            sign_in: SignIn::Open,
        },
        organisation,
        name,
        person: person.transpose()?,
        email: email.map_err(|error| Fault::invalid("email", error))?,
        made: deed.now,
        version: 1,
    };
    if users::find_by_name(&deed.writing, &user.name)
        .await?
        .is_some()
    {
        return Err(Fault::refused(format!(
            "there is a user `{}` already",
            user.name
        )));
    }
    users::add(&deed.writing, &user).await?;
    for grant in Grant::SELF_REGISTERED {
        grants::add(&deed.writing, user.account.user, grant, deed.now).await?;
    }
    deed.record(Event::of_user("user.created", &user)).await?;
    Ok(user)
}
