//! The first message of somebody who makes an account with a registration key.

use strongroom_api::v1;
use strongroom_base::ids::{UserId, to_hex};
use strongroom_crypto::opaque::{CredentialId, RegistrationRequest, Version};
use strongroom_crypto::secret::Secret;
use strongroom_db::attempts::{self, Attempt};
use strongroom_db::users;
use strongroom_domain::name::UserName;

use super::{look, refuse};
use crate::app::Fault;
use crate::app::sign_in::{Stranger, message};
use crate::app::throttle::Door;
use crate::app::words::named;

/// Answers the first message, if the key is good and nobody has the name. The account gets its id here, so that its password
/// is bound to it, and is made with the last message.
pub async fn start(
    stranger: &Stranger,
    request: v1::StartEnrolment,
) -> Result<v1::EnrolmentStarted, Fault> {
    let app = &stranger.app;
    let sent = message("request", &request.request, RegistrationRequest::from_bytes)?;
    let name = named("name", &request.name, UserName::new)?;
    stranger.attempt(&Door::Secret).await?;
    let reading = app.database.read().await?;
    let looked = look(app, &reading, &request.key, app.now()).await?;
    let good = match looked {
        Ok(good) => good,
        Err(why) => {
            drop(reading);
            return Err(refuse(stranger, why).await);
        }
    };
    if users::find_by_name(&reading, &name).await?.is_some() {
        drop(reading);
        stranger.pay_back(&Door::Secret).await;
        return Err(Fault::NameTaken(name.as_str().to_owned()));
    }
    drop(reading);
    let user = UserId::random(&*app.random);
    let answer = app
        .sign_in
        .answer_registration(sent, &CredentialId::of_user(&user));
    let answer = answer.map_err(|error| Fault::invalid("request", error))?;
    let secret = Secret::<32>::random(&*app.random);
    let attempt = Attempt {
        user: Some(user),
        state: name.key().as_bytes().to_vec(),
        made: app.now(),
    };
    let writing = app.database.note().await?;
    attempts::add(
        &writing,
        &super::finish::attempt_hash(secret.expose_bytes()),
        &attempt,
    )
    .await?;
    writing.commit().await?;
    Ok(v1::EnrolmentStarted {
        attempt: to_hex(secret.expose_bytes()),
        organisation: good.organisation.name.as_str().to_owned(),
        organisation_key: super::organisation_key(),
        version: Version::CURRENT.code(),
        length_min: app.password_length_min(&good.tree, good.organisation.id),
        response: to_hex(&answer.to_bytes()),
    })
}
