//! Who writes: makes users and groups, asks again with the same idempotency key until the answer is there, and remembers what
//! was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use strongroom_base::ids::to_hex;
use strongroom_crypto::opaque::{Registration, RegistrationResponse, Version};
use strongroom_crypto::random::SystemRandom;
use tokio::sync::Notify;

/// How long an answer may take; a node that was killed gives none.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was acknowledged.
pub(crate) struct Sent {
    /// How the audit log calls it.
    pub(crate) action: &'static str,
    pub(crate) name: String,
    pub(crate) id: String,
}

/// What all writers count.
#[derive(Default)]
pub(crate) struct Tally {
    acknowledged: AtomicU64,
    repeats: AtomicU64,
    replays: AtomicU64,
    more: Notify,
}

impl Tally {
    /// Waits until so many more are acknowledged.
    pub(crate) async fn wait_for_more(&self, n_more: u64) {
        let wanted = self.acknowledged.load(Ordering::Relaxed) + n_more;
        let waiting = async {
            loop {
                let notified = self.more.notified();
                if self.acknowledged.load(Ordering::Relaxed) >= wanted {
                    break;
                }
                notified.await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_mins(1), waiting).await;
        assert!(in_time.is_ok(), "nothing is acknowledged any more");
    }

    pub(crate) fn n_repeats(&self) -> u64 {
        self.repeats.load(Ordering::Relaxed)
    }

    pub(crate) fn n_replays(&self) -> u64 {
        self.replays.load(Ordering::Relaxed)
    }
}

/// The server as its users see it, and who asks.
#[derive(Clone)]
pub(crate) struct Site {
    client: Client,
    url: String,
    bearer: String,
    organisation: String,
}

impl Site {
    /// Lets the first sysadmin in.
    pub(crate) async fn begin(url: &str, link: &str) -> Self {
        // The certificate vouches for itself; clients of Strongroom pin it.
        let client = Client::builder()
            .danger_accept_invalid_certs(true)
            .timeout(PATIENCE)
            .build()
            .unwrap();
        let mut site = Self {
            client,
            url: format!("{url}/api/v1"),
            bearer: String::new(),
            organisation: String::new(),
        };
        let secret = link.split('#').next().unwrap();
        let secret = secret.rsplit('/').next().unwrap();
        let password = b"correct horse battery staple";
        let (client, request) = Registration::start(password, &SystemRandom).unwrap();
        let request = to_hex(&request.to_bytes());
        let body = json!({ "link": secret, "request": request });
        let started = site.post("/links/start", "", &body).await.unwrap().1;
        let response = bytes(started["response"].as_str().unwrap());
        let response = RegistrationResponse::from_bytes(&response).unwrap();
        let done = client.finish(password, Version::CURRENT, response, &SystemRandom);
        let upload = to_hex(&done.unwrap().upload.to_bytes());
        let body = json!({ "link": secret, "upload": upload, "program": "test" });
        let signed_in = site.post("/links/finish", "", &body).await.unwrap().1;
        site.bearer = signed_in["secret"].as_str().unwrap().to_owned();
        let all = site.all("/organisations").await;
        let organisation = all[0]["id"].as_str().unwrap().to_owned();
        Self {
            organisation,
            ..site
        }
    }

    /// Where groups are listed.
    pub(crate) fn groups(&self) -> String {
        format!("/organisations/{}/groups", self.organisation)
    }

    /// Returns a whole list.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let text = self.get(&format!("{path}?limit=1000{after}")).await;
            let page: Value = serde_json::from_str(&text).unwrap();
            all.extend(page["items"].as_array().unwrap().clone());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return all,
            }
        }
    }

    pub(crate) async fn export_log(&self) -> String {
        self.get("/audit/export?format=json").await
    }

    async fn get(&self, path: &str) -> String {
        let request = self
            .client
            .request(Method::GET, format!("{}{path}", self.url));
        let answer = request.bearer_auth(&self.bearer).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "{path}: {text}");
        text
    }

    /// Returns whether it was answered before, and the answer; nothing where there is none, or the server says not now.
    async fn post(&self, path: &str, key: &str, body: &Value) -> Option<(bool, Value)> {
        let mut request = self.client.post(format!("{}{path}", self.url));
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
        if !self.bearer.is_empty() {
            request = request.bearer_auth(&self.bearer);
        }
        if !key.is_empty() {
            request = request.header("idempotency-key", key);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let is_replay = answer.headers().contains_key("idempotency-replayed");
        // A node may be killed in the middle of its answer.
        let text = answer.text().await.ok()?;
        if status == 503 {
            return None;
        }
        assert!(status == 200 || status == 201, "{path} {status}: {text}");
        Some((is_replay, serde_json::from_str(&text).unwrap()))
    }
}

/// One of those who write.
pub(crate) struct Writer {
    number: usize,
    site: Site,
    tally: Arc<Tally>,
}

impl Writer {
    pub(crate) fn new(number: usize, site: Site, tally: Arc<Tally>) -> Self {
        Self {
            number,
            site,
            tally,
        }
    }

    /// Writes until it is over, and returns what was acknowledged. The last one, too, is asked for until it is answered.
    pub(crate) async fn write_until(self, is_over: Arc<AtomicBool>) -> Vec<Sent> {
        let mut acknowledged = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            acknowledged.push(self.write(acknowledged.len()).await);
            self.tally.acknowledged.fetch_add(1, Ordering::Relaxed);
            self.tally.more.notify_waiters();
        }
        acknowledged
    }

    async fn write(&self, n: usize) -> Sent {
        let name = format!("made-{}-{n}", self.number);
        let (kind, action) = if n.is_multiple_of(2) {
            ("users", "user.created")
        } else {
            ("groups", "group.created")
        };
        let path = format!("/organisations/{}/{kind}", self.site.organisation);
        let body = json!({ "name": name });
        loop {
            if let Some((is_replay, made)) = self.site.post(&path, &name, &body).await {
                if is_replay {
                    self.tally.replays.fetch_add(1, Ordering::Relaxed);
                }
                let id = made["id"].as_str().unwrap().to_owned();
                return Sent { action, name, id };
            }
            self.tally.repeats.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    }
}

fn bytes(text: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(pair).collect()
}
