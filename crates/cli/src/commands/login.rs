//! `strongroom login`, `logout` and `whoami`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use strongroom_agent::client::{Pin, ServerAddress, SetUpLink, v1};
use strongroom_agent::server::{self, HeadBehind, Proof, ServerMemory, SignedIn};
use strongroom_agent::service::{self, Ask};

use crate::context::Context;
use crate::failure::Failure;
use crate::secrets;

/// What to do where an organisation requires a second factor, and the account has none.
const SECOND_FACTOR_MISSING: &str = "Your organisation requires a second factor, and your account has none yet. Nothing else can be done \
     before: `strongroom admin second-factor set-up`, then `strongroom admin second-factor confirm CODE`.";

/// Arguments of `login`.
#[derive(Args)]
#[command(
    after_help = "Passwords are asked for on the terminal. None is ever an argument, and none leaves this computer."
)]
pub(crate) struct Arguments {
    /// The server: `https://HOST:PORT`, with `#FINGERPRINT` of its certificate if that is pinned [default: the one remembered]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The name to sign in with [default: the one remembered]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Choose a password by a one-time link, and sign in; - reads the link from the standard input
    #[arg(long, value_name = "LINK", conflicts_with_all = ["server", "user"])]
    setup: Option<String>,
    /// Take the certificate with this SHA-256 fingerprint and no other, from now on
    #[arg(long, value_name = "FINGERPRINT")]
    pin: Option<Pin>,
    /// Read the password from this file; - is the standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Read the code of the authenticator app, or a recovery code, from this file, where the account asks for one
    #[arg(long, value_name = "FILE")]
    code_file: Option<PathBuf>,
    /// Act by the API token in this file, instead of a password
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user", "setup", "password_file"])]
    token_file: Option<PathBuf>,
    /// Choose another password after signing in; all other sessions end
    #[arg(long, conflicts_with_all = ["setup", "token_file"])]
    change_password: bool,
    /// With --change-password: read the new password from this file
    #[arg(long, value_name = "FILE", requires = "change_password")]
    new_password_file: Option<PathBuf>,
}

/// Signs in.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<(), Failure> {
    let memory = context.server_memory()?;
    if let Some(link) = &arguments.setup {
        return by_link(context, &memory, arguments, link);
    }
    let known = memory.remembered()?;
    let address = match (&arguments.server, &known) {
        (Some(server), _) => ServerAddress::parse(server).map_err(Failure::of_server)?,
        (None, Some(known)) => known.address()?,
        (None, None) => {
            let message =
                "name the server with --server, or use the link you were given with --setup";
            return Err(Failure::Usage(message.to_owned()));
        }
    };
    let address = with_pin(address, arguments.pin);
    if let Some(file) = &arguments.token_file {
        let token = secrets::read(file)?;
        let signed_in = trusting(context, address, |address| {
            Ok(server::sign_in_by_token(&memory, address, &token)?)
        })?;
        return report(context, &signed_in);
    }
    let remembered = known.and_then(|known| known.user);
    let user = match arguments.user.clone().or(remembered) {
        Some(user) => user,
        None => secrets::ask_openly("User name: ")?,
    };
    let password = secrets::account_password(arguments.password_file.as_deref(), &user)?;
    let code = || secrets::code(arguments.code_file.as_deref());
    let proof = Proof {
        password: &password,
        code: &code,
    };
    let signed_in = trusting(context, address, |address| {
        Ok(server::sign_in(&memory, address, &user, &proof)?)
    })?;
    if arguments.change_password {
        let new = secrets::new_account_password(arguments.new_password_file.as_deref())?;
        let ended = server::change_password(&memory, &user, &new)?;
        context.output.note(&format!(
            "the password is another one; other sessions that ended: {ended}"
        ));
    }
    report(context, &signed_in)
}

fn by_link(
    context: &Context<'_>,
    memory: &ServerMemory,
    arguments: &Arguments,
    link: &str,
) -> Result<(), Failure> {
    let typed = match link {
        "-" => secrets::read("-".as_ref())?,
        link => strongroom_agent::SecretBytes::new(link.as_bytes().to_vec()),
    };
    let typed = String::from_utf8_lossy(typed.expose_bytes()).into_owned();
    let link = SetUpLink::parse(&typed).map_err(Failure::of_server)?;
    let server = with_pin(link.server.clone(), arguments.pin);
    let secret = link.secret;
    let link = |server| SetUpLink {
        server,
        secret: strongroom_agent::SecretBytes::new(secret.expose_bytes().to_vec()),
    };
    let (user, server) = trusting(context, server, |server| {
        Ok(server::open_link(memory, &link(server))?)
    })?;
    context
        .output
        .note(&format!("choose the password of {user} at {server}"));
    let password = secrets::new_account_password(arguments.password_file.as_deref())?;
    let code = || secrets::code(arguments.code_file.as_deref());
    let proof = Proof {
        password: &password,
        code: &code,
    };
    let signed_in = server::sign_in_by_link(memory, &link(server), &proof)?;
    report(context, &signed_in)
}

fn with_pin(address: ServerAddress, pin: Option<Pin>) -> ServerAddress {
    address.pinned(pin)
}

