//! Every endpoint of the table with every role, add-on and relation, against two files written by hand: which action an
//! endpoint needs (`access-matrix.txt` of this crate), and who may do that (`access-matrix.txt` of `domain`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use strongroom_base::ids::PasskeyId;
use strongroom_crypto::random::SystemRandom;
use strongroom_db::passkeys::Passkey;
use strongroom_domain::access::{Action, AddOn, Grant, Kind, Scope};
use strongroom_domain::name::PersonName;
use strongroom_server::app::Right;
use strongroom_server::http::{ENDPOINTS, Endpoint};

use crate::world::{PLACES, Person, World};

const ENDPOINT_ACTIONS: &str = include_str!("../../access-matrix.txt");
const MATRIX: &str = include_str!("../../../domain/access-matrix.txt");

const COLUMNS: usize = 9;
const LETTERS: [char; 6] = ['o', 'h', 'c', 'p', 's', 'x'];

/// What one request was answered.
struct Observed {
    what: String,
    action: &'static str,
    kind: Kind,
    column: usize,
    letter: char,
    success: u16,
    status: u16,
}

/// The cells of each action.
type Cells<'a> = BTreeMap<&'a str, Vec<&'a str>>;

fn cells(text: &str) -> Cells<'_> {
    let rows = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.skip(1)
        .map(|row| {
            let words: Vec<&str> = row.split_whitespace().collect();
            assert_eq!(words.len(), 3 + COLUMNS, "{row}");
            (words[0], words[3..].to_vec())
        })
        .collect()
}

fn may(cells: &Cells<'_>, action: &str, column: usize, letter: char) -> bool {
    let cell = cells[action][column];
    cell == "yes" || cell.contains(letter)
}

/// Returns what was answered otherwise than the matrix says.
fn differences(matrix: &str, observed: &[Observed]) -> Vec<String> {
    let cells = cells(matrix);
    let mut found = Vec::new();
    for seen in observed {
        let is_allowed = may(&cells, seen.action, seen.column, seen.letter);
        let sees = match seen.kind {
            Kind::Account => "account.read",
            Kind::Organisation => "organisation.read",
            Kind::System => "server.read",
        };
        let is_seen = seen.letter == 'o' || may(&cells, sees, seen.column, seen.letter);
        let is_right = match (is_allowed, is_seen) {
            // As things stand it may be impossible; that is said to who may do it.
            (true, _) => seen.status == seen.success || seen.status == 409,
            (false, true) => seen.status == 403,
            (false, false) => seen.status == 404,
        };
        if !is_right {
            found.push(format!(
                "{} as column {} on {}: {}, and {} is {}",
                seen.what,
                seen.column,
                seen.letter,
                seen.status,
                seen.action,
                if is_allowed { "allowed" } else { "not allowed" }
            ));
        }
    }
    found
}

fn held(world: &World, column: usize, kind: Kind) -> Grant {
    let own = world.at("own");
    let scope = match kind {
        Kind::System => Scope::Everywhere,
        Kind::Account | Kind::Organisation => Scope::Subtree(own),
    };
    match column {
        0 => Grant::DesktopUser,
        1 => Grant::WebUser,
        2 => Grant::Manager(own),
        3 => Grant::Admin(own),
        4 => Grant::Sysadmin,
        add_on => Grant::AddOn(AddOn::ALL[add_on - 5], scope),
    }
}

/// Where something of the place may be moved to by whoever may move it.
fn elsewhere(place: &str) -> &'static str {
    match place {
        "other-child" | "own" => "grandchild",
        _ => "other-child",
    }
}

async fn send(
    world: &World,
    endpoint: &Endpoint,
    bearer: Option<&str>,
    target: (&str, &Person, &str),
    garbage: bool,
) -> u16 {
    let (place, person, confirm) = target;
    let at = &world.places[place];
    let passkey = passkey(world, endpoint, person).await;
    let path = endpoint
        .path
        .replace("{organisation}", &at.organisation.to_string())
        .replace("{group}", &at.group.to_string())
        .replace("{session}", &person.session.to_string())
        .replace("{setting}", "sessions.idle")
        .replace("{token}", &person.token.to_string())
        .replace("{computer}", &person.computer.to_string())
        .replace("{passkey}", &passkey)
        .replace("{user}", &person.user.to_string());
    let body = endpoint
        .example
        .replace("{name}", confirm)
        .replace("{request}", &world.messages.0)
        .replace("{upload}", &world.messages.1)
        .replace("{of-user}", &person.organisation.to_string())
        .replace("{elsewhere}", &world.at(elsewhere(place)).to_string());
    let path = if endpoint.method.changes() {
        format!("{path}?dry-run=true")
    } else {
        path
    };
    let mut request = world.ask(endpoint.method.name(), &path);
    request = request.header("if-match", "*");
    if let Some(bearer) = bearer {
        request = request.bearer(bearer);
    }
    if garbage {
        request = request.text("}");
    } else if endpoint.takes.is_some() {
        request = request.text(&body);
    }
    request.send().await.status.as_u16()
}

