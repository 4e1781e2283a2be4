//! The rows of each table, as the mapper needs them; nothing outside this crate sees them.

pub(crate) mod answers;
pub(crate) mod attempts;
pub(crate) mod audit;
pub(crate) mod checkpoints;
pub(crate) mod computers;
pub(crate) mod credentials;
pub(crate) mod familiar;
pub(crate) mod grants;
pub(crate) mod groups;
pub(crate) mod jobs;
pub(crate) mod key_ring;
pub(crate) mod links;
pub(crate) mod members;
pub(crate) mod organisations;
pub(crate) mod recovery_codes;
pub(crate) mod registration_keys;
pub(crate) mod second_attempts;
pub(crate) mod secrets;
pub(crate) mod server;
pub(crate) mod sessions;
pub(crate) mod throttles;
pub(crate) mod tokens;
pub(crate) mod totp;
pub(crate) mod under_master;
pub(crate) mod users;
