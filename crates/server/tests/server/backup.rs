//! Backups of the server's own database, and what is void after one was restored.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde_json::json;
use strongroom_server::app::backup::{BackupError, list, make, restore};
use strongroom_server::app::{App, first_start, key_ring};
use strongroom_server::http::{Site, router};

use crate::authenticator::Authenticator;
use crate::passkeys;
use crate::second_factor::{Owner, code, second, set_up};
use crate::sign_in::{PASSWORD, choose, invited, sign_in};
use crate::world::World;

async fn backed_up(world: &World) -> PathBuf {
    make(&world.app, &world.folder.path().join("backups"))
        .await
        .unwrap()
}

/// A node that begins after the restore.
async fn restarted(world: &World) -> Router {
    let app: Arc<App> = world.another_app().await;
    first_start::check(&app).await.unwrap();
    router(Arc::new(Site::new(app, Vec::new())))
}

pub(crate) async fn a_restored_server_is_as_it_was_and_voids_what_was_issued(world: World) {
    let owner = Owner::new(&world).await;
    let sysadmin = world.sysadmin().await;
    let link = invited(&world, &world.places["child"].person).await;
    let before = world.get("/users?limit=1000").by(&sysadmin).send().await;
    let me = world.get("/me").by(&sysadmin).send().await;
    assert_eq!(me.expect(200)["epoch"], 1);
    let path = backed_up(&world).await;
    assert!(matches!(
        restore(&world.app, &path, false).await,
        Err(BackupError::InUse)
    ));
    let restored = restore(&world.app, &path, true).await.unwrap();
    assert_eq!((restored.epoch, restored.carried_over), (2, true));
    // Sessions, tokens and links of before are void.
    let node = restarted(&world).await;
    let asked = world.get("/me").by(&sysadmin).send_to(node.clone()).await;
    asked.problem(401, "not-signed-in");
    choose(&world, &link, PASSWORD)
        .await
        .problem(404, "link-not-good");
    // Passwords and apps are as they were; recovery codes are void.
    let attempt = owner.attempt(&world).await;
    let code = |code: &str| {
        let body = json!({ "attempt": attempt, "code": code });
        world.post("/sign-in/second-factor").json(&body)
    };
    code(&owner.codes[3])
        .send_to(node.clone())
        .await
        .problem(401, "wrong-code");
    let signed_in = code(&owner.code(&world)).send_to(node.clone()).await;
    let bearer = signed_in.expect(201)["secret"].as_str().unwrap().to_owned();
    let me = world.get("/me").bearer(&bearer).send_to(node.clone()).await;
    assert_eq!(me.expect(200)["epoch"], 2);
    // A computer keeps its credential, and learns of the epoch.
    let computer = world.get("/me").bearer(&owner.person.computer_bearer);
    let computer = computer.send_to(node.clone()).await;
    assert_eq!(computer.expect(200)["epoch"], 2);
    let again = world.sysadmin().await;
    // The new session is of an older epoch; tests make theirs of the first one.
    let users = world
        .get("/users?limit=1000")
        .by(&again)
        .send_to(node)
        .await;
    users.problem(401, "not-signed-in");
    assert!(before.expect(200)["items"].as_array().unwrap().len() > 10);
}

pub(crate) async fn what_was_forbidden_since_stays_so(world: World) {
    let [child, own] = ["child", "own"].map(|place| world.places[place].person.clone());
    for person in [&child, &own] {
        let link = invited(&world, person).await;
        choose(&world, &link, PASSWORD).await.expect(201);
    }
    let sysadmin = world.sysadmin().await;
    let rotate = format!("/organisations/{}/registration-key/rotate", world.at("own"));
    let rotated = world
        .post(&rotate)
        .by(&sysadmin)
        .json(&json!({}))
        .send()
        .await;
    rotated.expect(201);
    let path = backed_up(&world).await;
    let deed = async |path: String| {
        let answer = world.post(&path).by(&sysadmin).send().await;
        assert!(answer.status.is_success(), "{}", answer.text);
    };
    deed(format!("/users/{}/block", child.user)).await;
    deed(format!("/users/{}/suspend", own.user)).await;
    deed(format!("/computers/{}/revoke", own.computer)).await;
    deed(format!(
        "/organisations/{}/registration-key/close",
        world.at("own")
    ))
    .await;
    restore(&world.app, &path, true).await.unwrap();
    for person in [&child, &own] {
        let refused = sign_in(&world, &person.name, PASSWORD).await.unwrap();
        refused.problem(403, "not-active");
    }
    let node = restarted(&world).await;
    for computer in [&child.computer_bearer, &own.computer_bearer] {
        let asked = world
            .get("/me")
            .bearer(computer)
            .send_to(node.clone())
            .await;
        asked.problem(401, "not-signed-in");
    }
    let reading = world.app.database.read().await.unwrap();
    let key = strongroom_db::registration_keys::find(&reading, world.at("own")).await;
    assert!(key.unwrap().unwrap().key.closed.is_some());
}

