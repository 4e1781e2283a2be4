//! The life of an archive: active, cold, expired, purged (administration 2.4; mission A13, A21, D9).
//!
//! | from | event | to |
//! |---|---|---|
//! | active | a reason to keep it cold | cold |
//! | cold, expired | the last reason is gone | active |
//! | cold | its hold is over, and that was announced long enough ago | expired |
//! | cold, expired | purged now, by two people | purging: its keys are destroyed |
//! | expired | an administrator keeps it | cold |
//! | expired | the grace is over | purging: its keys are destroyed |
//! | purging | its data is destroyed | purged |
//!
//! Under legal hold nothing expires and nothing is purged, nor while something is being restored. The
//! retention runs on the server's clock alone. A clock that is set back makes nothing older; one that jumps
//! ahead makes nothing go before it was announced and the notice has passed.

mod advance;
mod reasons;
mod state;

pub use advance::{Advance, Circumstances, LegalHold, Restores, Waiting};
pub use reasons::{ColdCause, Reasons};
pub use state::{Archive, ArchiveEffect, ArchiveRefusal, ArchiveState, Changed, Cold};
