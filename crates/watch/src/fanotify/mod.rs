//! Changes of a whole file system, by fanotify.

mod event;
mod group;
mod resolve;

pub(crate) use group::Group;
