//! Choosing what signs in by a one-time link.

use strongroom_api::v1;
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{UserId, to_hex};
use strongroom_crypto::opaque::{CredentialId, RegistrationRequest, Version};
use strongroom_db::users::User;
use strongroom_db::{
    Reading, Writing, attempts, links, passkeys, second_factors, server, sessions, tokens, users,
};
use strongroom_domain::link::Link;

use super::session::{begin, record as put_on_record};
use super::{PASSWORD, Stranger, message, record};
use crate::app::audit::Event;
use crate::app::throttle::Door;
use crate::app::{Bearer, Fault, SecretKind, Tree};

/// Answers the first message of a new password to whoever has a link that is good.
pub async fn start_link(
    stranger: &Stranger,
    request: v1::StartLink,
) -> Result<v1::PasswordStarted, Fault> {
    let app = &stranger.app;
    let sent = message("request", &request.request, RegistrationRequest::from_bytes)?;
    stranger.attempt(&Door::Secret).await?;
    let reading = app.database.read().await?;
    let (_, user) = good(stranger, &reading, &request.link).await?;
    let tree = Tree::read(&reading).await?;
    drop(reading);
    stranger.pay_back(&Door::Secret).await;
    let credential = CredentialId::of_user(&user.account.user);
    let answer = app.sign_in.answer_registration(sent, &credential);
    let answer = answer.map_err(|error| Fault::invalid("request", error))?;
    Ok(v1::PasswordStarted {
        name: user.name.as_str().to_owned(),
        version: Version::CURRENT.code(),
        length_min: app.password_length_min(&tree, user.organisation),
        response: to_hex(&answer.to_bytes()),
    })
}

/// Stores what signs in from now on, uses the link up, shuts out whoever was in, and begins a session. An account that
/// has a second factor asks for it here too.
pub async fn finish_link(
    stranger: &Stranger,
    request: v1::FinishLink,
) -> Result<v1::SignedIn, Fault> {
    let app = &stranger.app;
    let record = record(&request.upload)?;
    stranger.attempt(&Door::Secret).await?;
    let writing = app.database.write().await?;
    let (link, user) = good(stranger, &writing, &request.link).await?;
    let (id, now) = (user.account.user, app.now());
    links::used(&writing, link.id, now).await?;
    users::set_credential(&writing, id, PASSWORD, &record, now).await?;
    let event = Event::of_user("user.password-set", &user).with("by", links::name(link.purpose));
    let event = shut_out(&writing, id, now, event).await?;
    put_on_record(stranger, &writing, event, &user).await?;
    let begun = begin(stranger, &writing, id, &request.program).await?;
    writing.commit().await?;
    stranger.pay_back(&Door::Secret).await;
    begun.session()
}

/// Ends what somebody may hold who was in the account before: sessions, API tokens, links, and sign-ins under way. Passkeys
/// stay what they are beside the password, for a link is no way around the second factor; by itself none of them signs in
/// before it was shown after the new password.
async fn shut_out(
    writing: &Writing,
    user: UserId,
    now: Timestamp,
    event: Event,
) -> Result<Event, Fault> {
    links::void_all(writing, user, now).await?;
    attempts::remove_all(writing, user).await?;
    second_factors::remove_waiting(writing, user).await?;
    let n_sessions = sessions::end_all(writing, user, None, now).await?;
    let n_tokens = tokens::revoke_all(writing, user, now).await?;
    let n_passkeys = passkeys::only_after_password(writing, user, now).await?;
    Ok(event
        .with("sessions-ended", n_sessions)
        .with("tokens-revoked", n_tokens)
        .with("passkeys-after-password", n_passkeys))
}

/// Returns a link that is good, and whose it is. Why one is not, nobody learns from the answer.
async fn good(stranger: &Stranger, reading: &Reading, secret: &str) -> Result<(Link, User), Fault> {
    let bearer = Bearer::from_text(secret).filter(|bearer| bearer.kind == SecretKind::Link);
    let bearer = bearer.ok_or(Fault::LinkNotGood)?;
    let link = links::find_by_secret(reading, &bearer.hash).await?;
    let link = link.ok_or(Fault::LinkNotGood)?;
    let user = users::find(reading, link.user)
        .await?
        .ok_or(Fault::LinkNotGood)?;
    let tree = Tree::read(reading).await?;
    let known = server::known(reading).await?;
    let standing = tree.standing(&user.account, user.organisation);
    let checked = link.used(standing, known.epoch, stranger.app.now());
    let link = checked.map_err(|_refused| Fault::LinkNotGood)?;
    Ok((link, user))
}
