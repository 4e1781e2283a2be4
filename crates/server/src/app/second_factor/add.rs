//! Setting up an authenticator app, and drawing recovery codes.

use strongroom_api::v1;
use strongroom_crypto::totp::{Step, TotpSecret};
use strongroom_custody::codes::RecoveryCode;
use strongroom_db::second_factors::{self, Authenticator};
use strongroom_db::sessions;
use strongroom_domain::account::Origin;

use super::secret;
use crate::app::audit::Event;
use crate::app::{Deed, Fault};
use crate::vault::totp_place;

/// Who an app says that the code is for.
const ISSUER: &str = "Strongroom";

/// Draws a secret for an app of the caller. It counts from the first code on that shows that the app has it.
pub async fn start(deed: &mut Deed) -> Result<v1::NewAuthenticator, Fault> {
    let user = deed.user()?;
    let id = user.account.user;
    if user.account.origin == Origin::External {
        let detail = "the account lives in a directory, and signs in by it";
        return Err(Fault::refused(detail));
    }
    let before = second_factors::find(&deed.writing, id).await?;
    if before.is_some_and(|before| before.confirmed.is_some()) {
        let detail = "the account has an authenticator app: remove it first";
        return Err(Fault::refused(detail));
    }
    let random = &*deed.app.random;
    let secret = TotpSecret::random(random);
    let vault = &deed.app.vault;
    let (bytes, place) = (secret.expose_bytes(), totp_place(id));
    let sealed = vault.seal(&deed.writing, &place, random, bytes);
    let authenticator = Authenticator {
        secret: sealed.await?,
        last_step: None,
        confirmed: None,
        made: deed.now,
    };
    second_factors::store(&deed.writing, id, &authenticator).await?;
    deed.record(Event::of_user("user.authenticator-started", &user))
        .await?;
    Ok(v1::NewAuthenticator {
        app: Some(v1::AuthenticatorSecret {
            secret: secret.expose_base32().to_string(),
            uri: secret.expose_uri(ISSUER, user.name.as_str()).to_string(),
        }),
    })
}

/// Asks for codes of the app from now on, if this is one, and draws recovery codes.
pub async fn confirm(
    deed: &mut Deed,
    request: v1::ConfirmAuthenticator,
) -> Result<v1::RecoveryCodes, Fault> {
    let user = deed.user()?;
    let id = user.account.user;
    let found = second_factors::find(&deed.writing, id).await?;
    let found = found.filter(|found| found.confirmed.is_none());
    let found = found.ok_or_else(|| Fault::refused("no authenticator app waits for a code"))?;
    let secret = secret(&deed.app, &deed.writing, id, &found).await?;
    let Step(step) = secret
        .accept(&request.code, deed.now, None)
        .map_err(Fault::refused)?;
    let confirmed = Authenticator {
        last_step: Some(step),
        confirmed: Some(deed.now),
        ..found
    };
    second_factors::store(&deed.writing, id, &confirmed).await?;
    shown_in_session(deed).await?;
    let codes = draw(deed).await?;
    deed.record(Event::of_user("user.authenticator-added", &user))
        .await?;
    Ok(codes)
}

/// Draws recovery codes in the place of all that the caller had.
pub async fn make_codes(deed: &mut Deed) -> Result<v1::RecoveryCodes, Fault> {
    let user = deed.user()?;
    if !super::is_asked_for(&deed.writing, user.account.user).await? {
        let detail = "the account has no second factor that codes could stand in for";
        return Err(Fault::refused(detail));
    }
    let codes = draw(deed).await?;
    deed.record(Event::of_user("user.recovery-codes-made", &user))
        .await?;
    Ok(codes)
}

/// Completes what was begun when another second factor was set up: returns recovery codes, where the account had none.
pub(crate) async fn added(deed: &Deed) -> Result<Option<Vec<String>>, Fault> {
    shown_in_session(deed).await?;
    let id = deed.user()?.account.user;
    if second_factors::count_codes(&deed.writing, id).await? > 0 {
        return Ok(None);
    }
    Ok(draw(deed).await?.codes)
}

/// The session in which a second factor is set up is one that showed it.
async fn shown_in_session(deed: &Deed) -> Result<(), Fault> {
    if let Some(session) = deed.caller.session() {
        sessions::second_factor_shown(&deed.writing, session.id, deed.now).await?;
    }
    Ok(())
}

async fn draw(deed: &Deed) -> Result<v1::RecoveryCodes, Fault> {
    let id = deed.user()?.account.user;
    let codes = RecoveryCode::draw(&*deed.app.random);
    let hashes = codes.each_ref().map(|code| code.hash(&id).0);
    second_factors::store_codes(&deed.writing, id, &hashes).await?;
    let texts = codes.iter().map(|code| {
        let text = code.expose_text();
        String::from_utf8_lossy(text.expose_bytes()).into_owned()
    });
    Ok(v1::RecoveryCodes {
        codes: Some(texts.collect()),
    })
}
