//! Passkeys: made, listed, renamed and taken away by their users. What signs in with one is in `sign_in`.

mod add;
mod change;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use strongroom_api::v1;
use strongroom_base::clock::Timestamp;
use strongroom_base::random::RandomSource;
use strongroom_crypto::hash::hash;
use strongroom_custody::passkeys::{CHALLENGE_LEN, ClientData, PasskeySite};
use strongroom_db::Writing;
use strongroom_db::challenges::{self, Challenge};
use strongroom_db::passkeys::{self, Passkey};
use strongroom_domain::moment::elapsed;

use super::words::moment;
use super::{App, Fault, View};

pub use add::{add, start};
pub use change::{remove, rename};

/// How long a browser may take; what it is told, too.
pub(super) const PATIENCE: std::time::Duration = std::time::Duration::from_mins(5);

/// The same in milliseconds.
pub(super) const PATIENCE_MILLISECONDS: u32 = 300_000;

/// What is asked of an authenticator: that it verifies its user.
pub(super) const VERIFIED: &str = "required";

/// What all passkeys are to browsers.
const KIND: &str = "public-key";

/// Returns the passkeys of the user of the path, the oldest first.
pub async fn list(view: &View) -> Result<v1::Page<v1::Passkey>, Fault> {
    let user = view.user()?.account.user;
    let found = passkeys::of_user(&view.reading, user).await?;
    Ok(v1::Page {
        items: found.iter().map(shown).collect(),
        next: None,
    })
}

/// Returns the site that passkeys are for.
pub(super) fn site(app: &App) -> Result<PasskeySite, Fault> {
    let site = PasskeySite::of_address(&app.settings.public_address);
    let detail = "browsers make no passkeys for this server: its `listen.public_address` must begin with https: and have a name";
    site.ok_or_else(|| Fault::refused(detail))
}

/// Draws a challenge, remembers it, and returns it as a browser takes it.
pub(super) async fn challenge(
    writing: &Writing,
    random: &dyn RandomSource,
    new: &Challenge,
) -> Result<String, Fault> {
    let mut challenge = [0; CHALLENGE_LEN];
    random.fill(&mut challenge);
    challenges::add(writing, &hash(&challenge), new).await?;
    Ok(text(&challenge))
}

/// Takes the challenge away that a browser says it was given, if it was given lately.
pub(super) async fn take_challenge(
    writing: &Writing,
    client_data: &ClientData,
    now: Timestamp,
) -> Result<Option<Challenge>, Fault> {
    let found = challenges::take(writing, &hash(client_data.challenge())).await?;
    Ok(found.filter(|found| elapsed(found.made, now) <= PATIENCE))
}

/// Reads what a browser says that it was asked.
pub(super) fn client_data(text: &str) -> Result<ClientData, Fault> {
    const AT: &str = "credential.response.clientDataJSON";
    ClientData::parse(&bytes(AT, text)?).map_err(|error| Fault::invalid(AT, error))
}

/// Reads bytes as browsers write them.
pub(super) fn bytes(at: &'static str, text: &str) -> Result<Vec<u8>, Fault> {
    let bytes = URL_SAFE_NO_PAD.decode(text);
    bytes.map_err(|_none| Fault::invalid(at, "these are no bytes in base64url without padding"))
}

/// Writes bytes as browsers read them.
pub(super) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Names passkeys as their authenticators know them.
pub(super) fn descriptors(known: &[Passkey]) -> Vec<v1::PasskeyDescriptor> {
    let descriptor = |passkey: &Passkey| v1::PasskeyDescriptor {
        kind: KIND.to_owned(),
        id: text(&passkey.credential_id),
    };
    known.iter().map(descriptor).collect()
}

fn shown(passkey: &Passkey) -> v1::Passkey {
    v1::Passkey {
        id: passkey.id.to_string(),
        user: passkey.user.to_string(),
        name: passkey.name.as_str().to_owned(),
        may_be_copied: passkey.may_be_copied,
        made: moment(passkey.made),
        last_used: passkey.last_used.map(moment),
        after_password_since: passkey.after_password.map(moment),
    }
}
