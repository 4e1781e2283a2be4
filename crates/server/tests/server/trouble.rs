//! Clients that take their time, and a database that is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use strongroom_db::jobs::Over;
use strongroom_server::http::serve::{Serving, serve};
use strongroom_server::http::{Site, router};
use strongroom_server::jobs;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::world::World;

/// Sends the beginning of a request and no more; returns what is answered until the connection is closed.
async fn dawdle(to: std::net::SocketAddr, beginning: &str) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(beginning.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut part = [0; 1024];
    // The connection may stay open after an answer; the answer is what is waited for.
    while let Ok(n @ 1..) = stream.read(&mut part).await {
        answer.extend_from_slice(&part[..n]);
        if String::from_utf8_lossy(&answer).contains("/problems/") {
            break;
        }
    }
    String::from_utf8(answer).unwrap()
}

/// Returns what there is of an answer.
async fn answer(stream: &mut TcpStream) -> String {
    let mut part = [0; 4096];
    let n = stream.read(&mut part).await.unwrap();
    String::from_utf8_lossy(&part[..n]).into_owned()
}

pub(crate) async fn who_dawdles_is_cut_off(world: World) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = Serving {
        tls: None,
        connections_max: 100,
    };
    let site = Arc::clone(&world.site);
    let server = tokio::spawn(serve(listener, site, serving, std::future::pending()));
    let begun = Instant::now();
    let head = "POST /api/v1/sign-in/start HTTP/1.1\r\nHost: x\r\n";
    let body = format!(
        "{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{\"name\":\"a"
    );
    let long = format!("{head}X-Long: {}\r\n\r\n", "a".repeat(100_000));
    let (no_end_of_head, no_end_of_body, too_long) = tokio::join!(
        dawdle(address, head),
        dawdle(address, &body),
        dawdle(address, &long)
    );
    assert!(
        no_end_of_head.is_empty() || no_end_of_head.contains(" 408 "),
        "{no_end_of_head}"
    );
    assert!(no_end_of_body.contains(" 408 "), "{no_end_of_body}");
    assert!(
        too_long.is_empty() || too_long.contains(" 431 "),
        "{too_long}"
    );
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
    world.get("/health/ready").send().await.expect(200);
    server.abort();
}

/// A refusal needs no body, and whoever sends one all the same is answered, and goes on with the connection.
pub(crate) async fn who_is_refused_before_the_body_goes_on(world: World) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = Serving {
        tls: None,
        connections_max: 100,
    };
    let site = Arc::clone(&world.site);
    let server = tokio::spawn(serve(listener, site, serving, std::future::pending()));
    for len in [1_000, 60_000] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = "PATCH /api/v1/me HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
        let head = format!("{head}Content-Length: {len}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        // On the one thread of this test, everything the server does with the head alone is done now.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        stream.write_all(&vec![b' '; len]).await.unwrap();
        assert!(answer(&mut stream).await.contains(" 401 "));
        let next = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
        stream.write_all(next.as_bytes()).await.unwrap();
        assert!(answer(&mut stream).await.contains(" 200 "));
    }
    server.abort();
}

