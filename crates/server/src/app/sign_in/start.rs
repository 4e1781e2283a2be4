//! The first message of a sign-in.

use strongroom_api::v1;
use strongroom_base::ids::{UserId, to_hex};
use strongroom_base::with_causes;
use strongroom_crypto::hash::hash;
use strongroom_crypto::opaque::LoginRequest;
use strongroom_crypto::secret::Secret;
use strongroom_db::attempts::{self, Attempt};
use strongroom_db::users;
use strongroom_domain::name::{UserName, search_key};

use super::{PASSWORD, Stranger, message};
use crate::app::Fault;
use crate::app::throttle::Door;

/// Answers the first message. Whether there is somebody with the name shows neither in the answer nor in the work.
pub async fn start(
    stranger: &Stranger,
    request: v1::StartSignIn,
) -> Result<v1::SignInStarted, Fault> {
    let app = &stranger.app;
    let sent = message("request", &request.request, LoginRequest::from_bytes)?;
    let key = search_key(&request.name);
    // What can be no name is nobody's.
    let name = UserName::new(&request.name);
    let name = name.or_else(|_none| UserName::new("nobody"));
    let name = name.map_err(|_never| Fault::Program("`nobody` is a name"))?;
    let reading = app.database.read().await?;
    let user = users::find_by_name(&reading, &name).await?;
    let user = user.filter(|user| user.name.key() == key);
    let id = user.map(|user| user.account.user);
    let asked = id.unwrap_or(UserId([0; 16]));
    let record = users::credential(&reading, asked, PASSWORD).await?;
    drop(reading);
    let door = id.map_or(Door::Unknown(&key), Door::Account);
    stranger.attempt(&door).await?;
    let found = id.as_ref().zip(record.as_deref());
    let answer = app
        .sign_in
        .answer_sign_in(&key, found, sent, &*app.random)
        .map_err(|error| Fault::invalid("request", error))?;
    // The client is answered as if there were nobody; whoever runs the server is told.
    let found = match (&answer.damage, found) {
        (Some(damage), Some((user, _))) => {
            tracing::error!(user.id = %user, error = %with_causes(damage), "the stored record of a user's password cannot be read: nobody signs in with it; make a link with which another is chosen");
            None
        }
        (_, found) => found,
    };
    let secret = Secret::<32>::random(&*app.random);
    let attempt = Attempt {
        user: found.map(|(user, _)| *user),
        state: answer.state.expose_bytes().expose_bytes().to_vec(),
        made: app.now(),
    };
    let writing = app.database.note().await?;
    attempts::add(&writing, &hash(secret.expose_bytes()), &attempt).await?;
    writing.commit().await?;
    Ok(v1::SignInStarted {
        attempt: to_hex(secret.expose_bytes()),
        version: answer.version.code(),
        response: to_hex(&answer.response.to_bytes()),
    })
}
