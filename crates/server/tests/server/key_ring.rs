//! Sealed values in the database, and changes of their key that are killed.

use std::time::{Duration, Instant};

use strongroom_base::Classified as _;
use strongroom_crypto::random::SystemRandom;
use strongroom_custody::ring::{Algorithm, Change, KeyFile, KeyState, OpenError, Place, Step};
use strongroom_db::{sealed, secrets};
use strongroom_server::app::key_ring::{change, forget, go_on, ring, undisturbed, verify};
use strongroom_server::app::{App, Fault};
use strongroom_server::vault::VaultError;

use crate::world::World;

fn name(n: usize) -> String {
    format!("secret-{n:05}")
}

async fn fill(app: &App, n_values: usize) {
    let writing = app.database.write().await.unwrap();
    for n in 0..n_values {
        let (name, text) = (name(n), format!("the secret {n}"));
        let place = secrets::place(&name);
        let value = app
            .vault
            .seal(&writing, &place, &SystemRandom, text.as_bytes());
        secrets::store(&writing, &name, &value.await.unwrap())
            .await
            .unwrap();
    }
    writing.commit().await.unwrap();
}

async fn all_open(app: &App, n_values: usize) {
    let reading = app.database.read().await.unwrap();
    let values = sealed::after(&reading, None, usize::MAX >> 1)
        .await
        .unwrap();
    assert_eq!(values.len(), n_values);
    let ring = ring(&reading).await.unwrap();
    let keys = app.vault.reload().unwrap();
    for (n, (place, value)) in values.iter().enumerate() {
        let opened = ring.open(&keys, place, value).unwrap();
        assert_eq!(opened.expose_bytes(), format!("the secret {n}").as_bytes());
    }
}

/// Begins and goes on with a change until it is killed before its `life`-th write, or is done.
async fn killed_after(app: &App, mut life: u32, asked: Option<Change>) -> bool {
    let mut watch = || {
        life = life.checked_sub(1).ok_or(Fault::Program("killed"))?;
        Ok(())
    };
    let done = match asked {
        Some(asked) => change(app, asked, &mut watch).await,
        None => go_on(app, &mut watch).await,
    };
    match done {
        Ok(()) => false,
        Err(Fault::Program("killed")) => true,
        Err(other) => panic!("{other:?}"),
    }
}

/// Kills changes before and after each thing that they store; each time another program goes on, and is killed at its
/// first write too.
pub(crate) async fn kill_everywhere(world: World, n_values: usize) {
    fill(&world.app, n_values).await;
    let mut n_kills = 0;
    for life in 0.. {
        let before = ring(&world.app.database.read().await.unwrap())
            .await
            .unwrap();
        let begun = Instant::now();
        if !killed_after(&world.app, life, Some(Change::Key)).await {
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(20), "{took:?}");
            break;
        }
        n_kills += 1;
        let next = world.another_app().await;
        all_open(&next, n_values).await;
        killed_after(&next, life % 3, None).await;
        let last = world.another_app().await;
        all_open(&last, n_values).await;
        strongroom_server::app::first_start::check(&last)
            .await
            .unwrap();
        go_on(&last, &mut undisturbed).await.unwrap();
        all_open(&last, n_values).await;
        let after = ring(&last.database.read().await.unwrap()).await.unwrap();
        assert_eq!(after.next_step(), Step::Rest);
        let verified = verify(&last).await.unwrap();
        assert_eq!(
            (verified.opened, verified.unreadable.len()),
            (n_values as u64, 0)
        );
        // Killed before the journal was stored, nothing was begun; later, it came to its end.
        assert_eq!(
            after.protection() == before.protection(),
            life < 3,
            "{life}"
        );
    }
    // The file, the journal and its end twice each, and each batch.
    let n_batches = u32::try_from(n_values.div_ceil(500)).unwrap() + 1;
    assert_eq!(n_kills, 2 * (4 + n_batches));
}

pub(crate) async fn a_change_killed_at_every_step_goes_on(world: World) {
    kill_everywhere(world, 1_100).await;
}

