//! Changes the names and the address of a user.

use strongroom_api::v1;
use strongroom_db::users::{self, User};
use strongroom_domain::email::Email;
use strongroom_domain::name::{PersonName, UserName};

use super::shown;
use crate::app::audit::Event;
use crate::app::words::named;
use crate::app::{Deed, Fault};

/// Changes what the request names about the user of the path.
pub async fn update(deed: &mut Deed, request: v1::UpdateUser) -> Result<v1::User, Fault> {
    let was = deed.user()?;
    let mut user = was.clone();
    if let Some(name) = &request.name {
        let name = named("name", name, UserName::new)?;
        if name != user.name && users::find_by_name(&deed.writing, &name).await?.is_some() {
            return Err(Fault::refused(format!("there is a user `{name}` already")));
        }
        user.name = name;
    }
    if let Some(person) = &request.person {
        user.person = super::profile::person(person)?;
    }
    if let Some(email) = &request.email {
        user.email = match email.trim() {
            "" => None,
            text => Some(Email::new(text).map_err(|error| Fault::invalid("email", error))?),
        };
    }
    store(deed, &was, &user).await
}

/// Stores a user who was changed, and puts it on record.
pub(super) async fn store(deed: &mut Deed, was: &User, user: &User) -> Result<v1::User, Fault> {
    let stored = users::store(&deed.writing, user).await?;
    let person = |user: &User| user.person.as_ref().map(PersonName::to_string);
    let email = |user: &User| user.email.as_ref().map(Email::to_string);
    let event = Event::of_user("user.updated", &stored)
        .changed("name", was.name.as_str(), stored.name.as_str())
        .changed("person", person(was), person(&stored))
        .changed("email", email(was), email(&stored));
    deed.record(event).await?;
    Ok(shown(&stored, &deed.tree))
}
