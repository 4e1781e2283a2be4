//! What follows when the standing of an account has changed.

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::UserId;
use strongroom_db::{Writing, links, sessions, tokens};
use strongroom_domain::account::Effect;

use super::Fault;

/// Carries out what follows for one account.
///
/// Computers need nothing: whether theirs is good is asked with each request, by the standing of the account. The
/// server keeps no archives yet that could become cold.
pub(super) async fn carry_out(
    writing: &Writing,
    user: UserId,
    effects: &[Effect],
    now: Timestamp,
) -> Result<(), Fault> {
    for effect in effects {
        match effect {
            Effect::EndSessions => {
                sessions::end_all(writing, user, None, now).await?;
            }
            Effect::RevokeTokens => {
                tokens::revoke_all(writing, user, now).await?;
            }
            Effect::VoidLinks => {
                links::void_all(writing, user, now).await?;
            }
            Effect::StopComputers
            | Effect::StartComputers
            | Effect::ArchivesCold { .. }
            | Effect::ArchivesActive => {}
        }
    }
    Ok(())
}
