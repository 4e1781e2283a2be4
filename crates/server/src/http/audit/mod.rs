//! The audit log: one endpoint a file.

pub(super) mod export;
pub(super) mod list;
