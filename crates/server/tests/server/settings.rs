//! `/api/v1/organisations/{organisation}/settings`

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_domain::access::Grant;

use crate::asking::Answer;
use crate::world::{Person, World};

async fn settings(world: &World, by: &Person, place: &str) -> Vec<Value> {
    let path = format!("/organisations/{}/settings", world.at(place));
    let answer = world.get(&path).by(by).send().await;
    answer.expect(200)["items"].as_array().unwrap().clone()
}

async fn setting(world: &World, by: &Person, place: &str, name: &str) -> Value {
    let all = settings(world, by, place).await;
    all.into_iter()
        .find(|setting| setting["setting"] == name)
        .unwrap()
}

async fn version(world: &World, by: &Person, place: &str) -> i64 {
    let path = format!("/organisations/{}", world.at(place));
    let answer = world.get(&path).by(by).send().await;
    answer.expect(200)["version"].as_i64().unwrap()
}

async fn set(world: &World, by: &Person, place: &str, name: &str, body: Value) -> Answer {
    let version = version(world, by, place).await;
    let path = format!("/organisations/{}/settings/{name}", world.at(place));
    let asked = world.ask("PUT", &path).by(by).version(version);
    asked.json(&body).send().await
}

async fn inherit(world: &World, by: &Person, place: &str, name: &str) -> Answer {
    let version = version(world, by, place).await;
    let path = format!("/organisations/{}/settings/{name}", world.at(place));
    world
        .ask("DELETE", &path)
        .by(by)
        .version(version)
        .send()
        .await
}

pub(crate) async fn settings_are_inherited_locked_and_shown_with_their_owner(world: World) {
    let sysadmin = world.sysadmin().await;
    let admin = world.admin("own").await;
    let idle = setting(&world, &admin, "child", "sessions.idle").await;
    assert_eq!(
        idle,
        json!({ "setting": "sessions.idle", "value": "12h", "lock": "open" })
    );
    let locked = json!({ "value": "20m", "lock": "locked" });
    let answer = set(&world, &sysadmin, "parent", "sessions.idle", locked).await;
    assert_eq!(answer.expect(200)["value"], "20m");
    let idle = setting(&world, &admin, "child", "sessions.idle").await;
    assert_eq!(idle["value"], "20m");
    assert_eq!(idle["owner"], world.at("parent").to_string());
    assert_eq!(idle["owner_name"], "parent");
    assert_eq!(idle["lock"], "locked");
    assert_eq!(idle["own"], Value::Null);
    let refused = set(
        &world,
        &admin,
        "child",
        "sessions.idle",
        json!({ "value": "1h" }),
    )
    .await;
    let detail = refused.problem(409, "refused");
    assert!(
        detail.contains("`sessions.idle` is locked above"),
        "{detail}"
    );
    // Another one of the group may have an own value; the lock is for one.
    let own = json!({ "value": "2h" });
    let answer = set(&world, &admin, "child", "sessions.absolute", own).await;
    assert_eq!(
        answer.expect(200)["own"],
        json!({ "value": "2h", "lock": "open" })
    );
    let absolute = setting(&world, &admin, "grandchild", "sessions.absolute").await;
    assert_eq!(
        (&absolute["value"], &absolute["owner_name"]),
        (&json!("2h"), &json!("child"))
    );
    inherit(&world, &admin, "child", "sessions")
        .await
        .expect(204);
    let absolute = setting(&world, &admin, "grandchild", "sessions.absolute").await;
    assert_eq!(absolute["owner_name"], "parent");
    inherit(&world, &admin, "child", "sessions")
        .await
        .problem(409, "refused");
    assert_eq!(
        world.events(3).await,
        ["settings.changed", "settings.changed", "settings.changed"]
    );
    let entry = world.get("/audit?limit=1").by(&sysadmin).send().await;
    let details = &entry.expect(200)["items"][0]["details"];
    assert_eq!(details["before.sessions.absolute"], "2h");
    assert_eq!(details["after.sessions.absolute"], "inherited");
}

pub(crate) async fn a_setting_is_changed_by_who_has_seen_it(world: World) {
    let admin = world.admin("own").await;
    let path = |name: &str| format!("/organisations/{}/settings/{name}", world.at("own"));
    let body = json!({ "value": "14" });
    let put = |name: &str| world.ask("PUT", &path(name)).by(&admin).json(&body);
    put("password.length_min")
        .send()
        .await
        .problem(428, "version-missing");
    put("password.length_min")
        .version(1)
        .send()
        .await
        .expect(200);
    put("password.length_min")
        .version(1)
        .send()
        .await
        .problem(412, "changed-since");
    for unknown in ["password.strength", "password", "x", "a%00b", "%ff"] {
        let answer = put(unknown).version(2).send().await;
        assert!(
            matches!(answer.status.as_u16(), 400 | 404),
            "{}",
            answer.text
        );
    }
    for wrong in ["5", "65", "many", ""] {
        let answer = set(
            &world,
            &admin,
            "own",
            "password.length_min",
            json!({ "value": wrong }),
        );
        answer.await.problem(400, "bad-request");
    }
    // A dry run says what would be, and leaves it.
    let dry = format!("{}?dry-run=true", path("password.length_min"));
    let dry = world.ask("PUT", &dry).by(&admin).version(2);
    let dry = dry.json(&json!({ "value": "20" })).send().await;
    assert_eq!(dry.expect(200)["value"], "20");
    let holds = setting(&world, &admin, "own", "password.length_min").await;
    assert_eq!(holds["value"], "14");
}

