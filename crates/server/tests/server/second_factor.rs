//! The second step of a sign-in: authenticator apps and recovery codes.

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_crypto::secret::Secret;
use strongroom_crypto::totp::TotpSecret;

use crate::sign_in::{PASSWORD, choose, invited, sign_in};
use crate::world::{Answer, Person, World};

/// Somebody with a password and an app.
pub(crate) struct Owner {
    pub(crate) person: Person,
    app: TotpSecret,
    pub(crate) codes: Vec<String>,
    pub(crate) bearer: String,
}

/// What the app shows now.
pub(crate) fn code(world: &World, app: &TotpSecret) -> String {
    // The library has no use for showing a code: every one is tried.
    let mut codes = (0..1_000_000).map(|n| format!("{n:06}"));
    let now = world.app.now();
    let is_now = |code: &String| app.accept(code, now, None).is_ok();
    let found = codes.find(|code| is_now(code) && is_of(app, code, now));
    found.unwrap()
}

/// Whether a code is that of this very step, and of neither the one before nor the one after.
fn is_of(app: &TotpSecret, code: &str, now: strongroom_base::clock::Timestamp) -> bool {
    use strongroom_crypto::totp::Step;
    app.accept(code, now, None) == Ok(Step::at(now))
}

fn base32(text: &str) -> [u8; 20] {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bytes = Vec::new();
    let (mut bits, mut n_bits) = (0_u64, 0);
    for symbol in text.chars() {
        bits = bits << 5 | u64::try_from(ALPHABET.find(symbol).unwrap()).unwrap();
        n_bits += 5;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push(u8::try_from(bits >> n_bits & 0xff).unwrap());
        }
    }
    bytes.try_into().unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().unwrap().iter();
    items
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

