//! What each error asks for.

use strongroom_base::{Class, Classified};
use strongroom_engine::EngineError;

use super::{AgentError, memory_failure};

impl Classified for AgentError {
    #[expect(
        clippy::too_many_lines,
        reason = "each error has its line, so that none is forgotten"
    )]
    fn class(&self) -> Class {
        match self {
            Self::NoProfile { .. }
            | Self::ProfileExists { .. }
            | Self::ProfileExposed { .. }
            | Self::ProfileForeign { .. }
            | Self::DestinationInProfile { .. }
            | Self::ProfileTooNew { .. }
            | Self::Config { .. }
            | Self::NotText { .. }
            | Self::NoCustodyKey { .. }
            | Self::WouldLoseKey { .. }
            | Self::RotationUnfinished
            | Self::KeyExposed { .. }
            | Self::BadKeyFile { .. }
            | Self::KeystoreLost
            | Self::NoSuchSlot { .. }
            | Self::PasswordWouldBeLost { .. }
            | Self::SchemeNotYet { .. }
            | Self::BadUrl { .. }
            | Self::Elsewhere { .. }
            | Self::SecretInUrl
            | Self::NoStorageKey
            | Self::BadStorageKey { .. }
            | Self::DestinationExists { .. }
            | Self::NoSuchDestination { .. }
            | Self::SpoolHolds { .. }
            | Self::SpoolAlone { .. }
            | Self::NestedDestination { .. }
            | Self::DestinationNeeded { .. }
            | Self::ServiceRuns { .. }
            | Self::NoService
            | Self::NoSystemd
            | Self::Watch(_)
            | Self::WatchEnded
            | Self::OtherKind { .. }
            | Self::NoDestination
            | Self::Unfit { .. }
            | Self::NoArchive { .. }
            | Self::SeveralArchives { .. }
            | Self::NoSuchArchive { .. }
            | Self::NoSnapshot
            | Self::NoSuchSnapshot { .. }
            | Self::NoSnapshotYet { .. }
            | Self::SeveralSnapshots { .. }
            | Self::NoSuchPath { .. }
            | Self::InNoSnapshot { .. }
            | Self::NotAFile { .. }
            | Self::Pattern { .. }
            | Self::Policy(_)
            | Self::NotAnAge(_)
            | Self::Temporary { .. }
            | Self::OtherKeys { .. }
            | Self::Interrupted => Class::Caller,
            Self::NoCredential
            | Self::OtherKey { .. }
            | Self::NoPasswordSlot { .. }
            | Self::WrongPassword { .. } => Class::WrongKey,
            Self::Locked { .. }
            | Self::Keystore { .. }
            | Self::KeystoreLocked
            | Self::Unreachable { .. }
            | Self::Local { .. }
            | Self::Systemctl { .. }
            | Self::Hook { .. }
            | Self::Output(_) => Class::Retry,
            Self::State { .. }
            | Self::StateLost { .. }
            | Self::StateDamaged { .. }
            | Self::HistoryDamaged
            | Self::SetAside { .. } => Class::Damage,
            Self::KeyFile { source, .. } | Self::Import(source) => source.class(),
            Self::Password(source) => source.class(),
            Self::Server(source) => source.class(),
            Self::Store(source) => source.class(),
            Self::Replica(source) => source.class(),
            Self::Format(source) => source.class(),
            Self::Read(source) => source.class(),
            Self::Engine(source) => class_of_engine(source),
            Self::Mount(source) => source.class(),
        }
    }
}

/// A memory that cannot be understood is damage, though others may be retried.
fn class_of_engine(error: &EngineError) -> Class {
    memory_failure(error).map_or_else(|| error.class(), Classified::class)
}
