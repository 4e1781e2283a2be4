//! Sessions, API tokens, and what is neither.

use std::time::Duration;

use serde_json::json;
use strongroom_db::sessions;
use strongroom_server::app::Settings;

use crate::world::{Kind, World};

pub(crate) async fn what_is_no_credential_is_refused_alike(world: World) {
    let nobody = world.get("/me").send().await;
    let detail = nobody.problem(401, "not-signed-in");
    assert_eq!(nobody.header("www-authenticate"), Some("Bearer"));
    let unknown = format!("srs_{}", "0".repeat(64));
    for bearer in ["x", "srs_", &unknown, &format!("srt_{}", "0".repeat(64))] {
        let answer = world.get("/me").bearer(bearer).send().await;
        assert_eq!(answer.problem(401, "not-signed-in"), detail, "{bearer}");
    }
    let person = &world.places["own"].person;
    let basic = world
        .get("/me")
        .header("authorization", &format!("Basic {}", person.bearer));
    basic.send().await.problem(401, "not-signed-in");
}

pub(crate) async fn sessions_end_by_themselves(world: World) {
    let person = world.places["own"].person.clone();
    let me = || world.get("/me").by(&person);
    // Used within its time it lives on, until it is too old.
    for _ in 0..15 {
        world.pass(Duration::from_hours(11));
        me().send().await.expect(200);
    }
    world.pass(Duration::from_hours(4));
    me().send().await.problem(401, "not-signed-in");
    let other = world.places["child"].person.clone();
    let writing = world.app.database.write().await.unwrap();
    let (_, bearer) = world.sign_in(&writing, other.user).await;
    writing.commit().await.unwrap();
    world.pass(Duration::from_hours(12));
    let idle = world.get("/me").bearer(&bearer).send().await;
    idle.problem(401, "not-signed-in");
}

pub(crate) async fn sessions_are_listed_and_ended(world: World) {
    let person = world.places["child"].person.clone();
    let writing = world.app.database.write().await.unwrap();
    let (second, bearer) = world.sign_in(&writing, person.user).await;
    let (_, third) = world.sign_in(&writing, person.user).await;
    writing.commit().await.unwrap();
    let path = format!("/users/{}/sessions", person.user);
    let list = world.get(&path).by(&person).send().await;
    let items = list.expect(200)["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    let current: Vec<_> = items
        .iter()
        .filter(|item| item["current"] == true)
        .collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0]["id"], person.session.to_string());
    let end = world
        .ask("DELETE", &format!("/sessions/{second}"))
        .by(&person);
    end.send().await.expect(204);
    world
        .get("/me")
        .bearer(&bearer)
        .send()
        .await
        .problem(401, "not-signed-in");
    let rest = world.ask("DELETE", &path).by(&person).send().await;
    assert_eq!(rest.expect(200)["ended"], 1);
    world
        .get("/me")
        .bearer(&third)
        .send()
        .await
        .problem(401, "not-signed-in");
    world
        .post("/me/sign-out")
        .by(&person)
        .send()
        .await
        .expect(204);
    world
        .get("/me")
        .by(&person)
        .send()
        .await
        .problem(401, "not-signed-in");
    let events = world.events(3).await;
    assert_eq!(
        events,
        ["session.signed-out", "session.all-ended", "session.ended"]
    );
    // An admin ends those of others, and a manager does not.
    let other = world.places["grandchild"].person.clone();
    let admin = world.admin("own").await;
    let path = format!("/sessions/{}", other.session);
    world
        .ask("DELETE", &path)
        .by(&admin)
        .send()
        .await
        .expect(204);
}

pub(crate) async fn a_clock_set_back_makes_no_session_younger(world: World) {
    let person = world.places["own"].person.clone();
    world.pass(Duration::from_hours(2));
    world.get("/me").by(&person).send().await.expect(200);
    let reading = world.app.database.read().await.unwrap();
    let stored = sessions::find(&reading, person.session)
        .await
        .unwrap()
        .unwrap();
    assert!(stored.session.last_used > stored.session.began);
    drop(reading);
    world.set_back(Duration::from_hours(1));
    world
        .get("/me")
        .by(&person)
        .send()
        .await
        .problem(401, "not-signed-in");
}

