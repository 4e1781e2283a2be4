//! The audit log: one endpoint a file.

pub(super) mod list;
