//! Enrolling a computer, with a registration key and without.

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_base::ids::to_hex;
use strongroom_crypto::opaque::{Registration, RegistrationResponse, Version};
use strongroom_crypto::random::SystemRandom;

use crate::sign_in::{bytes, sign_in};
use crate::world::{Answer, World};

const PASSWORD: &str = "correct horse battery staple";
const REFUSED: &str = "the registration key is not good, or not any more";

fn computer(name: &str) -> Value {
    json!({ "name": name, "operating_system": "Linux", "program_version": "0.1.0" })
}

/// Makes a key for an organisation.
async fn key(world: &World, place: &str, terms: Value) -> String {
    let sysadmin = world.sysadmin().await;
    let path = format!("/organisations/{}/registration-key/rotate", world.at(place));
    let made = world.post(&path).by(&sysadmin).json(&terms).send().await;
    made.expect(201)["key"].as_str().unwrap().to_owned()
}

struct Begun {
    client: Registration,
    answer: Answer,
}

async fn begin(world: &World, key: &str, name: &str, from: [u8; 4]) -> Begun {
    let (client, request) = Registration::start(PASSWORD.as_bytes(), &SystemRandom).unwrap();
    let body = json!({ "key": key, "name": name, "request": to_hex(&request.to_bytes()) });
    let asked = world.post("/enroll/start").json(&body).from(from);
    Begun {
        client,
        answer: asked.send().await,
    }
}

async fn end(world: &World, key: &str, name: &str, begun: Begun) -> Answer {
    let started = begun.answer.expect(200);
    let response = bytes(started["response"].as_str().unwrap());
    let response = RegistrationResponse::from_bytes(&response).unwrap();
    let password = PASSWORD.as_bytes();
    let done = begun
        .client
        .finish(password, Version::CURRENT, response, &SystemRandom);
    let body = json!({
        "key": key,
        "attempt": started["attempt"],
        "name": name,
        "upload": to_hex(&done.unwrap().upload.to_bytes()),
        "computer": computer("A laptop"),
    });
    world.post("/enroll/finish").json(&body).send().await
}

async fn enrol(world: &World, key: &str, name: &str) -> Answer {
    let begun = begin(world, key, name, [192, 0, 2, 1]).await;
    end(world, key, name, begun).await
}

/// How much there is: users, computers, entries.
async fn counts(world: &World) -> (u64, u64, u64) {
    let reading = world.app.database.read().await.unwrap();
    let users = strongroom_db::users::count(&reading).await.unwrap();
    let computers = strongroom_db::computers::count(&reading).await.unwrap();
    let head = strongroom_db::server::audit_head(&reading).await.unwrap();
    (users, computers, head.sequence)
}

pub(crate) async fn a_key_makes_an_account_with_a_computer(world: World) {
    let key = key(&world, "own", json!({ "uses_max": 2 })).await;
    let typed = key.to_lowercase().replace('-', " ");
    let begun = begin(&world, &typed, "New.User", [192, 0, 2, 1]).await;
    assert_eq!(begun.answer.expect(200)["organisation"], "own");
    let made = end(&world, &typed, "New.User", begun).await;
    let made = made.expect(201).clone();
    assert_eq!(made["name"], "New.User");
    assert_eq!(made["organisation"], world.at("own").to_string());
    assert_eq!(made["computer"]["name"], "A laptop");
    assert_eq!(made["computer"]["user"], made["user"]);
    let secret = made["secret"].as_str().unwrap();
    let me = world.get("/me").bearer(secret).send().await;
    assert_eq!(me.expect(200)["user"]["id"], made["user"]);
    let roles: Vec<&str> = me.body["grants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|grant| grant["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["desktop-user", "web-user"]);
    assert_eq!(me.body["via"]["computer"], made["computer"]["id"]);
    let signed_in = sign_in(&world, "new.user", PASSWORD).await.unwrap();
    signed_in.expect(201);
    let events = world.events(3).await;
    assert_eq!(
        events,
        ["session.begun", "computer.enrolled", "user.registered"]
    );
    let admin = world.admin("own").await;
    let path = format!("/organisations/{}/registration-key", world.at("own"));
    let read = world.get(&path).by(&admin).send().await;
    assert_eq!(
        (&read.expect(200)["uses"], &read.body["state"]),
        (&json!(1), &json!("good"))
    );
    // The key is neither in the log nor in the database.
    let dump = world.dump();
    for text in [key.as_str(), &key.replace('-', ""), secret] {
        assert!(!dump.windows(text.len()).any(|part| part == text.as_bytes()));
    }
}

