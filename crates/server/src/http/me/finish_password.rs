//! `POST /api/v1/me/password/finish`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::{Right, sign_in};
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/me/password/finish",
    about: "Stores what signs the caller in from now on, and ends every other session",
    right: Right::To(Action::CredentialsChange),
    takes: Some(shape::<v1::FinishPassword>()),
    gives: Some(shape::<v1::Ended>()),
    example: r#"{"upload":"{upload}"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::FinishPassword>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = sign_in::finish_password(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