pub(crate) async fn sessions_and_tokens_last_as_their_organisation_says(world: World) {
    let sysadmin = world.sysadmin().await;
    let [child, uncle] = ["child", "uncle"].map(|place| world.places[place].person.clone());
    let me = async |person: &Person| world.get("/me").by(person).send().await.status.as_u16();
    world.pass(Duration::from_mins(30));
    assert_eq!((me(&child).await, me(&uncle).await), (200, 200));
    set(
        &world,
        &sysadmin,
        "own",
        "sessions.idle",
        json!({ "value": "10m" }),
    )
    .await
    .expect(200);
    world.pass(Duration::from_mins(11));
    // It holds for sessions that had begun, there and nowhere else.
    assert_eq!((me(&child).await, me(&uncle).await), (401, 200));
    // What was over stays over when sessions may last longer.
    strongroom_server::jobs::tick(&world.site).await;
    let sysadmin = world.sysadmin().await;
    set(
        &world,
        &sysadmin,
        "own",
        "sessions.idle",
        json!({ "value": "60d" }),
    )
    .await
    .expect(200);
    assert_eq!(me(&child).await, 401);
    // A longer one is not cut short by what removes sessions that are over.
    let admin = world.sysadmin().await;
    for name in ["sessions.idle", "sessions.absolute"] {
        set(&world, &admin, "uncle", name, json!({ "value": "60d" }))
            .await
            .expect(200);
    }
    world.pass(Duration::from_hours(24 * 30));
    strongroom_server::jobs::tick(&world.site).await;
    assert_eq!(me(&uncle).await, 200);
    let admin = world.admin("child").await;
    let token = |days: u16| {
        let body = json!({ "name": "t", "actions": ["account.read"], "days": days });
        world.post("/me/tokens").by(&admin).json(&body)
    };
    set(
        &world,
        &admin,
        "child",
        "sessions.token_life_max",
        json!({ "value": "7d" }),
    )
    .await
    .expect(200);
    token(8).send().await.problem(400, "bad-request");
    token(7).send().await.expect(201);
}

pub(crate) async fn registration_is_as_the_organisation_says(world: World) {
    let admin = world.admin("own").await;
    for (name, value) in [
        ("registration.key_life", "10d"),
        ("registration.key_uses_max", "3"),
    ] {
        set(&world, &admin, "own", name, json!({ "value": value }))
            .await
            .expect(200);
    }
    let path = format!("/organisations/{}/registration-key/rotate", world.at("own"));
    let rotate = |body: Value| world.post(&path).by(&admin).json(&body);
    let made = rotate(json!({})).send().await;
    let made = made.expect(201);
    assert_eq!(made["uses_max"], 3);
    assert_eq!(made["expires"], "2023-11-24T22:13:20Z");
    rotate(json!({ "days": 11 }))
        .send()
        .await
        .problem(400, "bad-request");
    rotate(json!({ "uses_max": 4 }))
        .send()
        .await
        .problem(400, "bad-request");
    let key = rotate(json!({ "days": 1 })).send().await;
    let key = key.expect(201)["key"].as_str().unwrap().to_owned();
    let (first, _) = world.make_messages();
    let start = || {
        let body = json!({ "key": key, "name": "new.user", "request": first });
        world.post("/enroll/start").json(&body)
    };
    set(
        &world,
        &admin,
        "own",
        "password.length_min",
        json!({ "value": "17" }),
    )
    .await
    .expect(200);
    assert_eq!(start().send().await.expect(200)["length_min"], 17);
    set(
        &world,
        &admin,
        "own",
        "registration.registration",
        json!({ "value": "closed" }),
    )
    .await
    .expect(200);
    start().send().await.problem(404, "key-not-good");
    let entry = world.get("/audit?limit=1").by(&admin).send().await;
    let entry = &entry.expect(200)["items"][0];
    assert_eq!(
        entry["details"]["because"],
        "the organisation takes nobody in by a key"
    );
}