pub(crate) async fn a_key_that_is_not_good_makes_nothing(world: World) {
    let good = key(&world, "own", json!({ "days": 2, "uses_max": 1 })).await;
    let before = counts(&world).await;
    let unknown = begin(&world, "0000-0000-0000-0000", "somebody", [192, 0, 2, 1]).await;
    assert_eq!(unknown.answer.problem(404, "key-not-good"), REFUSED);
    begin(&world, "0000", "somebody", [192, 0, 2, 1])
        .await
        .answer
        .problem(400, "bad-request");
    assert_eq!(counts(&world).await, before);

    // Begun, and rotated before it ended.
    let begun = begin(&world, &good, "somebody", [192, 0, 2, 1]).await;
    let next = key(&world, "own", json!({ "days": 2, "uses_max": 1 })).await;
    let before = counts(&world).await;
    let rotated = end(&world, &good, "somebody", begun).await;
    assert_eq!(rotated.problem(404, "key-not-good"), REFUSED);
    assert_eq!(counts(&world).await, before);

    enrol(&world, &next, "first").await.expect(201);
    let before = counts(&world).await;
    let used_up = begin(&world, &next, "second", [192, 0, 2, 1]).await;
    assert_eq!(used_up.answer.problem(404, "key-not-good"), REFUSED);
    assert_eq!(counts(&world).await, (before.0, before.1, before.2 + 1));

    let next = key(&world, "own", json!({ "days": 2 })).await;
    world.pass(Duration::from_hours(48));
    let expired = begin(&world, &next, "third", [192, 0, 2, 1]).await;
    assert_eq!(expired.answer.problem(404, "key-not-good"), REFUSED);
    // A clock that is set back opens it no more.
    world.set_back(Duration::from_hours(47));
    let expired = begin(&world, &next, "third", [203, 0, 113, 9]).await;
    assert_eq!(expired.answer.problem(404, "key-not-good"), REFUSED);
    world.pass(Duration::from_hours(47));
    let reasons = reasons(&world).await;
    assert_eq!(reasons[..2], ["the registration key has expired"; 2]);
    assert_eq!(reasons[2], "the registration key is used up");
}

/// Why keys were refused, as the log has it, the newest first.
async fn reasons(world: &World) -> Vec<String> {
    let sysadmin = world.sysadmin().await;
    let path = "/audit?event=registration-key.used";
    let log = world.get(path).by(&sysadmin).send().await;
    let items = log.expect(200)["items"].as_array().unwrap().clone();
    let reason = |item: &Value| {
        assert_eq!(item["outcome"], "refused");
        item["details"]["because"].as_str().unwrap().to_owned()
    };
    items.iter().map(reason).collect()
}

