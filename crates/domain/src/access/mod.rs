//! Who may do what: roles and grants as values, one table, one decision (administration 3).
//!
//! A right is a value: [`decide`] answers with a [`Permit`], which nothing else makes, and what needs a
//! right takes one. The expectations that the table is checked against are in `access-matrix.txt` beside
//! this crate's manifest, one line for each action, so that a change of permission is a visible difference.

mod action;
mod decide;
mod grant;
mod granting;
mod moving;
mod outrank;
mod relation;
mod second_factor;
mod sysadmins;

pub use action::{Action, Guard, Kind, Need, Reach, Rule};
pub use decide::{Actor, Decision, Denial, On, Permit, Subject, Target, Via, decide};
pub use grant::{AddOn, Grant, GrantError, Role, Scope};
pub use granting::{Given, GrantRefusal, Taken, may_give, may_take};
pub use moving::{MoveDenial, may_move_account, may_move_organisation};
pub use relation::Relation;
pub use second_factor::SecondFactor;
pub use sysadmins::{LastSysadmin, Removal, SysadminRemains, Sysadmins};
