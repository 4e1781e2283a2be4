//! `/api/v1/groups`

use serde_json::json;

use crate::world::World;

pub(crate) async fn groups_live(world: World) {
    let admin = world.admin("own").await;
    let path = format!("/organisations/{}/groups", world.at("own"));
    let made = world
        .post(&path)
        .by(&admin)
        .json(&json!({ "name": "Designers" }));
    let made = made.send().await;
    let id = made.expect(201)["id"].as_str().unwrap().to_owned();
    let again = world
        .post(&path)
        .by(&admin)
        .json(&json!({ "name": "DESIGNERS" }));
    again.send().await.problem(409, "refused");
    let list = world.get(&path).by(&admin).send().await;
    let names: Vec<&str> = list.expect(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Designers", "Everybody"]);
    let one = format!("/groups/{id}");
    let rename = world.ask("PATCH", &one).by(&admin).version(1);
    let renamed = rename.json(&json!({ "name": "Architects" })).send().await;
    assert_eq!(renamed.expect(200)["name"], "Architects");
}

pub(crate) async fn members_come_and_go(world: World) {
    let admin = world.admin("own").await;
    let one = format!("/groups/{}", world.places["own"].group);
    let person = world.places["child"].person.user;
    let member = format!("{one}/members/{person}");
    world
        .ask("PUT", &member)
        .by(&admin)
        .send()
        .await
        .expect(204);
    world
        .ask("PUT", &member)
        .by(&admin)
        .send()
        .await
        .problem(409, "refused");
    let members = world.get(&format!("{one}/members")).by(&admin).send().await;
    let members = members.expect(200)["items"].as_array().unwrap().clone();
    let is_there = |member: &serde_json::Value| member["user"] == person.to_string();
    assert!(members.iter().any(is_there), "{members:?}");
    world
        .ask("DELETE", &member)
        .by(&admin)
        .send()
        .await
        .expect(204);
    world
        .ask("DELETE", &member)
        .by(&admin)
        .send()
        .await
        .problem(404, "not-found");
    world
        .ask("PUT", &member)
        .by(&admin)
        .send()
        .await
        .expect(204);
    world
        .ask("DELETE", &one)
        .by(&admin)
        .send()
        .await
        .expect(204);
    world
        .get(&one)
        .by(&admin)
        .send()
        .await
        .problem(404, "not-found");
    // The user stays.
    world
        .get(&format!("/users/{person}"))
        .by(&admin)
        .send()
        .await
        .expect(200);
}

pub(crate) async fn members_come_from_below(world: World) {
    let sysadmin = world.sysadmin().await;
    let group = world.places["own"].group;
    let add = async |place: &str| {
        let person = world.places[place].person.user;
        let path = format!("/groups/{group}/members/{person}");
        world.ask("PUT", &path).by(&sysadmin).send().await
    };
    add("grandchild").await.expect(204);
    add("sibling").await.problem(409, "refused");
    add("root").await.problem(409, "refused");
    // Whom the admin of `own` does not see is nobody to them.
    let admin = world.admin("own").await;
    let path = format!(
        "/groups/{group}/members/{}",
        world.places["sibling"].person.user
    );
    world
        .ask("PUT", &path)
        .by(&admin)
        .send()
        .await
        .problem(404, "not-found");
    let path = format!("/groups/{group}/members/nobody");
    world
        .ask("PUT", &path)
        .by(&admin)
        .send()
        .await
        .problem(404, "not-found");
    // An organisation that is moved away takes its users out of the groups above.
    let child = world.at("child");
    let path = format!("/organisations/{child}/move");
    let body = json!({ "parent": world.at("stranger").to_string(), "confirm": "child" });
    world
        .post(&path)
        .by(&sysadmin)
        .json(&body)
        .send()
        .await
        .expect(200);
    let members = world.get(&format!("/groups/{group}/members")).by(&sysadmin);
    let members = members.send().await;
    let members = members.expect(200)["items"].as_array().unwrap();
    assert_eq!(members.len(), 1);
    assert_eq!(
        members[0]["user"],
        world.places["own"].person.user.to_string()
    );
}
