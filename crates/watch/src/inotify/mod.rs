//! Changes in directories that are watched one by one, by inotify.

mod event;
mod tree;
mod walk;
mod watches;

pub(crate) use event::Reader;
pub(crate) use watches::Watches;
