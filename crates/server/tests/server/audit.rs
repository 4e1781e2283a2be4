//! `/api/v1/audit`

use serde_json::{Value, json};
use strongroom_custody::audit::verify;
use strongroom_domain::access::{AddOn, Grant, Scope};

use crate::world::{Person, World};

async fn entries(world: &World, by: &Person, query: &str) -> Vec<Value> {
    let path = format!("/audit?limit=1000{query}");
    let answer = world.get(&path).by(by).send().await;
    answer.expect(200)["items"].as_array().unwrap().clone()
}

pub(crate) async fn every_change_is_on_record(world: World) {
    let admin = world.admin("own").await;
    let child = world.at("child");
    let path = format!("/organisations/{child}");
    let rename = world.ask("PATCH", &path).by(&admin).version(1);
    let rename = rename
        .json(&json!({ "name": "Research" }))
        .from([198, 51, 100, 7]);
    rename.send().await.expect(200);
    let entries = entries(&world, &admin, "").await;
    let entry = &entries[0];
    assert_eq!(entry["event"], "organisation.renamed");
    assert_eq!(entry["actor"], admin.user.to_string());
    assert_eq!(entry["actor_kind"], "user");
    assert_eq!(entry["actor_name"], admin.name);
    assert_eq!(entry["address"], "198.51.100.7");
    assert_eq!(entry["subject"], child.to_string());
    assert_eq!(entry["organisation"], child.to_string());
    assert_eq!(
        entry["details"],
        json!({ "before.name": "child", "after.name": "Research" })
    );
    assert_eq!(entry["at"], "2023-11-14T22:13:20Z");
}

pub(crate) async fn everybody_sees_their_part(world: World) {
    let sysadmin = world.sysadmin().await;
    for place in ["own", "child", "sibling"] {
        let person = &world.places[place].person;
        let path = format!("/users/{}/suspend", person.user);
        world.post(&path).by(&sysadmin).send().await.expect(200);
    }
    let subjects = async |by: &Person| -> Vec<String> {
        let found = entries(&world, by, "&event=user.suspended").await;
        let subjects = found
            .iter()
            .map(|entry| entry["subject"].as_str().unwrap().to_owned());
        subjects.collect()
    };
    let id = |place: &str| world.places[place].person.user.to_string();
    let admin = world.admin("own").await;
    assert_eq!(subjects(&admin).await, [id("child"), id("own")]);
    let all = subjects(&sysadmin).await;
    assert_eq!(all, [id("sibling"), id("child"), id("own")]);
    let add_on = Grant::AddOn(AddOn::AuditReader, Scope::Subtree(world.at("sibling")));
    let reader = world.person("own", &[Grant::WebUser, add_on]).await;
    assert_eq!(subjects(&reader).await, [id("sibling")]);
    // What has no organisation is the servers'.
    let servers = entries(&world, &sysadmin, "&event=server.set-up").await;
    assert_eq!(servers.len(), 1);
    assert!(servers[0].get("organisation").is_none());
    assert_eq!(
        entries(&world, &admin, "&event=server.set-up").await,
        Vec::<Value>::new()
    );
    // Users see what they did, and what is about them.
    let web = world.places["other-child"].person.clone();
    let body = json!({ "person": "Me" });
    world
        .ask("PATCH", "/me")
        .by(&web)
        .json(&body)
        .send()
        .await
        .expect(200);
    let own = entries(&world, &web, "").await;
    assert_eq!(own.len(), 1);
    assert_eq!(own[0]["event"], "user.updated");
    // A manager's filter finds nothing that the manager does not see.
    let sibling = format!("&organisation={}", world.at("sibling"));
    assert_eq!(entries(&world, &admin, &sibling).await, Vec::<Value>::new());
    let numbers: Vec<i64> = entries(&world, &sysadmin, "")
        .await
        .iter()
        .map(|entry| entry["seq"].as_i64().unwrap())
        .collect();
    let last = i64::try_from(numbers.len()).unwrap();
    assert_eq!(numbers, (1..=last).rev().collect::<Vec<_>>());
}

pub(crate) async fn a_change_that_fails_leaves_no_entry(world: World) {
    let sysadmin = world.sysadmin().await;
    let before = entries(&world, &sysadmin, "").await.len();
    let admin = world.admin("own").await;
    let child = format!("/organisations/{}", world.at("child"));
    let body = json!({ "name": "other-child" });
    let taken = world.ask("PATCH", &child).by(&admin).version(1).json(&body);
    taken.send().await.problem(409, "refused");
    let stale = world.ask("PATCH", &child).by(&admin).version(7).json(&body);
    stale.send().await.problem(412, "changed-since");
    let unseen = format!("/users/{}/block", world.places["uncle"].person.user);
    world
        .post(&unseen)
        .by(&admin)
        .send()
        .await
        .problem(404, "not-found");
    assert_eq!(entries(&world, &sysadmin, "").await.len(), before);
}

/// An export proves itself, whoever made it: what they may not see is there as digests.
pub(crate) async fn an_export_proves_itself(world: World) {
    let sysadmin = world.sysadmin().await;
    let admin = world.admin("own").await;
    for place in ["own", "sibling", "child"] {
        let path = format!("/users/{}/suspend", world.places[place].person.user);
        world.post(&path).by(&sysadmin).send().await.expect(200);
    }
    for (format, kind) in [
        ("json", "application/jsonl"),
        ("csv", "text/csv; charset=utf-8"),
        ("cef", "text/plain; charset=utf-8"),
    ] {
        let path = format!("/audit/export?format={format}");
        let all = world.get(&path).by(&sysadmin).send().await;
        assert_eq!(all.status, 200, "{}", all.text);
        assert_eq!(all.header("content-type"), Some(kind));
        let report = verify(all.text.as_bytes(), &[], None).unwrap();
        assert_eq!((report.first, report.records, report.omitted), (1, 4, 0));
        let part = world.get(&path).by(&admin).send().await;
        let seen = verify(part.text.as_bytes(), &[], None).unwrap();
        assert_eq!((seen.records, seen.omitted), (2, 2));
        assert_eq!(seen.head, report.head);
        let sibling = world.places["sibling"].person.user.to_string();
        assert!(all.text.contains(&sibling) && !part.text.contains(&sibling));
        let later = world
            .get(&format!("{path}&first=3"))
            .by(&sysadmin)
            .send()
            .await;
        let later = verify(later.text.as_bytes(), &[], None).unwrap();
        assert_eq!(
            (later.first, later.records, later.head),
            (3, 2, report.head)
        );
        // One byte that is changed is found.
        let id = world.places["own"].person.user.to_string();
        let changed = all.text.replacen(&id, &id.replace(&id[..1], "z"), 1);
        assert_ne!(changed, all.text);
        assert!(verify(changed.as_bytes(), &[], None).is_err());
    }
    let wrong = world
        .get("/audit/export?format=xml")
        .by(&sysadmin)
        .send()
        .await;
    wrong.problem(400, "bad-request");
    let beyond = world
        .get("/audit/export?first=99")
        .by(&sysadmin)
        .send()
        .await;
    beyond.problem(400, "bad-request");
}
