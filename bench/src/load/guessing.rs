//! Guesses at registration keys and passwords, from one address and from many, while others sign in and enrol.
//!
//! The server's clock runs faster, so that an hour of it is over soon: what it lets through in an hour of its own time is
//! what counts. Addresses are told by a header that the server believes, as that of a proxy.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hyper::StatusCode;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng as _, SeedableRng as _};
use serde_json::json;

use crate::people;
use crate::report::{Goal, Report, number};
use crate::say;
use crate::server::{Plan, Server};
use crate::wire::{Asked, Site, text};

const PART: &str = "guessing";

/// Those who guess from one address.
const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
/// How many guess from there at once; from some addresses; from an address for each guess.
const GUESSERS: [(From, usize); 3] = [(From::One, 2), (From::Fifty, 2), (From::Many, 4)];
/// People who have an account.
const N_PEOPLE: usize = 12;
/// How many of them are guessed at; they sign in from where they did before.
const N_TARGETS: usize = 4;

/// From where is guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum From {
    One,
    Fifty,
    Many,
}

/// What was let through, and what was sent.
#[derive(Default)]
struct Counted {
    sent: BTreeMap<From, usize>,
    through: BTreeMap<From, usize>,
    /// By the address, but for those that are used once.
    by_address: BTreeMap<IpAddr, usize>,
}

/// What is done by people, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Honest {
    SignInAtHome,
    SignInElsewhere,
    SignInInTheBlock,
    SignInAtTheAddress,
    EnrolElsewhere,
    EnrolInTheBlock,
    EnrolAtTheAddress,
}

/// All of them; those of one address are told without a goal.
const HONEST: [(Honest, &str, bool); 7] = [
    (
        Honest::SignInAtHome,
        "sign-ins of users who are guessed at, from where they did before",
        true,
    ),
    (
        Honest::SignInElsewhere,
        "sign-ins from networks that were never seen",
        true,
    ),
    (
        Honest::SignInInTheBlock,
        "sign-ins from the guesser's block of addresses",
        true,
    ),
    (
        Honest::SignInAtTheAddress,
        "sign-ins from the guesser's very address",
        false,
    ),
    (
        Honest::EnrolElsewhere,
        "enrolments from networks that were never seen",
        true,
    ),
    (
        Honest::EnrolInTheBlock,
        "enrolments from the guesser's block of addresses",
        true,
    ),
    (
        Honest::EnrolAtTheAddress,
        "enrolments from the guesser's very address",
        false,
    ),
];

/// What everybody shares.
struct Scene {
    site: Site,
    key: String,
    is_over: AtomicBool,
    counted: Mutex<Counted>,
    /// How many succeeded, of how many.
    honest: Mutex<BTreeMap<Honest, (usize, usize)>>,
    n_new: AtomicUsize,
}

/// Lets them guess for an hour of the server's.
pub(crate) async fn guessing(plan: &Plan<'_>, report: &mut Report) -> Result<()> {
    let time = Duration::from_hours(1) / plan.speed.max(1);
    let (server, link) = Server::start(plan)?;
    let scene = settle(&server, &link).await?;
    let before = server.memory()?;
    say::progress(&format!("guessing for {} s", time.as_secs()));
    let mut tasks = Vec::new();
    for (from, n_guessers) in GUESSERS {
        for n in 0..n_guessers {
            let guesser = Guesser::new(Arc::clone(&scene), from, n)?;
            tasks.push(tokio::spawn(guesser.guess()));
        }
    }
    tasks.push(tokio::spawn(live(Arc::clone(&scene), false)));
    tasks.push(tokio::spawn(live(Arc::clone(&scene), true)));
    let mut memory = Vec::new();
    let begun = Instant::now();
    for third in 1..=3 {
        let until = begun + time * third / 3;
        tokio::time::sleep_until(until.into()).await;
        memory.push(server.memory()?);
    }
    scene.is_over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await??;
    }
    tell(&scene, report);
    let mebibytes = |bytes: u64| number(usize::try_from(bytes).unwrap_or(0)) / 1_048_576.0;
    report.told(
        PART,
        "memory of the server before",
        mebibytes(before),
        "MiB",
    );
    for (at, memory) in memory.iter().enumerate() {
        let what = format!("more of it after {} of three thirds", at + 1);
        let more = mebibytes(memory.saturating_sub(before));
        report.judged(PART, what, more, "MiB", Goal::AtMost(64.0));
    }
    Ok(())
}

