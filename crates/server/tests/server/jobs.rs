//! What the server does by itself.

use std::time::Duration;

use serde_json::json;
use strongroom_custody::audit::verify;
use strongroom_db::jobs::Over;
use strongroom_server::app::audit::public_key;
use strongroom_server::app::key_ring;
use strongroom_server::jobs::{Job, attempt, tick};

use crate::sign_in::{PASSWORD, choose, invited};
use crate::world::World;

async fn done(world: &World, job: Job) -> Option<u64> {
    if !attempt(&world.app, job).await.unwrap() {
        return None;
    }
    let reading = world.app.database.read().await.unwrap();
    let all = strongroom_db::jobs::all(&reading).await.unwrap();
    let done = all
        .into_iter()
        .find(|done| done.name == job.name())
        .unwrap();
    assert_eq!(done.failed, None);
    Some(done.done)
}

pub(crate) async fn what_is_over_is_removed_and_nothing_else(world: World) {
    let person = world.places["child"].person.clone();
    let link = invited(&world, &person).await;
    let bearer = choose(&world, &link, PASSWORD).await.expect(201)["secret"].clone();
    let all = [
        Over::Sessions,
        Over::Links,
        Over::Tokens,
        Over::Answers,
        Over::Attempts,
    ];
    for over in all {
        assert_eq!(done(&world, Job::Remove(over)).await, Some(0), "{over:?}");
        // It is not due again at once.
        assert_eq!(done(&world, Job::Remove(over)).await, None, "{over:?}");
    }
    // Half a day later, what may be used still may.
    world.pass(Duration::from_hours(11));
    for over in all {
        assert_eq!(done(&world, Job::Remove(over)).await, Some(0), "{over:?}");
    }
    let me = world.get("/me").bearer(bearer.as_str().unwrap());
    me.send().await.expect(200);
    // After three weeks nothing of it is left.
    world.pass(Duration::from_hours(24 * 21));
    for over in [Over::Sessions, Over::Links, Over::Tokens] {
        let removed = done(&world, Job::Remove(over)).await.unwrap();
        assert!(removed > 0, "{over:?}");
    }
    // A clock set back removes nothing, and delays nothing for ever.
    world.set_back(Duration::from_hours(24 * 300));
    assert_eq!(done(&world, Job::Remove(Over::Sessions)).await, Some(0));
}

pub(crate) async fn two_nodes_do_a_job_once(world: World) {
    let other = world.another_app().await;
    for _ in 0..5 {
        let job = Job::Remove(Over::Attempts);
        let (one, two) = tokio::join!(attempt(&world.app, job), attempt(&other, job));
        assert_eq!(u8::from(one.unwrap()) + u8::from(two.unwrap()), 1);
        world.pass(Duration::from_mins(1));
    }
    // A node that died holds a job for ten minutes.
    let writing = world.app.database.note().await.unwrap();
    let lease = Duration::from_mins(10);
    let terms = (Duration::from_mins(1), lease);
    let claim = strongroom_db::jobs::claim(&writing, "key-ring", "dead", terms, world.app.now());
    assert!(claim.await.unwrap());
    writing.commit().await.unwrap();
    world.pass(Duration::from_mins(9));
    assert!(!attempt(&other, Job::KeyRing).await.unwrap());
    world.pass(Duration::from_mins(1));
    assert!(attempt(&other, Job::KeyRing).await.unwrap());
}

pub(crate) async fn a_job_is_that_of_the_node_that_claims_it_anew(world: World) {
    let lease = Duration::from_mins(1);
    let claim = async |node: &str| {
        let writing = world.app.database.note().await.unwrap();
        let terms = (Duration::ZERO, lease);
        let claimed =
            strongroom_db::jobs::claim(&writing, "a job", node, terms, world.app.now()).await;
        writing.commit().await.unwrap();
        claimed.unwrap()
    };
    let renew = async |node: &str| {
        let writing = world.app.database.note().await.unwrap();
        let renewed =
            strongroom_db::jobs::renew(&writing, "a job", node, lease, world.app.now()).await;
        writing.commit().await.unwrap();
        renewed.unwrap()
    };
    assert!(claim("one").await);
    for _ in 0..5 {
        world.pass(Duration::from_secs(50));
        assert!(renew("one").await && !renew("other").await);
        assert!(!claim("other").await);
    }
    // A clock that is a little behind takes nothing from a node whose clock is ahead.
    world.set_back(Duration::from_secs(20));
    assert!(!claim("other").await);
    world.pass(Duration::from_secs(80));
    assert!(claim("other").await && !renew("one").await);
    // One that was set back far keeps nobody waiting.
    world.set_back(Duration::from_hours(1));
    assert!(claim("one").await);
}

pub(crate) async fn measurements_say_what_was_done(world: World) {
    tick(&world.site).await;
    let sysadmin = world.sysadmin().await;
    let metrics = world.get("/metrics").by(&sysadmin).send().await;
    for job in Job::ALL {
        let line = format!(
            "strongroom_job_ended_seconds{{job=\"{}\"}} 1700000000",
            job.name()
        );
        assert!(metrics.text.contains(&line), "{line}\n{}", metrics.text);
    }
    assert!(
        metrics
            .text
            .contains("strongroom_job_failed{job=\"checkpoint\"} 0")
    );
    assert!(
        metrics
            .text
            .contains("strongroom_job_done{job=\"checkpoint\"} 1")
    );
}

pub(crate) async fn checkpoints_are_signed_by_time_and_count(world: World) {
    let sysadmin = world.sysadmin().await;
    let change = |n: u32| {
        let body = json!({ "person": format!("Number {n}") });
        world.ask("PATCH", "/me").by(&sysadmin).json(&body)
    };
    assert_eq!(done(&world, Job::Checkpoint).await, Some(1));
    change(0).send().await.expect(200);
    world.pass(Duration::from_mins(59));
    assert_eq!(done(&world, Job::Checkpoint).await, Some(0));
    world.pass(Duration::from_mins(1));
    assert_eq!(done(&world, Job::Checkpoint).await, Some(1));
    for n in 0..1_000 {
        change(n + 1).send().await.expect(200);
    }
    world.pass(Duration::from_mins(1));
    assert_eq!(done(&world, Job::Checkpoint).await, Some(1_000));
    change(0).send().await.expect(200);
    let key = public_key(&world.app).await.unwrap();
    for format in ["json", "csv", "cef"] {
        let path = format!("/audit/export?format={format}");
        let export = world.get(&path).by(&sysadmin).send().await;
        let report = verify(export.text.as_bytes(), &[key], None).unwrap();
        assert_eq!((report.head.sequence, report.signed), (1_003, Some(1_002)));
        assert!(verify(export.text.as_bytes(), &[[7; 32]], None).is_err());
    }
    // Another key of secrets changes nothing of that.
    let change = strongroom_custody::ring::Change::Key;
    key_ring::change(&world.app, change, &mut key_ring::undisturbed)
        .await
        .unwrap();
    assert_eq!(public_key(&*world.another_app().await).await.unwrap(), key);
}
