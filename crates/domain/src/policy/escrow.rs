//! Escrow as a policy: who may hold the key that opens a user's archives (mission A9, A23; custody notes).

use strongroom_base::{Class, Classified};

/// Who holds a custody key, from the weakest protection to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Escrow {
    /// The organisation can open it; nothing is lost with the user's secret.
    Unsecured,
    /// The server has it under the user's private password; the user alone opens it.
    Secured,
    /// The server does not have it.
    None,
}

/// Whether users may protect their key with a private password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivatePassword {
    /// They may.
    Allowed,
    /// They may not: the organisation must be able to restore, or keys are not escrowed at all.
    Forbidden,
}

/// The bounds are the wrong way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the weakest escrow that is allowed is stricter than the strictest")]
pub struct EscrowError;

impl Classified for EscrowError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// Between what and what a user may choose. The upper bound keeps a user from defeating a company that
/// must be able to restore. It is one setting and not two, so that what is inherited and what is locked
/// cannot make bounds that leave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EscrowBounds {
    weakest: Escrow,
    strictest: Escrow,
}

impl EscrowBounds {
    /// Everything is allowed.
    pub const ANY: Self = Self {
        weakest: Escrow::Unsecured,
        strictest: Escrow::None,
    };

    /// Makes bounds.
    pub fn new(weakest: Escrow, strictest: Escrow) -> Result<Self, EscrowError> {
        if weakest > strictest {
            return Err(EscrowError);
        }
        Ok(Self { weakest, strictest })
    }

    /// Returns the weakest that is allowed.
    pub fn weakest(self) -> Escrow {
        self.weakest
    }

    /// Returns the strictest that is allowed.
    pub fn strictest(self) -> Escrow {
        self.strictest
    }

    /// Tells whether something is allowed.
    pub fn includes(self, escrow: Escrow) -> bool {
        (self.weakest..=self.strictest).contains(&escrow)
    }

    /// Returns what is allowed and nearest.
    pub fn bring_within(self, escrow: Escrow) -> Escrow {
        escrow.clamp(self.weakest, self.strictest)
    }
}
