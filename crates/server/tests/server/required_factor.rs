//! Organisations that require a second factor.

use std::time::Duration;

use serde_json::json;
use strongroom_domain::access::Grant;

use crate::second_factor::{Owner, second, set_up};
use crate::sign_in::{PASSWORD, choose, invited, sign_in};
use crate::world::{Answer, Person, World};

pub(crate) async fn require(world: &World, place: &str) {
    let path = format!("/organisations/{}/require-second-factor", world.at(place));
    let admin = world.admin("root").await;
    let body = json!({ "confirm": place });
    let answer = world.post(&path).by(&admin).json(&body).send().await;
    let by = answer.expect(200)["second_factor_required_by"].clone();
    assert!(by.is_string());
    assert!(answer.body["second_factor_since"].is_string());
}

fn secret(answer: &Answer) -> String {
    answer.expect(201)["secret"].as_str().unwrap().to_owned()
}

pub(crate) async fn who_has_none_sets_one_up_and_does_nothing_else(world: World) {
    let person = world.places["child"].person.clone();
    let computer = person.computer_bearer.clone();
    let link = invited(&world, &person).await;
    choose(&world, &link, PASSWORD).await.expect(201);
    require(&world, "own").await;
    let answer = sign_in(&world, &person.name, PASSWORD).await.unwrap();
    assert_eq!(answer.expect(201)["second_factor_missing"], true);
    let bearer = secret(&answer);
    let me = world.get("/me").bearer(&bearer).send().await;
    assert_eq!(me.expect(200)["second_factor_missing"], true);
    let own = format!("/users/{}", person.user);
    for path in [own.as_str(), "/computers", "/organisations", "/audit"] {
        let refused = world.get(path).bearer(&bearer).send().await;
        refused.problem(403, "second-factor-missing");
    }
    let token = json!({ "name": "A token", "actions": ["account.read"], "days": 1 });
    let refused = world.post("/me/tokens").bearer(&bearer).json(&token);
    refused.send().await.problem(403, "second-factor-missing");
    let new = json!({ "name": "A laptop", "operating_system": "x", "program_version": "1" });
    let refused = world.post("/me/computers").bearer(&bearer).json(&new);
    refused.send().await.problem(403, "second-factor-missing");
    // Backups go on meanwhile.
    world.get("/me").bearer(&computer).send().await.expect(200);
    // The session in which it is set up is good for everything from then on; others of before are not.
    let other = secret(&sign_in(&world, &person.name, PASSWORD).await.unwrap());
    set_up(&world, &bearer).await;
    let me = world.get("/me").bearer(&bearer).send().await;
    assert_eq!(me.expect(200)["second_factor_missing"], json!(null));
    world.get(&own).bearer(&bearer).send().await.expect(200);
    let refused = world.get("/me").bearer(&other).send().await;
    refused.problem(403, "second-factor-not-shown");
    let made = world.post("/me/recovery-codes").bearer(&other).send().await;
    made.problem(403, "second-factor-not-shown");
    let out = world.post("/me/sign-out").bearer(&other).send().await;
    out.expect(204);
    let events = world.events(20).await;
    assert!(events.contains(&"organisation.second-factor-required".to_owned()));
}

pub(crate) async fn nobody_learns_without_one_what_is_there(world: World) {
    require(&world, "own").await;
    let admin = world.admin("own").await;
    let (there, elsewhere) = (&world.places["child"], &world.places["uncle"]);
    let nowhere = "0".repeat(32);
    for (path, there, elsewhere) in [
        (
            "organisations",
            there.organisation.to_string(),
            elsewhere.organisation.to_string(),
        ),
        (
            "users",
            there.person.user.to_string(),
            elsewhere.person.user.to_string(),
        ),
        (
            "computers",
            there.person.computer.to_string(),
            elsewhere.person.computer.to_string(),
        ),
        (
            "groups",
            there.group.to_string(),
            elsewhere.group.to_string(),
        ),
    ] {
        let ask = async |id: &str| {
            let path = format!("/{path}/{id}");
            world.get(&path).by(&admin).send().await
        };
        ask(&there).await.problem(403, "second-factor-missing");
        let foreign = ask(&elsewhere).await;
        let missing = ask(&nowhere).await;
        assert_eq!(
            foreign.problem(404, "not-found"),
            missing.problem(404, "not-found")
        );
    }
}

