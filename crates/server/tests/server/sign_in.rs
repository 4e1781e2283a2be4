//! Signing in, and choosing a password by a link: with the client's half of the protocol.

use std::time::Duration;

use serde_json::json;
use strongroom_base::ids::to_hex;
use strongroom_crypto::opaque::{
    Login, LoginResponse, Registration, RegistrationResponse, Version,
};
use strongroom_crypto::random::SystemRandom;
use strongroom_db::users;
use strongroom_server::app::Settings;

use crate::world::{Answer, Kind, Person, World};

pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(pair).collect()
}

/// Chooses a password by a link.
pub(crate) async fn choose(world: &World, link: &str, password: &str) -> Answer {
    let (client, request) = Registration::start(password.as_bytes(), &SystemRandom).unwrap();
    let body = json!({ "link": link, "request": to_hex(&request.to_bytes()) });
    let started = world.post("/links/start").json(&body).send().await;
    if started.status != 200 {
        return started;
    }
    let response = bytes(started.body["response"].as_str().unwrap());
    let response = RegistrationResponse::from_bytes(&response).unwrap();
    let done = client.finish(
        password.as_bytes(),
        Version::CURRENT,
        response,
        &SystemRandom,
    );
    let upload = to_hex(&done.unwrap().upload.to_bytes());
    let body = json!({ "link": link, "upload": upload, "program": "a test" });
    world.post("/links/finish").json(&body).send().await
}

/// Starts a sign-in; returns the attempt and the last message, unless the client sees that the password is wrong.
pub(crate) async fn start(world: &World, name: &str, password: &str) -> (String, Option<String>) {
    let (client, request) = Login::start(password.as_bytes(), &SystemRandom).unwrap();
    let body = json!({ "name": name, "request": to_hex(&request.to_bytes()) });
    let started = world.post("/sign-in/start").json(&body).send().await;
    started.expect(200);
    let attempt = started.body["attempt"].as_str().unwrap().to_owned();
    let response = bytes(started.body["response"].as_str().unwrap());
    let response = LoginResponse::from_bytes(&response).unwrap();
    let done = client.finish(
        password.as_bytes(),
        Version::CURRENT,
        response,
        &SystemRandom,
    );
    (
        attempt,
        done.ok().map(|done| to_hex(&done.message.to_bytes())),
    )
}

pub(crate) async fn finish(world: &World, attempt: &str, message: &str) -> Answer {
    let body = json!({ "attempt": attempt, "message": message, "program": "a test" });
    world.post("/sign-in/finish").json(&body).send().await
}

pub(crate) async fn sign_in(world: &World, name: &str, password: &str) -> Option<Answer> {
    let (attempt, message) = start(world, name, password).await;
    Some(finish(world, &attempt, &message?).await)
}

/// Gives somebody a password by an invitation.
pub(crate) async fn invited(world: &World, person: &Person) -> String {
    let admin = world.admin("own").await;
    let path = format!("/users/{}/links", person.user);
    let body = json!({ "purpose": "invitation" });
    let made = world.post(&path).by(&admin).json(&body).send().await;
    let link = made.expect(201)["link"].as_str().unwrap().to_owned();
    link.rsplit('/').next().unwrap().to_owned()
}

pub(crate) async fn the_first_sysadmin_signs_in(world: World) {
    let link = world.set_up_link.rsplit('/').next().unwrap().to_owned();
    let chosen = choose(&world, &link, PASSWORD).await;
    let secret = chosen.expect(201)["secret"].as_str().unwrap().to_owned();
    let me = world.get("/me").bearer(&secret).send().await;
    assert_eq!(me.expect(200)["user"]["name"], "sysadmin");
    // Once.
    choose(&world, &link, PASSWORD)
        .await
        .problem(404, "link-not-good");
    let signed_in = sign_in(&world, " SysAdmin", PASSWORD).await.unwrap();
    let secret = signed_in.expect(201)["secret"].as_str().unwrap().to_owned();
    world
        .get("/organisations")
        .bearer(&secret)
        .send()
        .await
        .expect(200);
    // The client sees a wrong password by itself.
    assert!(sign_in(&world, "sysadmin", "wrong").await.is_none());
    let events = world.events(4).await;
    let expected = [
        "session.begun",
        "session.begun",
        "user.password-set",
        "server.set-up",
    ];
    assert_eq!(events, expected);
}

