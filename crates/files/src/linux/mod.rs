//! What only Linux can do, as plain functions over open files. A port replaces this module.

mod attributes;
mod entries;
mod open;
mod set;

pub(crate) use attributes::{
    XattrNames, flags_of, get_xattr, get_xattr_of_child, list_xattrs, list_xattrs_of_child,
};
pub(crate) use entries::{data_from, hole_from, read_entries, stat, stat_child};
pub(crate) use open::{
    hold_child_dir, hold_entry, hold_root, open_child_dir, open_child_file, open_root,
};
pub(crate) use set::{Handle, make_special};
