//! Another password for the caller, who has signed in just now.

use strongroom_api::v1;
use strongroom_base::ids::to_hex;
use strongroom_crypto::opaque::{CredentialId, RegistrationRequest, Version};
use strongroom_db::{attempts, links, second_factors, sessions, users};
use strongroom_domain::account::Origin;

use super::{PASSWORD, message, record};
use crate::app::audit::Event;
use crate::app::{Deed, Fault, View};

/// Answers the first message.
pub fn start_password(
    view: &View,
    request: &v1::StartPassword,
) -> Result<v1::PasswordStarted, Fault> {
    let user = view.user()?;
    let sent = message("request", &request.request, RegistrationRequest::from_bytes)?;
    let credential = CredentialId::of_user(&user.account.user);
    let answer = view.app.sign_in.answer_registration(sent, &credential);
    let answer = answer.map_err(|error| Fault::invalid("request", error))?;
    Ok(v1::PasswordStarted {
        name: user.name.as_str().to_owned(),
        version: Version::CURRENT.code(),
        length_min: view.app.password_length_min(&view.tree, user.organisation),
        response: to_hex(&answer.to_bytes()),
    })
}

/// Stores what signs in from now on, and ends every other session.
pub async fn finish_password(
    deed: &mut Deed,
    request: v1::FinishPassword,
) -> Result<v1::Ended, Fault> {
    let user = deed.user()?;
    if user.account.origin == Origin::External {
        return Err(Fault::refused(
            "the account lives in a directory, and signs in by it",
        ));
    }
    let record = record(&request.upload)?;
    let (id, now) = (user.account.user, deed.now);
    users::set_credential(&deed.writing, id, PASSWORD, &record, now).await?;
    links::void_all(&deed.writing, id, now).await?;
    attempts::remove_all(&deed.writing, id).await?;
    second_factors::remove_waiting(&deed.writing, id).await?;
    let own = deed.caller.session().map(|session| session.id);
    let ended = sessions::end_all(&deed.writing, id, own, now).await?;
    let event = Event::of_user("user.password-set", &user).with("by", "the user");
    deed.record(event).await?;
    Ok(v1::Ended { ended })
}
