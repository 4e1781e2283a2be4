//! What the tests of several crates need: the servers that `cargo xtask services` starts, and a way to them
//! that is slow, cuts connections and answers with errors.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod proxy;
mod services;

pub use proxy::{Faults, Proxy};
pub use services::{Service, exchange, service};
