//! What the server does: one use case a file, without SQL and without HTTP.
//!
//! A use case that reads takes a [`View`]: the proof that its caller may see what it is about, and a transaction.
//! One that changes something takes a [`Deed`], whose permit was decided under the lock of the audit log, and which
//! cannot be finished before the audit log has an entry.

pub mod access;
pub mod audit;
pub mod backup;
pub mod certificate;
pub mod computers;
mod deed;
mod effects;
pub mod enrolment;
mod fault;
pub mod first_start;
pub mod grants;
pub mod groups;
pub mod key_ring;
mod limits;
pub mod organisations;
mod paging;
pub mod passkeys;
pub mod policy;
pub mod registration_keys;
pub(crate) mod room;
pub mod second_factor;
mod secret;
pub mod sessions;
mod settings;
pub mod sign_in;
mod sysadmins;
mod system;
mod throttle;
pub mod tokens;
mod tree;
pub mod users;
mod visible;
mod words;

use std::sync::Arc;

use strongroom_base::clock::{Clock, Timestamp};
use strongroom_base::ids::to_hex;
use strongroom_base::random::RandomSource;
use strongroom_crypto::opaque::ServerSetup;
use strongroom_db::Database;

use crate::vault::Vault;

pub use access::{Access, Aim, Caller, Credential, Right, View};
pub use deed::{Conditions, Deed, IfMatch, Replay};
pub use fault::Fault;
pub use limits::{Limits, Pace};
pub use room::Room;
pub use secret::{Bearer, NewSecret, SecretKind};
pub use settings::{Backups, Settings};
pub use tree::{Tree, Trees};

/// What every use case is given.
pub struct App {
    /// What is kept.
    pub database: Database,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives randomness.
    pub random: Arc<dyn RandomSource>,
    /// What every sign-in needs: all nodes have the same.
    pub sign_in: ServerSetup,
    /// The keys that seal what the server keeps secret.
    pub vault: Vault,
    /// The name of this node, by chance.
    pub node: String,
    /// What was configured.
    pub settings: Settings,
    /// What is known of the organisations.
    pub trees: Trees,
    /// How much was asked for lately.
    pub limits: Limits,
    /// Whether there is room on the disk.
    pub room: Room,
}

impl App {
    /// Puts a server together.
    pub fn new(
        database: Database,
        clock: Arc<dyn Clock>,
        random: Arc<dyn RandomSource>,
        sign_in: ServerSetup,
        vault: Vault,
        settings: Settings,
    ) -> Self {
        let limits = Limits::new(&settings);
        let mut node = [0; 8];
        random.fill(&mut node);
        Self {
            database,
            clock,
            random,
            sign_in,
            vault,
            node: to_hex(&node),
            settings,
            trees: Trees::default(),
            limits,
            room: Room::default(),
        }
    }

    /// Returns the time now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
