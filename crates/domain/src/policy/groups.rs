//! The groups of settings that accounts, sign-in and retention need, with their defaults.

use super::escrow::{Escrow, EscrowBounds, PrivatePassword};
use super::group::{Chain, Effective, Lock, LockedAbove, Setting, Settings, settings};
use super::own::{Holds, Row};
use super::terms::{Lifetime, Registration, RetentionTerms, Shortened};
use super::value::{Value, ValueError};
use crate::moment::Days;
use crate::password::PasswordLength;
use crate::registration::KeyTerms;
use crate::session::SessionTerms;

settings! {
    /// What account passwords must be (mission A22; identity 8.3).
    PasswordSettings => PasswordPolicy, "password" {
        /// Fewest characters.
        length_min: PasswordLength = PasswordLength::DEFAULT;
    }
}

settings! {
    /// How long sessions and tokens last (identity 8.5; administration 3.3, rule 6).
    SessionSettings => SessionPolicy, "sessions" {
        /// How long a session may go unused.
        idle: Lifetime = Lifetime::minutes(30);
        /// How long a session lasts from sign-in.
        absolute: Lifetime = Lifetime::hours(12);
        /// How long an API token may live.
        token_life_max: Lifetime = Lifetime::days(90);
    }
}

settings! {
    /// Whether strangers with the key may register, and what a new key is (mission A19).
    RegistrationSettings => RegistrationPolicy, "registration" {
        /// Whether the organisation takes in who has its key.
        registration: Registration = Registration::Open;
        /// How long a new key is good; without one, until it is rotated.
        key_life: Option<Lifetime> = None;
        /// For how many accounts a new key is good; without one, for any number.
        key_uses_max: Option<u32> = None;
    }
}

settings! {
    /// Who may hold the key that opens a user's archives (mission A9, A23).
    EscrowSettings => EscrowPolicy, "escrow" {
        /// The weakest and the strictest choice there is.
        bounds: EscrowBounds = EscrowBounds::ANY;
        /// What holds where nobody chose.
        preset: Escrow = Escrow::Unsecured;
        /// Whether users may protect their key with a private password.
        private_password: PrivatePassword = PrivatePassword::Allowed;
    }
}

settings! {
    /// How long archives are kept that nobody uses any more (mission A21; administration 2.4).
    RetentionSettings => RetentionPolicy, "retention" {
        /// After the account became inactive.
        hold_inactive: Days = Days::new(30);
        /// After the account was blocked.
        hold_blocked: Days = Days::new(30);
        /// After the computer was deactivated.
        hold_computer: Days = Days::new(30);
        /// After the destination was withdrawn or the owner gave the archive up.
        hold_given_up: Days = Days::new(30);
        /// Before that, nobody purges a cold archive by hand.
        hold_floor: Days = Days::new(7);
        /// How long an administrator can keep what has expired.
        expired_grace: Days = Days::new(0);
        /// How long before it is purged it is announced.
        notice: Days = Days::new(7);
    }
}

impl SessionPolicy {
    /// Returns how long a session lasts.
    pub fn terms(&self) -> SessionTerms {
        SessionTerms {
            idle: self.idle.value.length(),
            absolute: self.absolute.value.length(),
        }
    }
}

impl RegistrationPolicy {
    /// Tells whether strangers with the key may register.
    pub fn is_open(&self) -> bool {
        self.registration.value == Registration::Open
    }

    /// Returns what a new key is.
    pub fn key_terms(&self) -> KeyTerms {
        KeyTerms {
            life: self.key_life.value.map(Lifetime::length),
            uses_max: self.key_uses_max.value,
        }
    }
}

impl EscrowPolicy {
    /// Returns what holds for a key: of what was chosen for its computer, user, groups and everyone the
    /// strictest, within the bounds; what is preset where nobody chose.
    pub fn choose(&self, choices: impl IntoIterator<Item = Escrow>) -> Escrow {
        let strictest = choices.into_iter().max().unwrap_or(self.preset.value);
        let bounds = self.bounds.value;
        let within = bounds.bring_within(strictest);
        let without_password = [Escrow::Unsecured, Escrow::None];
        let mut others = without_password.into_iter();
        if within == Escrow::Secured && self.private_password.value == PrivatePassword::Forbidden {
            // Nothing lost comes before nothing leaked: what the organisation can restore, if that is
            // allowed. Bounds that leave nothing else stay what they are.
            return others
                .find(|other| bounds.includes(*other))
                .unwrap_or(within);
        }
        within
    }
}

impl RetentionPolicy {
    /// Returns the numbers that archives are judged by.
    pub fn terms(&self) -> RetentionTerms {
        RetentionTerms {
            hold_inactive: self.hold_inactive.value,
            hold_blocked: self.hold_blocked.value,
            hold_computer: self.hold_computer.value,
            hold_given_up: self.hold_given_up.value,
            hold_floor: self.hold_floor.value,
            expired_grace: self.expired_grace.value,
            notice: self.notice.value,
        }
    }

    /// Returns what is shorter than it was before: a change that destroys data, which is shown and
    /// confirmed by name (administration 2.6).
    pub fn shortened_since(&self, before: &Self) -> Vec<Shortened> {
        self.terms().shortened_since(&before.terms())
    }
}
