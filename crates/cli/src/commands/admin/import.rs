//! `strongroom admin user import`

use std::path::PathBuf;

use clap::ArgMatches;
use serde::Deserialize;
use serde_json::{Value, json};
use strongroom_agent::client::{Client, endpoints, v1};

use super::formula::meant;
use super::grammar::DRY_RUN;
use super::names::Names;
use super::table::Sort;
use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::secrets;

/// How many are sent at once.
const PART: usize = 500;
/// Longest file, in bytes.
const LEN_MAX: u64 = 64 << 20;

/// A user as a line of a file has it. What else stands there, as lists of users have it, is left alone.
#[derive(Deserialize)]
struct Row {
    name: String,
    #[serde(default)]
    person: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

/// Makes the users of a file.
pub(super) fn run(context: &Context<'_>, matches: &ArgMatches) -> Result<Outcome, Failure> {
    let file = matches.get_one::<PathBuf>("file").cloned();
    let file = file.unwrap_or_else(|| "-".into());
    // Read before anything is made: a mistake in the last line makes nobody.
    let bytes = secrets::read_at_most(&file, LEN_MAX)?;
    let users = parse(bytes.expose_bytes())?;
    if users.is_empty() {
        return Err(Failure::Named("there is nobody in it".to_owned()));
    }
    let client = context.server_memory()?.client()?;
    let organisation = matches.get_one::<String>("organisation");
    let organisation = organisation.map_or("", String::as_str);
    let organisation = Names::new(&client).id(Sort::Organisation, organisation)?;
    let is_dry = matches.get_flag(DRY_RUN);
    let mut sum = (0_u64, 0_u64);
    for part in users.chunks(PART) {
        let outcome = send(&client, &organisation, part, is_dry).inspect_err(|_failed| {
            if sum.0 > 0 {
                let text = format!("{} users were made before this failed", sum.0);
                context.output.warning("", &text);
            }
        })?;
        sum.0 += u64::from(outcome.made);
        sum.1 += u64::from(outcome.failed);
        report(context, &outcome)?;
    }
    end(context, sum, is_dry)
}

fn send(
    client: &Client,
    organisation: &str,
    users: &[v1::NewUser],
    is_dry: bool,
) -> Result<v1::ImportOutcome, Failure> {
    let body = v1::ImportUsers {
        users: users.to_vec(),
    };
    let mut request = endpoints::USER_IMPORT
        .request(&[organisation])
        .body(&body)?;
    if is_dry {
        request = request.dry_run();
    }
    let reply = client.send(&request)?;
    serde_json::from_value(reply.body).map_err(|source| Failure::Import {
        at: "the answer".to_owned(),
        source: source.into(),
    })
}

fn report(context: &Context<'_>, outcome: &v1::ImportOutcome) -> Result<(), Failure> {
    for user in &outcome.users {
        if context.output.is_json() {
            let object = json!({ "name": user.name, "id": user.id, "problem": user.problem });
            context.output.object(&object)?;
        } else if let Some(problem) = &user.problem {
            context.output.warning(&user.name, problem);
        }
    }
    Ok(())
}

fn end(context: &Context<'_>, sum: (u64, u64), is_dry: bool) -> Result<Outcome, Failure> {
    let (made, failed) = sum;
    if context.output.is_json() {
        let object = json!({ "made": made, "failed": failed, "dry_run": is_dry });
        context.output.object(&object)?;
    } else {
        let word = if is_dry { "would be made" } else { "made" };
        let text = format!("{made} users {word}, {failed} not");
        context.output.done(&text)?;
    }
    Ok(if failed == 0 {
        Outcome::Done
    } else {
        Outcome::SomeLeftOut
    })
}

/// Reads JSON where the text begins like it, else CSV.
fn parse(bytes: &[u8]) -> Result<Vec<v1::NewUser>, Failure> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let rows = match bytes.trim_ascii_start().first() {
        Some(b'[') => serde_json::from_slice(bytes).map_err(|error| failed("the list", error))?,
        Some(b'{') => json_lines(bytes)?,
        _ => comma_separated(bytes)?,
    };
    let full = |text: Option<String>| text.filter(|text| !text.is_empty());
    let user = |row: Row| v1::NewUser {
        name: row.name,
        person: full(row.person),
        email: full(row.email),
    };
    Ok(rows.into_iter().map(user).collect())
}

fn json_lines(bytes: &[u8]) -> Result<Vec<Row>, Failure> {
    let objects = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    let row = |(at, object): (usize, Result<Value, serde_json::Error>)| {
        let row = object.and_then(Row::deserialize);
        row.map_err(|error| failed(&format!("user {}", at + 1), error))
    };
    objects.enumerate().map(row).collect()
}

fn comma_separated(bytes: &[u8]) -> Result<Vec<Row>, Failure> {
    let mut reader = ::csv::ReaderBuilder::new()
        .trim(::csv::Trim::Headers)
        .from_reader(bytes);
    let row = |(at, row): (usize, Result<Row, ::csv::Error>)| {
        let row = row.map(|row| Row {
            name: meant(row.name),
            person: row.person.map(meant),
            email: row.email.map(meant),
        });
        row.map_err(|error| failed(&format!("user {}", at + 1), error))
    };
    reader.deserialize().enumerate().map(row).collect()
}

fn failed(at: &str, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::Import {
        at: at.to_owned(),
        source: Box::new(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<String>, String> {
        let users = parse(text.as_bytes()).map_err(|error| error.to_string())?;
        let shown = |user: v1::NewUser| {
            let texts = [Some(user.name), user.person, user.email];
            texts.map(|text| text.unwrap_or("-".to_owned())).join("|")
        };
        Ok(users.into_iter().map(shown).collect())
    }

    #[test]
    fn users_are_read_from_what_programs_write() {
        let both = [
            "ada|Ada, Countess|-".to_owned(),
            "bob|-|b@example.org".to_owned(),
        ];
        let csv = "name,person,email\nada,\"Ada, Countess\",\nbob,,b@example.org\r\n";
        assert_eq!(names(csv).unwrap(), both);
        assert_eq!(names(&format!("\u{feff}{csv}")).unwrap(), both);
        let list = r#"[{"name":"ada","person":"Ada, Countess"},{"name":"bob","email":"b@example.org","id":"1"}]"#;
        assert_eq!(names(list).unwrap(), both);
        let lines = "{\"name\":\"ada\",\"person\":\"Ada, Countess\"}\n{\"name\":\"bob\",\"email\":\"b@example.org\"}\n";
        assert_eq!(names(lines).unwrap(), both);
        assert_eq!(names("email,id,name\n,7,eve\n").unwrap(), ["eve|-|-"]);
        // What a list of users has before a formula is no part of it; JSON has nothing there.
        let marked = "name,person\neve,'=1+1\n";
        assert_eq!(names(marked).unwrap(), ["eve|=1+1|-"]);
        let unmarked = r#"{"name":"eve","person":"'=1"}"#;
        assert_eq!(names(unmarked).unwrap(), ["eve|'=1|-"]);
    }

    #[test]
    fn a_mistake_is_named_by_its_place() {
        assert_eq!(
            names("person\nAda\n"),
            Err("user 1 cannot be read".to_owned())
        );
        assert_eq!(
            names("name,person\nada,\nbob\n"),
            Err("user 2 cannot be read".to_owned())
        );
        assert_eq!(
            names("{\"name\":\"a\"} {\"nam\":\"b\"}"),
            Err("user 2 cannot be read".to_owned())
        );
        assert_eq!(names("[1]"), Err("the list cannot be read".to_owned()));
    }
}
