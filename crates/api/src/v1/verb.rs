//! The methods of HTTP that endpoints have.

/// What is done to what a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Reads it.
    Get,
    /// Does something to it, or makes something below it.
    Post,
    /// Puts something there.
    Put,
    /// Changes a part of it.
    Patch,
    /// Takes it away.
    Delete,
}

impl Verb {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Tells whether it changes something.
    pub fn changes(self) -> bool {
        self != Self::Get
    }
}
