//! What is the same for all endpoints: problems, versions, keys, dry runs, bodies, headers.

use serde_json::json;

use crate::world::World;

pub(crate) async fn problems_are_problems(world: World) {
    let nothing = world.get("/nothing").send().await;
    nothing.problem(404, "not-found");
    let method = world.ask("DELETE", "/users").send().await;
    method.problem(405, "method");
    assert!(nothing.body["request"].as_str().unwrap().len() == 16);
    assert_eq!(
        nothing.header("x-request-id"),
        nothing.body["request"].as_str()
    );
    // First who asks, then what is there, then what is sent.
    let garbage = |path: &str| world.ask("PATCH", path).text("}");
    let admin = world.admin("own").await;
    let child = format!("/organisations/{}", world.at("child"));
    let uncle = format!("/organisations/{}", world.at("uncle"));
    garbage(&child).send().await.problem(401, "not-signed-in");
    garbage(&uncle)
        .by(&admin)
        .send()
        .await
        .problem(404, "not-found");
    garbage("/organisations/x")
        .by(&admin)
        .send()
        .await
        .problem(404, "not-found");
    garbage("/organisations/%FF")
        .by(&admin)
        .send()
        .await
        .problem(404, "not-found");
    garbage(&child)
        .by(&admin)
        .send()
        .await
        .problem(400, "bad-request");
    // What is there and unseen is answered like what is not there.
    let unknown = format!("/organisations/{}", "0".repeat(32));
    let (mut unseen, mut unknown) = (
        world.get(&uncle).by(&admin).send().await.body,
        world.get(&unknown).by(&admin).send().await.body,
    );
    unseen["request"].take();
    unknown["request"].take();
    assert_eq!(unseen, unknown);
}

pub(crate) async fn a_change_needs_the_version_that_was_seen(world: World) {
    let admin = world.admin("own").await;
    let path = format!("/organisations/{}", world.at("child"));
    let change = |name: &str| {
        let request = world.ask("PATCH", &path).by(&admin);
        request.json(&json!({ "name": name }))
    };
    change("A").send().await.problem(428, "version-missing");
    change("A")
        .header("if-match", "1")
        .send()
        .await
        .problem(400, "bad-request");
    let first = change("A").version(1).send().await;
    assert_eq!(first.header("etag"), Some("\"2\""));
    // The second of two administrators learns that there was a first.
    change("B")
        .version(1)
        .send()
        .await
        .problem(412, "changed-since");
    change("B").version(2).send().await.expect(200);
    change("C").header("if-match", "*").send().await.expect(200);
    // Where none is needed, one that is given counts.
    let suspend = format!("/users/{}/suspend", world.places["child"].person.user);
    let stale = world.post(&suspend).by(&admin).version(9).send().await;
    stale.problem(412, "changed-since");
}

pub(crate) async fn the_same_request_is_done_once(world: World) {
    let admin = world.admin("own").await;
    let path = format!("/organisations/{}/users", world.at("own"));
    let send = |name: &str, key: &str| {
        let request = world.post(&path).by(&admin).header("idempotency-key", key);
        request.json(&json!({ "name": name }))
    };
    let first = send("jane", "1").send().await;
    let again = send("jane", "1").send().await;
    assert_eq!(again.expect(201), first.expect(201));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    send("john", "1")
        .send()
        .await
        .problem(422, "key-of-another");
    send("jane", "2").send().await.problem(409, "refused");
    // What failed may be tried again with the same key.
    send("joan", "2").send().await.expect(201);
    for key in ["", &"k".repeat(256)] {
        send("x", key).send().await.problem(400, "bad-request");
    }
    // The keys of another are another's.
    let other = world.admin("own").await;
    let theirs = world.post(&path).by(&other).header("idempotency-key", "1");
    let theirs = theirs.json(&json!({ "name": "jim" })).send().await;
    theirs.expect(201);
    // What is shown once is not shown again.
    let rotate = format!("/organisations/{}/registration-key/rotate", world.at("own"));
    let rotate = || {
        let request = world
            .post(&rotate)
            .by(&admin)
            .header("idempotency-key", "r");
        request.json(&json!({}))
    };
    let first = rotate().send().await;
    let again = rotate().send().await;
    assert!(first.expect(201)["key"].is_string());
    assert!(again.expect(201).get("key").is_none());
    assert_eq!(again.body["masked"], first.body["masked"]);
}

