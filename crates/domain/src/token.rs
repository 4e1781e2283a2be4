//! API tokens: narrow, and with an end (administration 3.3, rule 6).
//!
//! A token never does more than its owner may at that moment: [`crate::access::decide`] asks for the
//! owner's right first and for the token's scope then. A scope names its actions one by one; there is
//! none that means everything, and actions that need a fresh sign-in cannot be in one.

use std::collections::BTreeSet;
use std::time::Duration;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{OrganisationId, TokenId, UserId};
use strongroom_base::{Class, Classified};

use crate::access::{Action, Target};
use crate::moment::after;
use crate::organisation::{Organisations, Path};
use crate::session::{Over, ServerEpoch, check_clock, check_epoch};

/// Why there is no such token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The action needs its user in person.
    #[error("no token can be for `{}`", .0.name())]
    InPerson(Action),
    /// It would live longer than the policy allows, or not at all.
    #[error("a token must end, within the time that the policy sets")]
    Lifetime,
}

impl Classified for TokenError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// What a token is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenScope {
    actions: BTreeSet<Action>,
    within: Option<OrganisationId>,
}

impl TokenScope {
    /// Makes a scope of some actions; of none, it is for nothing. With an organisation it is for what lies
    /// there and below, and not for the servers.
    pub fn new(
        actions: impl IntoIterator<Item = Action>,
        within: Option<OrganisationId>,
    ) -> Result<Self, TokenError> {
        let actions: BTreeSet<_> = actions.into_iter().collect();
        match actions.iter().find(|action| !action.is_for_tokens()) {
            Some(action) => Err(TokenError::InPerson(*action)),
            None => Ok(Self { actions, within }),
        }
    }

    /// Returns its actions.
    pub fn actions(&self) -> impl Iterator<Item = Action> + '_ {
        self.actions.iter().copied()
    }

    /// Returns where it is for, if not everywhere that its owner reaches.
    pub fn within(&self) -> Option<OrganisationId> {
        self.within
    }

    /// Tells whether it includes an action on something.
    pub fn includes(
        &self,
        organisations: &dyn Organisations,
        action: Action,
        target: &Target<'_>,
    ) -> bool {
        let is_within = self.within.is_none_or(|top| {
            let path = target.organisation().map(|at| Path::of(organisations, at));
            matches!(path, Some(Ok(path)) if path.is_within(top))
        });
        is_within && self.actions.contains(&action)
    }
}

/// A token: whose, for what, and until when. What proves it is hashed and stored elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Which one.
    pub id: TokenId,
    /// Whose rights it uses.
    pub owner: UserId,
    /// What it is for.
    pub scope: TokenScope,
    /// When it was made.
    pub made: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// When it was last used, as far as that is stored.
    pub last_used: Option<Timestamp>,
    /// In which epoch it was made, or confirmed after a restore of the server.
    pub epoch: ServerEpoch,
    /// When somebody revoked it.
    pub revoked: Option<Timestamp>,
}

/// Who makes a token, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct NewToken {
    /// Which one.
    pub id: TokenId,
    /// Whose rights it uses.
    pub owner: UserId,
    /// How long it is to live.
    pub life: Duration,
    /// How long the policy lets one live.
    pub life_max: Duration,
    /// The epoch of the server.
    pub epoch: ServerEpoch,
}

impl ApiToken {
    /// Makes a token.
    pub fn new(new: NewToken, scope: TokenScope, now: Timestamp) -> Result<Self, TokenError> {
        if new.life.is_zero() || new.life > new.life_max {
            return Err(TokenError::Lifetime);
        }
        Ok(Self {
            id: new.id,
            owner: new.owner,
            scope,
            made: now,
            expires: after(now, new.life),
            last_used: None,
            epoch: new.epoch,
            revoked: None,
        })
    }

    /// Checks whether it may be used. What it may do is another question.
    ///
    /// A restored server does not know what was revoked since its backup, so tokens of an older epoch are
    /// over until their owners confirm them (mission D12).
    pub fn check(&self, epoch: ServerEpoch, now: Timestamp) -> Result<(), Over> {
        if self.revoked.is_some() {
            return Err(Over::Ended);
        }
        check_epoch(self.epoch, epoch)?;
        check_clock(self.last_used.unwrap_or(self.made).max(self.made), now)?;
        if now >= self.expires {
            return Err(Over::Expired);
        }
        Ok(())
    }

    /// Confirms it in the epoch of a restored server; a token that was revoked stays so.
    #[must_use]
    pub fn confirmed(self, epoch: ServerEpoch) -> Self {
        Self { epoch, ..self }
    }

    /// Revokes it; the first time counts.
    #[must_use]
    pub fn revoked(self, now: Timestamp) -> Self {
        Self {
            revoked: self.revoked.or(Some(now)),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::DAY;

    fn token(life: Duration) -> Result<ApiToken, TokenError> {
        let new = NewToken {
            id: TokenId([1; 16]),
            owner: UserId([2; 16]),
            life,
            life_max: DAY * 90,
            epoch: ServerEpoch(1),
        };
        let scope = TokenScope::new([Action::AccountRead], None).unwrap();
        ApiToken::new(new, scope, Timestamp::from_parts(1_000_000, 0))
    }

    #[test]
    fn a_token_ends() {
        assert_eq!(token(Duration::ZERO), Err(TokenError::Lifetime));
        assert_eq!(token(DAY * 91), Err(TokenError::Lifetime));
        let token = token(DAY).unwrap();
        let last = Timestamp(token.expires.0 - 1);
        assert_eq!(token.check(ServerEpoch(1), last), Ok(()));
        assert_eq!(
            token.check(ServerEpoch(1), token.expires),
            Err(Over::Expired)
        );
    }

    #[test]
    fn a_used_token_does_not_outlive_a_clock_set_back() {
        let mut token = token(DAY).unwrap();
        token.last_used = Some(token.expires);
        assert_eq!(
            token.check(ServerEpoch(1), token.made),
            Err(Over::ClockWentBack)
        );
    }

    #[test]
    fn a_restored_server_asks_again() {
        let token = token(DAY).unwrap();
        let now = token.made;
        assert_eq!(token.check(ServerEpoch(2), now), Err(Over::OlderEpoch));
        let revoked = token.clone().revoked(now).confirmed(ServerEpoch(2));
        assert_eq!(revoked.check(ServerEpoch(2), now), Err(Over::Ended));
        let confirmed = token.confirmed(ServerEpoch(2));
        assert_eq!(confirmed.check(ServerEpoch(2), now), Ok(()));
    }

    #[test]
    fn what_needs_a_person_is_for_no_token() {
        for action in [
            Action::CredentialsChange,
            Action::TokenCreate,
            Action::KeyRingManage,
            Action::ConsoleSignIn,
        ] {
            let scope = TokenScope::new([Action::AccountRead, action], None);
            assert_eq!(scope, Err(TokenError::InPerson(action)));
        }
    }
}
