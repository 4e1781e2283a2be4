//! The second step of a sign-in: a code of the authenticator app, or a recovery code.

use std::time::Duration;

use strongroom_api::v1;
use strongroom_base::ids::from_hex;
use strongroom_crypto::hash::hash;
use strongroom_db::second_factors::{self, Waiting};
use strongroom_domain::moment::elapsed;

use super::Stranger;
use super::finish::refuse;
use super::session::{begin_session, standing};
use crate::app::throttle::Door;
use crate::app::{Fault, second_factor};

/// How long a second factor may be waited for.
pub(super) const WAITING_MAX: Duration = Duration::from_mins(5);

/// How many codes may be wrong before the password is asked for again.
pub(super) const TRIES_MAX: u32 = 3;

/// Begins a session, if the code is one that counts. Each code is taken once, in the transaction that begins the
/// session.
pub async fn finish_second_factor(
    stranger: &Stranger,
    request: v1::FinishSecondFactor,
) -> Result<v1::SignedIn, Fault> {
    let app = &stranger.app;
    let id = from_hex::<32>(&request.attempt)
        .ok_or_else(|| Fault::invalid("attempt", "this is no attempt"))?;
    let id_hash = hash(&id);
    let writing = app.database.write().await?;
    let pending = second_factors::take_waiting(&writing, &id_hash).await?;
    let pending = pending.ok_or(Fault::WrongPassword)?;
    if elapsed(pending.made, app.now()) > WAITING_MAX {
        writing.commit().await?;
        return Err(Fault::WrongPassword);
    }
    let id = pending.user;
    let Some(factor) = second_factor::accept(app, &writing, id, &request.code).await? else {
        let tries = pending.tries + 1;
        if tries < TRIES_MAX {
            let pending = Waiting { tries, ..pending };
            second_factors::add_waiting(&writing, &id_hash, &pending).await?;
        }
        refuse(stranger, &writing, id, "code", None).await?;
        writing.commit().await?;
        return Err(Fault::WrongCode);
    };
    let welcome = standing(&writing, id).await?;
    let program = &pending.program;
    let signed_in = begin_session(stranger, &writing, &welcome, program, Some(factor)).await?;
    writing.commit().await?;
    stranger.pay_back(&Door::Account(id)).await;
    Ok(signed_in)
}
