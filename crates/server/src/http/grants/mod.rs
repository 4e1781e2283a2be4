//! Grants: one endpoint a file.

pub(super) mod give;
pub(super) mod list;
pub(super) mod take;