/// Begins to set an app up, and returns it.
async fn begin(world: &World, bearer: &str) -> TotpSecret {
    let started = world.post("/me/authenticator").bearer(bearer).send().await;
    let secret = started.expect(201)["app"]["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    let uri = started.body["app"]["uri"].as_str().unwrap();
    assert!(
        uri.starts_with("otpauth://totp/Strongroom:person."),
        "{uri}"
    );
    TotpSecret::from_bytes(Secret::new(base32(&secret)))
}

/// Sets an app up, and returns it.
pub(crate) async fn set_up(world: &World, bearer: &str) -> TotpSecret {
    let app = begin(world, bearer).await;
    let body = json!({ "code": code(world, &app) });
    let confirm = world.post("/me/authenticator/confirm").bearer(bearer);
    confirm.json(&body).send().await.expect(201);
    app
}

impl Owner {
    pub(crate) async fn new(world: &World) -> Self {
        let person = world.places["child"].person.clone();
        let link = invited(world, &person).await;
        let chosen = choose(world, &link, PASSWORD).await;
        let bearer = chosen.expect(201)["secret"].as_str().unwrap().to_owned();
        let start = || world.post("/me/authenticator").bearer(&bearer);
        start().send().await.expect(201);
        // Begun anew, the one before is forgotten.
        let app = begin(world, &bearer).await;
        // Nobody is asked for what was not confirmed.
        sign_in(world, &person.name, PASSWORD)
            .await
            .unwrap()
            .expect(201);
        let confirm = |code: &str| {
            let confirm = world.post("/me/authenticator/confirm").bearer(&bearer);
            confirm.json(&json!({ "code": code }))
        };
        confirm("12345").send().await.problem(409, "refused");
        let confirmed = confirm(&code(world, &app)).send().await;
        let codes = texts(&confirmed.expect(201)["codes"]);
        assert_eq!(codes.len(), 10);
        start().send().await.problem(409, "refused");
        world.pass(Duration::from_secs(30));
        Self {
            person,
            app,
            codes,
            bearer,
        }
    }

    /// Signs in as far as the password goes.
    pub(crate) async fn attempt(&self, world: &World) -> String {
        let answer = sign_in(world, &self.person.name, PASSWORD).await.unwrap();
        answer.problem(401, "second-factor-needed");
        answer.body["attempt"].as_str().unwrap().to_owned()
    }

    pub(crate) fn code(&self, world: &World) -> String {
        code(world, &self.app)
    }
}

pub(crate) async fn second(world: &World, attempt: &str, code: &str) -> Answer {
    let body = json!({ "attempt": attempt, "code": code });
    world
        .post("/sign-in/second-factor")
        .json(&body)
        .send()
        .await
}

pub(crate) async fn an_app_is_asked_for_at_sign_in(world: World) {
    let owner = Owner::new(&world).await;
    let attempt = owner.attempt(&world).await;
    let signed_in = second(&world, &attempt, &owner.code(&world)).await;
    let bearer = signed_in.expect(201)["secret"].as_str().unwrap().to_owned();
    world.get("/me").bearer(&bearer).send().await.expect(200);
    // An attempt is good once, and not for long.
    let again = second(&world, &attempt, &owner.code(&world)).await;
    again.problem(401, "wrong-password");
    let late = owner.attempt(&world).await;
    world.pass(Duration::from_secs(301));
    let late = second(&world, &late, &owner.code(&world)).await;
    late.problem(401, "wrong-password");
    // A first attempt is no second one, nor the other way round.
    let waiting = owner.attempt(&world).await;
    let body = json!({ "attempt": waiting, "message": "00".repeat(64), "program": "a test" });
    let crossed = world.post("/sign-in/finish").json(&body).send().await;
    crossed.problem(401, "wrong-password");
    second(&world, &"0".repeat(64), "000000")
        .await
        .problem(401, "wrong-password");
    second(&world, "00", "000000")
        .await
        .problem(400, "bad-request");
    // The secret is nowhere in the database.
    let dump = world.dump();
    let has = |needle: &[u8]| dump.windows(needle.len()).any(|window| window == needle);
    let secret = owner.app.expose_bytes();
    assert!(!has(secret) && !has(strongroom_base::ids::to_hex(secret).as_bytes()));
    assert!(!has(owner.codes[0].as_bytes()));
    assert!(!has(owner.codes[0].replace('-', "").as_bytes()));
    // Without the app the password alone signs in again.
    let remove = || world.ask("DELETE", "/me/authenticator").bearer(&bearer);
    world.pass(Duration::from_mins(5));
    remove().send().await.problem(403, "sign-in-again");
    let attempt = owner.attempt(&world).await;
    let fresh = second(&world, &attempt, &owner.code(&world)).await;
    let fresh = fresh.expect(201)["secret"].as_str().unwrap().to_owned();
    let remove = || world.ask("DELETE", "/me/authenticator").bearer(&fresh);
    remove().send().await.expect(204);
    remove().send().await.problem(409, "refused");
    let answer = sign_in(&world, &owner.person.name, PASSWORD).await.unwrap();
    answer.expect(201);
}

pub(crate) async fn a_code_is_taken_once(world: World) {
    let owner = Owner::new(&world).await;
    let code = owner.code(&world);
    let [one, two] = [owner.attempt(&world).await, owner.attempt(&world).await];
    let other = world.another_node().await;
    let body = |attempt: &str| json!({ "attempt": attempt, "code": code });
    let path = "/sign-in/second-factor";
    // Side by side on two nodes, one of them gets in.
    let (first, second_answer) = tokio::join!(
        world.post(path).json(&body(&one)).send(),
        world.post(path).json(&body(&two)).send_to(other),
    );
    let mut statuses = [first.status.as_u16(), second_answer.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 401]);
    let again = owner.attempt(&world).await;
    second(&world, &again, &code)
        .await
        .problem(401, "wrong-code");
    // One step late it is taken still, two steps late it is not; and none is taken after a later one.
    world.pass(Duration::from_secs(30));
    let late = owner.code(&world);
    world.pass(Duration::from_secs(30));
    second(&world, &again, &late).await.expect(201);
    let attempt = owner.attempt(&world).await;
    let older = owner.code(&world);
    world.pass(Duration::from_mins(1));
    second(&world, &attempt, &older)
        .await
        .problem(401, "wrong-code");
    // A clock set back makes none good again.
    let used = owner.code(&world);
    second(&world, &attempt, &used).await.expect(201);
    world.set_back(Duration::from_mins(1));
    let attempt = owner.attempt(&world).await;
    let before = owner.code(&world);
    second(&world, &attempt, &before)
        .await
        .problem(401, "wrong-code");
}

