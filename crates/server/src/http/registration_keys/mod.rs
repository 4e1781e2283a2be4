//! Registration keys: one endpoint a file.

pub(super) mod close;
pub(super) mod read;
pub(super) mod rotate;
