//! What the server keeps, in SQLite or PostgreSQL, from one code.
//!
//! A repository is a module named for what it keeps; its functions take a transaction and domain values, and decide
//! nothing. [`Database::read`] begins a transaction that only reads. [`Database::write`] begins one that may change
//! things, and of these there is one at a time on all nodes: each holds the lock of the audit log from its beginning.
//! So what was read in it stays true until it ends, the last sysadmin cannot be removed twice at once, and the log is
//! one chain. What happens often and is in no log (that a session was used) goes beside it ([`Database::note`]).

pub mod answers;
pub mod attempts;
pub mod audit;
pub mod audit_sinks;
pub mod certificates;
pub mod challenges;
pub mod check_ins;
pub mod checkpoints;
pub mod computers;
mod convert;
mod database;
mod entity;
mod error;
pub mod grants;
pub mod groups;
pub mod heads;
pub mod jobs;
pub mod key_ring;
pub mod links;
pub mod logical;
mod migrations;
pub mod organisations;
pub mod passkeys;
pub mod registration_keys;
pub mod replaced_factors;
pub mod restrictions;
pub mod sealed;
pub mod second_factors;
pub mod secrets;
pub mod server;
pub mod sessions;
pub mod settings;
pub mod throttles;
pub mod tokens;
pub mod under_master;
pub mod users;

pub use database::{Address, Database, Reading, Writing};
pub use error::DbError;
