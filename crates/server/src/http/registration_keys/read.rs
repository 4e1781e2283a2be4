//! `GET /api/v1/organisations/{organisation}/registration-key`

use axum::routing::get;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::registration_keys;
use crate::http::answer::{Answer, Reply};
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/organisations/{organisation}/registration-key",
    about: "Reads the registration key of an organisation, masked",
    right: Right::To(Action::RegistrationKeyRead),
    gives: Some(shape::<v1::RegistrationKey>()),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(Viewer(view): Viewer) -> Reply {
    Answer::of(registration_keys::read(&view).await?)
}
