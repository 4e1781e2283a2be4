//! Users: one endpoint a file.

pub(super) mod block;
pub(super) mod create;
pub(super) mod deactivate;
pub(super) mod import;
pub(super) mod issue_link;
pub(super) mod list;
pub(super) mod reactivate;
pub(super) mod read;
pub(super) mod relocate;
pub(super) mod resume;
pub(super) mod suspend;
pub(super) mod unblock;
pub(super) mod update;
