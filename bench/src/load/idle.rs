//! Agents that are connected and ask nothing: what each takes of the server's memory.

use std::time::Duration;

use anyhow::Result;

use crate::report::{Goal, Report, number};
use crate::say;
use crate::server::Server;
use crate::wire::{Asked, Kept, Site};
use crate::world::World;

const PART: &str = "idle";

/// How many connections are opened at once.
const AT_ONCE: usize = 50;
/// Longer than the server waits before it asks whether they are still there.
const IDLE: Duration = Duration::from_secs(45);

/// Connects agents, each with a credential of its own, and looks at the memory of a server that was just started.
pub(crate) async fn idle(
    server: &Server,
    world: &World,
    n_agents: usize,
    report: &mut Report,
) -> Result<()> {
    let Some((first, _)) = world.computers.split_first() else {
        return Ok(());
    };
    // What the first requests need stays, and is nobody's.
    let mut warm = server.site.connection();
    for _ in 0..50 {
        warm.good(&Asked::get("/me", first)).await?;
    }
    let before = server.memory()?;
    let credentials: Vec<&String> = world.computers.iter().take(n_agents).collect();
    say::progress(&format!("{} agents", credentials.len()));
    let mut agents = Vec::new();
    for some in credentials.chunks(AT_ONCE) {
        let connecting = some.iter().map(|bearer| {
            let (site, bearer) = (server.site.clone(), (*bearer).clone());
            tokio::spawn(async move { connect(&site, &bearer).await })
        });
        for agent in connecting.collect::<Vec<_>>() {
            agents.push(agent.await??);
        }
    }
    let connected = server.memory()?;
    tokio::time::sleep(IDLE).await;
    let idle = server.memory()?;
    let n_open = agents.iter().filter(|agent| !agent.is_closed()).count();
    let n = number(agents.len());
    let each = |now: u64| number(usize::try_from(now.saturating_sub(before)).unwrap_or(0)) / n;
    report.judged(
        PART,
        format!("agents still connected after {} s", IDLE.as_secs()),
        number(n_open),
        "",
        Goal::AtLeast(n),
    );
    let goal = Goal::AtMost(128.0);
    let what = "memory of the server an agent, connected";
    report.judged(PART, what, each(connected) / 1024.0, "KiB", goal);
    let what = "memory of the server an agent, idle";
    report.judged(PART, what, each(idle) / 1024.0, "KiB", goal);
    // And they are served again.
    for (agent, bearer) in agents.iter_mut().zip(credentials) {
        agent.good(&Asked::get("/me", bearer)).await?;
    }
    Ok(())
}

async fn connect(site: &Site, bearer: &str) -> Result<Kept> {
    let mut agent = site.keep().await?;
    agent.good(&Asked::get("/me", bearer)).await?;
    Ok(agent)
}
