//! What only Linux can do, as plain functions over open files. A port replaces this module.

mod entries;
mod open;

pub(crate) use entries::{data_from, hole_from, read_entries, stat, stat_child};
pub(crate) use open::{open_child_dir, open_child_file, open_root};
