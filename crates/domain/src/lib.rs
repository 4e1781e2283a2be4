//! The rules of the server: organisations, accounts, roles and grants, policy, sign-in and life cycles.
//!
//! Everything here is a pure function of values: no SQL, no HTTP, no clock. The time is an argument, and
//! randomness comes in as a [`strongroom_base::random::RandomSource`]. A change is checked here and comes
//! back as the new value together with *effects*, which the caller carries out in the transaction that
//! stores the value. What a rule refuses it refuses with a reason.
//!
//! The sections named in the documentation ("administration 2.2") are those of the project's reference on
//! administration and identity, restated where they are used; the words are those of the glossary.

pub mod access;
pub mod account;
pub mod archive;
pub mod computer;
pub mod email;
pub mod group;
pub mod head;
pub mod link;
pub mod moment;
pub mod name;
pub mod organisation;
pub mod password;
pub mod policy;
pub mod registration;
pub mod release;
pub mod session;
pub mod throttle;
pub mod token;