pub(crate) async fn who_has_one_shows_it(world: World) {
    let owner = Owner::new(&world).await;
    // The session in which the app was set up counts as one that showed it; one by password alone does not.
    let before = owner.person.bearer.clone();
    world
        .get("/me")
        .bearer(&before)
        .send()
        .await
        .problem(401, "not-signed-in");
    require(&world, "parent").await;
    let own = format!("/users/{}", owner.person.user);
    world
        .get(&own)
        .bearer(&owner.bearer)
        .send()
        .await
        .expect(200);
    let attempt = owner.attempt(&world).await;
    let answer = second(&world, &attempt, &owner.code(&world)).await;
    assert_eq!(answer.expect(201)["second_factor_missing"], json!(null));
    let bearer = secret(&answer);
    let sessions = format!("{own}/sessions");
    let listed = world.get(&sessions).bearer(&bearer).send().await;
    let items = listed.expect(200)["items"].as_array().unwrap().clone();
    assert!(
        items
            .iter()
            .filter(|item| item["second_factor"].is_string())
            .count()
            >= 2
    );
    // A recovery code is one too.
    let attempt = owner.attempt(&world).await;
    let answer = second(&world, &attempt, &owner.codes[0]).await;
    world
        .get(&own)
        .bearer(&secret(&answer))
        .send()
        .await
        .expect(200);
}

pub(crate) async fn nothing_below_loosens_it(world: World) {
    let path = |place: &str, what: &str| {
        format!("/organisations/{}/{what}-second-factor", world.at(place))
    };
    let sysadmin = world.sysadmin().await;
    let post =
        |path: String, body: serde_json::Value| world.post(&path).by(&sysadmin).json(&body).send();
    let wrong = post(path("parent", "require"), json!({ "confirm": "another" })).await;
    wrong.problem(400, "bad-request");
    require(&world, "parent").await;
    let again = post(path("parent", "require"), json!({ "confirm": "parent" })).await;
    again.problem(409, "refused");
    let waived = world
        .post(&path("child", "waive"))
        .by(&sysadmin)
        .send()
        .await;
    waived.problem(409, "refused");
    require(&world, "child").await;
    let waived = world
        .post(&path("child", "waive"))
        .by(&sysadmin)
        .send()
        .await;
    let by = &waived.expect(200)["second_factor_required_by"];
    assert_eq!(by, &json!(world.at("parent").to_string()));
    assert_eq!(waived.body["second_factor_since"], json!(null));
    // All below the one that requires it, and nobody beside or above.
    for (place, is_required) in [
        ("root", false),
        ("uncle", false),
        ("parent", true),
        ("own", true),
        ("grandchild", true),
        ("nephew", true),
    ] {
        let person = &world.places[place].person;
        let answer = world.get("/me").by(person).send().await;
        let missing = answer.expect(200)["second_factor_missing"] == true;
        assert_eq!(missing, is_required, "{place}");
    }
    // Who administers what is below cannot take it back above, nor do it without a factor of their own.
    let admin = world.admin("own").await;
    let waived = world.post(&path("own", "waive")).by(&admin).send().await;
    waived.problem(403, "second-factor-missing");
    let waived = world.post(&path("parent", "waive")).by(&admin).send().await;
    waived.problem(404, "not-found");
    let waived = world
        .post(&path("parent", "waive"))
        .by(&sysadmin)
        .send()
        .await;
    waived.expect(200);
    let admin = world.admin("own").await;
    let waived = world.post(&path("parent", "waive")).by(&admin).send().await;
    waived.problem(404, "not-found");
    world.get("/computers").by(&admin).send().await.expect(200);
}

