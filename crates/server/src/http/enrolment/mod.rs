//! Enrolling computers: one endpoint a file.

pub(super) mod add;
pub(super) mod finish;
pub(super) mod start;
