//! Passkeys: made, and signed in with, alone and after a password.

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_domain::access::Grant;
use strongroom_server::app::second_factor::{Taken, remove_beside};

use crate::authenticator::{Authenticator, text};
use crate::required_factor::require;
use crate::sign_in::{self, PASSWORD, choose, invited, sign_in};
use crate::world::{Answer, Person, World};

/// What is wrong with a passkey.
type Wrong = fn(&mut Authenticator);

/// Somebody with a password and a passkey.
pub(crate) struct Owner {
    pub(crate) person: Person,
    pub(crate) bearer: String,
    pub(crate) device: Authenticator,
    pub(crate) passkey: String,
    pub(crate) codes: Vec<Value>,
}

impl Owner {
    pub(crate) async fn new(world: &World, place: &str) -> Self {
        let person = world.places[place].person.clone();
        let link = invited(world, &person).await;
        let chosen = choose(world, &link, PASSWORD).await;
        let bearer = secret(&chosen);
        let mut device = Authenticator::new();
        let made = register(world, &bearer, &mut device, |_device| ()).await;
        let body = made.expect(201);
        Self {
            person,
            bearer,
            device,
            passkey: body["passkey"]["id"].as_str().unwrap().to_owned(),
            codes: body["codes"].as_array().unwrap().clone(),
        }
    }

    /// Signs in as far as the password goes.
    async fn attempt(&self, world: &World) -> String {
        let answer = sign_in(world, &self.person.name, PASSWORD).await.unwrap();
        answer.problem(401, "second-factor-needed");
        answer.body["attempt"].as_str().unwrap().to_owned()
    }
}

fn secret(answer: &Answer) -> String {
    answer.expect(201)["secret"].as_str().unwrap().to_owned()
}

/// Makes a passkey, with something wrong about it.
pub(crate) async fn register(
    world: &World,
    bearer: &str,
    device: &mut Authenticator,
    wrong: impl FnOnce(&mut Authenticator),
) -> Answer {
    let started = world.post("/me/passkeys/start").bearer(bearer).send().await;
    wrong(device);
    let credential = device.make(started.expect(201));
    add(world, bearer, &credential).await
}

async fn add(world: &World, bearer: &str, credential: &Value) -> Answer {
    let body = json!({ "name": "A phone", "credential": credential });
    let add = world.post("/me/passkeys").bearer(bearer).json(&body);
    add.send().await
}

async fn begin(world: &World, attempt: Option<&str>) -> Answer {
    let body = json!({ "attempt": attempt });
    let start = world.post("/sign-in/passkey/start").json(&body);
    start.send().await
}

async fn finish(world: &World, attempt: Option<&str>, credential: &Value) -> Answer {
    let body = json!({ "attempt": attempt, "credential": credential, "program": "a test" });
    let finish = world.post("/sign-in/passkey/finish").json(&body);
    finish.send().await
}

/// Signs in by the passkey alone, with something wrong about it.
pub(crate) async fn alone(
    world: &World,
    device: &mut Authenticator,
    wrong: impl FnOnce(&mut Authenticator),
) -> Answer {
    let begun = begin(world, None).await;
    wrong(device);
    let signed = device.sign(begun.expect(200));
    finish(world, None, &signed).await
}

/// What the audit log has of the newest sign-in of somebody.
async fn newest(world: &World, person: &Person) -> Value {
    let sysadmin = world.sysadmin().await;
    let path = format!("/audit?event=session.begun&user={}", person.user);
    let log = world.get(&path).by(&sysadmin).send().await;
    log.expect(200)["items"][0].clone()
}

