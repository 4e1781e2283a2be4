//! What a backup needs of a local file system: list a directory, ask for the state of an entry, read a
//! file and its metadata, and put all of it back below a target folder.
//!
//! Every call names an entry by an open directory and one component. A path of several components is
//! never handed to the kernel (but for the roots a user names), so a symbolic link that somebody else
//! plants can neither lead a backup astray nor make a restore write outside its target. Names are bytes
//! and need not be UTF-8.
//!
//! What only Linux can do is in the module `linux`; a port brings a module with the same functions.

mod acl;
mod apply;
mod dir;
mod error;
mod linux;
mod list;
mod metadata;
mod names;
mod read;
mod remove;
mod restore;
mod stat;
mod way;

pub use acl::ACCESS_LIST;
pub use apply::{
    Aspect, Metadata, NotApplied, Owner, Place, apply_flags, apply_metadata,
    is_label_of_security_module, may_give_away,
};
pub use dir::{Dir, NAME_LEN_MAX, name_is_safe};
pub use error::{Action, Error, Result};
pub use list::{Name, NameList};
pub use metadata::{Extra, XATTR_VALUE_LEN_MAX, extra_of, extra_of_child};
pub use names::Names;
pub use read::{EXTENTS_MAX, Extent, OpenFile, Whole};
pub use remove::remove_single;
pub use restore::{FileWriter, Special, Target, is_unfinished_file};
pub use stat::{Kind, Moment, Stat};
