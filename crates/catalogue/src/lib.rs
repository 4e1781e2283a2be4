//! What this computer knows of an archive: every directory as the last snapshot saw it, and which
//! chunks there are.
//!
//! The catalogue is a cache. It is rebuilt from any one replica and from the files themselves, and
//! restore never needs it. It says nothing before the record that makes it true is durable, so a crash
//! leaves it older than the archive, never ahead.

mod directory;
mod error;
mod known;
mod lookup;
mod store;
mod update;

pub use directory::{DirectoryRow, Local, PAGE_ENTRIES, PageEntry, Sums, Totals};
pub use error::CatalogueError;
pub use known::KnownChunks;
pub use lookup::{LinkRow, Lookup};
pub use store::Catalogue;
pub use update::Update;
