//! Passkeys: one endpoint a file. Those that sign in are in `sign_in`.

pub(super) mod add;
pub(super) mod list;
pub(super) mod remove;
pub(super) mod rename;
pub(super) mod start;
