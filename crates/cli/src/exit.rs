//! Exit codes, in one place.

use strongroom_agent::AgentError;
use strongroom_base::{Class, Classified as _};

use crate::failure::Failure;

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All was done.
    Done,
    /// All was done but for files that could not be read or written; they were listed.
    SomeLeftOut,
    /// Damage was found.
    Damage,
    /// All was done, but no destination has it yet: it is on this computer alone.
    Undelivered,
    /// A destination failed; it was named, and the others were done.
    DestinationFailed,
}

impl Outcome {
    /// Returns the exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::SomeLeftOut => 3,
            Self::Damage => 4,
            Self::Undelivered | Self::DestinationFailed => 1,
        }
    }
}

/// Returns the exit code of a failure.
pub(crate) fn code_of(failure: &Failure) -> u8 {
    if failure.is_interruption() {
        return 130;
    }
    match failure {
        Failure::BrokenPipe => 0,
        Failure::Usage(_) | Failure::Agent(AgentError::Policy(_)) => 2,
        _ => match failure.class() {
            Class::Caller | Class::Retry => 1,
            Class::Damage => 4,
            Class::WrongKey => 5,
        },
    }
}
