//! Guesses from one and from many addresses.

use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use strongroom_base::ids::to_hex;
use strongroom_crypto::opaque::Login;
use strongroom_crypto::random::SystemRandom;
use strongroom_db::throttles;

use crate::sign_in::{PASSWORD, choose, invited, sign_in};
use crate::world::{Answer, World};

const GUESSER: [u8; 4] = [203, 0, 113, 9];

fn body(name: &str) -> Value {
    let (_, request) = Login::start(b"x", &SystemRandom).unwrap();
    json!({ "name": name, "request": to_hex(&request.to_bytes()) })
}

async fn guess(world: &World, router: &Router, name: &str, from: [u8; 4]) -> Answer {
    let asking = world.post("/sign-in/start").json(&body(name)).from(from);
    asking.send_to(router.clone()).await
}

fn wait(answer: &Answer) -> Option<u64> {
    answer
        .header("retry-after")
        .map(|text| text.parse().unwrap())
}

pub(crate) async fn an_address_has_a_hundred_guesses_an_hour(world: World) {
    let other = world.another_node().await;
    let mut through = 0;
    // Names and nodes alternate, and what is waited for is waited for no longer than it must be.
    for n in 0..720 {
        let router = if n % 2 == 0 { &world.router } else { &other };
        let answer = guess(&world, router, &format!("name.{n}"), GUESSER).await;
        through += u32::from(answer.status == 200);
        world.pass(Duration::from_secs(5));
    }
    assert!((95..=100).contains(&through), "{through}");
    let elsewhere = guess(&world, &other, "name.0", [198, 51, 100, 7]).await;
    elsewhere.expect(200);
}

pub(crate) async fn a_stranger_locks_nobody_out(world: World) {
    let person = world.places["child"].person.clone();
    let link = invited(&world, &person).await;
    choose(&world, &link, PASSWORD).await.expect(201);
    sign_in(&world, &person.name, PASSWORD)
        .await
        .unwrap()
        .expect(201);
    for n in 0..40 {
        guess(&world, &world.router, &person.name, [203, 0, 113, n]).await;
    }
    let waits = guess(&world, &world.router, &person.name, [203, 0, 113, 99]).await;
    waits.problem(429, "too-many");
    // From where they signed in before, nothing is noticed of it.
    for _ in 0..10 {
        sign_in(&world, &person.name, PASSWORD)
            .await
            .unwrap()
            .expect(201);
    }
}

pub(crate) async fn names_that_nobody_has_wait_alike(world: World) {
    let person = world.places["child"].person.clone();
    let link = invited(&world, &person).await;
    choose(&world, &link, PASSWORD).await.expect(201);
    let mut seen = Vec::new();
    for (name, last) in [(person.name.as_str(), 1), ("nobody.at.all", 2)] {
        let mut answers = Vec::new();
        for n in 0..12 {
            let from = [198, 51, 100, last * 100 + n];
            let answer = guess(&world, &world.router, name, from).await;
            answers.push((answer.status.as_u16(), wait(&answer)));
        }
        seen.push(answers);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0][5], (429, Some(1)));
}

pub(crate) async fn a_restart_and_another_clock_forgive_nothing(world: World) {
    for n in 0..20 {
        guess(&world, &world.router, &format!("name.{n}"), GUESSER)
            .await
            .expect(200);
    }
    let again = world.another_node().await;
    let waits = guess(&world, &again, "name.99", GUESSER).await;
    waits.problem(429, "too-many");
    assert_eq!(wait(&waits), Some(45));
    // A year back it is no longer, and no shorter.
    world.set_back(Duration::from_hours(24 * 365));
    let waits = guess(&world, &again, "name.99", GUESSER).await;
    assert_eq!(wait(&waits), Some(45));
    world.pass(Duration::from_secs(45));
    guess(&world, &again, "name.99", GUESSER).await.expect(200);
    guess(&world, &again, "name.99", GUESSER)
        .await
        .problem(429, "too-many");
}

pub(crate) async fn what_is_known_of_networks_is_bounded(world: World) {
    for n in 0..30 {
        guess(&world, &world.router, &format!("name.{n}"), [10, 0, n, 1]).await;
    }
    let forget = async |max: u64| {
        let writing = world.app.database.note().await.unwrap();
        let removed = throttles::forget(&writing, world.app.now(), max, 1000).await;
        writing.commit().await.unwrap();
        removed.unwrap()
    };
    // Three rows each: the address, its record, and the block.
    assert_eq!(forget(1000).await, 0);
    assert_eq!(forget(40).await, 50);
    assert_eq!(forget(40).await, 0);
    // After two days nobody waits for anything.
    world.pass(Duration::from_hours(49));
    assert_eq!(forget(40).await, 40 + 30);
}
