//! `/api/v1/users`

use serde_json::{Value, json};
use strongroom_domain::access::Grant;

use crate::world::{Person, World};

async fn make(world: &World, by: &Person, place: &str, body: &Value) -> crate::world::Answer {
    let path = format!("/organisations/{}/users", world.at(place));
    world.post(&path).by(by).json(body).send().await
}

async fn act(world: &World, by: &Person, person: &Person, what: &str) -> crate::world::Answer {
    let path = format!("/users/{}/{what}", person.user);
    world.post(&path).by(by).send().await
}

pub(crate) async fn users_are_made_changed_and_found(world: World) {
    let admin = world.admin("own").await;
    let body = json!({ "name": "jane.doe", "person": "Jane Doe", "email": "jane@example.org" });
    let made = make(&world, &admin, "child", &body).await;
    let user = made.expect(201).clone();
    assert_eq!(user["standing"]["state"], "active");
    let id = user["id"].as_str().unwrap();
    let held = world.get(&format!("/users/{id}/grants")).by(&admin);
    let held = held.send().await;
    let roles: Vec<&str> = held.expect(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|grant| grant["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["desktop-user", "web-user"]);
    let change = json!({ "name": "jane.roe", "email": "" });
    let path = format!("/users/{id}");
    let changed = world.ask("PATCH", &path).by(&admin).version(1);
    let changed = changed.json(&change).send().await;
    assert_eq!(changed.expect(200)["name"], "jane.roe");
    assert!(changed.body.get("email").is_none());
    assert_eq!(changed.body["person"], "Jane Doe");
    for search in ["JANE", "roe", "Doe"] {
        let found = world.get(&format!("/users?search={search}")).by(&admin);
        let found = found.send().await;
        assert_eq!(found.expect(200)["items"][0]["id"], id, "{search}");
    }
    let gone = world
        .get("/users?search=example.org")
        .by(&admin)
        .send()
        .await;
    assert_eq!(gone.expect(200)["items"], json!([]));
    // What has a meaning to the database has none here.
    let wild = world.get("/users?search=%25").by(&admin).send().await;
    assert_eq!(wild.expect(200)["items"], json!([]));
}

pub(crate) async fn a_name_is_taken_once(world: World) {
    let admin = world.admin("own").await;
    make(&world, &admin, "own", &json!({ "name": "Jane" }))
        .await
        .expect(201);
    let again = make(&world, &admin, "child", &json!({ "name": "JANE" })).await;
    assert_eq!(
        again.problem(409, "refused"),
        "there is a user `JANE` already"
    );
    let wrong = make(&world, &admin, "own", &json!({ "name": "a b" })).await;
    wrong.problem(400, "bad-request");
    assert_eq!(wrong.body["errors"][0]["at"], "name");
    let wrong = make(
        &world,
        &admin,
        "own",
        &json!({ "name": "ab", "email": "x" }),
    )
    .await;
    wrong.problem(400, "bad-request");
    assert_eq!(wrong.body["errors"][0]["at"], "email");
}

pub(crate) async fn many_users_are_made_at_once(world: World) {
    let admin = world.admin("own").await;
    let path = format!("/organisations/{}/users/import", world.at("own"));
    let users: Vec<Value> = ["one", "two", "ONE", "not a name", "three"]
        .iter()
        .map(|name| json!({ "name": name }))
        .collect();
    let body = json!({ "users": users });
    let outcome = world.post(&path).by(&admin).json(&body).send().await;
    let outcome = outcome.expect(200);
    assert_eq!(
        (&outcome["made"], &outcome["failed"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(
        outcome["users"][2]["problem"],
        "there is a user `ONE` already"
    );
    assert!(outcome["users"][3]["id"].is_null());
    assert!(outcome["users"][4]["id"].is_string());
    let found = world.get("/users?search=three").by(&admin).send().await;
    assert_eq!(found.expect(200)["items"].as_array().unwrap().len(), 1);
    let many: Vec<Value> = (0..1001)
        .map(|n| json!({ "name": format!("u{n}") }))
        .collect();
    let body = json!({ "users": many });
    world
        .post(&path)
        .by(&admin)
        .json(&body)
        .send()
        .await
        .problem(400, "bad-request");
}

pub(crate) async fn lists_come_in_pages(world: World) {
    let admin = world.admin("own").await;
    let path = format!("/organisations/{}/users/import", world.at("own"));
    let users: Vec<Value> = (0..25)
        .map(|n| json!({ "name": format!("page.{n:02}") }))
        .collect();
    let body = json!({ "users": users });
    world
        .post(&path)
        .by(&admin)
        .json(&body)
        .send()
        .await
        .expect(200);
    let mut seen = Vec::new();
    let mut next = None;
    let mut n_pages = 0;
    loop {
        let after = next.map_or_else(String::new, |next: String| format!("&after={next}"));
        let path = format!("/users?search=page.&limit=10{after}");
        let page = world.get(&path).by(&admin).send().await;
        let items = page.expect(200)["items"].as_array().unwrap().clone();
        seen.extend(
            items
                .iter()
                .map(|user| user["name"].as_str().unwrap().to_owned()),
        );
        n_pages += 1;
        match page.body["next"].as_str() {
            Some(more) => next = Some(more.to_owned()),
            None => break,
        }
    }
    let expected: Vec<String> = (0..25).map(|n| format!("page.{n:02}")).collect();
    assert_eq!((seen, n_pages), (expected, 3));
    for query in ["limit=0", "limit=1001", "limit=x", "after=zz", "unknown=1"] {
        let wrong = world
            .get(&format!("/users?{query}"))
            .by(&admin)
            .send()
            .await;
        wrong.problem(400, "bad-request");
    }
}

pub(crate) async fn states_follow_the_rules(world: World) {
    let admin = world.admin("own").await;
    let person = world.places["child"].person.clone();
    let state = async |what: &str, expected: &str| {
        let answer = act(&world, &admin, &person, what).await;
        assert_eq!(answer.expect(200)["state"], expected, "{what}");
    };
    state("deactivate", "inactive").await;
    act(&world, &admin, &person, "deactivate")
        .await
        .problem(409, "refused");
    state("block", "blocked").await;
    // To deactivate would weaken the block.
    act(&world, &admin, &person, "deactivate")
        .await
        .problem(409, "refused");
    state("unblock", "inactive").await;
    state("reactivate", "active").await;
    act(&world, &admin, &person, "unblock")
        .await
        .problem(409, "refused");
    let list = world.get("/users?state=suspended").by(&admin).send().await;
    assert_eq!(list.expect(200)["items"], json!([]));
    let suspended = act(&world, &admin, &person, "suspend").await;
    assert_eq!(suspended.expect(200)["sign_in"], "suspended");
    let list = world.get("/users?state=suspended").by(&admin).send().await;
    assert_eq!(list.expect(200)["items"][0]["id"], person.user.to_string());
    let resumed = act(&world, &admin, &person, "resume").await;
    assert_eq!(resumed.expect(200)["sign_in"], "open");
    // Inactive users take their accounts up again; blocked ones do not.
    act(&world, &admin, &person, "deactivate").await.expect(200);
    let writing = world.app.database.write().await.unwrap();
    let (_, bearer) = world.sign_in(&writing, person.user).await;
    writing.commit().await.unwrap();
    world
        .get("/me")
        .bearer(&bearer)
        .send()
        .await
        .problem(403, "not-active");
    let own = world.post("/me/reactivate").bearer(&bearer).send().await;
    assert_eq!(own.expect(200)["state"], "active");
    act(&world, &admin, &person, "block").await.expect(200);
    let writing = world.app.database.write().await.unwrap();
    let (_, bearer) = world.sign_in(&writing, person.user).await;
    writing.commit().await.unwrap();
    let own = world.post("/me/reactivate").bearer(&bearer).send().await;
    own.problem(403, "not-active");
}

pub(crate) async fn a_blocked_user_is_signed_out_at_once(world: World) {
    let admin = world.admin("own").await;
    let person = world.places["child"].person.clone();
    world.get("/me").by(&person).send().await.expect(200);
    act(&world, &admin, &person, "block").await.expect(200);
    world
        .get("/me")
        .by(&person)
        .send()
        .await
        .problem(401, "not-signed-in");
    act(&world, &admin, &person, "reactivate").await.expect(200);
    // What was ended stays ended.
    world
        .get("/me")
        .by(&person)
        .send()
        .await
        .problem(401, "not-signed-in");
    let tokens = world.get(&format!("/users/{}/tokens", person.user));
    let tokens = tokens.by(&admin).send().await;
    assert_eq!(tokens.expect(200)["items"], json!([]));
}

pub(crate) async fn a_suspended_user_is_signed_out_and_the_computer_goes_on(world: World) {
    let admin = world.admin("own").await;
    let person = world.places["child"].person.clone();
    act(&world, &admin, &person, "suspend").await.expect(200);
    world
        .get("/me")
        .by(&person)
        .send()
        .await
        .problem(401, "not-signed-in");
    let computer = world
        .get("/me")
        .bearer(&person.computer_bearer)
        .send()
        .await;
    assert_eq!(
        computer.expect(200)["via"]["computer"],
        person.computer.to_string()
    );
}

pub(crate) async fn the_last_sysadmin_stays(world: World) {
    let (one, other) = (world.sysadmin().await, world.sysadmin().await);
    act(&world, &one, &other, "block").await.expect(200);
    // Nobody does to themselves what they do to others, and nobody else is left to.
    act(&world, &one, &one, "block")
        .await
        .problem(403, "oneself");
    act(&world, &one, &other, "reactivate").await.expect(200);
    for what in ["deactivate", "block", "suspend"] {
        act(&world, &one, &other, what).await.expect(200);
        let undo = if what == "suspend" {
            "resume"
        } else {
            "reactivate"
        };
        act(&world, &one, &other, undo).await.expect(200);
    }
    // A sysadmin without anything to sign in with does not count: that of the first start.
    let path = format!("/organisations/{}/deactivate", world.at("root"));
    let stop = world
        .post(&path)
        .by(&one)
        .json(&json!({ "confirm": "root" }));
    stop.send().await.problem(409, "refused");
}

pub(crate) async fn who_outranks_one_is_left_alone(world: World) {
    let admin = world.admin("own").await;
    // The admin of a department does not act on a manager of the whole company who lives in the department.
    let manager = [Grant::WebUser, Grant::Manager(world.at("root"))];
    let manager = world.person("child", &manager).await;
    act(&world, &admin, &manager, "block")
        .await
        .problem(403, "outranked");
    let sysadmin = world.person("child", &[Grant::Sysadmin]).await;
    act(&world, &admin, &sysadmin, "suspend")
        .await
        .problem(403, "outranked");
    let body = json!({ "purpose": "reset" });
    let path = format!("/users/{}/links", sysadmin.user);
    let reset = world.post(&path).by(&admin).json(&body).send().await;
    reset.problem(403, "outranked");
    let path = format!("/organisations/{}/block", world.at("child"));
    let block = world
        .post(&path)
        .by(&admin)
        .json(&json!({ "confirm": "child" }));
    block.send().await.problem(403, "outranked");
}

pub(crate) async fn a_user_moves_and_leaves_groups(world: World) {
    let admin = world.admin("own").await;
    let place = world.places["child"].clone();
    let path = format!("/users/{}/move", place.person.user);
    let to = world.at("other-child").to_string();
    let body = json!({ "organisation": to });
    let moved = world.post(&path).by(&admin).json(&body).send().await;
    assert_eq!(moved.expect(200)["organisation"], to);
    let members = world.get(&format!("/groups/{}/members", place.group));
    let members = members.by(&admin).send().await;
    assert_eq!(members.expect(200)["items"], json!([]));
    let again = world.post(&path).by(&admin).json(&body).send().await;
    again.problem(409, "refused");
    let out = json!({ "organisation": world.at("stranger").to_string() });
    let out = world.post(&path).by(&admin).json(&out).send().await;
    assert_eq!(
        out.problem(400, "bad-request"),
        "there is no such organisation"
    );
}

pub(crate) async fn links_are_shown_once_and_void_those_before(world: World) {
    let admin = world.admin("own").await;
    let person = world.places["child"].person.clone();
    let path = format!("/users/{}/links", person.user);
    let body = json!({ "purpose": "invitation" });
    let first = world.post(&path).by(&admin).json(&body).send().await;
    let link = first.expect(201)["link"].as_str().unwrap().to_owned();
    assert!(
        link.starts_with("https://localhost:7443/link/srl_"),
        "{link}"
    );
    let secret = link.rsplit('/').next().unwrap().to_owned();
    let found = async || {
        let bearer = strongroom_server::app::Bearer::from_text(&secret).unwrap();
        let reading = world.app.database.read().await.unwrap();
        let found = strongroom_db::links::find_by_secret(&reading, &bearer.hash);
        found.await.unwrap().unwrap()
    };
    assert_eq!(found().await.voided, None);
    world
        .post(&path)
        .by(&admin)
        .json(&body)
        .send()
        .await
        .expect(201);
    assert!(found().await.voided.is_some());
    // The secret of a link signs nobody in.
    world
        .get("/me")
        .bearer(&secret)
        .send()
        .await
        .problem(401, "not-signed-in");
    act(&world, &admin, &person, "block").await.expect(200);
    world
        .post(&path)
        .by(&admin)
        .json(&body)
        .send()
        .await
        .problem(409, "refused");
}

pub(crate) async fn users_change_what_they_are_called(world: World) {
    let person = world.places["child"].person.clone();
    let body = json!({ "person": "Somebody Else" });
    let changed = world
        .ask("PATCH", "/me")
        .by(&person)
        .json(&body)
        .send()
        .await;
    assert_eq!(changed.expect(200)["person"], "Somebody Else");
    let me = world.get("/me").by(&person).send().await;
    assert_eq!(me.expect(200)["user"]["person"], "Somebody Else");
    assert_eq!(me.body["via"]["session"], person.session.to_string());
    // Their name to sign in with is changed by an administrator.
    let path = format!("/users/{}", person.user);
    let own = world
        .ask("PATCH", &path)
        .by(&person)
        .version(2)
        .json(&json!({ "name": "x" }));
    own.send().await.problem(403, "forbidden");
}
