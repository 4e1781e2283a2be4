//! The nouns, one a file.

mod audit;
mod computer;
mod group;
mod link;
mod me;
mod organisation;
mod passkey;
mod registration;
mod role;
mod second_factor;
mod session;
mod settings;
mod token;
mod user;

use super::table::Noun;

/// All of them, in the order of the help.
pub(super) const NOUNS: &[Noun] = &[
    organisation::NOUN,
    user::NOUN,
    link::NOUN,
    group::NOUN,
    role::NOUN,
    registration::NOUN,
    settings::NOUN,
    computer::NOUN,
    session::NOUN,
    token::NOUN,
    second_factor::NOUN,
    passkey::NOUN,
    me::NOUN,
    audit::NOUN,
];
