//! How fast the server answers: computers that check in, people who sign in, and lists.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::hammer::{Costs, Hammered, Next, Strength, hammer};
use crate::people;
use crate::report::{Goal, Report, Times, milliseconds, number};
use crate::server::Server;
use crate::wire::{Asked, text};
use crate::world::World;

const PART: &str = "load";

/// Connections at once, where computers and strangers ask.
const CONNECTIONS: usize = 16;
/// Those of administrators who look at lists.
const LOOKERS: usize = 4;

/// Measures check-ins: over connections that are kept, and over a new one each.
pub(crate) async fn check_ins(
    server: &Server,
    world: &World,
    time: Duration,
    report: &mut Report,
) -> Result<()> {
    let goal = Goal::AtLeast(1_000.0);
    let credentials: Arc<[String]> = world.computers.clone().into();
    let next: Next = Arc::new(move |worker, n| {
        let computer = (n * CONNECTIONS + worker) % credentials.len();
        let bearer = credentials.get(computer).map_or("", String::as_str);
        check_in(bearer)
    });
    for (is_new_each, how) in [(false, "connections kept"), (true, "a new connection each")] {
        let strength = Strength {
            connections: CONNECTIONS,
            time,
            is_new_each,
        };
        let mut hammered = hammer(server, strength, Arc::clone(&next)).await?;
        let what = format!("check-ins, {how}");
        let rate = hammered.rate();
        if is_new_each {
            report.told(PART, what.as_str(), rate, "a second");
        } else {
            report.judged(PART, what.as_str(), rate, "a second", goal);
        }
        tell(&mut hammered, report, &what);
    }
    Ok(())
}

fn tell(hammered: &mut Hammered, report: &mut Report, what: &str) {
    let p99 = hammered.times.within(99);
    report.told(PART, format!("{what}: p99"), p99, "ms");
    hammered.tell_costs(report, PART, what);
}

fn check_in(bearer: &str) -> Asked {
    let backup = json!({ "state": "backup-complete", "completed": "2026-01-01T00:00:00Z" });
    let body = json!({ "program_version": "0.1.0", "epoch": 1, "backup": backup });
    Asked::post("/computers/self/check-in", bearer, body)
}

/// Measures sign-ins, the last message and all; and first messages alone, of which a guesser sends many.
pub(crate) async fn sign_ins(
    server: &Server,
    world: &World,
    time: Duration,
    report: &mut Report,
) -> Result<()> {
    let before = server.processor()?;
    let begun = Instant::now();
    let mut workers = Vec::new();
    for (worker, name) in world.owners.iter().take(LOOKERS).enumerate() {
        let (mut connection, name) = (server.site.connection(), name.clone());
        let address = Ipv4Addr::from([198, 51, 100, u8::try_from(worker)?]);
        workers.push(tokio::spawn(async move {
            let mut times = Times::default();
            while begun.elapsed() < time {
                let sent = Instant::now();
                people::sign_in(&mut connection, &name, IpAddr::V4(address)).await?;
                times.add(milliseconds(sent.elapsed()));
            }
            anyhow::Ok(times)
        }));
    }
    let mut times = Times::default();
    for worker in workers {
        times.extend(worker.await??);
    }
    let rate = number(times.len()) / begun.elapsed().as_secs_f64();
    let costs = Costs::between(before, server.processor()?, times.len());
    let what = "sign-ins, stretched by the load generator on the same cores";
    report.told(PART, what, rate, "a second");
    costs.tell(report, PART, "a sign-in");
    let what = "sign-ins that two cores would bear whose clients stretch elsewhere";
    report.told(PART, what, costs.on_two_cores(), "a second");
    first_messages(server, world, time, report).await
}