pub(crate) async fn values_exchanged_between_rows_do_not_open(world: World) {
    fill(&world.app, 2).await;
    for algorithm in [Algorithm::Cbc, Algorithm::Gcm] {
        change(&world.app, Change::Algorithm(algorithm), &mut undisturbed)
            .await
            .unwrap();
        all_open(&world.app, 2).await;
        let writing = world.app.database.write().await.unwrap();
        let [one, two] = [name(0), name(1)];
        let first = secrets::find(&writing, &one).await.unwrap().unwrap();
        let second = secrets::find(&writing, &two).await.unwrap().unwrap();
        secrets::store(&writing, &one, &second).await.unwrap();
        secrets::store(&writing, &two, &first).await.unwrap();
        for (name, value) in [(&one, &second), (&two, &first)] {
            let place = secrets::place(name);
            let opened = world.app.vault.open_value(&writing, &place, value).await;
            let refused = matches!(
                opened,
                Err(VaultError::Closed {
                    source: OpenError::Damaged { .. },
                    ..
                })
            );
            assert!(refused);
        }
        let elsewhere = Place::new("totp", "secret", one.as_bytes());
        let opened = world.app.vault.open_value(&writing, &elsewhere, &first);
        assert!(opened.await.is_err());
        secrets::store(&writing, &one, &first).await.unwrap();
        secrets::store(&writing, &two, &second).await.unwrap();
        writing.commit().await.unwrap();
    }
    let events = world.events(3).await;
    let expected = ["key-ring.changed", "key-ring.changed", "server.set-up"];
    assert_eq!(events, expected);
}

pub(crate) async fn a_missing_key_is_named_and_stops_nothing_else(world: World) {
    fill(&world.app, 3).await;
    let reading = world.app.database.read().await.unwrap();
    let before = ring(&reading).await.unwrap().protection().key().unwrap();
    let kept = secrets::find(&reading, &name(1)).await.unwrap().unwrap();
    drop(reading);
    change(&world.app, Change::Key, &mut undisturbed)
        .await
        .unwrap();
    let writing = world.app.database.write().await.unwrap();
    secrets::store(&writing, &name(1), &kept).await.unwrap();
    writing.commit().await.unwrap();
    let file = world
        .folder
        .path()
        .join("shared/keys")
        .join(KeyFile::name_of(&before));
    std::fs::remove_file(file).unwrap();
    let other = world.another_app().await;
    let verified = verify(&other).await.unwrap();
    assert_eq!(verified.opened, 2);
    let expected = (
        secrets::place(&name(1)),
        OpenError::MissingKey { key: before },
    );
    assert_eq!(verified.unreadable, [expected]);
    // A change goes on without it, and leaves the value as it is.
    change(&other, Change::Key, &mut undisturbed).await.unwrap();
    assert_eq!(verify(&other).await.unwrap().unreadable.len(), 1);
    let forgotten = forget(&other, before, false).await.unwrap_err();
    assert!(
        matches!(forgotten, Fault::Vault(VaultError::Refused(_))),
        "{forgotten:?}"
    );
    assert_eq!(forgotten.class(), strongroom_base::Class::Caller);
}

pub(crate) async fn an_inactive_key_goes_when_nothing_needs_it(world: World) {
    fill(&world.app, 1).await;
    let known = |app: std::sync::Arc<App>| async move {
        let reading = app.database.read().await.unwrap();
        ring(&reading).await.unwrap()
    };
    let first = known(world.app.clone()).await.protection().key().unwrap();
    assert!(forget(&world.app, first, false).await.is_err());
    change(&world.app, Change::Key, &mut undisturbed)
        .await
        .unwrap();
    let file = world
        .folder
        .path()
        .join("shared/keys")
        .join(KeyFile::name_of(&first));
    assert!(file.exists());
    assert!(forget(&world.app, first, true).await.is_err());
    forget(&world.app, first, false).await.unwrap();
    assert!(!file.exists());
    let ring = known(world.app.clone()).await;
    assert_eq!(ring.keys().len(), 1);
    assert_eq!(ring.keys()[0].state, KeyState::Active);
    all_open(&world.app, 1).await;
}
