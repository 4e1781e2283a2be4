//! Whoever started the service, and wants to know how it is.

use std::time::Duration;

/// Whoever started the service, and wants to know how it is.
pub trait Supervisor: Send + Sync {
    /// Is told that the service watches, and answers.
    fn ready(&self);

    /// Is told what it does, in a line.
    fn status(&self, line: &str);

    /// Is told that it lives; returns how soon it wants to be told again, `None` where it does not.
    fn alive(&self) -> Option<Duration>;

    /// Is told that it ends.
    fn stopping(&self);
}

/// Nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unsupervised;

impl Supervisor for Unsupervised {
    fn ready(&self) {}

    fn status(&self, _: &str) {}

    fn alive(&self) -> Option<Duration> {
        None
    }

    fn stopping(&self) {}
}
