//! What every other crate may use: typed identifiers, clock and randomness as traits, the class of
//! an error, canonical encodings, and limits.

pub mod class;
pub mod clock;
pub mod ids;
pub mod object;
pub mod random;
pub mod wire;
mod words;

pub use class::{Class, Classified};
pub use words::with_causes;
