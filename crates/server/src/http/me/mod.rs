//! The caller: one endpoint a file.

pub(super) mod profile;
pub(super) mod reactivate_own;
pub(super) mod update_profile;