/// Makes people with accounts, each from a home of their own.
async fn settle(server: &Server, link: &str) -> Result<Arc<Scene>> {
    let mut connection = server.site.connection();
    let sysadmin = people::set_up(&mut connection, link).await?;
    let all = Asked::get("/organisations", &sysadmin);
    let all = connection.good(&all).await?;
    let organisation = text(&all["items"][0], "id")?.to_owned();
    let rotate = format!("/organisations/{organisation}/registration-key/rotate");
    let rotated = Asked::post(rotate, &sysadmin, json!({}));
    let rotated = connection.good(&rotated).await?;
    let scene = Scene {
        site: server.site.clone(),
        key: text(&rotated, "key")?.to_owned(),
        is_over: AtomicBool::new(false),
        counted: Mutex::default(),
        honest: Mutex::default(),
        n_new: AtomicUsize::new(0),
    };
    for n in 0..N_PEOPLE {
        let (name, home) = (person(n), home(n));
        people::enrol(&mut connection, &scene.key, &name, home).await?;
        people::sign_in(&mut connection, &name, home).await?;
    }
    Ok(Arc::new(scene))
}

fn person(n: usize) -> String {
    format!("person.{n}")
}

fn home(n: usize) -> IpAddr {
    let last = u8::try_from(n % 256).unwrap_or_default();
    IpAddr::V4(Ipv4Addr::new(198, 51, last, 1))
}

/// Somebody who guesses, as fast as it is answered.
struct Guesser {
    scene: Arc<Scene>,
    from: From,
    random: Pcg64Mcg,
    sign_in: String,
    enrolment: String,
}

impl Guesser {
    fn new(scene: Arc<Scene>, from: From, number: usize) -> Result<Self> {
        Ok(Self {
            scene,
            from,
            random: Pcg64Mcg::seed_from_u64(number as u64 * 8 + from as u64),
            sign_in: people::first_message()?,
            enrolment: people::first_message_of_enrolment()?,
        })
    }

    async fn guess(mut self) -> Result<()> {
        let mut connection = self.scene.site.connection();
        for n in 0_usize.. {
            if self.scene.is_over.load(Ordering::Relaxed) {
                break;
            }
            let address = self.address();
            let asked = self.next(n).from(address);
            let status = connection.ask(&asked).await?.status;
            let is_stopped = status == StatusCode::TOO_MANY_REQUESTS;
            // A sign-in begins whether or not there is such a user; a key that is none is refused.
            let is_through = status == StatusCode::OK || status == StatusCode::NOT_FOUND;
            ensure!(
                is_stopped || is_through,
                "a guess was answered with {status}"
            );
            let counted = &self.scene.counted;
            let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
            *counted.sent.entry(self.from).or_default() += 1;
            if is_through {
                *counted.through.entry(self.from).or_default() += 1;
                if self.from != From::Many {
                    *counted.by_address.entry(address).or_default() += 1;
                }
            }
        }
        Ok(())
    }

    fn address(&mut self) -> IpAddr {
        let number = self.random.next_u32();
        let bytes = number.to_be_bytes();
        match self.from {
            From::One => ONE,
            From::Fifty => IpAddr::V4(Ipv4Addr::new(192, 88, bytes[3] % 50, 7)),
            // None of those where people live.
            From::Many if number.is_multiple_of(2) => IpAddr::V4(Ipv4Addr::new(
                11 + bytes[0] % 80,
                bytes[1],
                bytes[2],
                bytes[3],
            )),
            From::Many => {
                let (high, low) = (number >> 16, number & 0xffff);
                let part = |part: u32| u16::try_from(part).unwrap_or_default();
                IpAddr::V6(Ipv6Addr::new(
                    0x2001,
                    0xdb8,
                    part(high),
                    part(low),
                    0,
                    0,
                    0,
                    1,
                ))
            }
        }
    }

