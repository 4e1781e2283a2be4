//! `POST /api/v1/organisations/{organisation}/users`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::users;
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/organisations/{organisation}/users",
    about: "Makes a user in an organisation, with the rights of one who registers without help",
    right: Right::To(Action::AccountCreate),
    takes: Some(shape::<v1::NewUser>()),
    gives: Some(shape::<v1::User>()),
    status: 201,
    example: r#"{"name":"new.user","person":"New User","email":"new.user@example.org"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::NewUser>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = users::create(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