pub(crate) async fn a_recovery_code_signs_in_once(world: World) {
    let owner = Owner::new(&world).await;
    let typed = owner.codes[0].to_lowercase().replace('-', " ");
    let attempt = owner.attempt(&world).await;
    second(&world, &attempt, &typed).await.expect(201);
    let attempt = owner.attempt(&world).await;
    second(&world, &attempt, &owner.codes[0])
        .await
        .problem(401, "wrong-code");
    let path = format!("/users/{}/second-factor", owner.person.user);
    let shown = world.get(&path).bearer(&owner.bearer).send().await;
    assert_eq!(shown.expect(200)["recovery_codes"], 9);
    assert!(shown.body["authenticator"].is_string());
    // New ones are in the place of all before.
    let made = world.post("/me/recovery-codes").bearer(&owner.bearer);
    let made = texts(&made.send().await.expect(201)["codes"]);
    second(&world, &attempt, &owner.codes[1])
        .await
        .problem(401, "wrong-code");
    second(&world, &attempt, &made[9]).await.expect(201);
}

pub(crate) async fn wrong_codes_are_few(world: World) {
    let owner = Owner::new(&world).await;
    let attempt = owner.attempt(&world).await;
    for _ in 0..3 {
        second(&world, &attempt, "x")
            .await
            .problem(401, "wrong-code");
    }
    let right = second(&world, &attempt, &owner.code(&world)).await;
    right.problem(401, "wrong-password");
    let sysadmin = world.sysadmin().await;
    let path = format!("/audit?event=session.begun&user={}", owner.person.user);
    let log = world.get(&path).by(&sysadmin).send().await;
    let newest = &log.expect(200)["items"][0];
    assert_eq!(newest["outcome"], "refused");
    // What others set up is not seen by a guess without the password.
    let nobody = sign_in(&world, &owner.person.name, "wrong").await;
    assert!(nobody.is_none());
}

pub(crate) async fn a_reset_does_not_get_around_it(world: World) {
    let owner = Owner::new(&world).await;
    let waiting = owner.attempt(&world).await;
    let link = invited(&world, &owner.person).await;
    let chosen = choose(&world, &link, "another pass phrase").await;
    chosen.problem(401, "second-factor-needed");
    // What waited for the password before is over.
    let code = owner.code(&world);
    second(&world, &waiting, &code)
        .await
        .problem(401, "wrong-password");
    let attempt = chosen.body["attempt"].as_str().unwrap();
    second(&world, attempt, &code).await.expect(201);
}

pub(crate) async fn an_administrator_takes_it_away(world: World) {
    let owner = Owner::new(&world).await;
    let admin = world.admin("own").await;
    let path = format!("/users/{}/second-factor", owner.person.user);
    world
        .ask("DELETE", &path)
        .by(&admin)
        .send()
        .await
        .expect(204);
    world
        .ask("DELETE", &path)
        .by(&admin)
        .send()
        .await
        .problem(409, "refused");
    let answer = sign_in(&world, &owner.person.name, PASSWORD).await.unwrap();
    answer.expect(201);
    assert_eq!(
        world.events(2).await,
        ["session.begun", "user.second-factor-removed"]
    );
}