pub(crate) async fn nobody_waives_it_for_those_above(world: World) {
    let waive = async |by: &Person, place: &str| {
        let path = format!("/organisations/{}/waive-second-factor", world.at(place));
        world.post(&path).by(by).send().await
    };
    require(&world, "own").await;
    require(&world, "uncle").await;
    let admin = world.admin("parent").await;
    let roles = [Grant::DesktopUser, Grant::WebUser, Grant::Sysadmin];
    world.person("child", &roles).await;
    waive(&admin, "own").await.problem(403, "outranked");
    let admin = world.admin("root").await;
    world.pass(Duration::from_mins(10));
    waive(&admin, "uncle").await.problem(403, "sign-in-again");
    let admin = world.admin("root").await;
    waive(&admin, "uncle").await.expect(200);
}

pub(crate) async fn a_token_stops_with_its_owner(world: World) {
    let owner = Owner::new(&world).await;
    let body = json!({ "name": "Reports", "actions": ["account.read"], "days": 1 });
    let made = world.post("/me/tokens").bearer(&owner.bearer).json(&body);
    let token = secret(&made.send().await);
    let own = format!("/users/{}", owner.person.user);
    let ask = async || world.get(&own).bearer(&token).send().await;
    require(&world, "own").await;
    ask().await.expect(200);
    let sysadmin = world.sysadmin().await;
    let path = format!("{own}/second-factor");
    world
        .ask("DELETE", &path)
        .by(&sysadmin)
        .send()
        .await
        .expect(204);
    ask().await.problem(403, "second-factor-missing");
    let listed = world.get("/users").bearer(&token).send().await;
    listed.problem(403, "second-factor-missing");
}

pub(crate) async fn the_last_one_stays(world: World) {
    let owner = Owner::new(&world).await;
    require(&world, "own").await;
    let remove = || {
        world
            .ask("DELETE", "/me/authenticator")
            .bearer(&owner.bearer)
    };
    let detail = remove().send().await.problem(409, "refused");
    assert!(detail.contains("your organisation requires"), "{detail}");
    let sysadmin = world.sysadmin().await;
    let path = format!("/organisations/{}/waive-second-factor", world.at("own"));
    world.post(&path).by(&sysadmin).send().await.expect(200);
    remove().send().await.expect(204);
}

pub(crate) async fn who_lost_it_sets_another_up(world: World) {
    let owner = Owner::new(&world).await;
    require(&world, "own").await;
    let sysadmin = world.sysadmin().await;
    let own = format!("/users/{}", owner.person.user);
    let path = format!("{own}/second-factor");
    world
        .ask("DELETE", &path)
        .by(&sysadmin)
        .send()
        .await
        .expect(204);
    // A session that showed it is as good as one that did not: what it showed is there no more.
    let refused = world.get(&own).bearer(&owner.bearer).send().await;
    refused.problem(403, "second-factor-missing");
    let answer = sign_in(&world, &owner.person.name, PASSWORD).await.unwrap();
    assert_eq!(answer.expect(201)["second_factor_missing"], true);
    let bearer = secret(&answer);
    set_up(&world, &bearer).await;
    world.get(&own).bearer(&bearer).send().await.expect(200);
    // And it shows nothing of the one that is there now: whoever stole the one before has no way in with it.
    let refused = world.get(&own).bearer(&owner.bearer).send().await;
    refused.problem(403, "second-factor-not-shown");
}

pub(crate) async fn a_restore_does_not_waive_it(world: World) {
    let reading = world.app.database.snapshot().await.unwrap();
    let mut lines = Vec::new();
    let mut take = |line: String| lines.push(line);
    strongroom_db::logical::dump(&reading, &mut take)
        .await
        .unwrap();
    drop(reading);
    require(&world, "own").await;
    let writing = world.app.database.write().await.unwrap();
    let forbidden = strongroom_db::restrictions::read(&writing).await.unwrap();
    let lines = lines.iter().map(String::as_str);
    strongroom_db::logical::load(&writing, lines).await.unwrap();
    let now = world.app.now();
    let carried = strongroom_db::restrictions::carry_over(&writing, forbidden, now);
    carried.await.unwrap();
    let own = strongroom_db::organisations::find(&writing, world.at("own")).await;
    assert!(own.unwrap().unwrap().second_factor.is_some());
    let parent = strongroom_db::organisations::find(&writing, world.at("parent")).await;
    assert_eq!(parent.unwrap().unwrap().second_factor, None);
}
