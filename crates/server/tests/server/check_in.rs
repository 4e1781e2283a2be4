//! `POST /api/v1/computers/self/check-in`

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom_server::app::backup::{make, restore};
use strongroom_server::http::{Site, router};

use crate::asking::Answer;
use crate::world::{Person, World};

const PATH: &str = "/computers/self/check-in";

async fn check_in(world: &World, bearer: &str, body: &Value) -> Answer {
    world.post(PATH).bearer(bearer).json(body).send().await
}

async fn shown(world: &World, person: &Person) -> Value {
    let path = format!("/computers/{}", person.computer);
    let answer = world.get(&path).by(person).send().await;
    answer.expect(200).clone()
}

fn said() -> Value {
    json!({
        "program_version": "0.1.7",
        "epoch": 1,
        "policy": "00ff",
        "backup": { "state": "backup-complete", "completed": "2023-11-14T22:00:00Z" },
    })
}

pub(crate) async fn a_computer_is_heard_of_and_told_the_epoch(world: World) {
    let person = world.places["child"].person.clone();
    assert_eq!(shown(&world, &person).await["last_seen"], Value::Null);
    let before = world.events(1000).await.len();
    let answer = check_in(&world, &person.computer_bearer, &said()).await;
    let told = answer.expect(200);
    assert_eq!(told["computer"], person.computer.to_string());
    assert_eq!(told["epoch"], 1);
    let next = told["next_seconds"].as_u64().unwrap();
    assert!((13 * 60..=17 * 60).contains(&next), "{next}");
    let computer = shown(&world, &person).await;
    assert_eq!(computer["last_seen"], "2023-11-14T22:13:20Z");
    assert_eq!(computer["program_version"], "0.1.7");
    assert_eq!(computer["policy"], "00ff");
    assert_eq!(computer["backup"]["state"], "backup-complete");
    assert_eq!(computer["backup"]["completed"], "2023-11-14T22:00:00Z");
    // Being heard of is no change, and in no log.
    assert_eq!(computer["version"], 1);
    assert_eq!(world.events(1000).await.len(), before);
}

pub(crate) async fn what_is_the_same_is_not_written_again(world: World) {
    let person = world.places["child"].person.clone();
    let seen = async || shown(&world, &person).await["last_seen"].clone();
    let bearer = person.computer_bearer.as_str();
    check_in(&world, bearer, &said()).await.expect(200);
    let first = seen().await;
    world.pass(Duration::from_secs(29));
    check_in(&world, bearer, &said()).await.expect(200);
    assert_eq!(seen().await, first);
    let mut other = said();
    other["backup"]["state"] = "failing".into();
    check_in(&world, bearer, &other).await.expect(200);
    let second = seen().await;
    assert_ne!(second, first);
    world.pass(Duration::from_secs(30));
    check_in(&world, bearer, &other).await.expect(200);
    assert_ne!(seen().await, second);
    // A clock that was set back does not keep what is stored from being true.
    world.set_back(Duration::from_hours(1));
    let refused = check_in(&world, bearer, &other).await;
    refused.problem(429, "too-many");
    world.pass(Duration::from_secs(1));
    check_in(&world, bearer, &other).await.expect(200);
    // The sessions of before are over with it.
    let sysadmin = world.sysadmin().await;
    let path = format!("/computers/{}", person.computer);
    let computer = world.get(&path).by(&sysadmin).send().await;
    assert_eq!(computer.expect(200)["last_seen"], "2023-11-14T21:14:20Z");
}

pub(crate) async fn a_program_that_is_too_old_is_told_so(world: World) {
    let person = world.places["child"].person.clone();
    let old = json!({ "program_version": "0.0.9" });
    let refused = check_in(&world, &person.computer_bearer, &old).await;
    let detail = refused.problem(403, "program-too-old");
    assert!(detail.contains("0.1 and newer"), "{detail}");
    // An administrator looks for these.
    let computer = shown(&world, &person).await;
    assert_eq!(computer["program_version"], "0.0.9");
    assert_ne!(computer["last_seen"], Value::Null);
    for wrong in ["", "newest", "1.2", "0.1.0\n"] {
        let body = json!({ "program_version": wrong });
        let refused = check_in(&world, &person.computer_bearer, &body).await;
        refused.problem(400, "bad-request");
    }
}