/// Returns the id of the passkey of somebody, where an endpoint is about one.
async fn passkey(world: &World, endpoint: &Endpoint, person: &Person) -> String {
    if !endpoint.path.contains("{passkey}") {
        return String::new();
    }
    let reading = world.app.database.read().await.unwrap();
    let found = strongroom_db::passkeys::of_user(&reading, person.user).await;
    found.unwrap()[0].id.to_string()
}

/// Gives somebody a passkey, with which nobody signs in.
async fn give_passkey(world: &World, person: &Person) {
    let id = PasskeyId::random(&SystemRandom);
    let passkey = Passkey {
        id,
        user: person.user,
        credential_id: id.0.to_vec(),
        public_key: Vec::new(),
        counter: 0,
        may_be_copied: false,
        name: PersonName::new("A passkey").unwrap(),
        made: world.app.now(),
        last_used: None,
        after_password: None,
    };
    let writing = world.app.database.write().await.unwrap();
    strongroom_db::passkeys::add(&writing, &passkey)
        .await
        .unwrap();
    writing.commit().await.unwrap();
}

/// What must be typed to confirm what is done to the target of an endpoint.
async fn confirm(world: &World, endpoint: &Endpoint, place: &str, person: &Person) -> String {
    if !endpoint.path.contains("{computer}") {
        return place.to_owned();
    }
    let reading = world.app.database.read().await.unwrap();
    let found = strongroom_db::computers::find(&reading, person.computer);
    found.await.unwrap().unwrap().name.as_str().to_owned()
}

/// Sends the example of an endpoint as somebody to everything it may be sent to.
async fn walk(
    world: &World,
    endpoint: &'static Endpoint,
    action: Action,
    column: usize,
    actor: &Person,
    observed: &mut Vec<Observed>,
) {
    let kind = action.rule().kind;
    let mut targets: Vec<(&str, Person, char)> = Vec::new();
    if kind == Kind::Account || kind == Kind::System {
        targets.push(("own", actor.clone(), 'o'));
    }
    if endpoint.parameters().next().is_some() {
        for (place, _, letter) in PLACES {
            targets.push((place, world.places[place].person.clone(), letter));
        }
    }
    for (place, person, letter) in targets {
        let confirm = confirm(world, endpoint, place, &person).await;
        let target = (place, &person, confirm.as_str());
        let status = send(world, endpoint, Some(&actor.bearer), target, false).await;
        if status == 403 || status == 404 {
            let again = send(world, endpoint, Some(&actor.bearer), target, true).await;
            assert_eq!(
                status, again,
                "a refusal depends on the body: {}",
                endpoint.path
            );
        }
        observed.push(Observed {
            what: format!("{} {}", endpoint.method.name(), endpoint.path),
            action: action.name(),
            kind,
            column,
            letter: if kind == Kind::System { 'y' } else { letter },
            success: endpoint.status,
            status,
        });
    }
}

pub(crate) async fn every_endpoint_with_every_role_and_relation(mut world: World) {
    world.messages = world.make_messages();
    endpoints_need_what_the_file_says();
    let sysadmin = world.sysadmin().await;
    for (place, _, _) in PLACES {
        let path = format!("/organisations/{}/registration-key/rotate", world.at(place));
        let key = world
            .post(&path)
            .by(&sysadmin)
            .json(&json!({}))
            .send()
            .await;
        key.expect(201);
        give_passkey(&world, &world.places[place].person).await;
    }
    let mut observed = Vec::new();
    for column in 0..COLUMNS {
        let actor = world
            .person("own", &[held(&world, column, Kind::Account)])
            .await;
        let for_servers = world
            .person("own", &[held(&world, column, Kind::System)])
            .await;
        give_passkey(&world, &actor).await;
        give_passkey(&world, &for_servers).await;
        for endpoint in ENDPOINTS {
            let Right::To(action) = endpoint.right else {
                continue;
            };
            let actor = match action.rule().kind {
                Kind::System => &for_servers,
                Kind::Account | Kind::Organisation => &actor,
            };
            walk(&world, endpoint, action, column, actor, &mut observed).await;
        }
    }
    assert_eq!(differences(MATRIX, &observed), Vec::<String>::new());
    assert!(observed.len() > 3_500, "{} requests", observed.len());
    let n_walked = |what: fn(&Observed) -> String| {
        let all: BTreeSet<String> = observed.iter().map(what).collect();
        all.len()
    };
    println!(
        "{} endpoints x {} roles and add-ons x {} relations: {} requests",
        n_walked(|seen| seen.what.clone()),
        n_walked(|seen| seen.column.to_string()),
        n_walked(|seen| seen.letter.to_string()),
        observed.len()
    );
    changed_cells_are_found(&observed);
    strangers_and_computers(&world).await;
}

