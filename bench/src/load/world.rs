//! A server as a company of some size has it: organisations, users and computers, all made by the API.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::people;
use crate::say;
use crate::server::Server;
use crate::wire::{Asked, Connection, Site, text};

/// How deep organisations lie, the first one counted.
pub(crate) const DEPTH: usize = 8;
/// How many make computers, each for themselves.
pub(crate) const N_OWNERS: usize = 10;

/// How much there is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) organisations: usize,
    pub(crate) users: usize,
    pub(crate) computers: usize,
}

/// What there is.
pub(crate) struct World {
    /// The session of a sysadmin.
    pub(crate) sysadmin: String,
    /// The session of a manager of an organisation in the middle.
    pub(crate) manager: String,
    /// The ids of organisations.
    pub(crate) organisations: Vec<String>,
    /// Users who have a password.
    pub(crate) owners: Vec<String>,
    /// Credentials of computers.
    pub(crate) computers: Vec<String>,
}

impl World {
    /// Makes everything.
    pub(crate) async fn new(server: &Server, link: &str, size: Size) -> Result<Self> {
        let mut connection = server.site.connection();
        let sysadmin = people::set_up(&mut connection, link).await?;
        let mut filling = Filling {
            connection,
            sysadmin,
        };
        say::progress(&format!("{} organisations", size.organisations));
        let organisations = filling.organisations(size.organisations).await?;
        say::progress(&format!("{} users", size.users));
        let users = filling.users(&organisations, size.users).await?;
        let mut owners = Vec::new();
        let mut sessions = Vec::new();
        for n in 0..N_OWNERS {
            let user = users.get(n * users.len() / N_OWNERS).context("a user")?;
            sessions.push(filling.let_in(&user.1).await?);
            owners.push(user.0.clone());
        }
        say::progress(&format!("{} computers", size.computers));
        let computers = computers(&server.site, &sessions, size.computers).await?;
        // The third has a few hundred organisations below it.
        let middle = organisations.get(2).context("an organisation")?;
        let manager = users.get(2).context("a user")?;
        let grants = format!("/users/{}/grants", manager.1);
        let role = json!({ "role": "manager", "organisation": middle });
        filling.send(&grants, role).await?;
        let manager = filling.let_in(&manager.1).await?;
        Ok(Self {
            sysadmin: filling.sysadmin,
            manager,
            organisations,
            owners,
            computers,
        })
    }
}

/// Who makes everything.
struct Filling {
    connection: Connection,
    sysadmin: String,
}

impl Filling {
    async fn send(&mut self, path: &str, body: Value) -> Result<Value> {
        let asked = Asked::post(path, &self.sysadmin, body);
        self.connection.good(&asked).await
    }

    /// Makes a chain as deep as it goes, and the others below what there is.
    async fn organisations(&mut self, n_wanted: usize) -> Result<Vec<String>> {
        let made = self
            .send("/organisations", json!({ "name": "Company" }))
            .await?;
        let mut ids = vec![text(&made, "id")?.to_owned()];
        let mut depths = vec![1];
        for n in 1..n_wanted {
            let above = (0..n).filter(|at| depths[*at] < DEPTH);
            let above: Vec<usize> = above.collect();
            let parent = if n < DEPTH {
                n - 1
            } else {
                above[n * 31 % above.len()]
            };
            let path = format!("/organisations/{}/children", ids[parent]);
            let made = self
                .send(&path, json!({ "name": format!("Part {n}") }))
                .await?;
            ids.push(text(&made, "id")?.to_owned());
            depths.push(depths[parent] + 1);
        }
        Ok(ids)
    }

    /// Makes as many users in each organisation; returns names and ids.
    async fn users(
        &mut self,
        organisations: &[String],
        n_wanted: usize,
    ) -> Result<Vec<(String, String)>> {
        let mut made = Vec::new();
        for (at, organisation) in organisations.iter().enumerate() {
            let first = at * n_wanted / organisations.len();
            let last = (at + 1) * n_wanted / organisations.len();
            let users: Vec<Value> = (first..last)
                .map(|n| {
                    json!({
                        "name": format!("user.{n:05}"), "person": format!("Person Number {n}"),
                        "email": format!("user.{n:05}@example.org"),
                    })
                })
                .collect();
            let path = format!("/organisations/{organisation}/users/import");
            let outcome = self.send(&path, json!({ "users": users })).await?;
            for user in outcome["users"].as_array().context("the users")? {
                made.push((text(user, "name")?.to_owned(), text(user, "id")?.to_owned()));
            }
        }
        Ok(made)
    }

    /// Gives a user a password, and returns the session that this begins.
    async fn let_in(&mut self, user: &str) -> Result<String> {
        let path = format!("/users/{user}/links");
        let link = self.send(&path, json!({ "purpose": "invitation" })).await?;
        people::set_up(&mut self.connection, text(&link, "link")?).await
    }
}

/// Makes computers, each owner as many; returns their credentials.
async fn computers(site: &Site, sessions: &[String], n_wanted: usize) -> Result<Vec<String>> {
    let each = n_wanted / sessions.len();
    let mut makers = Vec::new();
    for (owner, session) in sessions.iter().enumerate() {
        let (mut connection, session) = (site.connection(), Arc::<str>::from(session.as_str()));
        makers.push(tokio::spawn(async move {
            let mut credentials = Vec::new();
            for n in 0..each {
                let body = people::computer(&format!("computer-{owner}-{n:04}"));
                let asked = Asked::post("/me/computers", &session, body);
                let enrolled = connection.good(&asked).await?;
                credentials.push(text(&enrolled, "secret")?.to_owned());
            }
            anyhow::Ok(credentials)
        }));
    }
    let mut credentials = Vec::new();
    for maker in makers {
        credentials.extend(maker.await??);
    }
    Ok(credentials)
}
