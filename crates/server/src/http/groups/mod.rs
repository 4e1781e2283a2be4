//! Groups: one endpoint a file.

pub(super) mod add_member;
pub(super) mod create;
pub(super) mod list;
pub(super) mod members;
pub(super) mod read;
pub(super) mod remove;
pub(super) mod remove_member;
pub(super) mod rename;
