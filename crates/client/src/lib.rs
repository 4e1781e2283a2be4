//! The typed client of the server's API (version 1): HTTPS with a certificate that is pinned or vouched for, one table of endpoints,
//! problems as errors, pages, versions, and repeats where they do no harm.
//!
//! ```text
//! endpoints::USERS_CREATE ──▶ Request ──▶ Client::call ──▶ User, or a ClientError that says what to do
//! ```
//!
//! The client decides nothing: it keeps no settings, and whoever uses it gives the server, the session and randomness.

mod address;
mod answer;
mod client;
mod endpoint;
pub mod endpoints;
mod error;
mod pages;
mod pin;
mod sign_in;
mod tls;

pub use address::{AddressError, Enrolment, ServerAddress, SetUpLink};
pub use answer::Reply;
pub use client::{Client, Patience};
pub use endpoint::{Endpoint, Nothing, Operation, Request, Sort, Verb};
pub use error::ClientError;
pub use pages::Pages;
pub use pin::{Pin, PinError};
pub use sign_in::{
    EnrolmentAnswer, NewComputer, SignInAnswer, check_organisation_key, enrol, finish_by_code,
    link_owner, set_by_link, set_password, sign_in,
};
pub use strongroom_api::v1;
