//! Deeds on keys: show, import, rotate, and private passwords.
//!
//! Every change writes one keys object per archive, first to the profile and then to all destinations that
//! can be reached, and touches no data.

mod import;
mod password;
mod rotate;
mod show;

pub use import::import;
pub use password::{WhichPassword, change_password, remove_password, set_password};
pub use rotate::{rotate, settle};
pub use show::{ShownArchive, ShownKeys, ShownSlot, show};
