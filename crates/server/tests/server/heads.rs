//! Heads that computers present when they check in, and `GET /api/v1/computers/{computer}/heads`

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_custody::audit::Event;
use strongroom_db::audit::{self, Filter};
use strongroom_db::heads;
use strongroom_server::app::backup::{make, restore};

use crate::world::{Person, World};

const PATH: &str = "/computers/self/check-in";

/// A head of an archive at a destination, which are named by a digit each.
fn head(archive: u8, destination: u8, (generation, seq): (u32, u64), hash: &str) -> Value {
    json!({
        "archive": format!("{archive}").repeat(32),
        "destination": format!("{destination}").repeat(32),
        "generation": generation,
        "seq": seq,
        "hash": hash.repeat(64),
    })
}

/// Checks in, and returns what the server knows where that is behind.
async fn present(world: &World, person: &Person, heads: &[Value]) -> Vec<Value> {
    let body = json!({ "program_version": "0.1.0", "heads": heads });
    let bearer = &person.computer_bearer;
    let answer = world.post(PATH).bearer(bearer).json(&body).send().await;
    let behind = answer.expect(200)["heads_behind"].as_array();
    behind.cloned().unwrap_or_default()
}

async fn kept(world: &World, person: &Person) -> Vec<Value> {
    let path = format!("/computers/{}/heads", person.computer);
    let sysadmin = world.sysadmin().await;
    let answer = world.get(&path).by(&sysadmin).send().await;
    answer.expect(200)["items"].as_array().unwrap().clone()
}

/// The numbers of the records that are kept. After a restore, sessions of tests are none.
async fn stored(world: &World, person: &Person) -> Vec<u64> {
    let reading = world.app.database.read().await.unwrap();
    let found = heads::of_computer(&reading, person.computer, None, 1000).await;
    let found = found.unwrap().into_iter();
    found.map(|stored| stored.head.newest.id.seq.0).collect()
}

/// The events about heads, the oldest first.
async fn events(world: &World) -> Vec<Event> {
    let filter = Filter {
        limit: 1000,
        ..Filter::default()
    };
    let reading = world.app.database.read().await.unwrap();
    let found = audit::list(&reading, &filter).await.unwrap().into_iter();
    let mut events: Vec<_> = found.map(|stored| stored.record.entry.event).collect();
    events.retain(|event| event.action.starts_with("archive."));
    events.reverse();
    events
}

async fn names(world: &World) -> Vec<String> {
    let events = events(world).await.into_iter();
    events
        .map(|event| event.action.replace("archive.heads-", ""))
        .collect()
}

pub(crate) async fn the_newest_is_kept(world: World) {
    let person = world.places["child"].person.clone();
    let first = [head(1, 1, (1, 4), "a"), head(1, 2, (1, 3), "b")];
    assert!(present(&world, &person, &first).await.is_empty());
    world.pass(Duration::from_mins(1));
    let second = [head(1, 1, (1, 5), "c"), head(1, 2, (1, 3), "b")];
    assert!(present(&world, &person, &second).await.is_empty());
    let found = kept(&world, &person).await;
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["seq"], 5);
    assert_eq!(found[0]["hash"], "c".repeat(64));
    assert_eq!(found[0]["since"], "2023-11-14T22:14:20Z");
    assert_eq!(found[1]["since"], "2023-11-14T22:13:20Z");
    assert!(found[0].get("behind").is_none());
    // What is not presented any more is kept, and what goes on is in no log.
    present(&world, &person, &second[..1]).await;
    present(&world, &person, &[]).await;
    assert_eq!(kept(&world, &person).await, found);
    assert_eq!(names(&world).await, [""; 0]);
    // That of another computer is another one.
    let uncle = world.places["uncle"].person.clone();
    assert!(
        present(&world, &uncle, &[head(1, 1, (1, 1), "d")])
            .await
            .is_empty()
    );
    assert_eq!(kept(&world, &person).await, found);
}

pub(crate) async fn what_goes_back_is_flagged_and_on_record_once(world: World) {
    let person = world.places["child"].person.clone();
    let newest = [head(1, 1, (1, 9), "a"), head(1, 2, (1, 9), "a")];
    present(&world, &person, &newest).await;
    let older = [head(1, 1, (1, 8), "b"), head(1, 2, (1, 9), "c")];
    for _ in 0..3 {
        world.pass(Duration::from_mins(1));
        // The same again, which is known by its hash, too.
        assert_eq!(present(&world, &person, &older).await, newest);
    }
    let found = kept(&world, &person).await;
    assert_eq!(found[0]["seq"], 9);
    assert_eq!(found[0]["behind"]["seq"], 8);
    assert_eq!(found[0]["behind"]["since"], "2023-11-14T22:14:20Z");
    assert_eq!(found[1]["behind"]["hash"], "c".repeat(64));
    let computer = format!("/computers/{}", person.computer);
    let shown = async || {
        let sysadmin = world.sysadmin().await;
        let answer = world.get(&computer).by(&sysadmin).send().await;
        answer.expect(200).clone()
    };
    assert_eq!(shown().await["heads_behind"], 2);
    assert_eq!(shown().await["version"], 1);
    let log = events(&world).await;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].action, "archive.heads-went-back");
    let (one, other) = (&log[0].details["head.1"], &log[0].details["head.2"]);
    assert!(
        one.ends_with("record 1-9 was known, 1-8 is presented"),
        "{one}"
    );
    assert!(other.ends_with("1-9 is presented, another one"), "{other}");
    let subject = log[0].subject.as_ref().unwrap();
    assert_eq!(subject.id, person.computer.to_string());
    // It goes on: what was an older one is well again, another history is not.
    let on = [head(1, 1, (1, 10), "d"), head(1, 2, (1, 10), "d")];
    assert_eq!(present(&world, &person, &on).await, newest[1..]);
    assert_eq!(shown().await["heads_behind"], 1);
    let accepted = [on[0].clone(), head(1, 2, (2, 9), "e")];
    assert!(present(&world, &person, &accepted).await.is_empty());
    assert!(shown().await.get("heads_behind").is_none());
    assert_eq!(names(&world).await, ["went-back", "came-back", "came-back"]);
}