pub(crate) async fn a_token_does_what_it_is_for(world: World) {
    let admin = world.admin("own").await;
    let child = world.at("child").to_string();
    let body = json!({
        "name": "A script", "actions": ["account.read", "account.suspend"], "organisation": child, "days": 30,
    });
    let made = world.post("/me/tokens").by(&admin).json(&body).send().await;
    let secret = made.expect(201)["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("srt_"));
    let user =
        |place: &str, what: &str| format!("/users/{}{what}", world.places[place].person.user);
    let read = world.get(&user("child", "")).bearer(&secret).send().await;
    read.expect(200);
    let suspend = world
        .post(&user("child", "/suspend"))
        .bearer(&secret)
        .send()
        .await;
    suspend.expect(200);
    assert_eq!(world.events(1).await, ["user.suspended"]);
    // Not elsewhere, though its owner may; and not what it is not for.
    let elsewhere = world
        .get(&user("other-child", ""))
        .bearer(&secret)
        .send()
        .await;
    elsewhere.problem(403, "credential");
    let block = world
        .post(&user("child", "/block"))
        .bearer(&secret)
        .send()
        .await;
    block.problem(403, "credential");
    let unseen = world.get(&user("uncle", "")).bearer(&secret).send().await;
    unseen.problem(404, "not-found");
    let listed = world.get("/users").bearer(&secret).send().await;
    let listed = listed.expect(200)["items"].as_array().unwrap();
    assert!(
        listed
            .iter()
            .all(|user| user["organisation"] != world.at("own").to_string())
    );
    assert!(!listed.is_empty());
    let list = world
        .get(&format!("/users/{}/tokens", admin.user))
        .by(&admin);
    let list = list.send().await;
    assert!(!list.expect(200)["items"].to_string().contains(&secret));
    let id = made.body["id"].as_str().unwrap();
    let revoke = world.ask("DELETE", &format!("/tokens/{id}")).by(&admin);
    revoke.send().await.expect(204);
    let after = world.get(&user("child", "")).bearer(&secret).send().await;
    after.problem(401, "not-signed-in");
    let again = world.post("/me/tokens").by(&admin).json(&body).send().await;
    let secret = again.expect(201)["secret"].as_str().unwrap().to_owned();
    world.pass(Duration::from_hours(24 * 30));
    let over = world.get(&user("child", "")).bearer(&secret).send().await;
    over.problem(401, "not-signed-in");
}

pub(crate) async fn a_token_is_made_by_a_fresh_sign_in(world: World) {
    let admin = world.admin("own").await;
    let token = |days: u32, action: &str| json!({ "name": "t", "actions": [action], "days": days });
    for (days, action) in [
        (0, "account.read"),
        (400, "account.read"),
        (1, "token.create"),
        (1, "x"),
    ] {
        let wrong = world
            .post("/me/tokens")
            .by(&admin)
            .json(&token(days, action));
        wrong.send().await.problem(400, "bad-request");
    }
    let empty = json!({ "name": "t", "actions": [], "days": 1 });
    let empty = world
        .post("/me/tokens")
        .by(&admin)
        .json(&empty)
        .send()
        .await;
    empty.problem(400, "bad-request");
    world.pass(Duration::from_mins(10));
    let late = world
        .post("/me/tokens")
        .by(&admin)
        .json(&token(1, "account.read"));
    late.send().await.problem(403, "sign-in-again");
}

pub(crate) async fn who_guesses_is_slowed_down(world: World) {
    let kind = if world.address.is_shared() {
        Kind::Postgresql
    } else {
        Kind::Sqlite
    };
    let world = World::with(kind, Settings::default()).await;
    let guess = |n: u32| {
        let bearer = format!("srs_{n:064x}");
        world.get("/me").bearer(&bearer).from([203, 0, 113, 9])
    };
    for n in 0..20 {
        guess(n).send().await.problem(401, "not-signed-in");
    }
    let slowed = guess(20).send().await;
    slowed.problem(429, "too-many");
    assert_eq!(slowed.header("retry-after"), Some("45"));
    // Nobody else is.
    let person = world.places["own"].person.clone();
    world.get("/me").by(&person).send().await.expect(200);
    // Who shows nothing guesses nothing.
    for _ in 0..50 {
        let nothing = world.get("/me").from([203, 0, 113, 10]).send().await;
        nothing.problem(401, "not-signed-in");
    }
    // A caller has a limit of their own.
    let body = json!({ "person": "x" });
    let mut refused = None;
    for _ in 0..60 {
        let answer = world
            .ask("PATCH", "/me")
            .by(&person)
            .json(&body)
            .send()
            .await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        answer.expect(200);
    }
    refused.unwrap().problem(429, "too-many");
    world.pass(Duration::from_secs(45));
    guess(21).send().await.problem(401, "not-signed-in");
}
