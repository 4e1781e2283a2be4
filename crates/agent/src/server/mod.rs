//! The server that a profile belongs to: signing in and out, who one is, and enrolling this computer.
//!
//! ```text
//! server.toml             the server, its certificate, the user, this computer
//! keys/server.session     what proves the session, or an API token
//! keys/server.computer    the credential of this computer
//! server.lock             held while these change
//! ```
//!
//! The folder need not hold a profile for backups: who administers a server may have nothing to back up.

mod check_in;
mod enrol;
mod error;
mod heads;
mod memory;
mod password;
mod sign_in;

pub use check_in::{CheckedIn, Since, check_in};
pub use enrol::{EnrolRequest, Enrolled, enrol};
pub use error::ServerError;
pub use heads::HeadBehind;
pub use memory::{Remembered, RememberedComputer, ServerMemory};
pub use password::check_new_password;
pub use sign_in::{
    Proof, SignedIn, SignedOut, change_password, open_link, sign_in, sign_in_by_link,
    sign_in_by_token, sign_out, who_am_i,
};
