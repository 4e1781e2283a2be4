//! `strongroom enroll`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use strongroom_agent::SecretBytes;
use strongroom_agent::client::{Enrolment, Pin, v1};
use strongroom_agent::server::{self, EnrolRequest, Enrolled, Proof};
use strongroom_agent::service::{self, Ask};

use crate::commands::login::trusting;
use crate::context::Context;
use crate::failure::Failure;
use crate::secrets;

/// Arguments of `enroll`.
#[derive(Args)]
#[command(
    after_help = "Where there is no account of this name, one is made; where there is one, its password is asked for.\n\
                  With the host alone the registration key is asked for."
)]
pub(crate) struct Arguments {
    /// What you were given: `strongroom://HOST/XXXX-XXXX-XXXX-XXXX#FINGERPRINT`, or the host alone
    enrolment: String,
    /// Read the registration key from this file; - is the standard input
    #[arg(long, value_name = "FILE")]
    registration_key_file: Option<PathBuf>,
    /// The name to sign in with; it is asked for where it is not given
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Read the password of the account from this file; - is the standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Read the code of the authenticator app, or a recovery code, from this file, where the account asks for one
    #[arg(long, value_name = "FILE")]
    code_file: Option<PathBuf>,
    /// What this computer is to be called [default: its host name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Take the certificate with this SHA-256 fingerprint and no other, from now on
    #[arg(long, value_name = "FINGERPRINT")]
    pin: Option<Pin>,
}

/// Enrols this computer.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<(), Failure> {
    let memory = context.server_memory()?;
    let mut enrolment = Enrolment::parse(&arguments.enrolment).map_err(Failure::of_server)?;
    if let Some(file) = &arguments.registration_key_file {
        enrolment.key = Some(secrets::read(file)?);
    }
    if enrolment.key.is_none() {
        enrolment.key = Some(secrets::registration_key()?);
    }
    let user = match &arguments.user {
        Some(user) => user.clone(),
        None => secrets::ask_openly("User name: ")?,
    };
    let password = secrets::account_password(arguments.password_file.as_deref(), &user)?;
    let host = || String::from_utf8_lossy(context.environment.host()).into_owned();
    let computer = v1::NewComputer {
        name: arguments.name.clone().unwrap_or_else(host),
        operating_system: context.environment.operating_system().to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let code = || secrets::code(arguments.code_file.as_deref());
    let address = enrolment.server.clone().pinned(arguments.pin);
    let enrolled = trusting(context, address, |server| {
        let key = enrolment.key.as_ref();
        let enrolment = Enrolment {
            server,
            key: key.map(|key| SecretBytes::new(key.expose_bytes().to_vec())),
            organisation_key: enrolment.organisation_key,
        };
        let request = EnrolRequest {
            enrolment: &enrolment,
            user: &user,
            proof: Proof {
                password: &password,
                code: &code,
            },
            computer: computer.clone(),
        };
        Ok(server::enrol(&memory, &request)?)
    })?;
    // A service that runs checks in at once. That none can be asked is no failure of the enrolment.
    let profile = context.profile_if_any().ok().flatten();
    let _ = profile.map(|profile| service::ask(&profile, Ask::Settings));
    report(context, &enrolled)
}

fn report(context: &Context<'_>, enrolled: &Enrolled) -> Result<(), Failure> {
    let computer = &enrolled.computer;
    let output = context.output;
    if output.is_json() {
        return output.object(&json!({
            "server": enrolled.server.to_string(),
            "certificate": enrolled.server.pin.map(|pin| pin.to_string()),
            "user": enrolled.user,
            "account_made": enrolled.is_new,
            "computer": { "id": computer.id, "name": computer.name },
            "organisation": computer.organisation,
            "organisation_key": computer.organisation_key,
            "organisation_key_verified": computer.organisation_key_verified,
        }));
    }
    let account = if enrolled.is_new {
        format!("the account {} was made", enrolled.user)
    } else {
        format!("the account {} was there", enrolled.user)
    };
    output.done(&format!(
        "this computer is enrolled at {} as {}; {account}",
        enrolled.server, computer.name
    ))?;
    match enrolled.server.pin {
        Some(pin) => output.note(&format!("the certificate of the server is pinned: {pin}")),
        None => output.note("the certificate of the server is one that this system vouches for"),
    }
    match (&computer.organisation_key, computer.organisation_key_verified) {
        (None, _) => {}
        (Some(key), true) => output.note(&format!("the organisation's key is the one named: {key}")),
        (Some(key), false) => output.note(&format!(
            "the organisation's key is unverified; compare it with what your administrator has: {key}"
        )),
    }
    Ok(())
}
