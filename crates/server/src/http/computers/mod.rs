//! Computers: one endpoint a file.

pub(super) mod check_in;
pub(super) mod deactivate;
pub(super) mod heads;
pub(super) mod list;
pub(super) mod reactivate;
pub(super) mod read;
pub(super) mod rename;
pub(super) mod revoke;
pub(super) mod sign_out;
