//! `POST /api/v1/me/passkeys`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::{Right, passkeys};
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/me/passkeys",
    about: "Stores a passkey of the caller; gives recovery codes where there are none",
    right: Right::To(Action::CredentialsChange),
    takes: Some(shape::<v1::AddPasskey>()),
    gives: Some(shape::<v1::PasskeyAdded>()),
    status: 201,
    // The client data is `{"type":"","challenge":"AA…A","origin":""}`: no passkey waits with that challenge.
    example: r#"{"name":"A phone","credential":{"id":"AAAA","response":{"clientDataJSON":"eyJ0eXBlIjoiIiwiY2hhbGxlbmdlIjoiQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQSIsIm9yaWdpbiI6IiJ9","attestationObject":"oA"}}}"#,
    secret: Some("codes"),
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::AddPasskey>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = passkeys::add(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
