//! `/api/v1/organisations`

use serde_json::json;

use crate::world::{Person, World};

async fn child(world: &World, by: &Person, above: &str, name: &str) -> String {
    let path = format!("/organisations/{above}/children");
    let answer = world.post(&path).by(by).json(&json!({ "name": name }));
    let answer = answer.send().await;
    answer.expect(201)["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn a_tree_grows(world: World) {
    let sysadmin = world.sysadmin().await;
    let root = world.post("/organisations").by(&sysadmin);
    let root = root.json(&json!({ "name": " Müller  GmbH " })).send().await;
    let made = root.expect(201).clone();
    assert_eq!(made["name"], "Müller GmbH");
    assert_eq!(made["state"], "active");
    assert!(made.get("parent").is_none());
    let id = made["id"].as_str().unwrap();
    let below = child(&world, &sysadmin, id, "Development").await;
    let read = world.get(&format!("/organisations/{below}")).by(&sysadmin);
    let read = read.send().await;
    assert_eq!(read.expect(200)["parent"], id);
    assert_eq!(read.header("etag"), Some("\"1\""));
    let rename = world
        .ask("PATCH", &format!("/organisations/{below}"))
        .by(&sysadmin)
        .version(1)
        .json(&json!({ "name": "Research" }));
    let renamed = rename.send().await;
    assert_eq!(renamed.expect(200)["name"], "Research");
    assert_eq!(renamed.header("etag"), Some("\"2\""));
    let list = world.get(&format!("/organisations?parent={id}"));
    let list = list.by(&sysadmin).send().await;
    let items = list.expect(200)["items"].as_array().unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["name"], "Research");
    let found = world.get("/organisations?search=M%C3%9CLLER").by(&sysadmin);
    let found = found.send().await;
    assert_eq!(found.expect(200)["items"][0]["id"], id);
}

pub(crate) async fn names_are_unique_among_siblings(world: World) {
    let sysadmin = world.sysadmin().await;
    let own = world.at("own").to_string();
    child(&world, &sysadmin, &own, "Straße").await;
    let path = format!("/organisations/{own}/children");
    let again = world.post(&path).by(&sysadmin);
    let again = again.json(&json!({ "name": "STRASSE" })).send().await;
    let detail = again.problem(409, "refused");
    assert!(detail.contains("STRASSE"), "{detail}");
    // Elsewhere it is another.
    let elsewhere = world.at("child").to_string();
    child(&world, &sysadmin, &elsewhere, "Straße").await;
    // A root is a sibling of the other roots.
    let root = world.post("/organisations").by(&sysadmin);
    let root = root.json(&json!({ "name": "Root" })).send().await;
    root.problem(409, "refused");
}

pub(crate) async fn a_move_keeps_the_tree_a_tree(world: World) {
    let sysadmin = world.sysadmin().await;
    let (own, grandchild) = (world.at("own"), world.at("grandchild"));
    let relocate = async |what: &str, name: &str, to: Option<String>| {
        let path = format!("/organisations/{what}/move");
        let body = json!({ "parent": to, "confirm": name });
        world.post(&path).by(&sysadmin).json(&body).send().await
    };
    let circle = relocate(&own.to_string(), "own", Some(grandchild.to_string())).await;
    circle.problem(409, "refused");
    let unconfirmed = relocate(&own.to_string(), "wrong", None).await;
    assert_eq!(
        unconfirmed.problem(400, "bad-request"),
        "type the name to confirm this: own"
    );
    let child = world.at("child").to_string();
    let stranger = world.at("stranger").to_string();
    let moved = relocate(&child, "child", Some(stranger.clone())).await;
    assert_eq!(moved.expect(200)["parent"], stranger);
    // What is below came with it: the admin of the stranger sees it now, and that of `own` no more.
    let (theirs, ours) = (world.admin("stranger").await, world.admin("own").await);
    let path = format!("/organisations/{grandchild}");
    world.get(&path).by(&theirs).send().await.expect(200);
    world
        .get(&path)
        .by(&ours)
        .send()
        .await
        .problem(404, "not-found");
    let root = relocate(&child, "child", None).await;
    assert!(root.expect(200).get("parent").is_none());
    // An admin moves nothing to where they have no right, and learns nothing of what is there.
    let other = world.at("other-child");
    let path = format!("/organisations/{other}/move");
    let body = json!({ "parent": stranger, "confirm": "other-child" });
    let out = world.post(&path).by(&ours).json(&body).send().await;
    assert_eq!(
        out.problem(400, "bad-request"),
        "there is no such organisation"
    );
}

