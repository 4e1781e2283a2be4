//! `GET /api/v1/users/{user}/passkeys`

use axum::routing::get;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::{Right, passkeys};
use crate::http::answer::{Answer, Reply};
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, page};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/users/{user}/passkeys",
    about: "Lists the passkeys of a user",
    right: Right::To(Action::CredentialsRead),
    gives: Some(page::<v1::Passkey>()),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(Viewer(view): Viewer) -> Reply {
    Answer::of(passkeys::list(&view).await?)
}
