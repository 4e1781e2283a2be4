//! Second factors: an authenticator app, passkeys, and recovery codes for when they are lost.

mod add;
mod remove;

use strongroom_api::v1;
use strongroom_base::ids::UserId;
use strongroom_crypto::secret::Secret;
use strongroom_crypto::totp::{Step, TOTP_SECRET_LEN, TotpSecret};
use strongroom_custody::codes::RecoveryCode;
use strongroom_db::second_factors::{self, Authenticator};
use strongroom_db::{Reading, Writing, passkeys};

use super::words::moment;
use super::{App, Fault, View};
use crate::vault::{VaultError, totp_place};

pub(super) use add::added;
pub use add::{confirm, make_codes, start};
pub(super) use remove::taken;
pub use remove::{Taken, remove, remove_beside, remove_own};

/// Says what the user of the path has.
pub async fn show(view: &View) -> Result<v1::SecondFactor, Fault> {
    shown(&view.reading, view.user()?.account.user).await
}

/// Tells whether an account asks for a second factor.
pub(super) async fn is_asked_for(reading: &Reading, user: UserId) -> Result<bool, Fault> {
    let found = second_factors::find(reading, user).await?;
    let has_app = found.is_some_and(|found| found.confirmed.is_some());
    Ok(has_app || passkeys::count_of(reading, user).await? > 0)
}

/// Takes a code, which is never taken again, and says what it was; `None` for one that does not count.
pub(super) async fn accept(
    app: &App,
    writing: &Writing,
    user: UserId,
    typed: &str,
) -> Result<Option<&'static str>, Fault> {
    let found = second_factors::find(writing, user).await?;
    if let Some(found) = found.filter(|found| found.confirmed.is_some()) {
        let secret = secret(app, writing, user, &found).await?;
        let last = found.last_step.map(Step);
        if let Ok(Step(step)) = secret.accept(typed, app.now(), last) {
            second_factors::set_step(writing, user, step).await?;
            return Ok(Some("authenticator"));
        }
    }
    let Ok(code) = RecoveryCode::from_typed(typed) else {
        return Ok(None);
    };
    let taken = second_factors::take_code(writing, user, &code.hash(&user).0).await?;
    Ok(taken.then_some("recovery code"))
}

async fn shown(reading: &Reading, user: UserId) -> Result<v1::SecondFactor, Fault> {
    let found = second_factors::find(reading, user).await?;
    Ok(v1::SecondFactor {
        authenticator: found.and_then(|found| found.confirmed).map(moment),
        recovery_codes: second_factors::count_codes(reading, user).await?,
        passkeys: passkeys::count_of(reading, user).await?,
    })
}

async fn secret(
    app: &App,
    reading: &Reading,
    user: UserId,
    found: &Authenticator,
) -> Result<TotpSecret, Fault> {
    let place = totp_place(user);
    let opened = app.vault.open_value(reading, &place, &found.secret).await?;
    let bytes: Result<[u8; TOTP_SECRET_LEN], _> = opened.expose_bytes().try_into();
    let bytes = bytes.map_err(|_length| VaultError::Unreadable("the secret of an app"))?;
    Ok(TotpSecret::from_bytes(Secret::new(bytes)))
}