pub(crate) async fn a_restored_server_takes_heads_afresh(world: World) {
    let person = world.places["child"].person.clone();
    let first = [head(1, 1, (1, 9), "a"), head(1, 2, (1, 9), "a")];
    present(&world, &person, &first).await;
    let folder = world.folder.path().join("backups");
    let path = make(&world.app, &folder).await.unwrap();
    present(
        &world,
        &person,
        &[head(1, 1, (1, 20), "b"), first[1].clone()],
    )
    .await;
    restore(&world.app, &path, true).await.unwrap();
    assert_eq!(stored(&world, &person).await, [9, 9]);
    // One is newer than that of the backup, and one was accepted to be older since.
    let now = [head(1, 1, (1, 20), "b"), head(1, 2, (1, 5), "c")];
    assert!(present(&world, &person, &now).await.is_empty());
    assert_eq!(stored(&world, &person).await, [20, 5]);
    assert_eq!(names(&world).await, ["taken-afresh"]);
    // From here on it is as before: also the one that was the same in both epochs.
    assert_eq!(present(&world, &person, &first).await, now[..1]);
    assert_eq!(names(&world).await, ["taken-afresh", "went-back"]);
}

pub(crate) async fn what_is_the_same_in_a_new_epoch_goes_back_no_more(world: World) {
    let person = world.places["child"].person.clone();
    let same = [head(1, 1, (1, 9), "a")];
    present(&world, &person, &same).await;
    let folder = world.folder.path().join("backups");
    let path = make(&world.app, &folder).await.unwrap();
    restore(&world.app, &path, true).await.unwrap();
    assert!(present(&world, &person, &same).await.is_empty());
    assert_eq!(
        present(&world, &person, &[head(1, 1, (1, 8), "b")]).await,
        same
    );
    assert_eq!(names(&world).await, ["went-back"]);
}

pub(crate) async fn heads_are_bounded_and_come_in_pages(world: World) {
    let person = world.places["child"].person.clone();
    let named = |number: u32, seq: u64| {
        let mut head = head(1, 1, (1, seq), "a");
        head["destination"] = format!("{number:032x}").into();
        head
    };
    let many = |numbers: std::ops::Range<u32>| numbers.map(|n| named(n, 1)).collect::<Vec<_>>();
    for part in [0..128, 128..256] {
        present(&world, &person, &many(part)).await;
        world.pass(Duration::from_secs(1));
    }
    // One more: the oldest goes that is not presented.
    present(&world, &person, &[named(0, 2), named(300, 1)]).await;
    let path = format!("/computers/{}/heads?limit=200", person.computer);
    let sysadmin = world.sysadmin().await;
    let page = world
        .get(&path)
        .by(&sysadmin)
        .send()
        .await
        .expect(200)
        .clone();
    assert_eq!(page["items"].as_array().unwrap().len(), 200);
    let next = page["next"].as_str().unwrap();
    let path = format!("{path}&after={next}");
    let rest = world
        .get(&path)
        .by(&sysadmin)
        .send()
        .await
        .expect(200)
        .clone();
    assert!(rest.get("next").is_none());
    let all = [
        page["items"].as_array().unwrap().clone(),
        rest["items"].as_array().unwrap().clone(),
    ];
    let all: Vec<String> = all
        .concat()
        .iter()
        .map(|head| head["destination"].to_string())
        .collect();
    assert_eq!(all.len(), 256);
    assert!(all.is_sorted() && all[0].contains(&"0".repeat(32)));
    assert!(!all.contains(&format!("\"{:032x}\"", 1)));
    let wrong = [
        json!(many(0..129)),
        json!([named(1, 1), named(1, 2)]),
        json!([named(1, 0)]),
        json!([named(1, u64::MAX)]),
        json!([head(1, 1, (0, 1), "a")]),
        json!([head(1, 1, (1, 1), "g")]),
        json!([{ "archive": "1" }]),
        json!("none"),
    ];
    for heads in wrong {
        let body = json!({ "program_version": "0.1.0", "heads": heads });
        let bearer = &person.computer_bearer;
        let refused = world.post(PATH).bearer(bearer).json(&body).send().await;
        refused.problem(400, "bad-request");
    }
}
