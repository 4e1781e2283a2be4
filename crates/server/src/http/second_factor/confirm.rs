//! `POST /api/v1/me/authenticator/confirm`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::{Right, second_factor};
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/me/authenticator/confirm",
    about: "Takes the first code of the caller's authenticator app, and gives recovery codes",
    right: Right::To(Action::CredentialsChange),
    takes: Some(shape::<v1::ConfirmAuthenticator>()),
    gives: Some(shape::<v1::RecoveryCodes>()),
    status: 201,
    example: r#"{"code":"000000"}"#,
    secret: Some("codes"),
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::ConfirmAuthenticator>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = second_factor::confirm(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