/// Does something at a server. Where nobody vouches for its certificate, a person is asked; a program is not.
pub(crate) fn trusting<T>(
    context: &Context<'_>,
    address: ServerAddress,
    deed: impl Fn(ServerAddress) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let failure = match deed(address.clone()) {
        Err(failure) => failure,
        done => return done,
    };
    let Some(shown) = failure.unvouched().filter(|_| secrets::can_ask()) else {
        return Err(failure);
    };
    context.output.note(&format!(
        "Nobody vouches for the certificate of {}. Its SHA-256 fingerprint is\n  {shown}\nThe server \
         prints it when it starts. Compare them.",
        address.place()
    ));
    let answer = secrets::ask_openly("Are they the same? Type yes to pin it: ")?;
    if answer.trim() != "yes" {
        return Err(failure);
    }
    deed(address.pinned(Some(shown)))
}

fn report(context: &Context<'_>, signed_in: &SignedIn) -> Result<(), Failure> {
    if context.output.is_json() {
        return context.output.object(&json!({
            "server": signed_in.server,
            "user": signed_in.user,
            "expires": signed_in.expires,
            "second_factor_missing": signed_in.second_factor_missing,
        }));
    }
    let until = signed_in.expires.as_deref();
    let until = until.map_or_else(String::new, |until| {
        format!(", until {} at most", day(until))
    });
    let user = match signed_in.user.as_str() {
        "" => "by a token",
        user => user,
    };
    context
        .output
        .done(&format!("signed in to {}: {user}{until}", signed_in.server))?;
    if signed_in.second_factor_missing {
        context.output.note(SECOND_FACTOR_MISSING);
    }
    Ok(())
}

/// A time of the API without its fractions.
fn day(time: &str) -> String {
    time.split('.')
        .next()
        .unwrap_or(time)
        .trim_end_matches('Z')
        .replace('T', " ")
}

/// Signs out.
pub(crate) fn log_out(context: &Context<'_>) -> Result<(), Failure> {
    let signed_out = server::sign_out(&context.server_memory()?)?;
    if !signed_out.is_told {
        let message = "the server was not reached; the session ends there by itself";
        context.output.warning("", message);
    }
    if context.output.is_json() {
        return context
            .output
            .object(&json!({ "told": signed_out.is_told }));
    }
    context.output.done("signed out")
}

/// Says who is signed in.
pub(crate) fn who_am_i(context: &Context<'_>) -> Result<(), Failure> {
    let memory = context.server_memory()?;
    let (profile, server) = server::who_am_i(&memory)?;
    let computer = memory.remembered()?.and_then(|known| known.computer);
    let checked_in = check_in(context, &memory, computer.is_some());
    if context.output.is_json() {
        let computer = computer.map(|computer| {
            json!({
                "id": computer.id,
                "name": computer.name,
                "epoch": checked_in.as_ref().map(|told| told.epoch),
                "next_check_in_seconds": checked_in.as_ref().map(|told| told.next_seconds),
            })
        });
        return context.output.object(&json!({
            "server": server,
            "user": profile.user,
            "grants": profile.grants,
            "via": profile.via,
            "second_factor_missing": profile.second_factor_missing,
            "computer": computer,
        }));
    }
    let via = match &profile.via {
        v1::SessionOf::Session(_) => "a session",
        v1::SessionOf::Token(_) => "an API token",
        v1::SessionOf::Computer(_) => "the credential of this computer",
    };
    let user = &profile.user;
    let person = user.person.as_deref();
    let person = person.map_or_else(String::new, |person| format!(" ({person})"));
    let output = context.output;
    let line = |text: String| output.line(&crate::output::escaped(&text));
    line(format!("{}{person} at {server}, by {via}", user.name))?;
    let roles = profile
        .grants
        .iter()
        .map(|grant| match &grant.organisation {
            Some(organisation) => format!("{} at {organisation}", grant.role),
            None => grant.role.clone(),
        });
    line(format!("roles: {}", roles.collect::<Vec<_>>().join(", ")))?;
    if profile.second_factor_missing {
        context.output.note(SECOND_FACTOR_MISSING);
    }
    match computer {
        Some(computer) => line(match checked_in {
            Some(_) => format!("this computer: {}, checked in just now", computer.name),
            None => format!("this computer: {}", computer.name),
        }),
        None => line("this computer is not enrolled".to_owned()),
    }
}

/// Checks this computer in, where it is enrolled. That this fails is said, and keeps nobody from learning who they are.
fn check_in(
    context: &Context<'_>,
    memory: &ServerMemory,
    is_enrolled: bool,
) -> Option<v1::CheckedIn> {
    if !is_enrolled {
        return None;
    }
    // Where no service runs, there is nothing to say of it.
    let profile = context.profile_if_any().ok().flatten();
    let ask = |profile| service::ask(profile, Ask::Status).ok().flatten();
    let status = profile.as_ref().and_then(ask);
    let version = env!("CARGO_PKG_VERSION");
    match server::check_in(memory, version, profile.as_ref(), status.as_ref()) {
        Ok(Some(done)) => {
            let behind = done.behind.iter().map(HeadBehind::words);
            for words in done.since.words().into_iter().chain(behind) {
                context.output.warning("", &words);
            }
            Some(done.answer)
        }
        Ok(None) => None,
        Err(error) => {
            let why = strongroom_base::with_causes(&error);
            let message = format!("this computer could not check in: {why}");
            context.output.warning("", &message);
            None
        }
    }
}