pub(crate) async fn a_name_that_nobody_has_looks_like_any_other(world: World) {
    let person = world.places["child"].person.clone();
    let link = invited(&world, &person).await;
    choose(&world, &link, PASSWORD).await.expect(201);
    let (_, request) = Login::start(b"x", &SystemRandom).unwrap();
    let request = to_hex(&request.to_bytes());
    let mut shapes = Vec::new();
    for name in [person.name.as_str(), "nobody.at.all", "no name: at all", ""] {
        let body = json!({ "name": name, "request": request });
        let started = world.post("/sign-in/start").json(&body).send().await;
        let body = started.expect(200);
        let text = |field: &str| body[field].as_str().unwrap().len();
        shapes.push((text("attempt"), text("response"), body["version"].clone()));
    }
    assert!(shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:?}");
    // A password fits no name that nobody has, and a made-up message is refused alike for both.
    assert!(sign_in(&world, "nobody.at.all", PASSWORD).await.is_none());
    let mut refusals = Vec::new();
    for name in [person.name.as_str(), "nobody.at.all"] {
        let (attempt, _) = start(&world, name, "wrong").await;
        let refused = finish(&world, &attempt, &"00".repeat(64)).await;
        refusals.push(refused.problem(401, "wrong-password"));
        // An attempt is gone before its message is looked at.
        finish(&world, &attempt, &"00".repeat(64))
            .await
            .problem(401, "wrong-password");
    }
    assert_eq!(refusals[0], refusals[1]);
    let sysadmin = world.sysadmin().await;
    let path = format!("/audit?event=session.begun&user={}", person.user);
    let log = world.get(&path).by(&sysadmin).send().await;
    let newest = &log.expect(200)["items"][0];
    assert_eq!(
        (&newest["outcome"], &newest["actor_kind"]),
        (&json!("refused"), &json!("nobody"))
    );
    // Neither takes less work than the other, and what was typed is not kept.
    let log = world
        .get("/audit?event=session.begun")
        .by(&sysadmin)
        .send()
        .await;
    let refused = log.expect(200)["items"].as_array().unwrap().clone();
    let wrong = |item: &serde_json::Value| item["details"]["wrong"].clone();
    let wrong: Vec<_> = refused.iter().map(wrong).collect();
    assert!(
        wrong.contains(&json!("name")) && wrong.contains(&json!("password")),
        "{wrong:?}"
    );
    assert!(!log.body.to_string().contains("nobody.at.all"));
}

/// A record of which something is missing gives nobody away.
pub(crate) async fn a_damaged_record_looks_like_nobodys(world: World) {
    let person = world.places["child"].person.clone();
    let link = invited(&world, &person).await;
    choose(&world, &link, PASSWORD).await.expect(201);
    let writing = world.app.database.write().await.unwrap();
    let damaged = [9; 20];
    let now = world.app.now();
    let set = users::set_credential(&writing, person.user, "password", &damaged, now);
    set.await.unwrap();
    writing.commit().await.unwrap();
    let (attempt, message) = start(&world, &person.name, PASSWORD).await;
    assert_eq!(message, None);
    let (other, _) = start(&world, "somebody-else", PASSWORD).await;
    assert_eq!(attempt.len(), other.len());
    // Nor does a last message, which no client would send.
    let message = "00".repeat(64);
    let one = finish(&world, &attempt, &message).await;
    let other = finish(&world, &other, &message).await;
    one.problem(401, "wrong-password");
    other.problem(401, "wrong-password");
    // The way out is a link.
    let link = invited(&world, &person).await;
    choose(&world, &link, PASSWORD).await.expect(201);
    let signed_in = sign_in(&world, &person.name, PASSWORD).await;
    signed_in.unwrap().expect(201);
}

pub(crate) async fn an_attempt_is_good_once_and_not_for_long(world: World) {
    let person = world.places["child"].person.clone();
    let link = invited(&world, &person).await;
    choose(&world, &link, PASSWORD).await.expect(201);
    let (attempt, message) = start(&world, &person.name, PASSWORD).await;
    let message = message.unwrap();
    finish(&world, &attempt, &message).await.expect(201);
    // Who recorded the wire gets nothing by sending it again.
    finish(&world, &attempt, &message)
        .await
        .problem(401, "wrong-password");
    let (attempt, message) = start(&world, &person.name, PASSWORD).await;
    world.pass(Duration::from_secs(121));
    let late = finish(&world, &attempt, &message.unwrap()).await;
    late.problem(401, "wrong-password");
    let (other, _) = start(&world, &person.name, PASSWORD).await;
    let (_, message) = start(&world, &person.name, PASSWORD).await;
    let crossed = finish(&world, &other, &message.unwrap()).await;
    crossed.problem(401, "wrong-password");
}

pub(crate) async fn states_hold_at_sign_in(world: World) {
    let person = world.places["child"].person.clone();
    let link = invited(&world, &person).await;
    choose(&world, &link, PASSWORD).await.expect(201);
    let admin = world.admin("own").await;
    let act = async |what: &str| {
        let path = format!("/users/{}/{what}", person.user);
        world.post(&path).by(&admin).send().await.expect(200);
    };
    act("block").await;
    let blocked = sign_in(&world, &person.name, PASSWORD).await.unwrap();
    blocked.problem(403, "not-active");
    act("reactivate").await;
    act("suspend").await;
    let suspended = sign_in(&world, &person.name, PASSWORD).await.unwrap();
    suspended.problem(403, "not-active");
    act("resume").await;
    act("deactivate").await;
    // At rest, one signs in to take the account up again.
    let inactive = sign_in(&world, &person.name, PASSWORD).await.unwrap();
    let secret = inactive.expect(201)["secret"].as_str().unwrap().to_owned();
    world
        .get("/me")
        .bearer(&secret)
        .send()
        .await
        .problem(403, "not-active");
    world
        .post("/me/reactivate")
        .bearer(&secret)
        .send()
        .await
        .expect(200);
    world.get("/me").bearer(&secret).send().await.expect(200);
    // A link of before opens nothing for somebody who was blocked since.
    let link = invited(&world, &person).await;
    act("block").await;
    choose(&world, &link, "another pass phrase")
        .await
        .problem(404, "link-not-good");
}