/// Which endpoint needs which action is what the file says, and every endpoint is in it.
fn endpoints_need_what_the_file_says() {
    let rows = ENDPOINT_ACTIONS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let written: BTreeSet<String> = rows
        .map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let served: BTreeSet<String> = ENDPOINTS
        .iter()
        .map(|endpoint| {
            let right = match endpoint.right {
                Right::Public => "public".to_owned(),
                Right::Computer => "computer".to_owned(),
                Right::To(action) => format!("to {}", action.name()),
                Right::List(action) => format!("list {}", action.name()),
            };
            format!("{} {} {right}", endpoint.method.name(), endpoint.path)
        })
        .collect();
    assert_eq!(served, written);
    assert_eq!(served.len(), ENDPOINTS.len());
}

/// Thirty different cells changed, from a fixed seed, each found by what was observed.
fn changed_cells_are_found(observed: &[Observed]) {
    let is_walked = |action: &str, column: usize, letter: char| {
        let mut all = observed.iter();
        all.any(|seen| (seen.action, seen.column, seen.letter) == (action, column, letter))
    };
    let walked: BTreeSet<&str> = observed.iter().map(|seen| seen.action).collect();
    let mut places = Vec::new();
    let rows = MATRIX
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    for line in rows {
        let words: Vec<&str> = line.split_whitespace().collect();
        if !walked.contains(words[0]) || words[1] == "system" {
            continue;
        }
        for (column, cell) in words[3..].iter().enumerate() {
            let start = cell.as_ptr().addr() - MATRIX.as_ptr().addr();
            for (relation, letter) in LETTERS.into_iter().enumerate() {
                if is_walked(words[0], column, letter) {
                    places.push((start + relation, relation));
                }
            }
        }
    }
    assert!(places.len() > 1_000, "{}", places.len());
    let mut seed = 0x5eed_u64;
    let mut chosen = BTreeSet::new();
    while chosen.len() < 30 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = usize::try_from(seed >> 33).unwrap() % places.len();
        if !chosen.insert(at) {
            continue;
        }
        let (place, relation) = places[at];
        let mut changed: Vec<char> = Vec::new();
        for (at, c) in MATRIX.char_indices() {
            let flipped = match c {
                '-' => LETTERS[relation],
                _ => '-',
            };
            changed.push(if at == place { flipped } else { c });
        }
        let changed: String = changed.into_iter().collect();
        assert_ne!(changed, MATRIX);
        assert_ne!(differences(&changed, observed), Vec::<String>::new());
    }
    println!(
        "{} of {} cells changed, one at a time: each was found",
        chosen.len(),
        places.len()
    );
}

/// Nobody gets anything that is not public, and a computer learns who it is and no more.
async fn strangers_and_computers(world: &World) {
    let person = world.places["own"].person.clone();
    let target = ("own", &person, "own");
    for endpoint in ENDPOINTS {
        if endpoint.right == Right::Public {
            let status = send(world, endpoint, None, target, false).await;
            // Where something is sent, the example is none that is good.
            let expected = if endpoint.takes.is_some() { 400 } else { 200 };
            assert_eq!(status, expected, "{}", endpoint.path);
            continue;
        }
        for garbage in [false, true] {
            let status = send(world, endpoint, None, target, garbage).await;
            assert_eq!(status, 401, "{}", endpoint.path);
        }
        let computer = Some(person.computer_bearer.as_str());
        let status = send(world, endpoint, computer, target, false).await;
        if endpoint.right == Right::Computer {
            assert_eq!(status, 200, "{}", endpoint.path);
            for garbage in [false, true] {
                let session = Some(person.bearer.as_str());
                let status = send(world, endpoint, session, target, garbage).await;
                assert_eq!(status, 403, "{}", endpoint.path);
            }
        } else if endpoint.right == Right::To(Action::ProfileRead) {
            assert_eq!(status, 200, "{}", endpoint.path);
        } else {
            assert!(status == 403 || status == 404, "{status} {}", endpoint.path);
        }
    }
}

pub(crate) async fn lists_have_what_their_action_reaches(world: World) {
    let matrix = cells(MATRIX);
    for column in 0..COLUMNS {
        let actor = world
            .person("own", &[held(&world, column, Kind::Account)])
            .await;
        for (path, action) in [
            ("/users?limit=1000", "account.read"),
            ("/computers?limit=1000", "computer.read"),
            ("/organisations?limit=1000", "organisation.read"),
        ] {
            let answer = world.get(path).by(&actor).send().await;
            let items = answer.expect(200)["items"].as_array().unwrap();
            let listed: BTreeSet<&str> = items
                .iter()
                .map(|item| item["id"].as_str().unwrap())
                .collect();
            for (place, _, letter) in PLACES {
                let at = &world.places[place];
                let id = match action {
                    "account.read" => at.person.user.to_string(),
                    "computer.read" => at.person.computer.to_string(),
                    _ => at.organisation.to_string(),
                };
                let expected = may(&matrix, action, column, letter);
                let is_listed = listed.contains(id.as_str());
                assert_eq!(is_listed, expected, "{path} {place} column {column}");
            }
            let own = match action {
                "account.read" => actor.user.to_string(),
                "computer.read" => actor.computer.to_string(),
                _ => continue,
            };
            let expected = may(&matrix, action, column, 'o');
            assert_eq!(
                listed.contains(own.as_str()),
                expected,
                "{path} column {column}"
            );
        }
    }
}
