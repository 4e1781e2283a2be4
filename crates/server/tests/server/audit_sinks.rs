//! Places besides the database that the audit log is delivered to.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use strongroom_custody::audit::Format;
use strongroom_server::app::audit::sinks::{
    End, Place, Sink, SinkError, SinkSettings, Transport, deliver, lag,
};
use strongroom_server::http::tls;
use strongroom_server::jobs;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;

use crate::world::World;

const NAME: &str = "second";

/// Long enough for what goes, short enough to wait for what hangs.
const PATIENCE: Duration = Duration::from_millis(500);

pub(crate) fn at(place: Place) -> SinkSettings {
    SinkSettings {
        name: NAME.to_owned(),
        place,
        format: Format::Json,
        patience: PATIENCE,
    }
}

fn file(path: &Path) -> Sink {
    Sink::new(&at(Place::File(path.to_owned())))
}

fn collector(transport: Transport, port: u16) -> Sink {
    Sink::new(&at(Place::Syslog {
        transport,
        host: "localhost".to_owned(),
        port,
        from: "server.example".to_owned(),
    }))
}

/// Makes entries of the log.
async fn happen(world: &World, times: usize) {
    let admin = world.admin("own").await;
    for number in 0..times {
        let path = format!("/organisations/{}/groups", world.at("own"));
        let body = json!({ "name": format!("Group {number} of {}", admin.user) });
        world
            .post(&path)
            .by(&admin)
            .json(&body)
            .send()
            .await
            .expect(201);
    }
}

async fn behind(world: &World) -> u64 {
    lag(&world.app, NAME).await.unwrap().entries
}

fn sequences(text: &str) -> Vec<u64> {
    let lines = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["sequence"].as_u64().unwrap()
    });
    lines.collect()
}

pub(crate) async fn a_file_has_every_entry_in_order_and_once(world: World) {
    let path = world.folder.path().join("audit.jsonl");
    happen(&world, 3).await;
    let count = behind(&world).await;
    assert!(count >= 3, "{count}");
    let mut sink = file(&path);
    let done = deliver(&world.app, &mut sink).await.unwrap();
    assert_eq!(done, (count, false));
    assert_eq!(behind(&world).await, 0);
    assert_eq!(deliver(&world.app, &mut sink).await.unwrap(), (0, false));
    // Another start of the program goes on where this one was.
    happen(&world, 2).await;
    deliver(&world.app, &mut file(&path)).await.unwrap();
    let found = sequences(&std::fs::read_to_string(&path).unwrap());
    assert_eq!(found, (1..=count + 2).collect::<Vec<_>>());
    // A node that does not get to deliver leaves it.
    happen(&world, 1).await;
    let other = world.another_app().await;
    let writing = other.database.note().await.unwrap();
    let times = (Duration::ZERO, Duration::from_mins(1));
    let job = format!("audit-sink-{NAME}");
    let claimed = strongroom_db::jobs::claim(&writing, &job, "another", times, other.now()).await;
    assert!(claimed.unwrap());
    writing.commit().await.unwrap();
    assert_eq!(deliver(&world.app, &mut sink).await.unwrap(), (0, false));
    assert_eq!(behind(&world).await, 1);
}

pub(crate) async fn after_a_kill_another_node_goes_on_within_a_minute(world: World) {
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    happen(&world, 2).await;
    let waiting = behind(&world).await;
    // Killed in the middle, when the collector had the connection and had read nothing.
    let mut sink = collector(Transport::Tcp, port);
    let (app, mut killed) = (world.another_app().await, true);
    tokio::select! {
        biased;
        _ = listener.accept() => {}
        _ = deliver(&app, &mut sink) => killed = false,
    }
    assert!(killed);
    let path = world.folder.path().join("audit.jsonl");
    let mut sink = file(&path);
    // It may be alive still, and what it gave may be on its way.
    assert_eq!(deliver(&world.app, &mut sink).await.unwrap(), (0, false));
    world.pass(Duration::from_secs(30));
    assert_eq!(deliver(&world.app, &mut sink).await.unwrap(), (0, false));
    world.pass(Duration::from_secs(30));
    let done = deliver(&world.app, &mut sink).await.unwrap();
    assert_eq!(done, (waiting, false));
    let found = sequences(&std::fs::read_to_string(&path).unwrap());
    assert_eq!(found, (1..=waiting).collect::<Vec<_>>());
}

