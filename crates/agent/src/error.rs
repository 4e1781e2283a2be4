//! What can go wrong in a deed of the agent.

mod class;

use strongroom_base::clock::Timestamp;
use strongroom_client::ClientError;
use strongroom_custody::ImportError;
use strongroom_custody::password::PasswordError;
use strongroom_engine::retention::{NotAnAge, PolicyError};
use strongroom_engine::{EngineError, MemoryError};
use strongroom_format::FormatError;
use strongroom_mount::MountError;
use strongroom_read::ReadError;
use strongroom_replica::ReplicaError;
use strongroom_store::StoreError;

use crate::server::ServerError;
use crate::service::HookError;

/// What can go wrong in a deed of the agent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// There is no profile, and the deed needs one.
    #[error("there is no profile at {path}")]
    NoProfile {
        /// Where it was looked for.
        path: String,
    },
    /// What a server was needed for did not happen.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// Another service of the profile runs.
    #[error("the service of this profile runs already: it answers at {path}")]
    ServiceRuns {
        /// The socket.
        path: String,
    },
    /// No service of the profile runs.
    #[error("no service of this profile runs; `strongroom agent run` begins one")]
    NoService,
    /// The watch has ended by itself.
    #[error("nothing tells of changes any more; the service must be started again")]
    WatchEnded,
    /// What is watched is of another kind than when the watch began.
    #[error("{path} has become a folder, or is none any more; the service must be started again")]
    OtherKind {
        /// The source.
        path: String,
    },
    /// There is nobody to give a unit to.
    #[error("systemd does not run on this computer")]
    NoSystemd,
    /// Systemd refused something.
    #[error("`systemctl {what}` failed")]
    Systemctl {
        /// What it was told.
        what: String,
        /// What it said.
        #[source]
        source: std::io::Error,
    },
    /// A command of the user failed.
    #[error("the command {when} the snapshot failed")]
    Hook {
        /// `before` or `after`.
        when: &'static str,
        /// How.
        #[source]
        source: HookError,
    },
    /// Nothing can be watched.
    #[error("cannot watch for changes")]
    Watch(#[source] strongroom_watch::WatchError),
    /// The spool cannot be given up.
    #[error(
        "the spool of archive {archive} holds what a destination lacks; back up while it can be reached, and it goes \
         there. `strongroom spool --off --give-up` erases it for good"
    )]
    SpoolHolds {
        /// The archive.
        archive: String,
    },
    /// Only the spool has records of an archive, and none of the destinations that had it is left.
    #[error(
        "the spool holds records of archive {archive} that no destination has, so no new archive takes its place"
    )]
    SpoolAlone {
        /// The archive.
        archive: String,
    },
    /// A destination cannot be removed: it is the last place but for the spool, or ahead of all others.
    #[error(
        "cannot remove {name}: {what} has records of archive {archive} that no other destination has"
    )]
    DestinationNeeded {
        /// The destination.
        name: String,
        /// The archive.
        archive: String,
        /// What has them.
        what: &'static str,
    },
    /// One folder of two destinations would lie in the other one.
    #[error("{url} {how} the destination {name}, which is at {other}")]
    NestedDestination {
        /// The new one.
        url: String,
        /// How it lies to the other one.
        how: &'static str,
        /// The name of the other one.
        name: String,
        /// Where that is.
        other: String,
    },
    /// A destination would lie in the folder of the profile.
    #[error("{url} lies in the profile {profile}")]
    DestinationInProfile {
        /// The destination.
        url: String,
        /// The folder of the profile.
        profile: String,
    },
    /// There is a profile already.
    #[error("there is a profile at {path} already")]
    ProfileExists {
        /// Where.
        path: String,
    },
    /// Others may write the profile.
    #[error("others may write the profile {path}")]
    ProfileExposed {
        /// The folder.
        path: String,
    },
    /// The profile is somebody else's.
    #[error("the profile {path} belongs to user {owner}, and this program runs as user {user}")]
    ProfileForeign {
        /// The folder.
        path: String,
        /// The number of its owner.
        owner: u32,
        /// The number of whoever runs the program.
        user: u32,
    },
    /// A newer program wrote the settings.
    #[error("{path} was written by a newer program (version {found})")]
    ProfileTooNew {
        /// The file.
        path: String,
        /// Its version.
        found: u32,
    },
    /// The settings are not as they should be.
    #[error("cannot understand {path}")]
    Config {
        /// The file.
        path: String,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The memory of an archive is not as it should be.
    #[error("cannot understand the memory of archive {archive}")]
    State {
        /// The archive.
        archive: String,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// A part of the memory of an archive is missing.
    #[error("the profile has lost its {what} of archive {archive}")]
    StateLost {
        /// The part.
        what: &'static str,
        /// The archive.
        archive: String,
    },
    /// A part of the memory of an archive is damaged.
    #[error("the profile's {what} of archive {archive} is damaged")]
    StateDamaged {
        /// The part.
        what: &'static str,
        /// The archive.
        archive: String,
        /// Where and why.
        #[source]
        source: Box<AgentError>,
    },
    /// A rotation of the custody key was interrupted when some archives were under the new key.
    #[error(
        "a rotation of the key was interrupted: some archives need the new key, and others the old one"
    )]
    RotationUnfinished,
    /// A file is not text.
    #[error("{path} is not text in UTF-8")]
    NotText {
        /// The file.
        path: String,
    },
    /// Another process holds a lock.
    #[error("{what} is in use by {}", pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")))]
    Locked {
        /// What the lock guards.
        what: String,
        /// The process, if it said.
        pid: Option<u32>,
    },
    /// The profile holds no custody key.
    #[error("the profile {path} holds no custody key")]
    NoCustodyKey {
        /// The folder.
        path: String,
    },
    /// The profile holds a custody key that would be lost.
    #[error("the profile {path} holds another custody key, which archives need")]
    WouldLoseKey {
        /// The folder.
        path: String,
    },
    /// A key file may be read by others.
    #[error("the file {path} holds a secret and can be read by others")]
    KeyExposed {
        /// The file.
        path: String,
    },
    /// The keystore of the operating system does not answer as it should.
    #[error("the keystore of the operating system cannot be reached")]
    Keystore {
        /// Why.
        #[source]
        source: Box<secret_service::Error>,
    },
    /// The keystore of the operating system is locked.
    #[error("the keystore of the operating system is locked")]
    KeystoreLocked,
    /// The keystore of the operating system does not hold the key.
    #[error("the keystore of the operating system does not hold the custody key of the profile")]
    KeystoreLost,
    /// A key file does not hold a key.
    #[error("{path} is not a key file of this program")]
    BadKeyFile {
        /// The file.
        path: String,
    },
    /// A file of an exported key was refused.
    #[error("cannot take the custody key in {path}")]
    KeyFile {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: ImportError,
    },
    /// An exported key was refused.
    #[error("cannot take the custody key")]
    Import(#[from] ImportError),
    /// A private password was refused.
    #[error("cannot take the private password")]
    Password(#[from] PasswordError),
    /// Neither a profile nor the caller gave a key.
    #[error("no key was given, and there is no profile with one")]
    NoCredential,
    /// The custody key is not the one of the archive.
    #[error("the custody key {held} does not open archive {archive}, which needs {needed}")]
    OtherKey {
        /// The archive.
        archive: String,
        /// The id of the key that was tried.
        held: String,
        /// The id of the key that opens it.
        needed: String,
    },
    /// The archive has no private password.
    #[error("archive {archive} has no private password")]
    NoPasswordSlot {
        /// The archive.
        archive: String,
    },
    /// No slot opens with the private password.
    #[error("the private password opens nothing in archive {archive}")]
    WrongPassword {
        /// The archive.
        archive: String,
    },
    /// The keys would change under a private password that was not given.
    #[error("archive {archive} has a private password, which would not open the new key")]
    PasswordWouldBeLost {
        /// The archive.
        archive: String,
    },
    /// No slot has this id.
    #[error("there is no slot {slot}")]
    NoSuchSlot {
        /// The id.
        slot: String,
    },
    /// The URL's scheme is not one that this version has.
    #[error("destinations with `{scheme}:` are not yet in this version")]
    SchemeNotYet {
        /// The scheme.
        scheme: String,
    },
    /// The text holds what must stay secret; it is not repeated.
    #[error("a URL must not hold a password or a key, because it is shown and stored in the clear")]
    SecretInUrl,
    /// A destination needs the key of an account, and there is none.
    #[error("there is no key for the account at the storage service")]
    NoStorageKey,
    /// A file does not hold the key of an account.
    #[error("{path} does not hold an access key and its secret")]
    BadStorageKey {
        /// The file.
        path: String,
    },
    /// The text is not a destination.
    #[error("`{url}` is not a destination: {why}")]
    BadUrl {
        /// What was given.
        url: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The text is how other programs name a place on another computer.
    #[error("`{text}` looks like a place on another computer, and not like a folder of this one")]
    Elsewhere {
        /// What was given.
        text: String,
        /// The URL that may be meant.
        sftp: Option<String>,
    },
    /// A destination has that name or place already.
    #[error("the destination `{name}` is there already, at {url}")]
    DestinationExists {
        /// The name.
        name: String,
        /// The place.
        url: String,
    },
    /// No destination has that name.
    #[error("there is no destination `{name}`")]
    NoSuchDestination {
        /// The name.
        name: String,
    },
    /// There is no destination at all.
    #[error("there is no destination to back up to")]
    NoDestination,
    /// None of the destinations can be reached.
    #[error("none of the destinations can be reached")]
    Unreachable {
        /// Why not the first one.
        #[source]
        source: Box<AgentError>,
    },
    /// The destination does not keep what it is given.
    #[error("the destination `{name}` is not fit for archives: {why}")]
    Unfit {
        /// The name.
        name: String,
        /// What it fails to do.
        why: &'static str,
    },
    /// There is no archive at the destination.
    #[error("{destination} holds no archive")]
    NoArchive {
        /// The destination.
        destination: String,
    },
    /// There are several archives to choose from.
    #[error("there are several archives: {}", archives.join(", "))]
    SeveralArchives {
        /// Their ids.
        archives: Vec<String>,
    },
    /// The archive that was asked for is not there.
    #[error("there is no archive {archive}; there is {}", if archives.is_empty() { "none".to_owned() } else { archives.join(", ") })]
    NoSuchArchive {
        /// What was asked for.
        archive: String,
        /// The ids of those that are there.
        archives: Vec<String>,
    },
    /// Nothing has been backed up yet.
    #[error("nothing has been backed up yet")]
    NoSnapshot,
    /// Records are damaged everywhere, and no snapshot is left that can be read.
    #[error("the history is damaged, and no snapshot can be read")]
    HistoryDamaged,
    /// No snapshot has the name that was asked for.
    #[error("there is no snapshot `{name}`")]
    NoSuchSnapshot {
        /// What was asked for.
        name: String,
    },
    /// Every snapshot had begun later.
    #[error("no snapshot had begun at that time; {oldest} is the oldest")]
    NoSnapshotYet {
        /// The oldest snapshot.
        oldest: String,
        /// When it began.
        began: Timestamp,
    },
    /// Several snapshots begin with what was asked for.
    #[error("`{name}` begins the names of several snapshots: {}", snapshots.join(", "))]
    SeveralSnapshots {
        /// What was asked for.
        name: String,
        /// Their names.
        snapshots: Vec<String>,
    },
    /// No entry has that path.
    #[error("`{path}` is not in snapshot {snapshot}")]
    NoSuchPath {
        /// What was asked for.
        path: String,
        /// The snapshot.
        snapshot: String,
    },
    /// No snapshot has an entry with that path.
    #[error("`{path}` is in no snapshot")]
    InNoSnapshot {
        /// What was asked for.
        path: String,
    },
    /// The entry is not of the kind that is needed.
    #[error("`{path}` is not a file")]
    NotAFile {
        /// What was asked for.
        path: String,
    },
    /// A pattern cannot be understood.
    #[error("`{pattern}` is not a pattern")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        #[source]
        source: globset::Error,
    },
    /// A temporary folder cannot be made.
    #[error("cannot make a temporary folder")]
    Temporary {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The history at a destination is not the one that it acknowledged.
    #[error("{destination} is set aside, nothing was written to it: {reason}")]
    SetAside {
        /// The destination.
        destination: String,
        /// What was found.
        reason: String,
    },
    /// A destination holds other keys than those that the profile knows.
    #[error(
        "{destination} holds keys of archive {archive} that this profile does not have (number {found}, and the profile's is {known})"
    )]
    OtherKeys {
        /// The destination.
        destination: String,
        /// The archive.
        archive: String,
        /// The number of the keys object there.
        found: u32,
        /// The number of the profile's.
        known: u32,
    },
    /// What was asked for was interrupted.
    #[error("interrupted")]
    Interrupted,
    /// A file of this computer could not be used.
    #[error("cannot {op} {path}")]
    Local {
        /// What was done.
        op: &'static str,
        /// To what.
        path: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// A length of time in the settings is not one.
    #[error(transparent)]
    NotAnAge(#[from] NotAnAge),
    /// What is to be kept makes no sense.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The output could not be written.
    #[error("cannot write the output")]
    Output(#[source] std::io::Error),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A replica failed.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// Sealed bytes were refused.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Reading an archive failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An archive could not be mounted or unmounted.
    #[error(transparent)]
    Mount(#[from] MountError),
}

impl AgentError {
    /// Says whether the keystore of the operating system failed.
    pub(crate) fn is_of_keystore(&self) -> bool {
        matches!(
            self,
            Self::Keystore { .. } | Self::KeystoreLocked | Self::KeystoreLost
        )
    }

    /// Returns what is wrong with the memory of an archive, where that is the matter.
    pub fn of_state(&self) -> Option<&Self> {
        match self {
            Self::State { .. } | Self::StateLost { .. } | Self::StateDamaged { .. } => Some(self),
            Self::Engine(error) => memory_failure(error),
            _ => None,
        }
    }

    /// Names the snapshot that a path was not found in.
    #[must_use]
    pub fn in_snapshot(self, snapshot: &str) -> Self {
        match self {
            Self::Engine(EngineError::NotInSnapshot { path }) => Self::NoSuchPath {
                path,
                snapshot: snapshot.to_owned(),
            },
            other => other,
        }
    }

    /// Says whether somebody asked to stop.
    pub fn is_interruption(&self) -> bool {
        matches!(
            self,
            Self::Interrupted
                | Self::Engine(EngineError::Interrupted)
                | Self::Replica(ReplicaError::Interrupted)
        )
    }
}

/// Returns what is wrong with the memory, where the engine could not use it for that.
fn memory_failure(error: &EngineError) -> Option<&AgentError> {
    let EngineError::Memory(MemoryError(cause)) = error else {
        return None;
    };
    cause.downcast_ref::<AgentError>()?.of_state()
}

impl From<ClientError> for AgentError {
    fn from(error: ClientError) -> Self {
        Self::Server(error.into())
    }
}