pub(crate) async fn a_dry_run_changes_nothing(world: World) {
    let admin = world.admin("own").await;
    let path = format!("/organisations/{}/users?dry-run=true", world.at("own"));
    let body = json!({ "name": "jane" });
    let request = || {
        world
            .post(&path)
            .by(&admin)
            .header("idempotency-key", "k")
            .json(&body)
    };
    let dry = request().send().await;
    dry.expect(201);
    assert_eq!(dry.header("strongroom-dry-run"), Some("true"));
    request().send().await.expect(201);
    let found = world.get("/users?search=jane").by(&admin).send().await;
    assert_eq!(found.expect(200)["items"], json!([]));
    let odd = world
        .post(&path.replace("true", "yes"))
        .by(&admin)
        .json(&body);
    odd.send().await.problem(400, "bad-request");
}

/// A database that takes no zero byte is never asked for one.
pub(crate) async fn zero_bytes_are_refused(world: World) {
    let sysadmin = world.sysadmin().await;
    for path in [
        "/audit?event=%00",
        "/users?search=a%00",
        "/computers?search=%00",
        "/organisations?search=%00b",
        "/users?after=%00",
    ] {
        let answer = world.get(path).by(&sysadmin).send().await;
        answer.problem(400, "bad-request");
    }
    let path = format!("/organisations/{}/users", world.at("own"));
    for body in [
        json!({ "name": "a\0" }),
        json!({ "name": "a", "person": "\0" }),
        json!({ "name": "a", "email": "\0@example.org" }),
    ] {
        let answer = world.post(&path).by(&sysadmin).json(&body).send().await;
        answer.problem(400, "bad-request");
    }
    let request = &world.make_messages().0;
    let body = json!({ "name": "a\0", "request": request });
    let answer = world.post("/sign-in/start").json(&body).send().await;
    assert!(answer.status.as_u16() < 500, "{}", answer.text);
}

pub(crate) async fn bad_bodies_are_refused(world: World) {
    let admin = world.admin("own").await;
    let path = format!("/organisations/{}/users", world.at("own"));
    let send = |body: &str| world.post(&path).by(&admin).text(body);
    let deep = format!("{{\"name\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        "",
        "{",
        "null",
        "[]",
        "{\"name\":1}",
        "{\"name\":\"a\",\"admin\":true}",
        "{\"name\":\"a\"} x",
        &deep,
    ] {
        let answer = send(body).send().await;
        answer.problem(400, "bad-request");
    }
    let wrong = send("{\"name\":1}").send().await;
    wrong.problem(400, "bad-request");
    assert_eq!(wrong.body["errors"][0]["at"], "name");
    let large = format!("{{\"name\":\"{}\"}}", "a".repeat(70_000));
    send(&large).send().await.problem(413, "too-large");
    let form = world
        .post(&path)
        .by(&admin)
        .header("content-type", "application/x-www-form-urlencoded");
    form.send().await.problem(415, "not-json");
    world
        .post(&path)
        .by(&admin)
        .send()
        .await
        .problem(415, "not-json");
}

pub(crate) async fn every_answer_has_its_headers(world: World) {
    for path in ["/me", "/nothing", "/health/live"] {
        let answer = world.get(path).send().await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(answer.header("strict-transport-security").is_some());
    }
}

pub(crate) async fn health_and_measurements(world: World) {
    let live = world.get("/health/live").send().await;
    assert_eq!((live.status.as_u16(), live.text.as_str()), (200, "live\n"));
    let ready = world.get("/health/ready").send().await;
    assert_eq!(
        (ready.status.as_u16(), ready.text.as_str()),
        (200, "ready\n")
    );
    world
        .get("/metrics")
        .send()
        .await
        .problem(401, "not-signed-in");
    let admin = world.admin("own").await;
    world
        .get("/metrics")
        .by(&admin)
        .send()
        .await
        .problem(404, "not-found");
    let sysadmin = world.sysadmin().await;
    let metrics = world.get("/metrics").by(&sysadmin).send().await;
    assert_eq!(metrics.status, 200);
    let counted =
        "strongroom_requests_total{method=\"GET\",path=\"/health/live\",status=\"200\"} 1";
    assert!(metrics.text.contains(counted), "{}", metrics.text);
    assert!(metrics.text.ends_with("# EOF\n"));
    world.site.end();
    world
        .get("/health/ready")
        .send()
        .await
        .problem(503, "unavailable");
    world.get("/health/live").send().await;
}

pub(crate) async fn the_document_is_served(world: World) {
    let served = world.get("/openapi.json").send().await;
    assert_eq!(served.expect(200)["openapi"], "3.1.0");
    assert_eq!(served.text, strongroom_server::http::openapi::text());
}