pub(crate) async fn a_passkey_signs_in_alone(world: World) {
    let mut owner = Owner::new(&world, "child").await;
    assert_eq!(owner.codes.len(), 10);
    let begun = begin(&world, None).await;
    let options = begun.expect(200);
    assert_eq!(options["rpId"], "localhost");
    assert_eq!(options["userVerification"], "required");
    assert_eq!(options["allowCredentials"], json!([]));
    // What one node gave another one takes.
    let signed = owner.device.sign(options);
    let body = json!({ "credential": signed, "program": "a test" });
    let other = world.another_node().await;
    let ask = world.post("/sign-in/passkey/finish").json(&body);
    let answer = ask.send_to(other).await;
    let bearer = secret(&answer);
    let me = world.get("/me").bearer(&bearer).send().await;
    assert_eq!(me.expect(200)["user"]["name"], owner.person.name);
    let begun = newest(&world, &owner.person).await;
    assert_eq!(begun["details"]["second-factor"], "passkey");
    // It did what a second factor does.
    let path = format!("/users/{}/sessions", owner.person.user);
    let listed = world.get(&path).bearer(&bearer).send().await;
    let items = listed.expect(200)["items"].as_array().unwrap().clone();
    let own = items.iter().find(|item| item["current"] == true).unwrap();
    assert!(own["second_factor"].is_string());
    let path = format!("/users/{}/passkeys", owner.person.user);
    let listed = world.get(&path).bearer(&bearer).send().await;
    let passkey = &listed.expect(200)["items"][0];
    assert!(passkey["last_used"].is_string());
    assert_eq!(passkey["name"], "A phone");
}

pub(crate) async fn a_passkey_is_a_second_factor(world: World) {
    let mut owner = Owner::new(&world, "child").await;
    let attempt = owner.attempt(&world).await;
    let begun = begin(&world, Some(&attempt)).await;
    let allowed = &begun.expect(200)["allowCredentials"];
    assert_eq!(allowed[0]["id"], text(&owner.device.id));
    let mut signed = owner.device.sign(&begun.body);
    // Who it is, the password has said.
    signed["response"]["userHandle"] = json!(null);
    let answer = finish(&world, Some(&attempt), &signed).await;
    let bearer = secret(&answer);
    world.get("/me").bearer(&bearer).send().await.expect(200);
    finish(&world, Some(&attempt), &signed)
        .await
        .problem(401, "wrong-passkey");
    // What is given for one is not good for the other.
    let attempt = owner.attempt(&world).await;
    let begun = begin(&world, Some(&attempt)).await;
    let signed = owner.device.sign(begun.expect(200));
    finish(&world, None, &signed)
        .await
        .problem(401, "wrong-passkey");
    let begun = begin(&world, None).await;
    let signed = owner.device.sign(begun.expect(200));
    finish(&world, Some(&attempt), &signed)
        .await
        .problem(401, "wrong-passkey");
    // A recovery code does, too.
    let body = json!({ "attempt": attempt, "code": owner.codes[0] });
    let code = world.post("/sign-in/second-factor").json(&body);
    code.send().await.expect(201);
    begin(&world, Some(&attempt))
        .await
        .problem(401, "wrong-password");
}

pub(crate) async fn two_sign_ins_of_one_user_do_not_undo_each_other(world: World) {
    let mut owner = Owner::new(&world, "child").await;
    let [one, other] = [owner.attempt(&world).await, owner.attempt(&world).await];
    let begun = begin(&world, Some(&one)).await;
    let begun_too = begin(&world, Some(&other)).await;
    let signed = owner.device.sign(begun.expect(200));
    finish(&world, Some(&one), &signed).await.expect(201);
    let signed = owner.device.sign(begun_too.expect(200));
    finish(&world, Some(&other), &signed).await.expect(201);
    // What is drawn for one of them is not good for the other; drawn anew, it was forgotten.
    let [one, other] = [owner.attempt(&world).await, owner.attempt(&world).await];
    let begun = begin(&world, Some(&one)).await;
    let signed = owner.device.sign(begun.expect(200));
    finish(&world, Some(&other), &signed)
        .await
        .problem(401, "wrong-passkey");
    let forgotten = begin(&world, Some(&one)).await;
    let begun = begin(&world, Some(&one)).await;
    let signed = owner.device.sign(forgotten.expect(200));
    finish(&world, Some(&one), &signed)
        .await
        .problem(401, "wrong-passkey");
    let signed = owner.device.sign(begun.expect(200));
    finish(&world, Some(&one), &signed).await.expect(201);
}