pub(crate) async fn a_stopped_organisation_stops_everybody_below(world: World) {
    let sysadmin = world.sysadmin().await;
    let below = &world.places["grandchild"].person;
    world.get("/me").by(below).send().await.expect(200);
    let own = world.at("own");
    let path = |what: &str| format!("/organisations/{own}/{what}");
    let stop = world.post(&path("deactivate")).by(&sysadmin);
    let stop = stop.json(&json!({ "confirm": "own" })).send().await;
    assert_eq!(stop.expect(200)["state"], "inactive");
    world
        .get("/me")
        .by(below)
        .send()
        .await
        .problem(401, "not-signed-in");
    let computer = world.get("/me").bearer(&below.computer_bearer).send().await;
    computer.problem(401, "not-signed-in");
    let user = world.get(&format!("/users/{}", below.user)).by(&sysadmin);
    let user = user.send().await;
    assert_eq!(user.expect(200)["state"], "active");
    assert_eq!(user.body["standing"]["state"], "inactive");
    assert_eq!(
        user.body["standing"]["cause"]["organisation"],
        own.to_string()
    );
    // Nobody is put where nobody works.
    let made = world.post(&format!("/organisations/{}/children", world.at("child")));
    let made = made
        .by(&sysadmin)
        .json(&json!({ "name": "New" }))
        .send()
        .await;
    made.problem(409, "refused");
    let again = world.post(&path("reactivate")).by(&sysadmin).send().await;
    assert_eq!(again.expect(200)["state"], "active");
    // Who was active is so again, and signs in again.
    let writing = world.app.database.write().await.unwrap();
    let (_, bearer) = world.sign_in(&writing, below.user).await;
    writing.commit().await.unwrap();
    world.get("/me").bearer(&bearer).send().await.expect(200);
    let computer = world.get("/me").bearer(&below.computer_bearer).send().await;
    computer.expect(200);
}

pub(crate) async fn depth_ends_at_eight(world: World) {
    let sysadmin = world.sysadmin().await;
    // Root, parent, own, child, grandchild: five levels.
    let mut above = world.at("grandchild").to_string();
    for name in ["six", "seven", "eight"] {
        above = child(&world, &sysadmin, &above, name).await;
    }
    let path = format!("/organisations/{above}/children");
    let nine = world
        .post(&path)
        .by(&sysadmin)
        .json(&json!({ "name": "nine" }));
    let detail = nine.send().await.problem(409, "refused");
    assert!(detail.contains("8 levels"), "{detail}");
}

pub(crate) async fn what_is_stopped_is_named(world: World) {
    let sysadmin = world.sysadmin().await;
    let path = format!("/organisations/{}/block", world.at("own"));
    let without = world
        .post(&path)
        .by(&sysadmin)
        .json(&json!({}))
        .send()
        .await;
    without.problem(400, "bad-request");
    let wrong = world.post(&path).by(&sysadmin);
    let wrong = wrong.json(&json!({ "confirm": "other" })).send().await;
    wrong.problem(400, "bad-request");
    // The sysadmin themselves is in `root`: to stop it would leave nobody.
    let path = format!("/organisations/{}/block", world.at("root"));
    let last = world.post(&path).by(&sysadmin);
    let last = last.json(&json!({ "confirm": "root" })).send().await;
    let detail = last.problem(409, "refused");
    assert!(detail.contains("no sysadmin"), "{detail}");
}
