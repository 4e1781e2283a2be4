//! `POST /api/v1/organisations/{organisation}/users/import`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::users;
use crate::app::{Pace, Right};
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/organisations/{organisation}/users/import",
    about: "Makes many users in an organisation, and says of each what became of it",
    right: Right::To(Action::AccountCreate),
    takes: Some(shape::<v1::ImportUsers>()),
    gives: Some(shape::<v1::ImportOutcome>()),
    example: r#"{"users":[{"name":"imported.one"},{"name":"imported.two"}]}"#,
    pace: Pace::Heavy,
    body_len_max: 1024 * 1024,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::ImportUsers>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = users::import(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
