//! `/api/v1/users/{user}/grants`

use serde_json::json;

use crate::world::{Answer, Person, World};

async fn give(world: &World, by: &Person, to: &Person, role: &str, place: Option<&str>) -> Answer {
    let organisation = place.map(|place| world.at(place).to_string());
    let body = json!({ "role": role, "organisation": organisation });
    let path = format!("/users/{}/grants", to.user);
    world.post(&path).by(by).json(&body).send().await
}

async fn take(world: &World, by: &Person, from: &Person, role: &str) -> Answer {
    let path = format!("/users/{}/grants/take", from.user);
    let body = json!({ "role": role });
    world.post(&path).by(by).json(&body).send().await
}

pub(crate) async fn a_role_is_given_and_taken(world: World) {
    let admin = world.admin("own").await;
    let person = world.places["child"].person.clone();
    let read = || async {
        let path = format!("/users/{}", world.places["grandchild"].person.user);
        world.get(&path).by(&person).send().await
    };
    read().await.problem(404, "not-found");
    give(&world, &admin, &person, "manager", Some("child"))
        .await
        .expect(201);
    read().await.expect(200);
    let again = give(&world, &admin, &person, "manager", Some("child")).await;
    again.problem(409, "refused");
    let path = format!("/users/{}/grants/take", person.user);
    let body = json!({ "role": "manager", "organisation": world.at("child").to_string() });
    world
        .post(&path)
        .by(&admin)
        .json(&body)
        .send()
        .await
        .expect(204);
    read().await.problem(404, "not-found");
    take(&world, &admin, &person, "desktop-user")
        .await
        .expect(204);
    take(&world, &admin, &person, "desktop-user")
        .await
        .problem(409, "refused");
    assert_eq!(
        world.events(3).await,
        ["grant.taken", "grant.taken", "grant.given"]
    );
}

pub(crate) async fn nobody_gives_above_their_own(world: World) {
    let admin = world.admin("own").await;
    let person = world.places["child"].person.clone();
    for (role, place) in [
        ("sysadmin", None),
        ("admin", Some("parent")),
        ("manager", Some("sibling")),
        ("audit-reader", Some("child")),
        ("restore-others", None),
    ] {
        let given = give(&world, &admin, &person, role, place).await;
        given.problem(409, "refused");
    }
    give(&world, &admin, &admin, "manager", Some("own"))
        .await
        .problem(403, "oneself");
    for (role, place) in [("owner", None), ("admin", None), ("sysadmin", Some("own"))] {
        let wrong = give(&world, &admin, &person, role, place).await;
        wrong.problem(400, "bad-request");
    }
    let sysadmin = world.sysadmin().await;
    // To oneself an add-on, in full view; a role never.
    give(&world, &sysadmin, &sysadmin, "restore-others", None)
        .await
        .expect(201);
    give(&world, &sysadmin, &sysadmin, "admin", Some("own"))
        .await
        .problem(409, "refused");
    give(&world, &sysadmin, &person, "sysadmin", None)
        .await
        .expect(201);
    let unknown = json!({ "role": "admin", "organisation": "0".repeat(32) });
    let path = format!("/users/{}/grants", person.user);
    let unknown = world.post(&path).by(&sysadmin).json(&unknown).send().await;
    unknown.problem(400, "bad-request");
}

pub(crate) async fn the_last_sysadmin_is_not_demoted(world: World) {
    let (one, other) = (world.sysadmin().await, world.sysadmin().await);
    take(&world, &one, &other, "sysadmin").await.expect(204);
    // The other has no right any more, and the last keeps theirs.
    take(&world, &other, &one, "sysadmin")
        .await
        .problem(404, "not-found");
    let last = take(&world, &one, &one, "sysadmin").await;
    let detail = last.problem(409, "refused");
    assert!(detail.contains("no sysadmin"), "{detail}");
}
