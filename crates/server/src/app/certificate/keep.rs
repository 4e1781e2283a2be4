//! What opens something: the key of the certificate, and the account at the authority. Both are values of the key ring.

use std::collections::BTreeMap;

use instant_acme::AccountCredentials;
use rcgen::KeyPair;
use serde::{Deserialize, Serialize};
use strongroom_db::certificates::{self, Stored};
use strongroom_db::{Reading, Writing, secrets};
use zeroize::Zeroizing;

use super::CertificateError;
use crate::app::{App, Fault, system};

const KEY: &str = "acme.key";
const ACCOUNT: &str = "acme.account";

/// An account at an authority.
#[derive(Serialize, Deserialize)]
struct Account {
    directory: String,
    credentials: AccountCredentials,
}

/// Returns the key of the certificate (PEM), which is made where there is none. It stays over renewals: clients may pin it.
pub async fn key(app: &App) -> Result<Zeroizing<String>, Fault> {
    if let Some(key) = find(app, &app.database.read().await?, KEY).await? {
        return Ok(key);
    }
    let writing = app.database.write().await?;
    // Another node may have made one meanwhile.
    if let Some(key) = find(app, &writing, KEY).await? {
        return Ok(key);
    }
    let key = make(app, &writing).await?;
    writing.commit().await?;
    Ok(key)
}

/// Makes another key, and forgets the certificate for the one before: the next is ordered at once.
pub async fn new_key(app: &App) -> Result<Zeroizing<String>, Fault> {
    let writing = app.database.write().await?;
    let key = make(app, &writing).await?;
    certificates::store(&writing, &Stored::default()).await?;
    system::record(
        app,
        &writing,
        "server.certificate-key-changed",
        BTreeMap::new(),
    )
    .await?;
    writing.commit().await?;
    Ok(key)
}

async fn make(app: &App, writing: &Writing) -> Result<Zeroizing<String>, Fault> {
    let pair = KeyPair::generate();
    let pair = pair.map_err(|_never| Fault::Program("a key could not be made"))?;
    let key = Zeroizing::new(pair.serialize_pem());
    store(app, writing, KEY, key.as_bytes()).await?;
    Ok(key)
}

/// Returns the credentials of the account at an authority; `None` where there is none, or where those of before do not open.
pub(super) async fn account(
    app: &App,
    directory: &str,
) -> Result<Option<AccountCredentials>, CertificateError> {
    let found = find(app, &app.database.read().await?, ACCOUNT).await;
    let text = match found {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(None),
        Err(Fault::Vault(error)) => {
            // An account is made in a moment, and the one before orders nothing any more.
            tracing::warn!(%error, "the account at the authority does not open; another one is made");
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let account: Account = serde_json::from_str(&text)
        .map_err(|_damaged| Fault::Program("the account at the authority is damaged"))?;
    Ok((account.directory == directory).then_some(account.credentials))
}

/// Stores the credentials of a new account.
pub(super) async fn set_account(
    app: &App,
    directory: &str,
    credentials: AccountCredentials,
) -> Result<(), CertificateError> {
    let account = Account {
        directory: directory.to_owned(),
        credentials,
    };
    let text = serde_json::to_vec(&account);
    let text = text.map_err(|_never| Fault::Program("an account is no JSON"))?;
    let text = Zeroizing::new(text);
    let writing = app.database.write().await?;
    store(app, &writing, ACCOUNT, &text).await?;
    writing.commit().await?;
    Ok(())
}

async fn find(
    app: &App,
    reading: &Reading,
    name: &str,
) -> Result<Option<Zeroizing<String>>, Fault> {
    let Some(value) = secrets::find(reading, name).await? else {
        return Ok(None);
    };
    let place = secrets::place(name);
    let opened = app.vault.open_value(reading, &place, &value).await?;
    let text = std::str::from_utf8(opened.expose_bytes());
    let text = text.map_err(|_damaged| Fault::Program("a secret is no text"))?;
    Ok(Some(Zeroizing::new(text.to_owned())))
}

async fn store(app: &App, writing: &Writing, name: &str, secret: &[u8]) -> Result<(), Fault> {
    let place = secrets::place(name);
    let value = app
        .vault
        .seal(writing, &place, &*app.random, secret)
        .await?;
    secrets::store(writing, name, &value).await?;
    Ok(())
}
