//! Second factors over a restore: those of the database that is replaced, sealed by the ring of the one that is restored.

use std::collections::BTreeMap;

use strongroom_crypto::secret::SecretBytes;
use strongroom_custody::ring::Place;
use strongroom_db::replaced_factors::{self, ReplacedFactors};
use strongroom_db::{Reading, Writing};

use crate::app::{App, Fault};

/// What accounts have in the database that is replaced.
#[derive(Default)]
pub(super) struct Factors {
    rows: ReplacedFactors,
    /// The secrets of their apps, by the text of the user's id.
    opened: BTreeMap<String, SecretBytes>,
}

/// Reads it. A secret that does not open is kept as it is: its account asks for a code still, as it did before.
pub(super) async fn read(app: &App, reading: &Reading) -> Result<Factors, Fault> {
    let mut rows = replaced_factors::read(reading).await?;
    let mut opened = BTreeMap::new();
    for (user, value) in rows.secrets() {
        match app.vault.open_value(reading, &place(user), value).await {
            Ok(secret) => {
                opened.insert(user.to_owned(), secret);
            }
            Err(error) => {
                let error = strongroom_base::with_causes(&error);
                tracing::error!(user.id = user, %error, "the secret of an authenticator app does not open, and is kept as it is");
            }
        }
    }
    Ok(Factors { rows, opened })
}

/// Puts it into what was restored; returns how many second factors that were.
pub(super) async fn put(app: &App, writing: &Writing, mut factors: Factors) -> Result<u64, Fault> {
    for (user, value) in factors.rows.secrets() {
        if let Some(secret) = factors.opened.get(user) {
            let (place, bytes) = (place(user), secret.expose_bytes());
            let sealed = app.vault.seal(writing, &place, &*app.random, bytes);
            *value = sealed.await?;
        }
    }
    Ok(factors.rows.put(writing).await?)
}

fn place(user: &str) -> Place {
    Place::new("totp", "secret", user.as_bytes())
}