async fn first_messages(
    server: &Server,
    world: &World,
    time: Duration,
    report: &mut Report,
) -> Result<()> {
    let message: Arc<str> = people::first_message()?.into();
    let names: Arc<[String]> = world.owners.clone().into();
    let strength = Strength {
        connections: CONNECTIONS,
        time,
        is_new_each: false,
    };
    let next: Next = Arc::new(move |worker, n| {
        // No two from one network, and none twice at one name.
        let number = n * CONNECTIONS + worker;
        let place = u32::try_from(number % 0x00ff_ffff).unwrap_or_default();
        let known = names.get(number).map(String::as_str);
        let name = known.map_or_else(|| format!("nobody.{number}"), str::to_owned);
        let body = json!({ "name": name, "request": &*message });
        let address = Ipv4Addr::from(0x0b00_0000 + place * 256);
        Asked::post("/sign-in/start", "", body).from(IpAddr::V4(address))
    });
    let mut hammered = hammer(server, strength, next).await?;
    let what = "first messages of sign-ins";
    report.told(PART, what, hammered.rate(), "a second");
    tell(&mut hammered, report, what);
    Ok(())
}

/// Measures lists and searches, as a sysadmin and as a manager of a part.
pub(crate) async fn lists(
    server: &Server,
    world: &World,
    time: Duration,
    report: &mut Report,
) -> Result<()> {
    let queries = queries(server, world).await?;
    let mut all = Times::default();
    let mut worst = (0.0, String::new());
    let part = time.div_f64(number(queries.len()));
    for (path, bearer) in &queries {
        let (path_again, bearer) = (path.clone(), bearer.clone());
        let next: Next = Arc::new(move |_, _| Asked::get(path_again.as_str(), &bearer));
        let strength = Strength {
            connections: LOOKERS,
            time: part,
            is_new_each: false,
        };
        let mut times = hammer(server, strength, next).await?.times;
        let p99 = times.within(99);
        if p99 > worst.0 {
            worst = (p99, path.clone());
        }
        all.extend(times);
    }
    let goal = Goal::AtMost(200.0);
    let n = all.len();
    let what = format!("lists and searches, {n} of {} kinds", queries.len());
    report.told(PART, format!("{what}: p50"), all.within(50), "ms");
    report.judged(PART, format!("{what}: p99"), all.within(99), "ms", goal);
    let (p99, path) = worst;
    let path = path.split("after=").next().unwrap_or_default();
    report.judged(PART, format!("the slowest, `{path}`: p99"), p99, "ms", goal);
    Ok(())
}

/// Returns what is asked, and as whom.
async fn queries(server: &Server, world: &World) -> Result<Vec<(String, String)>> {
    let middle = world.organisations.get(2).context("the middle")?;
    let leaf = world.organisations.last().context("the last")?;
    let mut connection = server.site.connection();
    let mut after = String::new();
    // Half way through the users, as somebody has it who turns pages.
    for _ in 0..5 {
        let path = format!("/users?limit=1000{after}");
        let page = connection.good(&Asked::get(path, &world.sysadmin)).await?;
        match page["next"].as_str() {
            Some(_) => after = format!("&after={}", text(&page, "next")?),
            None => break,
        }
    }
    let mut queries = Vec::new();
    for bearer in [&world.sysadmin, &world.manager] {
        for path in [
            "/users?limit=100".to_owned(),
            "/users?limit=1000".to_owned(),
            format!("/users?limit=100{after}"),
            "/users?limit=100&search=user.05".to_owned(),
            "/users?limit=100&search=number%2099".to_owned(),
            "/users?limit=100&search=nobody%20at%20all".to_owned(),
            "/users?limit=100&state=blocked".to_owned(),
            format!("/users?limit=100&organisation={middle}"),
            format!("/users?limit=100&organisation={leaf}"),
            "/organisations?limit=100".to_owned(),
            "/organisations?limit=1000".to_owned(),
            "/organisations?limit=100&search=part%2049".to_owned(),
            "/computers?limit=100".to_owned(),
            "/computers?limit=1000".to_owned(),
            "/computers?limit=100&search=computer-3-00".to_owned(),
            format!("/computers?limit=100&organisation={middle}"),
            "/audit?limit=100".to_owned(),
            "/audit?limit=100&event=computer.enrolled".to_owned(),
        ] {
            // What somebody does not see is not there for them.
            let asked = Asked::get(path.as_str(), bearer);
            if connection.ask(&asked).await?.status.is_success() {
                queries.push((path, bearer.clone()));
            }
        }
    }
    Ok(queries)
}