pub(crate) async fn a_file_that_hangs_stops_nothing(world: World) {
    let path = world.folder.path().join("pipe");
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, &path, FileType::Fifo, mode, 0).unwrap();
    happen(&world, 1).await;
    let first = behind(&world).await;
    // Nobody reads: whoever opens it to write waits.
    let mut sink = file(&path);
    for _ in 0..2 {
        let hung = deliver(&world.app, &mut sink).await;
        assert!(matches!(hung, Err(SinkError::Hangs(_))));
    }
    // Deeds go on, and what they did waits.
    happen(&world, 2).await;
    assert_eq!(behind(&world).await, first + 2);
    // It is read again: everything comes, in its order, and once.
    let total = first + 2;
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        while (text.lines().count() as u64) < total {
            let mut pipe = std::fs::File::open(&path).unwrap();
            pipe.read_to_string(&mut text).unwrap();
        }
        text
    });
    while behind(&world).await > 0 {
        let done = deliver(&world.app, &mut sink).await;
        assert!(matches!(done, Ok(_) | Err(SinkError::Hangs(_))), "{done:?}");
    }
    let found = sequences(&reader.join().unwrap());
    assert_eq!(found, (1..=total).collect::<Vec<_>>());
}

pub(crate) async fn a_full_one_is_tried_again(world: World) {
    happen(&world, 1).await;
    let waiting = behind(&world).await;
    let mut sink = file(Path::new("/dev/full"));
    for _ in 0..2 {
        let full = deliver(&world.app, &mut sink).await;
        assert!(matches!(full, Err(SinkError::Io(_))), "{full:?}");
    }
    assert_eq!(behind(&world).await, waiting);
    happen(&world, 1).await;
    // Whoever mends it gets all of it.
    let path = world.folder.path().join("audit.jsonl");
    deliver(&world.app, &mut file(&path)).await.unwrap();
    let found = sequences(&std::fs::read_to_string(&path).unwrap());
    assert_eq!(found, (1..=waiting + 1).collect::<Vec<_>>());
}

pub(crate) async fn measurements_say_how_far_it_is_behind(world: World) {
    let sysadmin = world.sysadmin().await;
    happen(&world, 1).await;
    world.pass(Duration::from_mins(2));
    let waiting = behind(&world).await;
    let mut sink = Sink::new(&world.app.settings.sinks[0]);
    deliver(&world.app, &mut sink).await.unwrap_err();
    jobs::tick(&world.site).await;
    let answer = world.get("/metrics").by(&sysadmin).send().await;
    for line in [
        format!("strongroom_audit_sink_lag_entries{{sink=\"{NAME}\"}} {waiting}"),
        format!("strongroom_audit_sink_lag_seconds{{sink=\"{NAME}\"}} 120"),
        format!("strongroom_job_failed{{job=\"audit-sink-{NAME}\"}} 1"),
    ] {
        assert!(answer.text.contains(&line), "{line}: {}", answer.text);
    }
    world.get("/health/ready").send().await.expect(200);
}

/// Reads messages with their lengths before them.
fn counted(mut text: &str) -> Vec<String> {
    let mut found = Vec::new();
    while let Some((length, rest)) = text.split_once(' ') {
        let (message, rest) = rest.split_at(length.parse().unwrap());
        found.push(message.to_owned());
        text = rest;
    }
    found
}

fn check(messages: &[String], waiting: u64) {
    assert_eq!(messages.len() as u64, waiting);
    for (at, message) in messages.iter().enumerate() {
        let (head, text) = message.split_once(" {").unwrap();
        assert!(
            head.starts_with("<110>1 2023-11-14T22:13:20.000Z server.example "),
            "{head}"
        );
        let entry: Value = serde_json::from_str(&format!("{{{text}")).unwrap();
        assert_eq!(entry["sequence"], at as u64 + 1);
        let action = entry["action"].as_str().unwrap();
        assert!(
            head.ends_with(&format!("strongroom-server - {action} -")),
            "{head}"
        );
    }
}

/// Reads to the end, and says that it ends too.
async fn read_all(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    stream.shutdown().await.unwrap();
    text
}

