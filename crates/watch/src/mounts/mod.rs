//! What is mounted where.

mod kind;
mod table;

pub(crate) use kind::Kind;
pub(crate) use table::{Mount, MountTable};
