//! What follows when the standing of an account changes.

use strongroom_base::clock::Timestamp;

use super::state::{SignIn, Standing};
use crate::archive::ColdCause;

/// Something that is to be done in the transaction that stores a changed standing, or by a job that it
/// enqueues. Each may be done twice with the effect of once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// End every session (identity 8.5: to disable an account ends all of them).
    EndSessions,
    /// Revoke every API token.
    RevokeTokens,
    /// Void every one-time link, so that no invitation brings the account back (identity 5.1).
    VoidLinks,
    /// Take no backups and no restores from its computers any more.
    StopComputers,
    /// Take backups from its computers again; what they had stored is still there.
    StartComputers,
    /// Every archive of the account is cold, for this reason; the retention clock runs since then.
    ArchivesCold {
        /// Why, which decides how long they are kept.
        cause: ColdCause,
        /// When the clock began.
        since: Timestamp,
    },
    /// Every archive that is not purged yet is active again, unless something else keeps it cold.
    ArchivesActive,
}

/// Says what follows when an account that stood like `before` stands like `after`.
///
/// It is the same whether the account or an organisation above it was changed, or the account was moved.
pub fn effects(before: Standing, after: Standing) -> Vec<Effect> {
    let mut effects = Vec::new();
    let is_shut_out = before.may_sign_in() && !after.may_sign_in();
    let is_shut =
        before.may_reactivate_itself() && !after.may_reactivate_itself() && !after.may_sign_in();
    if is_shut_out {
        effects.extend([Effect::EndSessions, Effect::RevokeTokens]);
    }
    if is_shut_out || is_shut {
        effects.push(Effect::VoidLinks);
    }
    match (before.may_back_up(), after.may_back_up()) {
        (true, false) => effects.push(Effect::StopComputers),
        (false, true) => effects.extend([Effect::StartComputers, Effect::ArchivesActive]),
        (true, true) | (false, false) => {}
    }
    if let Some(cold) = cold(after)
        && Some(cold) != self::cold(before)
    {
        let (cause, since) = cold;
        effects.push(Effect::ArchivesCold { cause, since });
    }
    effects
}

fn cold(standing: Standing) -> Option<(ColdCause, Timestamp)> {
    match standing {
        Standing::Active {
            sign_in: SignIn::Open | SignIn::Suspended { .. },
        } => None,
        Standing::Inactive { since, .. } => Some((ColdCause::Inactive, since)),
        Standing::Blocked { since, .. } => Some((ColdCause::Blocked, since)),
    }
}