pub(crate) async fn a_collector_takes_counted_messages(world: World) {
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    happen(&world, 2).await;
    let waiting = behind(&world).await;
    let mut sink = collector(Transport::Tcp, port);
    // One that takes connections, and reads nothing.
    let silent = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        (listener, stream)
    });
    let hung = deliver(&world.app, &mut sink).await;
    assert!(matches!(hung, Err(SinkError::Hangs(_))), "{hung:?}");
    assert_eq!(behind(&world).await, waiting);
    let (listener, stream) = silent.await.unwrap();
    drop(stream);
    let reading = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        read_all(stream).await
    });
    deliver(&world.app, &mut sink).await.unwrap();
    check(&counted(&reading.await.unwrap()), waiting);
    assert_eq!(behind(&world).await, 0);
    // One that is gone.
    happen(&world, 1).await;
    let gone = deliver(&world.app, &mut sink).await;
    assert!(matches!(gone, Err(SinkError::Io(_))), "{gone:?}");
}

fn by_tls(pem: &tls::Pem, end: End) -> Transport {
    let mut roots = RootCertStore::empty();
    let text = pem.certificates.as_bytes();
    let certificate = CertificateDer::from_pem_slice(text).unwrap();
    roots.add(certificate).unwrap();
    Transport::Tls(Arc::new(roots), end)
}

pub(crate) async fn a_collector_is_known_by_its_certificate(world: World) {
    let pem = tls::self_signed(&["localhost".to_owned()]).unwrap();
    let other = tls::self_signed(&["localhost".to_owned()]).unwrap();
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(tls::config(&pem, tls::Oldest::Tls13).unwrap());
    happen(&world, 2).await;
    let waiting = behind(&world).await;
    let reading = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        assert!(acceptor.accept(stream).await.is_err());
        let (stream, _) = listener.accept().await.unwrap();
        read_all(acceptor.accept(stream).await.unwrap()).await
    });
    let refused = deliver(&world.app, &mut collector(by_tls(&other, End::Said), port)).await;
    assert!(matches!(refused, Err(SinkError::Io(_))), "{refused:?}");
    deliver(&world.app, &mut collector(by_tls(&pem, End::Said), port))
        .await
        .unwrap();
    check(&counted(&reading.await.unwrap()), waiting);
}

pub(crate) async fn who_ends_without_a_word_has_taken_nothing(world: World) {
    let pem = tls::self_signed(&["localhost".to_owned()]).unwrap();
    let acceptor = TlsAcceptor::from(tls::config(&pem, tls::Oldest::Tls13).unwrap());
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    happen(&world, 2).await;
    let waiting = behind(&world).await;
    let collecting = tokio::spawn(async move {
        // Cut off on the way, before anything was read: only whoever holds the key could say that this is the end.
        let (stream, _) = listener.accept().await.unwrap();
        let (mut cut, _) = acceptor.accept(stream).await.unwrap().into_inner();
        cut.shutdown().await.unwrap();
        // Read to the end and left, once where that must be said and once where it need not.
        let mut read = Vec::new();
        for _ in 0..2 {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            read.push(text);
        }
        (cut, read)
    });
    for _ in 0..2 {
        let ended = deliver(&world.app, &mut collector(by_tls(&pem, End::Said), port)).await;
        assert!(matches!(ended, Err(SinkError::Io(_))), "{ended:?}");
        assert_eq!(behind(&world).await, waiting);
    }
    let done = deliver(&world.app, &mut collector(by_tls(&pem, End::Silent), port)).await;
    assert_eq!(done.unwrap(), (waiting, false));
    let (_cut, read) = collecting.await.unwrap();
    for text in read {
        check(&counted(&text), waiting);
    }
}

pub(crate) async fn a_collector_takes_datagrams(world: World) {
    let socket = UdpSocket::bind("localhost:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    happen(&world, 2).await;
    let waiting = behind(&world).await;
    deliver(&world.app, &mut collector(Transport::Udp, port))
        .await
        .unwrap();
    let mut messages = Vec::new();
    let mut bytes = vec![0; 65_536];
    for _ in 0..waiting {
        let length = socket.recv(&mut bytes).await.unwrap();
        messages.push(String::from_utf8(bytes[..length].to_vec()).unwrap());
    }
    check(&messages, waiting);
}
