//! The key ring: how a server keeps secrets that open other systems (`spec/secrets-v1.md`).
//!
//! Pure: the ring is a value, key files are bytes, and a change of key is a journal whose every step gives the
//! next value of the ring. The caller stores that in the transaction that the step describes, and may be killed
//! anywhere.
//!
//! ```text
//! ring.needs_new_key(change)?          draw a key, make its file durable
//! ring.begin(change, key, now)?        one transaction: the ring
//! loop { match ring.next_step() {
//!     Step::Activate    => read the key files again; one transaction: ring.activated(&keys)?
//!     Step::Reseal {..} => one transaction: read a batch, ring.resealed(&keys, rows, random)?,
//!                          store what changed and the ring
//!     Step::Count {..}  => one transaction: count, ring.counted(left)?
//!     Step::Rest        => break
//! } }
//! ```

mod change;
mod error;
mod file;
mod keys;
mod master;
mod state;
mod value;
mod wire;

pub use change::{Batch, Change, Resealed, Step};
pub use error::{FileError, OpenError, RingError, RingRefusal};
pub use file::{KeyFile, MASTER_FILE_NAME, master_from_file, master_to_file};
pub use keys::KeySet;
pub use master::{open_under_master, seal_under_master};
pub use state::{KeyEntry, KeyId, KeyState, Protection, Ring};
pub use value::{Place, SECRET_LEN_MAX, protection_of};

pub use strongroom_crypto::stored::StoredAlgorithm as Algorithm;
