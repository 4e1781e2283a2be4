//! Second factors: one endpoint a file.

pub(super) mod confirm;
pub(super) mod finish;
pub(super) mod make_codes;
pub(super) mod remove;
pub(super) mod remove_own;
pub(super) mod show;
pub(super) mod start;
