//! Secrets from files, the standard input and the terminal; never from arguments, which everybody on a
//! computer can see.

use std::fs::{File, Metadata};
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use strongroom_agent::custody::account_password::AccountPassword;
use strongroom_agent::custody::password::PrivatePassword;
use strongroom_agent::{AgentError, SecretBytes};

use crate::failure::Failure;

/// The permissions that nobody but the owner may have.
const OTHERS: u32 = 0o077;
/// Longest secret that is read, in bytes.
const LEN_MAX: u64 = 4_096;

/// Reads a private password that opens something: from a file, or from the terminal where none is named.
pub(crate) fn password_to_open(file: Option<&Path>) -> Result<PrivatePassword, Failure> {
    let bytes = match file {
        Some(file) => read_private(file)?,
        None => ask("Private password: ")?,
    };
    Ok(PrivatePassword::to_open(bytes.expose_bytes())?)
}

/// Reads a private password that is to guard something, twice from a terminal.
pub(crate) fn password_to_guard(file: Option<&Path>) -> Result<PrivatePassword, Failure> {
    let Some(file) = file else {
        let first = ask("New private password: ")?;
        let password = PrivatePassword::to_guard(first.expose_bytes())?;
        let second = ask("The same again: ")?;
        if first.expose_bytes() != second.expose_bytes() {
            return Err(Failure::Usage(
                "the two passwords are not the same".to_owned(),
            ));
        }
        return Ok(password);
    };
    Ok(PrivatePassword::to_guard(
        read_private(file)?.expose_bytes(),
    )?)
}

/// Reads words from a file, which only its owner may read, or from the terminal where none is named.
pub(crate) fn words(file: Option<&Path>) -> Result<SecretBytes, Failure> {
    match file {
        Some(file) => read_private(file),
        None => ask("The 24 words: "),
    }
}

/// Reads the password of an account: from a file, or from the terminal where none is named.
pub(crate) fn account_password(
    file: Option<&Path>,
    user: &str,
) -> Result<AccountPassword, Failure> {
    let bytes = match file {
        Some(file) => read(file)?,
        None => ask(&format!("Password of {user}: "))?,
    };
    Ok(AccountPassword::from_typed(bytes.expose_bytes())?)
}

/// Reads a new password of an account, twice from a terminal.
pub(crate) fn new_account_password(file: Option<&Path>) -> Result<AccountPassword, Failure> {
    let Some(file) = file else {
        let first = ask("New password: ")?;
        let password = AccountPassword::from_typed(first.expose_bytes())?;
        let second = ask("The same again: ")?;
        if first.expose_bytes() != second.expose_bytes() {
            return Err(Failure::Usage(
                "the two passwords are not the same".to_owned(),
            ));
        }
        return Ok(password);
    };
    Ok(AccountPassword::from_typed(read(file)?.expose_bytes())?)
}

/// Reads a code of an authenticator app: from a file, or from the terminal where none is named; `None` where there is neither.
pub(crate) fn code(file: Option<&Path>) -> Option<String> {
    let bytes = match file {
        Some(file) => read(file),
        None => ask("Code of the authenticator app: "),
    };
    let text = String::from_utf8_lossy(bytes.ok()?.expose_bytes()).into_owned();
    Some(text.trim().to_owned())
}

/// Asks for a registration key.
pub(crate) fn registration_key() -> Result<SecretBytes, Failure> {
    ask("Registration key: ")
}

/// Asks for something that is no secret.
pub(crate) fn ask_openly(prompt: &str) -> Result<String, Failure> {
    if !can_ask() {
        let message = format!(
            "there is no terminal to ask on: {}",
            prompt.trim_end_matches([':', ' ']).to_lowercase()
        );
        return Err(Failure::Usage(message));
    }
    let mut error = io::stderr();
    let asked = write!(error, "{prompt}").and_then(|()| error.flush());
    asked.map_err(Failure::Terminal)?;
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(Failure::Terminal)?;
    Ok(answer.trim().to_owned())
}

/// Says whether a person can be asked.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// Reads a small file; `-` is the standard input.
pub(crate) fn read(file: &Path) -> Result<SecretBytes, Failure> {
    read_at_most(file, LEN_MAX)
}

/// As [`read`]; a file that others may read is refused.
fn read_private(file: &Path) -> Result<SecretBytes, Failure> {
    let metadata = std::fs::metadata(file);
    let is_exposed = |found: &Metadata| found.is_file() && found.mode() & OTHERS != 0;
    if file != Path::new("-") && metadata.as_ref().is_ok_and(is_exposed) {
        let path = file.display().to_string();
        return Err(AgentError::KeyExposed { path }.into());
    }
    read(file)
}

/// Reads a file of at most this length; `-` is the standard input.
pub(crate) fn read_at_most(file: &Path, len_max: u64) -> Result<SecretBytes, Failure> {
    let failed = |source| Failure::Input {
        path: file.to_owned(),
        source,
    };
    let mut bytes = Vec::with_capacity(8_192);
    let mut input: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).map_err(failed)?)
    };
    let mut limited = (&mut input).take(len_max + 1);
    limited.read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > len_max {
        return Err(failed(io::Error::other("the file is too long to be one")));
    }
    Ok(SecretBytes::new(bytes))
}

fn ask(prompt: &str) -> Result<SecretBytes, Failure> {
    if !can_ask() {
        let message = "there is no terminal to ask on; name a file, or - for the standard input";
        return Err(Failure::Usage(message.to_owned()));
    }
    let answer = rpassword::prompt_password(prompt).map_err(Failure::Terminal)?;
    Ok(SecretBytes::new(answer.into_bytes()))
}