    /// Guesses at passwords of users there are, of names that nobody has, and at registration keys.
    fn next(&mut self, n: usize) -> Asked {
        let number = self.random.next_u64();
        if n.is_multiple_of(2) {
            let key: String = format!("{number:016x}").to_uppercase();
            let body = json!({
                "key": key, "name": format!("new.{number}"), "request": self.enrolment,
            });
            return Asked::post("/enroll/start", "", body);
        }
        let name = if n % 4 == 1 {
            person(usize::try_from(number).unwrap_or(0) % N_TARGETS)
        } else {
            format!("nobody.{number}")
        };
        let body = json!({ "name": name, "request": self.sign_in });
        Asked::post("/sign-in/start", "", body)
    }
}

/// Lets people sign in, or enrol, one after the other. Nobody tries twice.
async fn live(scene: Arc<Scene>, is_enrolment: bool) -> Result<()> {
    let mut connection = scene.site.connection();
    for n in 0_usize.. {
        if scene.is_over.load(Ordering::Relaxed) {
            break;
        }
        let kinds = if is_enrolment {
            &HONEST[4..]
        } else {
            &HONEST[..4]
        };
        let (kind, ..) = kinds[n % kinds.len()];
        let number = scene.n_new.fetch_add(1, Ordering::Relaxed);
        let from = place(kind, number);
        let did = match kind {
            Honest::SignInAtHome => {
                let n = number % N_TARGETS;
                people::sign_in(&mut connection, &person(n), home(n)).await
            }
            _ if is_enrolment => {
                let name = format!("new.person.{number}");
                people::enrol(&mut connection, &scene.key, &name, from).await
            }
            _ => {
                let n = N_TARGETS + number % (N_PEOPLE - N_TARGETS);
                people::sign_in(&mut connection, &person(n), from).await
            }
        };
        let mut honest = scene.honest.lock().unwrap_or_else(PoisonError::into_inner);
        let (n_good, n_all) = honest.entry(kind).or_default();
        *n_good += usize::from(did.is_ok());
        *n_all += 1;
    }
    Ok(())
}

/// From where somebody comes.
fn place(kind: Honest, number: usize) -> IpAddr {
    let [.., high, low] = number.to_be_bytes();
    match kind {
        Honest::SignInInTheBlock | Honest::EnrolInTheBlock => {
            IpAddr::V4(Ipv4Addr::new(203, 0, 113, 20 + low % 200))
        }
        Honest::SignInAtTheAddress | Honest::EnrolAtTheAddress => ONE,
        Honest::SignInAtHome | Honest::SignInElsewhere | Honest::EnrolElsewhere => {
            IpAddr::V4(Ipv4Addr::new(100, 64 + high % 60, low, 5))
        }
    }
}

fn tell(scene: &Scene, report: &mut Report) {
    let counted = scene.counted.lock().unwrap_or_else(PoisonError::into_inner);
    let of = |counts: &BTreeMap<From, usize>, from| counts.get(&from).copied().unwrap_or(0);
    for (from, who) in [
        (From::One, "one address"),
        (From::Fifty, "fifty addresses"),
        (From::Many, "an address for each guess"),
    ] {
        let sent = number(of(&counted.sent, from));
        report.told(PART, format!("guesses sent from {who}"), sent, "an hour");
        let through = number(of(&counted.through, from));
        report.told(
            PART,
            format!("of them let through, from {who}"),
            through,
            "an hour",
        );
    }
    let most = counted.by_address.values().max().copied().unwrap_or(0);
    let what = "most guesses let through from one address";
    report.judged(PART, what, number(most), "an hour", Goal::AtMost(100.0));
    let honest = scene.honest.lock().unwrap_or_else(PoisonError::into_inner);
    for (kind, what, is_judged) in HONEST {
        let (n_good, n_all) = honest.get(&kind).copied().unwrap_or_default();
        let share = 100.0 * number(n_good) / number(n_all.max(1));
        let what = format!("{what}: {n_good} of {n_all} succeed at once");
        if is_judged {
            report.judged(PART, what, share, "%", Goal::AtLeast(99.0));
        } else {
            report.told(PART, what, share, "%");
        }
    }
}
