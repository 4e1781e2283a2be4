//! Settings, inherited down the tree of organisations (administration 2.6; mission A16).
//!
//! Settings come in groups. An organisation inherits a group or has its own; a setting of an own group can
//! be locked. What holds at an organisation is, for each setting:
//!
//! ```text
//! owner  = the nearest at or above it that has the group of its own
//! locker = the highest at or above it that has the setting locked
//! value  = that of the locker, or else that of the owner
//! ```
//!
//! Above every root is the server's own level, which has every group of its own, so there is always a
//! value. Every value comes with whose it is and who locked it. Lists of networks do not follow this rule:
//! they only ever narrow ([`AllowList`]); nor does a second factor that is required ([`SecondFactorRule`]).

mod allow_list;
mod escrow;
mod group;
mod groups;
mod own;
mod second_factor;
mod terms;
mod value;

pub use allow_list::{AllowList, AllowListError, NETWORKS_MAX};
pub use escrow::{Escrow, EscrowBounds, EscrowError, PrivatePassword};
pub use group::{Chain, Effective, Level, Lock, LockedAbove, Setting, Settings};
pub use groups::{
    EscrowPolicy, EscrowSettings, PasswordPolicy, PasswordSettings, RegistrationPolicy,
    RegistrationSettings, RetentionPolicy, RetentionSettings, SessionPolicy, SessionSettings,
};
pub use own::{ChangeError, Holds, OwnGroups, Policies, Row, ServerGroups};
pub use second_factor::{SecondFactorRule, second_factor_required_by};
pub use terms::{LifeError, Lifetime, Registration, RetentionTerms, Shortened};
pub use value::{Value, ValueError};