pub(crate) async fn a_stopped_organisation_takes_nobody_in(world: World) {
    let key = key(&world, "child", json!({})).await;
    let begun = begin(&world, &key, "somebody", [192, 0, 2, 1]).await;
    let sysadmin = world.sysadmin().await;
    // The one above: what holds there holds below.
    let path = format!("/organisations/{}/block", world.at("own"));
    let body = json!({ "confirm": "own" });
    world
        .post(&path)
        .by(&sysadmin)
        .json(&body)
        .send()
        .await
        .expect(200);
    let before = counts(&world).await;
    let late = end(&world, &key, "somebody", begun).await;
    assert_eq!(late.problem(404, "key-not-good"), REFUSED);
    let early = begin(&world, &key, "somebody", [192, 0, 2, 1]).await;
    assert_eq!(early.answer.problem(404, "key-not-good"), REFUSED);
    let after = counts(&world).await;
    assert_eq!((after.0, after.1), (before.0, before.1));
    assert_eq!(reasons(&world).await[0], "the organisation is not active");
}

pub(crate) async fn a_name_is_nobody_elses_after_an_enrolment(world: World) {
    let key = key(&world, "own", json!({})).await;
    let taken = world.places["own"].person.name.clone();
    let refused = begin(&world, &key, &taken.to_uppercase(), [192, 0, 2, 1]).await;
    refused.answer.problem(409, "name-taken");
    // Two who are as quick as each other.
    let one = begin(&world, &key, "both", [192, 0, 2, 1]).await;
    let other = begin(&world, &key, "Both", [192, 0, 2, 1]).await;
    end(&world, &key, "both", one).await.expect(201);
    end(&world, &key, "Both", other)
        .await
        .problem(409, "name-taken");
    // What was begun for one name makes no other, and is good once.
    let begun = begin(&world, &key, "third", [192, 0, 2, 1]).await;
    end(&world, &key, "fourth", begun)
        .await
        .problem(409, "refused");
    let begun = begin(&world, &key, "third", [192, 0, 2, 1]).await;
    world.pass(Duration::from_mins(6));
    end(&world, &key, "third", begun)
        .await
        .problem(409, "refused");
}

pub(crate) async fn who_guesses_keys_waits_and_others_enrol(world: World) {
    let key = key(&world, "own", json!({})).await;
    let guesser = [198, 51, 100, 7];
    let mut n_let_through = 0;
    for _ in 0..200 {
        let guess = begin(&world, "0000-0000-0000-0000", "somebody", guesser).await;
        match guess.answer.status.as_u16() {
            404 => n_let_through += 1,
            429 => {}
            other => panic!("{other}"),
        }
        world.pass(Duration::from_secs(18));
    }
    // An hour of it.
    assert!((1..=100).contains(&n_let_through), "{n_let_through}");
    // Many behind one address enrol, one after the other: what ends well costs nothing.
    for number in 0..40 {
        enrol(&world, &key, &format!("user{number}"))
            .await
            .expect(201);
    }
}

pub(crate) async fn who_has_signed_in_enrols_another_computer(world: World) {
    let person = world.places["own"].person.clone();
    let body = computer("Another laptop");
    let made = world.post("/me/computers").by(&person).json(&body);
    let made = made.header("idempotency-key", "one").send().await;
    let secret = made.expect(201)["secret"].as_str().unwrap().to_owned();
    assert_eq!(made.body["user"], person.user.to_string());
    let me = world.get("/me").bearer(&secret).send().await;
    assert_eq!(
        me.expect(200)["via"]["computer"],
        made.body["computer"]["id"]
    );
    let events = world.events(1).await;
    assert_eq!(events, ["computer.enrolled"]);
    // Sent again, it is the same computer, and its secret was shown.
    let again = world.post("/me/computers").by(&person).json(&body);
    let again = again.header("idempotency-key", "one").send().await;
    assert_eq!(
        again.expect(201)["computer"]["id"],
        made.body["computer"]["id"]
    );
    assert!(again.body.get("secret").is_none());
    // A computer enrols no other.
    let by_computer = world.post("/me/computers").bearer(&secret).json(&body);
    by_computer.send().await.problem(403, "credential");
    for wrong in [computer(""), computer(&"x".repeat(1000))] {
        let wrong = world.post("/me/computers").by(&person).json(&wrong);
        wrong.send().await.problem(400, "bad-request");
    }
}
