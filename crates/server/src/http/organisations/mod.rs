//! Organisations: one endpoint a file.

pub(super) mod block;
pub(super) mod create_child;
pub(super) mod create_root;
pub(super) mod deactivate;
pub(super) mod list;
pub(super) mod reactivate;
pub(super) mod read;
pub(super) mod relocate;
pub(super) mod rename;
pub(super) mod require_second_factor;
pub(super) mod waive_second_factor;
