//! `/api/v1/organisations/{organisation}/registration-key`

use std::time::Duration;

use serde_json::json;
use strongroom_domain::registration::RegistrationSecret;

use crate::world::World;

pub(crate) async fn a_key_is_shown_once_and_rotated(world: World) {
    let admin = world.admin("own").await;
    let path = format!("/organisations/{}/registration-key", world.at("own"));
    world
        .get(&path)
        .by(&admin)
        .send()
        .await
        .problem(404, "not-found");
    let rotate = format!("{path}/rotate");
    let made = world.post(&rotate).by(&admin).json(&json!({})).send().await;
    let key = made.expect(201)["key"].as_str().unwrap().to_owned();
    let secret = RegistrationSecret::from_typed(&key).unwrap();
    let read = world.get(&path).by(&admin).send().await;
    assert_eq!(read.expect(200)["masked"], secret.masked());
    assert_eq!(read.body["state"], "good");
    assert!(read.body.get("key").is_none());
    assert!(!read.text.contains(&key));
    let again = world
        .post(&rotate)
        .by(&admin)
        .json(&json!({ "uses_max": 3 }));
    let again = again.send().await;
    assert_ne!(again.expect(201)["key"], key);
    assert_eq!(again.body["version"], 2);
    assert_eq!(again.body["uses_max"], 3);
    // The log says that it was done, and not what the key is.
    let log = world.get("/audit").by(&admin).send().await;
    let entry = &log.expect(200)["items"][0];
    assert_eq!(entry["event"], "registration-key.rotated");
    let plain = again.body["key"].as_str().unwrap();
    assert!(!log.text.contains(plain) && !log.text.contains(&plain.replace('-', "")));
    // A manager sees no key, not even masked.
    let manager = strongroom_domain::access::Grant::Manager(world.at("own"));
    let manager = world.person("own", &[manager]).await;
    world
        .get(&path)
        .by(&manager)
        .send()
        .await
        .problem(403, "forbidden");
}

pub(crate) async fn a_key_ends(world: World) {
    let admin = world.admin("own").await;
    let path = format!("/organisations/{}/registration-key", world.at("own"));
    let rotate = format!("{path}/rotate");
    for body in [
        json!({ "days": 0 }),
        json!({ "days": 9999 }),
        json!({ "uses_max": 0 }),
    ] {
        let wrong = world.post(&rotate).by(&admin).json(&body).send().await;
        wrong.problem(400, "bad-request");
    }
    let body = json!({ "days": 2 });
    world
        .post(&rotate)
        .by(&admin)
        .json(&body)
        .send()
        .await
        .expect(201);
    world.pass(Duration::from_hours(48));
    let writing = world.app.database.write().await.unwrap();
    let (_, bearer) = world.sign_in(&writing, admin.user).await;
    writing.commit().await.unwrap();
    let read = world.get(&path).bearer(&bearer).send().await;
    assert_eq!(read.expect(200)["state"], "expired");
    world
        .post(&rotate)
        .bearer(&bearer)
        .json(&body)
        .send()
        .await
        .expect(201);
    let close = format!("{path}/close");
    let closed = world.post(&close).bearer(&bearer).send().await;
    assert_eq!(closed.expect(200)["state"], "closed");
    world
        .post(&close)
        .bearer(&bearer)
        .send()
        .await
        .problem(409, "refused");
}
