//! What records do.

/// What a record does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// Begins a generation.
    Generation = 1,
    /// Keeps the state of files.
    Snapshot = 2,
    /// Forgets snapshots.
    Forget = 3,
    /// Condemns objects.
    Prune = 4,
    /// Repeats the live set.
    Checkpoint = 5,
    /// Replaces damaged objects or acknowledges their loss.
    Repair = 6,
    /// Adds objects before their snapshot is complete.
    Progress = 7,
}

impl RecordKind {
    /// Returns the code of the specification.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns the kind with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Generation,
            2 => Self::Snapshot,
            3 => Self::Forget,
            4 => Self::Prune,
            5 => Self::Checkpoint,
            6 => Self::Repair,
            7 => Self::Progress,
            _ => return None,
        })
    }

    /// Returns the word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Generation => "generation",
            Self::Snapshot => "snapshot",
            Self::Forget => "forget",
            Self::Prune => "prune",
            Self::Checkpoint => "checkpoint",
            Self::Repair => "repair",
            Self::Progress => "progress",
        }
    }
}