pub(crate) async fn what_is_wrong_signs_nobody_in(world: World) {
    let mut owner = Owner::new(&world, "child").await;
    let whole = Authenticator::new();
    let cases: [(&str, Wrong); 9] = [
        ("origin", |device| {
            "https://badlocalhost:7443".clone_into(&mut device.origin);
        }),
        ("origin", |device| {
            "https://localhost".clone_into(&mut device.origin);
        }),
        ("another site", |device| {
            "example.com".clone_into(&mut device.site);
        }),
        ("something else", |device| {
            device.kind = Some("webauthn.create");
        }),
        ("frame", |device| device.more = r#","crossOrigin":true"#),
        ("saw nobody", |device| device.flags = 1 << 2),
        ("did not verify", |device| device.flags = 1),
        ("signature", |device| device.spoils = true),
        ("somebody else's", |device| {
            device.handle = Some(vec![1; 16]);
        }),
    ];
    let handle = owner.device.handle.clone();
    for (reason, wrong) in cases {
        let answer = alone(&world, &mut owner.device, wrong).await;
        answer.problem(401, "wrong-passkey");
        let refused = newest(&world, &owner.person).await;
        assert_eq!(refused["outcome"], "refused");
        let because = refused["details"]["because"].as_str().unwrap();
        assert!(because.contains(reason), "{because}");
        owner.device.site.clone_from(&whole.site);
        owner.device.origin.clone_from(&whole.origin);
        owner.device.handle.clone_from(&handle);
        owner.device.flags = whole.flags;
        (owner.device.kind, owner.device.more, owner.device.spoils) = (None, "", false);
    }
    // By itself it must say whose it is.
    let answer = alone(&world, &mut owner.device, |device| device.handle = None).await;
    answer.problem(401, "wrong-passkey");
    owner.device.handle = handle;
    // A challenge is good once, for a while, and only if the server gave it.
    let begun = begin(&world, None).await;
    let signed = owner.device.sign(begun.expect(200));
    finish(&world, None, &signed).await.expect(201);
    finish(&world, None, &signed)
        .await
        .problem(401, "wrong-passkey");
    let begun = begin(&world, None).await;
    let signed = owner.device.sign(begun.expect(200));
    world.pass(Duration::from_secs(301));
    finish(&world, None, &signed)
        .await
        .problem(401, "wrong-passkey");
    let invented = json!({ "challenge": text(&[7; 32]) });
    let signed = owner.device.sign(&invented);
    finish(&world, None, &signed)
        .await
        .problem(401, "wrong-passkey");
    alone(&world, &mut owner.device, |_device| ())
        .await
        .expect(201);
}

pub(crate) async fn a_counter_that_goes_back_is_refused_and_on_record(world: World) {
    let mut owner = Owner::new(&world, "child").await;
    for _ in 0..2 {
        alone(&world, &mut owner.device, |_device| ())
            .await
            .expect(201);
    }
    // As often as the last time, and less often: a copy.
    for back in [1, 2] {
        let answer = alone(&world, &mut owner.device, |device| device.counter -= back).await;
        answer.problem(401, "wrong-passkey");
        let refused = newest(&world, &owner.person).await;
        let because = refused["details"]["because"].as_str().unwrap();
        assert!(because.contains("counter"), "{because}");
    }
    let answer = alone(&world, &mut owner.device, |device| device.counter = 9).await;
    answer.expect(201);
}

pub(crate) async fn the_passkey_of_another_is_no_second_factor(world: World) {
    let owner = Owner::new(&world, "child").await;
    let mut other = Owner::new(&world, "other-child").await;
    for _ in 0..3 {
        let attempt = owner.attempt(&world).await;
        let begun = begin(&world, Some(&attempt)).await;
        let mut signed = other.device.sign(begun.expect(200));
        signed["response"]["userHandle"] = json!(null);
        finish(&world, Some(&attempt), &signed)
            .await
            .problem(401, "wrong-passkey");
        let refused = newest(&world, &owner.person).await;
        assert_eq!(refused["details"]["wrong"], "passkey");
    }
    // Neither the challenge of one sign-in for another person's.
    let attempt = owner.attempt(&world).await;
    let theirs = other.attempt(&world).await;
    let begun = begin(&world, Some(&theirs)).await;
    let signed = other.device.sign(begun.expect(200));
    finish(&world, Some(&attempt), &signed)
        .await
        .problem(401, "wrong-passkey");
    // After three, the password is asked for again.
    let attempt = owner.attempt(&world).await;
    for _ in 0..3 {
        let begun = begin(&world, Some(&attempt)).await;
        let signed = other.device.sign(begun.expect(200));
        finish(&world, Some(&attempt), &signed)
            .await
            .problem(401, "wrong-passkey");
    }
    begin(&world, Some(&attempt))
        .await
        .problem(401, "wrong-password");
}

pub(crate) async fn what_is_wrong_makes_no_passkey(world: World) {
    let owner = Owner::new(&world, "child").await;
    let cases: [(&str, Wrong); 5] = [
        ("origin", |device| {
            "https://localhost.example".clone_into(&mut device.origin);
        }),
        ("another site", |device| {
            "example".clone_into(&mut device.site);
        }),
        ("something else", |device| {
            device.kind = Some("webauthn.get");
        }),
        ("did not verify", |device| device.flags = 1),
        ("id of the passkey", |device| device.id = Vec::new()),
    ];
    for (reason, wrong) in cases {
        let mut device = Authenticator::new();
        let answer = register(&world, &owner.bearer, &mut device, wrong).await;
        let detail = answer.problem(400, "bad-request");
        assert!(detail.contains(reason), "{detail}");
    }
    // A challenge makes one passkey, for whom it was given, for a while.
    let start = || world.post("/me/passkeys/start").bearer(&owner.bearer);
    let started = start().send().await;
    let credential = Authenticator::new().make(started.expect(201));
    let other = Owner::new(&world, "other-child").await;
    add(&world, &other.bearer, &credential)
        .await
        .problem(409, "refused");
    let started = start().send().await;
    let excluded = &started.expect(201)["excludeCredentials"];
    assert_eq!(excluded[0]["id"], text(&owner.device.id));
    let credential = Authenticator::new().make(&started.body);
    let made = add(&world, &owner.bearer, &credential).await;
    assert_eq!(made.expect(201)["codes"], json!(null));
    add(&world, &owner.bearer, &credential)
        .await
        .problem(409, "refused");
    let started = start().send().await;
    world.pass(Duration::from_secs(301));
    let credential = Authenticator::new().make(started.expect(201));
    add(&world, &owner.bearer, &credential)
        .await
        .problem(409, "refused");
    // One that there is already is made for nobody.
    let started = start().send().await;
    let mut same = Authenticator::new();
    same.id.clone_from(&other.device.id);
    let credential = same.make(started.expect(201));
    add(&world, &owner.bearer, &credential)
        .await
        .problem(409, "refused");
}

pub(crate) async fn passkeys_are_named_and_taken_away(world: World) {
    let owner = Owner::new(&world, "child").await;
    let other = world.places["other-child"].person.clone();
    let path = format!("/passkeys/{}", owner.passkey);
    let name = json!({ "name": "A key on a ring" });
    let rename = || world.ask("PATCH", &path).json(&name);
    rename().by(&other).send().await.problem(404, "not-found");
    let renamed = rename().bearer(&owner.bearer).send().await;
    assert_eq!(renamed.expect(200)["name"], "A key on a ring");
    let remove = || world.ask("DELETE", &path);
    remove().by(&other).send().await.problem(404, "not-found");
    let admin = world.admin("own").await;
    remove().by(&admin).send().await.problem(403, "forbidden");
    require(&world, "own").await;
    let detail = remove().bearer(&owner.bearer).send().await;
    let detail = detail.problem(409, "refused");
    assert!(detail.contains("your last one"), "{detail}");
    let mut second = Authenticator::new();
    let made = register(&world, &owner.bearer, &mut second, |_device| ()).await;
    made.expect(201);
    remove().bearer(&owner.bearer).send().await.expect(204);
    alone(&world, &mut second, |_device| ()).await.expect(201);
    // An administrator takes all of them away from somebody who lost them.
    let sysadmin = world.sysadmin().await;
    let path = format!("/users/{}/second-factor", owner.person.user);
    let shown = world.get(&path).by(&sysadmin).send().await;
    assert_eq!(shown.expect(200)["passkeys"], 1);
    let taken = world.ask("DELETE", &path).by(&sysadmin).send().await;
    taken.expect(204);
    alone(&world, &mut second, |_device| ())
        .await
        .problem(401, "wrong-passkey");
    let shown = world.get(&path).by(&sysadmin).send().await;
    assert_eq!(shown.expect(200)["recovery_codes"], 0);
}

/// With another public address a passkey opens nothing, and its account asks for it still. Whoever runs the server takes it
/// away.
pub(crate) async fn who_has_only_one_of_another_address_gets_in_again(world: World) {
    let mut owner = Owner::new(&world, "child").await;
    "https://elsewhere.example:7443".clone_into(&mut owner.device.origin);
    "elsewhere.example".clone_into(&mut owner.device.site);
    alone(&world, &mut owner.device, |_device| ())
        .await
        .problem(401, "wrong-passkey");
    owner.attempt(&world).await;
    let name = owner.person.name.to_uppercase();
    let taken = remove_beside(&world.app, &name).await.unwrap();
    let expected = Taken {
        app: false,
        passkeys: 1,
    };
    assert_eq!(taken, expected);
    sign_in(&world, &owner.person.name, PASSWORD)
        .await
        .unwrap()
        .expect(201);
    let sysadmin = world.sysadmin().await;
    let path = format!(
        "/audit?event=user.second-factor-removed&user={}",
        owner.person.user
    );
    let log = world.get(&path).by(&sysadmin).send().await;
    let entry = &log.expect(200)["items"][0];
    assert_eq!(entry["details"]["by"], "whoever runs the server");
    assert_eq!(entry["actor_kind"], "system");
    // By its id too; and what is not there is said.
    let id = owner.person.user.to_string();
    for (name, says) in [
        (id.as_str(), "no second factor"),
        ("nobody.at.all", "no user"),
        ("no name: at all", "no user"),
    ] {
        let error = remove_beside(&world.app, name).await.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
}

/// Somebody was in the account, and put a passkey of their own there.
pub(crate) async fn a_link_shuts_out_who_was_in(world: World) {
    let mut owner = Owner::new(&world, "child").await;
    let mut intruder = Authenticator::new();
    let made = register(&world, &owner.bearer, &mut intruder, |_device| ()).await;
    let theirs = made.expect(201)["passkey"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let body = json!({ "name": "Theirs", "actions": ["account.read"], "days": 1 });
    let made = world.post("/me/tokens").bearer(&owner.bearer).json(&body);
    let token = secret(&made.send().await);
    let own = format!("/users/{}", owner.person.user);
    let is_in = async |bearer: &str| world.get(&own).bearer(bearer).send().await;
    is_in(&token).await.expect(200);
    let (under_way, message) = sign_in::start(&world, &owner.person.name, PASSWORD).await;
    let link = invited(&world, &owner.person).await;
    let chosen = choose(&world, &link, "another pass phrase").await;
    chosen.problem(401, "second-factor-needed");
    for bearer in [&token, &owner.bearer] {
        is_in(bearer).await.problem(401, "not-signed-in");
    }
    let late = sign_in::finish(&world, &under_way, &message.unwrap()).await;
    late.problem(401, "wrong-password");
    for device in [&mut intruder, &mut owner.device] {
        let refused = alone(&world, device, |_device| ()).await;
        refused.problem(401, "wrong-passkey");
        let refused = newest(&world, &owner.person).await;
        let because = refused["details"]["because"].as_str().unwrap();
        assert!(because.contains("chosen by a link"), "{because}");
    }
    // After the new password it is the second factor that it was, and signs in by itself again.
    let attempt = chosen.body["attempt"].as_str().unwrap();
    let begun = begin(&world, Some(attempt)).await;
    let signed = owner.device.sign(begun.expect(200));
    let bearer = secret(&finish(&world, Some(attempt), &signed).await);
    alone(&world, &mut owner.device, |_device| ())
        .await
        .expect(201);
    alone(&world, &mut intruder, |_device| ())
        .await
        .problem(401, "wrong-passkey");
    // Its owner sees which one was not shown, and takes it away.
    let listed = world.get(&format!("{own}/passkeys")).bearer(&bearer);
    let listed = listed.send().await;
    let items = listed.expect(200)["items"].as_array().unwrap().clone();
    for item in items {
        let is_theirs = item["id"] == theirs;
        assert_eq!(item["after_password_since"].is_string(), is_theirs);
    }
    let remove = world.ask("DELETE", &format!("/passkeys/{theirs}"));
    remove.bearer(&bearer).send().await.expect(204);
}

pub(crate) async fn whoever_has_a_passkey_sees_it(world: World) {
    // The role of who backs up, and no other.
    let person = world.person("child", &[Grant::DesktopUser]).await;
    let mut device = Authenticator::new();
    let made = register(&world, &person.bearer, &mut device, |_device| ()).await;
    made.expect(201);
    let path = |what: &str| format!("/users/{}/{what}", person.user);
    let listed = world.get(&path("passkeys")).by(&person).send().await;
    assert_eq!(listed.expect(200)["items"][0]["name"], "A phone");
    let shown = world.get(&path("second-factor")).by(&person).send().await;
    assert_eq!(shown.expect(200)["passkeys"], 1);
    // Nobody sees those of others by it.
    let other = world.person("child", &[Grant::DesktopUser]).await;
    for what in ["passkeys", "second-factor"] {
        let refused = world.get(&path(what)).by(&other).send().await;
        refused.problem(404, "not-found");
    }
}

pub(crate) async fn a_passkey_is_what_is_required(world: World) {
    let person = world.places["child"].person.clone();
    let link = invited(&world, &person).await;
    choose(&world, &link, PASSWORD).await.expect(201);
    require(&world, "own").await;
    let answer = sign_in(&world, &person.name, PASSWORD).await.unwrap();
    assert_eq!(answer.expect(201)["second_factor_missing"], true);
    let bearer = secret(&answer);
    let own = format!("/users/{}", person.user);
    let ask = async || world.get(&own).bearer(&bearer).send().await;
    ask().await.problem(403, "second-factor-missing");
    let mut device = Authenticator::new();
    register(&world, &bearer, &mut device, |_device| ())
        .await
        .expect(201);
    ask().await.expect(200);
    let alone = alone(&world, &mut device, |_device| ()).await;
    assert_eq!(alone.expect(201)["second_factor_missing"], json!(null));
}

pub(crate) async fn nobody_learns_who_is_there(world: World) {
    let mut owner = Owner::new(&world, "child").await;
    let known = alone(&world, &mut owner.device, |device| device.spoils = true).await;
    let mut nobody = Authenticator::new();
    nobody.handle.clone_from(&owner.device.handle);
    let unknown = alone(&world, &mut nobody, |_device| ()).await;
    let shape = |answer: &Answer| {
        let mut body = answer.body.clone();
        body["request"] = json!(null);
        (answer.status, body)
    };
    assert_eq!(shape(&known), shape(&unknown));
    // What a stranger asks for, an attempt that there is not included, says nothing of anybody.
    begin(&world, Some(&"0".repeat(64)))
        .await
        .problem(401, "wrong-password");
    // A blocked user is told so, who has proved who they are.
    let admin = world.admin("own").await;
    let path = format!("/users/{}/block", owner.person.user);
    world.post(&path).by(&admin).send().await.expect(200);
    owner.device.spoils = false;
    alone(&world, &mut owner.device, |_device| ())
        .await
        .problem(403, "not-active");
}

pub(crate) async fn a_challenge_is_no_guess_and_a_wrong_answer_is(world: World) {
    let mut owner = Owner::new(&world, "child").await;
    // Who signs in well pays nothing.
    for _ in 0..25 {
        alone(&world, &mut owner.device, |_device| ())
            .await
            .expect(201);
    }
    // Neither does who asks for what is to be signed, and lets it be: nobody of the same network waits for it.
    for _ in 0..30 {
        begin(&world, None).await.expect(200);
    }
    owner.attempt(&world).await;
    alone(&world, &mut owner.device, |_device| ())
        .await
        .expect(201);
    world.pass(Duration::from_mins(2));
    let kept = begin(&world, None).await;
    let mut answers = Vec::new();
    owner.device.spoils = true;
    for _ in 0..21 {
        let begun = begin(&world, None).await;
        answers.push(owner.device.sign(begun.expect(200)));
    }
    let late = answers.pop().unwrap();
    for answer in &answers {
        finish(&world, None, answer)
            .await
            .problem(401, "wrong-passkey");
    }
    finish(&world, None, &late).await.problem(429, "too-many");
    // Also one that would be good waits then.
    owner.device.spoils = false;
    let good = owner.device.sign(kept.expect(200));
    finish(&world, None, &good).await.problem(429, "too-many");
    world.pass(Duration::from_secs(45));
    finish(&world, None, &good).await.expect(201);
}

pub(crate) async fn who_asks_for_many_challenges_waits(world: World) {
    for _ in 0..60 {
        begin(&world, None).await.expect(200);
    }
    begin(&world, None).await.problem(429, "too-many");
    world.pass(Duration::from_secs(1));
    begin(&world, None).await.expect(200);
}
