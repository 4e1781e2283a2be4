//! `GET /api/v1/users/{user}/second-factor`

use axum::routing::get;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::{Right, second_factor};
use crate::http::answer::{Answer, Reply};
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/users/{user}/second-factor",
    about: "Says what a user has beside the password",
    right: Right::To(Action::CredentialsRead),
    gives: Some(shape::<v1::SecondFactor>()),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(Viewer(view): Viewer) -> Reply {
    Answer::of(second_factor::show(&view).await?)
}