pub(crate) async fn another_password_ends_other_sessions(world: World) {
    let person = world.places["child"].person.clone();
    let link = invited(&world, &person).await;
    let chosen = choose(&world, &link, PASSWORD).await;
    let own = chosen.expect(201)["secret"].as_str().unwrap().to_owned();
    // To choose one ended the session of before.
    world
        .get("/me")
        .by(&person)
        .send()
        .await
        .problem(401, "not-signed-in");
    let other = sign_in(&world, &person.name, PASSWORD).await.unwrap();
    let other = other.expect(201)["secret"].as_str().unwrap().to_owned();
    let password = "another pass phrase";
    let (client, request) = Registration::start(password.as_bytes(), &SystemRandom).unwrap();
    let body = json!({ "request": to_hex(&request.to_bytes()) });
    let started = world
        .post("/me/password/start")
        .bearer(&own)
        .json(&body)
        .send()
        .await;
    let response = bytes(started.expect(200)["response"].as_str().unwrap());
    let response = RegistrationResponse::from_bytes(&response).unwrap();
    let done = client.finish(
        password.as_bytes(),
        Version::CURRENT,
        response,
        &SystemRandom,
    );
    let body = json!({ "upload": to_hex(&done.unwrap().upload.to_bytes()) });
    let change = || world.post("/me/password/finish").bearer(&own).json(&body);
    assert_eq!(change().send().await.expect(200)["ended"], 1);
    world.get("/me").bearer(&own).send().await.expect(200);
    world
        .get("/me")
        .bearer(&other)
        .send()
        .await
        .problem(401, "not-signed-in");
    assert!(sign_in(&world, &person.name, PASSWORD).await.is_none());
    sign_in(&world, &person.name, password)
        .await
        .unwrap()
        .expect(201);
    world.pass(Duration::from_mins(10));
    change().send().await.problem(403, "sign-in-again");
}

pub(crate) async fn guesses_are_few_and_good_sign_ins_cost_nothing(world: World) {
    let kind = if world.address.is_shared() {
        Kind::Postgresql
    } else {
        Kind::Sqlite
    };
    let world = World::with(kind, Settings::default()).await;
    let link = world.set_up_link.rsplit('/').next().unwrap().to_owned();
    choose(&world, &link, PASSWORD).await.expect(201);
    for _ in 0..22 {
        sign_in(&world, "sysadmin", PASSWORD)
            .await
            .unwrap()
            .expect(201);
    }
    let (_, request) = Login::start(b"x", &SystemRandom).unwrap();
    let body = json!({ "name": "sysadmin", "request": to_hex(&request.to_bytes()) });
    let guess = || {
        world
            .post("/sign-in/start")
            .json(&body)
            .from([203, 0, 113, 9])
    };
    // From elsewhere, five at one account cost nothing; others are waited for longer and longer.
    for _ in 0..5 {
        guess().send().await.expect(200);
    }
    for seconds in [1, 2, 4, 8, 16] {
        let waits = guess().send().await;
        waits.problem(429, "too-many");
        assert_eq!(
            waits.header("retry-after"),
            Some(seconds.to_string().as_str())
        );
        world.pass(Duration::from_secs(seconds));
        guess().send().await.expect(200);
    }
    // Links are guessed no faster.
    let link = format!("srl_{}", "0".repeat(64));
    let (_, request) = Registration::start(b"x", &SystemRandom).unwrap();
    let body = json!({ "link": link, "request": to_hex(&request.to_bytes()) });
    let open = || {
        world
            .post("/links/start")
            .json(&body)
            .from([203, 0, 113, 10])
    };
    for _ in 0..20 {
        open().send().await.problem(404, "link-not-good");
    }
    open().send().await.problem(429, "too-many");
    // Elsewhere one signs in meanwhile.
    sign_in(&world, "sysadmin", PASSWORD)
        .await
        .unwrap()
        .expect(201);
}

/// What signs in is not in the database: not the password, and no secret of a link or a session.
pub(crate) async fn a_stolen_database_signs_nobody_in(world: World) {
    let link = world.set_up_link.rsplit('/').next().unwrap().to_owned();
    let chosen = choose(&world, &link, PASSWORD).await;
    let secret = chosen.expect(201)["secret"].as_str().unwrap().to_owned();
    let dump = world.dump();
    let has = |needle: &[u8]| dump.windows(needle.len()).any(|window| window == needle);
    assert!(has(b"sysadmin"));
    assert!(!has(PASSWORD.as_bytes()));
    for secret in [&link, &secret] {
        let digits = &secret[4..];
        assert!(!has(digits.as_bytes()) && !has(&bytes(digits)), "{secret}");
    }
}