pub(crate) async fn a_check_in_names_the_policy_that_holds(world: World) {
    let sysadmin = world.sysadmin().await;
    let [child, uncle] = ["child", "uncle"].map(|place| world.places[place].person.clone());
    let policy = async |person: &Person| {
        let body = json!({ "program_version": "0.1.0" });
        let asked = world.post("/computers/self/check-in");
        let asked = asked.bearer(&person.computer_bearer).json(&body);
        asked.send().await.expect(200)["policy"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let before = policy(&child).await;
    assert_eq!((before.len(), policy(&uncle).await), (16, before.clone()));
    set(
        &world,
        &sysadmin,
        "root",
        "password.length_min",
        json!({ "value": "13" }),
    )
    .await
    .expect(200);
    let after = policy(&child).await;
    assert_ne!(after, before);
    // Whose a value is makes no difference to who follows it.
    set(
        &world,
        &sysadmin,
        "own",
        "password.length_min",
        json!({ "value": "13" }),
    )
    .await
    .expect(200);
    assert_eq!(policy(&child).await, after);
    let told = world.get("/me/settings").bearer(&child.computer_bearer);
    let told = told.send().await;
    let items = told.expect(200)["items"].as_array().unwrap().clone();
    let length = items
        .iter()
        .find(|item| item["setting"] == "password.length_min");
    assert_eq!(length.unwrap()["value"], "13");
    // Another node knows it at once.
    let node = world.another_node().await;
    let answer = world.get("/me/settings").bearer(&child.computer_bearer);
    let answer = answer.send_to(node).await;
    assert_eq!(answer.expect(200)["items"], json!(items));
}

/// What loosens a setting is done to those whom it holds for: nobody does it to somebody who outranks them.
pub(crate) async fn nobody_loosens_what_holds_for_those_above(world: World) {
    let admin = world.admin("own").await;
    let roles = [Grant::DesktopUser, Grant::WebUser, Grant::Sysadmin];
    let sysadmin = world.person("child", &roles).await;
    let change = async |by: &Person, place: &str, name: &str, body: Value| {
        set(&world, by, place, name, body).await
    };
    let to = |value: &str| json!({ "value": value });
    let changed = change(&admin, "own", "sessions.idle", to("30m")).await;
    changed.expect(200);
    for (name, value) in [
        ("sessions.idle", "31m"),
        ("sessions.absolute", "8d"),
        ("sessions.token_life_max", "400d"),
        ("password.length_min", "11"),
    ] {
        let refused = change(&admin, "own", name, to(value)).await;
        refused.problem(403, "outranked");
    }
    inherit(&world, &admin, "own", "sessions")
        .await
        .problem(403, "outranked");
    let idle = setting(&world, &admin, "own", "sessions.idle").await;
    assert_eq!(idle["value"], "30m");
    // Nor what keeps it from being loosened below.
    let locked = json!({ "value": "14", "lock": "locked" });
    let changed = change(&sysadmin, "own", "password.length_min", locked).await;
    changed.expect(200);
    let open = json!({ "value": "14", "lock": "open" });
    let refused = change(&admin, "own", "password.length_min", open).await;
    refused.problem(403, "outranked");
    let refused = change(&admin, "child", "password.length_min", to("12")).await;
    refused.problem(409, "refused");
    // Who may register is another matter, and so is what holds for others alone.
    for value in ["closed", "open"] {
        let name = "registration.registration";
        change(&admin, "own", name, to(value)).await.expect(200);
    }
    let changed = change(&sysadmin, "child", "sessions.idle", to("30m")).await;
    changed.expect(200);
    let changed = change(&admin, "own", "sessions.idle", to("1h")).await;
    changed.expect(200);
    inherit(&world, &admin, "child", "sessions")
        .await
        .problem(403, "outranked");
    inherit(&world, &sysadmin, "child", "sessions")
        .await
        .expect(204);
}

pub(crate) async fn a_setting_is_loosened_by_a_fresh_sign_in(world: World) {
    let admin = world.admin("uncle").await;
    let actions = ["policy.edit", "organisation.read"];
    let body = json!({ "name": "t", "actions": actions, "days": 1 });
    let made = world.post("/me/tokens").by(&admin).json(&body).send().await;
    let token = Person {
        bearer: made.expect(201)["secret"].as_str().unwrap().to_owned(),
        ..admin.clone()
    };
    let idle = async |by: &Person, value: &str| {
        let body = json!({ "value": value });
        set(&world, by, "uncle", "sessions.idle", body).await
    };
    for value in ["1h", "2h"] {
        idle(&admin, value).await.expect(200);
    }
    world.pass(Duration::from_mins(10));
    idle(&admin, "3h").await.problem(403, "sign-in-again");
    inherit(&world, &admin, "uncle", "sessions")
        .await
        .problem(403, "sign-in-again");
    idle(&admin, "90m").await.expect(200);
    // A program tightens, and loosens nothing.
    idle(&token, "1h").await.expect(200);
    idle(&token, "90m").await.problem(403, "credential");
}

/// What the configuration of the server locks nobody changes, whoever they are.
pub(crate) async fn what_the_server_locks_stays(world: World) {
    let sysadmin = world.sysadmin().await;
    for value in ["60d", "1m"] {
        let body = json!({ "value": value });
        let refused = set(&world, &sysadmin, "own", "sessions.idle", body).await;
        refused.problem(409, "refused");
    }
    let body = json!({ "value": "1h" });
    let changed = set(&world, &sysadmin, "own", "sessions.absolute", body).await;
    changed.expect(200);
    let idle = setting(&world, &sysadmin, "own", "sessions.idle").await;
    assert_eq!(
        (&idle["value"], &idle["lock"]),
        (&json!("20m"), &json!("locked"))
    );
}
