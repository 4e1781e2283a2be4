//! The one question that exit codes, HTTP statuses and retries all ask of an error.

/// What a caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request was wrong; asking again will not help.
    Caller,
    /// The key or password given opens nothing here.
    WrongKey,
    /// The surroundings were wrong (disk full, no network); it may work later.
    Retry,
    /// Stored bytes are not what they should be; somebody must look.
    Damage,
}

/// An error that can say its [`Class`].
pub trait Classified {
    /// Says what a caller can do about this error.
    fn class(&self) -> Class;
}
