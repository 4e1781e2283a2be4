//! `/api/v1/computers`

use serde_json::json;

use crate::world::World;

pub(crate) async fn a_computer_is_renamed_by_its_owner(world: World) {
    let person = world.places["child"].person.clone();
    let path = format!("/computers/{}", person.computer);
    let body = json!({ "name": "The laptop" });
    let renamed = world.ask("PATCH", &path).by(&person).version(1).json(&body);
    let renamed = renamed.send().await;
    assert_eq!(renamed.expect(200)["name"], "The laptop");
    let admin = world.admin("own").await;
    let other = world.ask("PATCH", &path).by(&admin).version(2).json(&body);
    other.send().await.problem(403, "forbidden");
    let found = world
        .get("/computers?search=laptop")
        .by(&admin)
        .send()
        .await;
    assert_eq!(
        found.expect(200)["items"][0]["id"],
        person.computer.to_string()
    );
    let of = world
        .get(&format!("/computers?user={}", person.user))
        .by(&admin);
    let of = of.send().await;
    assert_eq!(of.expect(200)["items"].as_array().unwrap().len(), 1);
}

pub(crate) async fn a_revoked_computer_is_nobody_with_the_next_request(world: World) {
    let person = world.places["child"].person.clone();
    let me = || world.get("/me").bearer(&person.computer_bearer);
    me().send().await.expect(200);
    let path = format!("/computers/{}/revoke", person.computer);
    let revoked = world.post(&path).by(&person).send().await;
    assert_eq!(revoked.expect(200)["credential"], "revoked");
    me().send().await.problem(401, "not-signed-in");
    world
        .post(&path)
        .by(&person)
        .send()
        .await
        .problem(409, "refused");
    assert_eq!(world.events(1).await, ["computer.revoked"]);
}

pub(crate) async fn a_computer_of_a_blocked_user_is_nobody(world: World) {
    let admin = world.admin("own").await;
    let person = world.places["child"].person.clone();
    let path = format!("/users/{}/block", person.user);
    world.post(&path).by(&admin).send().await.expect(200);
    let computer = world
        .get("/me")
        .bearer(&person.computer_bearer)
        .send()
        .await;
    computer.problem(401, "not-signed-in");
}

pub(crate) async fn a_deactivated_computer_comes_back(world: World) {
    let admin = world.admin("own").await;
    let person = world.places["child"].person.clone();
    let read = world.get(&format!("/computers/{}", person.computer));
    let name = read.by(&admin).send().await.expect(200)["name"].clone();
    let path = |what: &str| format!("/computers/{}/{what}", person.computer);
    let wrong = world.post(&path("deactivate")).by(&admin);
    let wrong = wrong.json(&json!({ "confirm": "x" })).send().await;
    wrong.problem(400, "bad-request");
    let stop = world.post(&path("deactivate")).by(&admin);
    let stop = stop.json(&json!({ "confirm": name })).send().await;
    assert_eq!(stop.expect(200)["active"], false);
    let computer = || world.get("/me").bearer(&person.computer_bearer);
    computer().send().await.problem(401, "not-signed-in");
    let back = world.post(&path("reactivate")).by(&person).send().await;
    assert_eq!(back.expect(200)["active"], true);
    computer().send().await.expect(200);
    world
        .post(&path("sign-out"))
        .by(&person)
        .send()
        .await
        .expect(200);
    computer().send().await.problem(401, "not-signed-in");
}
