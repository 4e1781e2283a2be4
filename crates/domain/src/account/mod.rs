//! Accounts: their states, who may change them, and what follows (administration 2.2).

mod change;
mod effect;
mod run;
mod state;

pub use change::{AccountChange, Changed, Refusal, Who};
pub use effect::{Effect, effects};
pub use run::{DirectoryRun, Ended, Outcome, RunGuard, RunRefusal};
pub use state::{Account, AccountState, By, Cause, Origin, SignIn, Standing, effective};