/// Whatever the backup has: what was taken away since is, and what was set up since is asked for.
pub(crate) async fn second_factors_are_those_of_the_replaced_database(world: World) {
    let chosen = async |place: &str| {
        let link = invited(&world, &world.places[place].person).await;
        let chosen = choose(&world, &link, PASSWORD).await;
        chosen.expect(201)["secret"].as_str().unwrap().to_owned()
    };
    let drop_app = async |bearer: &str| {
        let drop = world.ask("DELETE", "/me/authenticator").bearer(bearer);
        drop.send().await.expect(204);
    };
    let asked = async |place: &str| {
        let name = &world.places[place].person.name;
        sign_in(&world, name, PASSWORD).await.unwrap()
    };
    let without = Owner::new(&world).await;
    let mut exchanged = passkeys::Owner::new(&world, "other-child").await;
    let [since, another] = [chosen("grandchild").await, chosen("own").await];
    set_up(&world, &another).await;
    let path = backed_up(&world).await;
    drop_app(&without.bearer).await;
    let mut new = Authenticator::new();
    passkeys::register(&world, &exchanged.bearer, &mut new, |_device| ())
        .await
        .expect(201);
    let old = format!("/passkeys/{}", exchanged.passkey);
    let remove = world.ask("DELETE", &old).bearer(&exchanged.bearer);
    remove.send().await.expect(204);
    let app_since = set_up(&world, &since).await;
    drop_app(&another).await;
    // What is newer was sealed by a key that the backup does not know.
    let change = strongroom_custody::ring::Change::Key;
    key_ring::change(&world.app, change, &mut key_ring::undisturbed)
        .await
        .unwrap();
    let app_another = set_up(&world, &another).await;
    world.pass(Duration::from_secs(30));
    restore(&world.app, &path, true).await.unwrap();
    asked("child").await.expect(201);
    for (place, app) in [("grandchild", app_since), ("own", app_another)] {
        let answer = asked(place).await;
        answer.problem(401, "second-factor-needed");
        let attempt = answer.body["attempt"].as_str().unwrap();
        second(&world, attempt, &code(&world, &app))
            .await
            .expect(201);
    }
    let exchanged_asked = asked("other-child").await;
    exchanged_asked.problem(401, "second-factor-needed");
    passkeys::alone(&world, &mut exchanged.device, |_device| ())
        .await
        .problem(401, "wrong-passkey");
    passkeys::alone(&world, &mut new, |_device| ())
        .await
        .expect(201);
    // Sessions of before are void; tests make theirs of the first epoch.
    let reading = world.app.database.read().await.unwrap();
    let entries = strongroom_db::audit::from(&reading, 1, 1_000)
        .await
        .unwrap();
    let mut entries = entries.iter().map(|stored| &stored.record.entry.event);
    let restored = entries.find(|event| event.action == "server.restored");
    let kept = &restored.unwrap().details["second-factors-kept"];
    assert_eq!(kept, "3");
}

/// A server that has begun anew knows nothing of the accounts of the one that is restored into it: their factors come back.
pub(crate) async fn a_new_server_takes_the_second_factors_of_the_backup(world: World) {
    let owner = Owner::new(&world).await;
    let with_passkey = passkeys::Owner::new(&world, "other-child").await;
    let path = backed_up(&world).await;
    let other = world.another_database().await;
    first_start::set_up(&other).await.unwrap();
    let restored = restore(&other, &path, true).await.unwrap();
    assert!(restored.carried_over);
    let reading = other.database.read().await.unwrap();
    let app = strongroom_db::second_factors::find(&reading, owner.person.user).await;
    assert!(app.unwrap().is_some());
    let passkeys = strongroom_db::passkeys::count_of(&reading, with_passkey.person.user).await;
    assert_eq!(passkeys.unwrap(), 1);
}

/// What one database gave, an empty one of either kind takes.
pub(crate) async fn a_backup_goes_to_the_other_database(world: World) {
    let person = world.places["child"].person.clone();
    let link = invited(&world, &person).await;
    choose(&world, &link, PASSWORD).await.expect(201);
    let path = backed_up(&world).await;
    let other = world.another_database().await;
    let restored = restore(&other, &path, false).await.unwrap();
    assert_eq!((restored.epoch, restored.carried_over), (2, false));
    assert!(restored.rows > 100, "{}", restored.rows);
    let node = router(Arc::new(Site::new(Arc::clone(&other), Vec::new())));
    let computer = world.get("/me").bearer(&person.computer_bearer);
    let computer = computer.send_to(node).await;
    assert_eq!(computer.expect(200)["user"]["name"], person.name);
    // What the other one gives then is the same, but for what a restore changes.
    let again = make(&other, &world.folder.path().join("again"))
        .await
        .unwrap();
    let back = restore(&world.app, &again, true).await.unwrap();
    assert_eq!((back.epoch, back.rows), (3, restored.rows + 1));
}

pub(crate) async fn what_is_no_backup_is_refused(world: World) {
    let path = backed_up(&world).await;
    let folder = path.parent().unwrap().to_owned();
    assert_eq!(list(&folder).unwrap().len(), 1);
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(8).any(|window| window == b"person.1"));
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    let changed = folder.join("changed");
    for at in [end - 5, end + 1, end + 60, bytes.len() - 1] {
        let mut other = bytes.clone();
        other[at] ^= 1;
        put(&changed, &other);
        assert!(restore(&world.app, &changed, true).await.is_err(), "{at}");
    }
    for length in [0, end, end + 1, bytes.len() / 2, bytes.len() - 1] {
        put(&changed, &bytes[..length]);
        assert!(
            restore(&world.app, &changed, true).await.is_err(),
            "{length}"
        );
    }
    // Nothing was changed by what was refused.
    let person = &world.places["own"].person;
    world.get("/me").by(person).send().await.expect(200);
}

fn put(path: &std::path::Path, bytes: &[u8]) {
    use std::io::Write as _;
    std::fs::File::create(path)
        .unwrap()
        .write_all(bytes)
        .unwrap();
}
