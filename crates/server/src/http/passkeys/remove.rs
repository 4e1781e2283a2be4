//! `DELETE /api/v1/passkeys/{passkey}`

use axum::routing::delete;
use strongroom_domain::access::Action;

use crate::app::{Right, passkeys};
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, Verb};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    method: Verb::Delete,
    path: "/api/v1/passkeys/{passkey}",
    about: "Takes a passkey of the caller away",
    right: Right::To(Action::CredentialsChange),
    status: 204,
    route: || delete(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    passkeys::remove(&mut deed).await?;
    intent.finish(deed, ()).await
}
