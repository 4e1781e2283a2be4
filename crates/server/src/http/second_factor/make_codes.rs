//! `POST /api/v1/me/recovery-codes`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::{Right, second_factor};
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/me/recovery-codes",
    about: "Gives the caller new recovery codes in the place of all before",
    right: Right::To(Action::CredentialsChange),
    gives: Some(shape::<v1::RecoveryCodes>()),
    status: 201,
    secret: Some("codes"),
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    let given = second_factor::make_codes(&mut deed).await?;
    intent.finish(deed, given).await
}
