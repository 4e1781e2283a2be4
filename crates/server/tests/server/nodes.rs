//! Two nodes on one database.

use std::collections::BTreeSet;

use serde_json::json;

use crate::world::World;

pub(crate) async fn two_nodes_agree_at_once(world: World) {
    let other = world.another_node().await;
    let sysadmin = world.sysadmin().await;
    let admin = world.admin("stranger").await;
    let path = format!("/organisations/{}", world.at("grandchild"));
    // Both have the tree in memory.
    let unseen = world.get(&path).by(&admin).send_to(other.clone()).await;
    unseen.problem(404, "not-found");
    world.get(&path).by(&sysadmin).send().await.expect(200);
    let body = json!({ "parent": world.at("stranger").to_string(), "confirm": "child" });
    let relocate = format!("/organisations/{}/move", world.at("child"));
    world
        .post(&relocate)
        .by(&sysadmin)
        .json(&body)
        .send()
        .await
        .expect(200);
    let seen = world.get(&path).by(&admin).send_to(other.clone()).await;
    seen.expect(200);
    // A session that one node ends is over on the other.
    let end = world.ask("DELETE", &format!("/sessions/{}", admin.session));
    end.by(&sysadmin).send().await.expect(204);
    let over = world.get("/me").by(&admin).send_to(other).await;
    over.problem(401, "not-signed-in");
}

pub(crate) async fn two_sysadmins_do_not_remove_each_other(world: World) {
    let other_node = world.another_node().await;
    let (mut one, mut other) = (world.sysadmin().await, world.sysadmin().await);
    for _ in 0..5 {
        let block = |by: &crate::world::Person, whom: &crate::world::Person| {
            let path = format!("/users/{}/block", whom.user);
            world.post(&path).by(by)
        };
        let (first, second) = tokio::join!(
            block(&one, &other).send(),
            block(&other, &one).send_to(other_node.clone()),
        );
        let n_done = [&first, &second]
            .iter()
            .filter(|answer| answer.status == 200)
            .count();
        assert_eq!(n_done, 1, "{} {}", first.text, second.text);
        let remaining = if first.status == 200 { one } else { other };
        world.get("/me").by(&remaining).send().await.expect(200);
        one = remaining;
        other = world.sysadmin().await;
    }
}

pub(crate) async fn entries_of_two_nodes_are_one_row(world: World) {
    let other = world.another_node().await;
    let admin = world.admin("own").await;
    let path = format!("/organisations/{}/children", world.at("own"));
    let make = |n: u32| {
        world
            .post(&path)
            .by(&admin)
            .json(&json!({ "name": format!("n{n}") }))
    };
    for n in 0..10 {
        let (one, two) = tokio::join!(make(2 * n).send(), make(2 * n + 1).send_to(other.clone()),);
        one.expect(201);
        two.expect(201);
    }
    let sysadmin = world.sysadmin().await;
    let log = world.get("/audit?limit=1000").by(&sysadmin).send().await;
    let items = log.expect(200)["items"].as_array().unwrap().clone();
    let numbers: BTreeSet<i64> = items
        .iter()
        .map(|item| item["seq"].as_i64().unwrap())
        .collect();
    let last = i64::try_from(items.len()).unwrap();
    assert_eq!(numbers, (1..=last).collect());
    let created = items
        .iter()
        .filter(|item| item["event"] == "organisation.created");
    assert_eq!(created.count(), 20);
}
