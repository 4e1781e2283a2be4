//! What may help with a server.

use strongroom_agent::client::ClientError;
use strongroom_agent::server::ServerError;

/// Returns what may help.
pub(super) fn of(error: &ServerError) -> Option<String> {
    let hint = match error {
        ServerError::Client(error) => return of_client(error),
        ServerError::CodeNeeded => {
            "give it with --code-file, or sign in on a terminal; a recovery code does as well"
        }
        ServerError::NotSignedIn => {
            "sign in with `strongroom login --server https://HOST:PORT --user NAME`"
        }
        ServerError::WeakPassword(_) => {
            "take a longer one, such as five words that have nothing to do with each other"
        }
        ServerError::OtherServer { .. } => "name another folder with --profile for another server",
        ServerError::OtherPin { .. } => {
            "if the server has a new certificate, compare its fingerprint with what the server prints when it starts; then remove `certificate` from server.toml in the profile"
        }
        ServerError::EnrolledAlready { .. } => {
            "there is nothing to do; to enrol it anew, revoke it first: `strongroom admin computer revoke NAME`"
        }
        ServerError::NoRegistrationKey => {
            "give the whole strongroom://HOST/KEY, or --registration-key-file"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn of_client(error: &ClientError) -> Option<String> {
    let hint = match error {
        ClientError::Unvouched { shown, .. } => {
            return Some(format!(
                "compare it with what the server prints when it starts; if it is the same, add --pin {shown}"
            ));
        }
        ClientError::OtherCertificate { .. } => {
            "nothing was sent. Somebody may be in between, or the server has a new certificate: ask who runs it"
        }
        ClientError::Unreachable { .. } => "is the server running, and is the address right?",
        ClientError::SecretLost { .. } => "make another one, and take this one back",
        ClientError::SignIn(_) => WRONG_PASSWORD,
        ClientError::OtherOrganisationKey { .. } => {
            "nothing was made. Ask your administrator which fingerprint is the right one"
        }
        ClientError::Refused {
            problem,
            retry_after,
        } => {
            return of_problem(
                error.kind().unwrap_or_default(),
                problem.status,
                *retry_after,
            );
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

const WRONG_PASSWORD: &str = "mind upper and lower case and the layout of the keyboard; an administrator can make a link with which you choose a new one";

fn of_problem(kind: &str, status: u16, retry_after: Option<u64>) -> Option<String> {
    let hint = match kind {
        "not-signed-in" => {
            "the session is over, or the credential of this computer was revoked: `strongroom login`, or enrol it anew"
        }
        "wrong-password" => WRONG_PASSWORD,
        "sign-in-again" => "`strongroom login`, and again what you wanted",
        "second-factor-missing" => {
            "`strongroom admin second-factor set-up`, then `strongroom admin second-factor confirm CODE`; sign in again first if that was more than ten minutes ago"
        }
        "second-factor-not-shown" => {
            "`strongroom login`, with the second factor, and again what you wanted"
        }
        "changed-since" => "somebody else changed it: look at it again before you do",
        "link-not-good" => "a link is good once and not for long: ask for a new one",
        "key-not-good" => {
            "ask for a new one; whoever administers the organisation finds why in `strongroom admin registration show` and in the audit log"
        }
        "not-found" => "what you may not see is not found either",
        "forbidden" => "`strongroom whoami` shows your roles",
        "unavailable" => "try again in a while",
        "disk-full" => "who runs the server must make room on its disk; it goes on by itself then",
        "too-many" => match retry_after {
            Some(seconds) => return Some(format!("try again in {seconds} seconds")),
            None => "try again in a while",
        },
        _ if status >= 500 => "the log of the server has more, under the number of the request",
        _ => return None,
    };
    Some(hint.to_owned())
}
