//! A way to a server that is as long as one across a continent, for measuring by hand.
//!
//! `cargo run --release -p strongroom-testkit --example way -- 127.0.0.1:3900 25` prints where it listens, and what came by
//! after each line that it is given.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for whoever measures"
)]

use std::io::BufRead as _;
use std::time::Duration;

use strongroom_testkit::{Faults, Proxy};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let to = arguments.next().unwrap();
    let latency = arguments.next().unwrap().parse().unwrap();
    let faults = Faults {
        latency: Duration::from_millis(latency),
        told: Some(|line| {
            let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
            eprintln!("{} {line}", now % 1_000_000);
        }),
        ..Faults::default()
    };
    let proxy = Proxy::open(&to, faults);
    println!("{}", proxy.address());
    for _ in std::io::stdin().lock().lines() {
        let ((sent, received), (connections, _)) = (proxy.bytes(), proxy.connections());
        println!(
            "{} requests, {connections} connections, {sent} bytes sent, {received} received",
            proxy.requests()
        );
    }
}
