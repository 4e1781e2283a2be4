//! What people do: choose a password by a link, sign in, and enrol. The password is stretched here, as on every device.

use std::net::IpAddr;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use strongroom_base::ids::{from_hex, to_hex};
use strongroom_crypto::opaque::{
    Login, LoginResponse, Registration, RegistrationResponse, Version,
};
use strongroom_crypto::random::SystemRandom;

use crate::wire::{Asked, Connection, text};

/// The password of everybody here: nobody else reaches this server.
const PASSWORD: &[u8] = b"correct horse battery staple";

/// Chooses a password by a one-time link; returns the session that it begins.
pub(crate) async fn set_up(connection: &mut Connection, link: &str) -> Result<String> {
    let secret = link.split('#').next().unwrap_or_default();
    let secret = secret.rsplit('/').next().unwrap_or_default();
    let (registration, request) = Registration::start(PASSWORD, &SystemRandom)?;
    let body = json!({ "link": secret, "request": to_hex(&request.to_bytes()) });
    let started = connection
        .good(&Asked::post("/links/start", "", body))
        .await?;
    let upload = upload(registration, &started).await?;
    let body = json!({ "link": secret, "upload": upload, "program": "load" });
    let begun = connection
        .good(&Asked::post("/links/finish", "", body))
        .await?;
    Ok(text(&begun, "secret")?.to_owned())
}

/// Signs in; returns the session.
pub(crate) async fn sign_in(
    connection: &mut Connection,
    name: &str,
    from: IpAddr,
) -> Result<String> {
    let (login, request) = Login::start(PASSWORD, &SystemRandom)?;
    let body = json!({ "name": name, "request": to_hex(&request.to_bytes()) });
    let start = Asked::post("/sign-in/start", "", body).from(from);
    let started = connection.good(&start).await?;
    let response = from_hex::<320>(text(&started, "response")?).context("the response")?;
    let response = LoginResponse::from_bytes(&response)?;
    let version = version(&started)?;
    let stretching = move || login.finish(PASSWORD, version, response, &SystemRandom);
    let done = tokio::task::spawn_blocking(stretching).await??;
    let message = to_hex(&done.message.to_bytes());
    let attempt = text(&started, "attempt")?;
    let body = json!({ "attempt": attempt, "message": message, "program": "load" });
    let finish = Asked::post("/sign-in/finish", "", body).from(from);
    let begun = connection.good(&finish).await?;
    Ok(text(&begun, "secret")?.to_owned())
}

/// Makes an account with a registration key, and its first computer; returns the computer's credential.
pub(crate) async fn enrol(
    connection: &mut Connection,
    key: &str,
    name: &str,
    from: IpAddr,
) -> Result<String> {
    let (registration, request) = Registration::start(PASSWORD, &SystemRandom)?;
    let request = to_hex(&request.to_bytes());
    let body = json!({ "key": key, "name": name, "request": request });
    let start = Asked::post("/enroll/start", "", body).from(from);
    let started = connection.good(&start).await?;
    let upload = upload(registration, &started).await?;
    let attempt = text(&started, "attempt")?;
    let computer = computer(name);
    let body = json!({
        "attempt": attempt, "key": key, "name": name, "upload": upload, "computer": computer,
    });
    let finish = Asked::post("/enroll/finish", "", body).from(from);
    let enrolled = connection.good(&finish).await?;
    Ok(text(&enrolled, "secret")?.to_owned())
}

/// What a computer says of itself.
pub(crate) fn computer(name: &str) -> Value {
    json!({ "name": name, "operating_system": "Debian 12", "program_version": "0.1.0" })
}

/// The first message of a sign-in, which costs the server as much as that of anybody.
pub(crate) fn first_message() -> Result<String> {
    let (_login, request) = Login::start(PASSWORD, &SystemRandom)?;
    Ok(to_hex(&request.to_bytes()))
}

/// The first message of an enrolment.
pub(crate) fn first_message_of_enrolment() -> Result<String> {
    let (_registration, request) = Registration::start(PASSWORD, &SystemRandom)?;
    Ok(to_hex(&request.to_bytes()))
}

async fn upload(registration: Registration, started: &Value) -> Result<String> {
    let response = from_hex::<64>(text(started, "response")?).context("the response")?;
    let response = RegistrationResponse::from_bytes(&response)?;
    let version = version(started)?;
    let stretching = move || registration.finish(PASSWORD, version, response, &SystemRandom);
    let done = tokio::task::spawn_blocking(stretching).await??;
    Ok(to_hex(&done.upload.to_bytes()))
}

fn version(started: &Value) -> Result<Version> {
    let code = started["version"].as_u64().context("the version")?;
    Ok(Version::from_code(u8::try_from(code)?)?)
}
