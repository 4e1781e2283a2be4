//! The caller: one endpoint a file.

pub(super) mod finish_password;
pub(super) mod profile;
pub(super) mod reactivate_own;
pub(super) mod start_password;
pub(super) mod update_profile;
