//! Signing in: one endpoint a file.

pub(super) mod finish;
pub(super) mod finish_link;
pub(super) mod finish_passkey;
pub(super) mod start;
pub(super) mod start_link;
pub(super) mod start_passkey;
