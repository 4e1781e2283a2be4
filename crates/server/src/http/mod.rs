//! How the server is asked: every endpoint, in one table.

pub mod address;
mod answer;
mod around;
mod audit;
mod body;
mod caller;
pub mod certificates;
mod challenge;
mod computers;
mod endpoint;
mod enrolment;
mod grants;
mod groups;
mod health;
mod me;
mod metrics;
pub mod openapi;
mod organisations;
mod passkeys;
mod problem;
mod registration_keys;
mod request_id;
mod second_factor;
pub mod serve;
mod sessions;
mod settings;
mod sign_in;
pub mod tls;
mod tokens;
mod unread;
mod users;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::{Extension, Router, middleware};
use ipnet::IpNet;

use crate::app::App;
use certificates::Certificates;
use problem::Problem;

pub use address::Peer;
pub use endpoint::{Endpoint, Shape, Verb};
pub use metrics::Metrics;

/// What every handler shares.
pub struct Site {
    /// What the server does.
    pub app: Arc<App>,
    /// What is measured.
    pub metrics: Metrics,
    /// The certificate that connections are shown.
    pub certificates: Arc<Certificates>,
    /// Whose word about the address of a client is believed.
    pub trusted_proxies: Vec<IpNet>,
    ending: AtomicBool,
}

/// What every handler is given.
pub type SiteRef = Arc<Site>;

/// Every endpoint of the server. One that is not here is not served.
pub const ENDPOINTS: &[Endpoint] = &[
    health::live::ENDPOINT,
    health::ready::ENDPOINT,
    health::metrics::ENDPOINT,
    health::openapi::ENDPOINT,
    organisations::list::ENDPOINT,
    organisations::create_root::ENDPOINT,
    organisations::read::ENDPOINT,
    organisations::rename::ENDPOINT,
    organisations::create_child::ENDPOINT,
    organisations::relocate::ENDPOINT,
    organisations::deactivate::ENDPOINT,
    organisations::block::ENDPOINT,
    organisations::reactivate::ENDPOINT,
    settings::list::ENDPOINT,
    settings::set::ENDPOINT,
    settings::inherit::ENDPOINT,
    settings::own::ENDPOINT,
    organisations::require_second_factor::ENDPOINT,
    organisations::waive_second_factor::ENDPOINT,
    registration_keys::read::ENDPOINT,
    registration_keys::rotate::ENDPOINT,
    registration_keys::close::ENDPOINT,
    groups::list::ENDPOINT,
    groups::create::ENDPOINT,
    groups::read::ENDPOINT,
    groups::rename::ENDPOINT,
    groups::remove::ENDPOINT,
    groups::members::ENDPOINT,
    groups::add_member::ENDPOINT,
    groups::remove_member::ENDPOINT,
    users::list::ENDPOINT,
    users::create::ENDPOINT,
    users::import::ENDPOINT,
    users::read::ENDPOINT,
    users::update::ENDPOINT,
    users::relocate::ENDPOINT,
    users::deactivate::ENDPOINT,
    users::block::ENDPOINT,
    users::reactivate::ENDPOINT,
    users::unblock::ENDPOINT,
    users::suspend::ENDPOINT,
    users::resume::ENDPOINT,
    users::issue_link::ENDPOINT,
    grants::list::ENDPOINT,
    grants::give::ENDPOINT,
    grants::take::ENDPOINT,
    sessions::list::ENDPOINT,
    sessions::end_all::ENDPOINT,
    sessions::end::ENDPOINT,
    sessions::sign_out::ENDPOINT,
    tokens::list::ENDPOINT,
    tokens::create::ENDPOINT,
    tokens::revoke::ENDPOINT,
    sign_in::start::ENDPOINT,
    sign_in::finish::ENDPOINT,
    sign_in::start_link::ENDPOINT,
    sign_in::finish_link::ENDPOINT,
    second_factor::finish::ENDPOINT,
    second_factor::show::ENDPOINT,
    second_factor::remove::ENDPOINT,
    second_factor::start::ENDPOINT,
    second_factor::confirm::ENDPOINT,
    second_factor::remove_own::ENDPOINT,
    second_factor::make_codes::ENDPOINT,
    passkeys::start::ENDPOINT,
    passkeys::add::ENDPOINT,
    passkeys::list::ENDPOINT,
    passkeys::rename::ENDPOINT,
    passkeys::remove::ENDPOINT,
    sign_in::start_passkey::ENDPOINT,
    sign_in::finish_passkey::ENDPOINT,
    me::profile::ENDPOINT,
    me::start_password::ENDPOINT,
    me::finish_password::ENDPOINT,
    me::update_profile::ENDPOINT,
    me::reactivate_own::ENDPOINT,
    computers::check_in::ENDPOINT,
    computers::list::ENDPOINT,
    computers::read::ENDPOINT,
    computers::heads::ENDPOINT,
    computers::rename::ENDPOINT,
    computers::deactivate::ENDPOINT,
    computers::reactivate::ENDPOINT,
    computers::sign_out::ENDPOINT,
    computers::revoke::ENDPOINT,
    enrolment::start::ENDPOINT,
    enrolment::finish::ENDPOINT,
    enrolment::add::ENDPOINT,
    audit::list::ENDPOINT,
    audit::export::ENDPOINT,
];

impl Site {
    /// Puts a site together.
    pub fn new(app: Arc<App>, trusted_proxies: Vec<IpNet>) -> Self {
        Self {
            app,
            metrics: Metrics::new(),
            certificates: Arc::default(),
            trusted_proxies,
            ending: AtomicBool::new(false),
        }
    }

    /// Tells whether it is about to end.
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Says that it is about to end: it is no longer ready.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }
}

/// Makes the router of all endpoints.
pub fn router(site: SiteRef) -> Router {
    let mut router = Router::new();
    for endpoint in ENDPOINTS {
        let route = (endpoint.route)().layer(Extension(endpoint));
        router = router.route(endpoint.path, route);
    }
    router
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "there is nothing of that kind"))
        .method_not_allowed_fallback(async || {
            let detail = "nothing is done here by that method";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
        })
        // The extractor of bodies has a limit for each endpoint.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(
            Arc::clone(&site),
            around::around,
        ))
        .with_state(site)
}
