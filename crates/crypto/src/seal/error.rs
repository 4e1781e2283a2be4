//! Why sealed bytes do not open.

use strongroom_base::{Class, Classified};

/// Why sealed bytes do not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The commitment does not fit: another key, another context, or a damaged prefix.
    #[error("the key or its purpose does not fit the sealed data")]
    WrongKeyOrContext,
    /// A cell is not the one that was sealed at its place.
    #[error("cell {index} of the sealed data is damaged")]
    CellDamaged {
        /// The number of the cell, from 0.
        index: u64,
    },
    /// The length is one that sealing never makes: something was cut off or added.
    #[error("the sealed data has a length that no whole plaintext has")]
    Truncated,
}

impl Classified for OpenError {
    fn class(&self) -> Class {
        match self {
            Self::WrongKeyOrContext => Class::WrongKey,
            Self::CellDamaged { .. } | Self::Truncated => Class::Damage,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_key_is_told_from_damage() {
        assert_eq!(OpenError::WrongKeyOrContext.class(), Class::WrongKey);
        assert_eq!(OpenError::CellDamaged { index: 0 }.class(), Class::Damage);
        assert_eq!(OpenError::Truncated.class(), Class::Damage);
    }
}