/// What does not fit is not stored, what is stored is read, and it goes on by itself when there is room.
pub(crate) async fn a_full_disk_is_read_and_recovers(world: World) {
    let sysadmin = world.sysadmin().await;
    let own = format!("/organisations/{}/groups", world.at("own"));
    let app = world.app_with_pages(60).await;
    let site = Arc::new(Site::new(app, Vec::new()));
    let node = router(Arc::clone(&site));
    let make = async |n: u32| {
        let body = serde_json::json!({ "name": format!("Group {n}") });
        let key = format!("{n}-{}", "x".repeat(200));
        let make = world.post(&own).by(&sysadmin).json(&body);
        make.header("idempotency-key", &key)
            .send_to(node.clone())
            .await
    };
    let read = async |path: &str| world.get(path).by(&sysadmin).send_to(node.clone()).await;
    let mut n_made = 0;
    let full = loop {
        let answer = make(n_made).await;
        if answer.status != 201 || n_made > 2_000 {
            break answer;
        }
        n_made += 1;
    };
    assert!(n_made > 0);
    full.problem(507, "disk-full");
    assert_eq!(full.header("retry-after"), Some("60"));
    // Nothing of what failed is there, and all that was answered is.
    let listed = read(&format!("{own}?limit=1000")).await;
    let n_listed = listed.expect(200)["items"].as_array().unwrap().len();
    assert_eq!(n_listed, usize::try_from(n_made).unwrap() + 1);
    make(n_made).await.problem(507, "disk-full");
    read("/me").await.expect(200);
    let ready = read("/health/ready").await;
    assert_eq!(ready.status, 200);
    assert!(ready.text.contains("read-only"), "{}", ready.text);
    let measured = read("/metrics").await;
    assert!(measured.text.contains("strongroom_disk_full 1"));
    // Nothing is forgotten while it is full.
    jobs::tick(&site).await;
    assert!(site.app.room.full_since().is_some());
    // Room is made by a node that has some: answers of before are removed.
    let writing = world.app.database.note().await.unwrap();
    let now = strongroom_domain::moment::after(world.app.now(), Duration::from_secs(1));
    let removed = strongroom_db::jobs::remove(&writing, Over::Answers, now, 10_000).await;
    assert!(removed.unwrap() > 0);
    writing.commit().await.unwrap();
    jobs::tick(&site).await;
    assert_eq!(site.app.room.full_since(), None);
    make(n_made).await.expect(201);
    assert_eq!(read("/health/ready").await.text, "ready\n");
    assert!(
        read("/metrics")
            .await
            .text
            .contains("strongroom_disk_full 0")
    );
    let log = read("/audit?event=server.disk-was-full").await;
    assert_eq!(log.expect(200)["items"].as_array().unwrap().len(), 1);
}

/// Forwards connections, unless the other side is said to be gone.
struct Wire {
    gone: AtomicBool,
    cut: Notify,
}

impl Wire {
    async fn forward(self: Arc<Self>, listener: TcpListener, to: String) {
        loop {
            let (mut from, _) = listener.accept().await.unwrap();
            if self.gone.load(Ordering::SeqCst) {
                continue;
            }
            let (wire, to) = (Arc::clone(&self), to.clone());
            tokio::spawn(async move {
                let mut to = TcpStream::connect(to).await.unwrap();
                let cut = wire.cut.notified();
                tokio::select! {
                    () = cut => {}
                    _ = copy_bidirectional(&mut from, &mut to) => {}
                }
            });
        }
    }
}

pub(crate) async fn a_database_that_is_gone_for_a_while(world: World) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let by = listener.local_addr().unwrap().to_string();
    let wire = Arc::new(Wire {
        gone: AtomicBool::new(false),
        cut: Notify::new(),
    });
    let service = strongroom_testkit::service("postgresql");
    let to = service.address().to_owned();
    let forwarding = tokio::spawn(Arc::clone(&wire).forward(listener, to));
    let app = world.app_by(&by).await;
    let node = router(Arc::new(Site::new(app, Vec::new())));
    let person = world.places["own"].person.clone();
    let ask = |path: &str| world.get(path).by(&person).send_to(node.clone());
    ask("/me").await.expect(200);
    wire.gone.store(true, Ordering::SeqCst);
    wire.cut.notify_waiters();
    let begun = Instant::now();
    for path in ["/me", "/health/ready"] {
        let away = ask(path).await;
        away.problem(503, "unavailable");
        assert_eq!(away.header("retry-after"), Some("5"));
    }
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
    ask("/health/live").await;
    wire.gone.store(false, Ordering::SeqCst);
    ask("/me").await.expect(200);
    ask("/health/ready").await;
    forwarding.abort();
}
