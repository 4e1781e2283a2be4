//! Settings of organisations: one endpoint a file.

pub(super) mod inherit;
pub(super) mod list;
pub(super) mod own;
pub(super) mod set;