pub(crate) async fn what_is_newer_is_passed_over(world: World) {
    let person = world.places["child"].person.clone();
    let newer = json!({
        "program_version": "3.2.1-rc.1",
        "weather": ["rain"],
        "backup": { "state": "dreaming", "of": "sheep" },
    });
    let answer = check_in(&world, &person.computer_bearer, &newer).await;
    answer.expect(200);
    assert_eq!(shown(&world, &person).await["backup"]["state"], "dreaming");
    for (name, wrong) in [
        ("policy", json!("A B")),
        ("policy", json!("a".repeat(65))),
        ("epoch", json!(-1)),
        ("backup", json!({ "state": "" })),
        ("backup", json!({ "state": "x", "completed": "yesterday" })),
    ] {
        let mut body = said();
        body[name] = wrong;
        let refused = check_in(&world, &person.computer_bearer, &body).await;
        refused.problem(400, "bad-request");
    }
}

pub(crate) async fn nobody_else_checks_in(world: World) {
    let person = world.places["child"].person.clone();
    let sysadmin = world.sysadmin().await;
    let by_session = check_in(&world, &sysadmin.bearer, &said()).await;
    by_session.problem(403, "credential");
    let unknown = "src_00000000000000000000000000000000";
    check_in(&world, unknown, &said())
        .await
        .problem(401, "not-signed-in");
    let path = format!("/users/{}/suspend", person.user);
    world.post(&path).by(&sysadmin).send().await.expect(200);
    // Nobody signs in, and backups go on.
    check_in(&world, &person.computer_bearer, &said())
        .await
        .expect(200);
    let stop = format!("/organisations/{}/deactivate", world.at("own"));
    let stopped = world.post(&stop).by(&sysadmin);
    let stopped = stopped.json(&json!({ "confirm": "own" })).send().await;
    stopped.expect(200);
    check_in(&world, &person.computer_bearer, &said())
        .await
        .problem(401, "not-signed-in");
    let uncle = world.places["uncle"].person.clone();
    let revoke = format!("/computers/{}/revoke", uncle.computer);
    world.post(&revoke).by(&sysadmin).send().await.expect(200);
    check_in(&world, &uncle.computer_bearer, &said())
        .await
        .problem(401, "not-signed-in");
}

pub(crate) async fn a_restored_server_is_noticed(world: World) {
    let person = world.places["child"].person.clone();
    let path = make(&world.app, &world.folder.path().join("backups")).await;
    restore(&world.app, &path.unwrap(), true).await.unwrap();
    let answer = check_in(&world, &person.computer_bearer, &said()).await;
    assert_eq!(answer.expect(200)["epoch"], 2);
}

/// Counts how many check-ins a second are taken, each of which is written.
pub(crate) async fn a_second(world: World) {
    let mut bearers = Vec::new();
    for _ in 0..200 {
        bearers.push(world.person("child", &[]).await.computer_bearer);
    }
    let app = world.app_with(16).await;
    let node = router(Arc::new(Site::new(app, Vec::new())));
    let begun = Instant::now();
    let lasting = Duration::from_secs(5);
    let mut tasks = tokio::task::JoinSet::new();
    for part in bearers.chunks(10) {
        let (node, part) = (node.clone(), part.to_vec());
        tasks.spawn(async move {
            let mut done = 0_u64;
            while begun.elapsed() < lasting {
                for bearer in &part {
                    // Another state each time: none is spared.
                    let state = if done.is_multiple_of(2) {
                        "scanning"
                    } else {
                        "failing"
                    };
                    let state = format!("{state}-{}", done % 1000);
                    let body = json!({ "program_version": "0.1.0", "backup": { "state": state } });
                    let status = crate::asking::post(node.clone(), PATH, bearer, &body).await;
                    assert_eq!(status, 200);
                    done += 1;
                }
            }
            done
        });
    }
    let done: u64 = tasks.join_all().await.into_iter().sum();
    let a_second = done / begun.elapsed().as_secs();
    println!("{a_second} check-ins a second, each written");
}
