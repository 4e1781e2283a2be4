//! The client against a server of a few lines: certificates, repeats, problems, pages.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, PublicKeyData as _};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use strongroom_base::{Class, Classified as _};
use strongroom_client::{Client, ClientError, Patience, Pin, ServerAddress, endpoints, v1};
use strongroom_crypto::hash::sha256;
use strongroom_crypto::random::SystemRandom;
use strongroom_crypto::secret::SecretBytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A server that gives answers in their order, and remembers what it was asked.
struct Server {
    port: u16,
    pin: Pin,
    asked: Arc<Mutex<Vec<String>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Server {
    fn with(answers: &[&str]) -> Self {
        Self::with_key(&KeyPair::generate().unwrap(), answers)
    }

    /// With a new certificate for a key.
    fn with_key(key: &KeyPair, answers: &[&str]) -> Self {
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(key).unwrap().der().clone();
        let pin = Pin::new(sha256(&certificate));
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let answers: VecDeque<String> = answers.iter().map(|&answer| answer.to_owned()).collect();
        let answers = Arc::new(Mutex::new(answers));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::clone(&asked);
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let request = read(&mut stream).await;
                if request.is_empty() {
                    continue;
                }
                log.lock().unwrap().push(request);
                let answer = answers.lock().unwrap().pop_front();
                // Without one it hangs up.
                if let Some(answer) = answer {
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
            }
        });
        Self {
            port,
            pin,
            asked,
            _runtime: runtime,
        }
    }

    fn client(&self, pin: Option<Pin>) -> Client {
        let address = format!("https://localhost:{}", self.port);
        let address = ServerAddress::parse(&address).unwrap().pinned(pin);
        let session = SecretBytes::new(b"srs_0123".to_vec());
        let client = Client::new(address, Some(session), Arc::new(SystemRandom)).unwrap();
        client.with_patience(Patience {
            attempts: 3,
            wait: Duration::ZERO,
            wait_max: Duration::from_secs(1),
        })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Reads a request with its body.
async fn read(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut text = String::new();
    let mut part = [0; 4096];
    loop {
        let n_read = stream.read(&mut part).await.unwrap_or(0);
        if n_read == 0 {
            return text;
        }
        text.push_str(std::str::from_utf8(&part[..n_read]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let len = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= len.map_or(0, |len| len.parse().unwrap()) {
            return text;
        }
    }
}

fn answer(status: &str, body: &str) -> String {
    let len = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn header(request: &str, name: &str) -> Option<String> {
    let mut lines = request.lines();
    lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned()))
}

const GROUP: &str = r#"{"id":"g","organisation":"o","name":"n","made":"m","version":1}"#;
const BUSY: &str =
    r#"{"type":"/problems/unavailable","title":"Not now","status":503,"detail":"not now"}"#;

fn new_group() -> v1::NewGroup {
    v1::NewGroup {
        name: "n".to_owned(),
    }
}

#[test]
fn who_pins_a_key_takes_a_renewed_certificate_and_no_other_key() {
    let key = KeyPair::generate().unwrap();
    let pin = Pin::new(sha256(&key.subject_public_key_info()));
    for _ in 0..2 {
        let server = Server::with_key(&key, &[]);
        assert_ne!(server.pin, pin);
        let error = server
            .client(Some(pin))
            .ask(&endpoints::ME, &[])
            .unwrap_err();
        // It got through to the one who hangs up.
        assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
        assert!(!server.asked().is_empty());
    }
    let other = Server::with(&[]);
    let error = other
        .client(Some(pin))
        .ask(&endpoints::ME, &[])
        .unwrap_err();
    assert!(
        matches!(error, ClientError::OtherCertificate { .. }),
        "{error}"
    );
    assert!(other.asked().is_empty());
}

#[test]
fn the_pinned_certificate_is_taken_and_no_other() {
    let server = Server::with(&[&answer("200 OK", GROUP)]);
    let group = server
        .client(Some(server.pin))
        .ask(&endpoints::GROUP, &["g"])
        .unwrap();
    assert_eq!(group.name, "n");
    let other = Pin::new([7; 32]);
    let refused = server
        .client(Some(other))
        .ask(&endpoints::GROUP, &["g"])
        .unwrap_err();
    assert_eq!(refused.class(), Class::WrongKey);
    let ClientError::OtherCertificate { shown, pinned, .. } = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((shown, pinned), (server.pin, other));
    // Nobody vouches for it, and what it is is said.
    let refused = server
        .client(None)
        .ask(&endpoints::GROUP, &["g"])
        .unwrap_err();
    let ClientError::Unvouched { shown, .. } = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(shown, server.pin);
    // Neither of them got as far as a request.
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_request_says_who_asks_and_for_what() {
    let server = Server::with(&[&answer("201 Created", GROUP), &answer("200 OK", GROUP)]);
    let client = server.client(Some(server.pin));
    client
        .call(&endpoints::GROUP_CREATE, &["an id/.."], &new_group())
        .unwrap();
    let request = endpoints::GROUP_RENAME.request(&["g"]).version(7).dry_run();
    client.send(&request.body(&new_group()).unwrap()).unwrap();
    let asked = server.asked();
    let line = "POST /api/v1/organisations/an%20id%2F../groups HTTP/1.1";
    assert_eq!(asked[0].lines().next().unwrap(), line);
    assert_eq!(
        header(&asked[0], "authorization").unwrap(),
        "Bearer srs_0123"
    );
    assert_eq!(header(&asked[0], "idempotency-key").unwrap().len(), 32);
    assert!(asked[0].ends_with(r#"{"name":"n"}"#));
    let line = "PATCH /api/v1/groups/g?dry-run=true HTTP/1.1";
    assert_eq!(asked[1].lines().next().unwrap(), line);
    assert_eq!(header(&asked[1], "if-match").unwrap(), "\"7\"");
}

#[test]
fn what_does_no_harm_twice_is_sent_again_under_the_same_name() {
    let busy = answer("503 Service Unavailable", BUSY);
    let proxy = answer("502 Bad Gateway", "<html>");
    let server = Server::with(&[&busy, &proxy, &answer("201 Created", GROUP)]);
    let client = server.client(Some(server.pin));
    client
        .call(&endpoints::GROUP_CREATE, &["o"], &new_group())
        .unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    let keys: Vec<_> = asked
        .iter()
        .map(|asked| header(asked, "idempotency-key"))
        .collect();
    assert!(keys[0].is_some() && keys.iter().all(|key| *key == keys[0]));
    // Not for ever.
    let server = Server::with(&[&busy, &busy, &busy, &answer("200 OK", GROUP)]);
    let client = server.client(Some(server.pin));
    let error = client.ask(&endpoints::GROUP, &["g"]).unwrap_err();
    assert_eq!((error.status(), error.class()), (Some(503), Class::Retry));
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn what_might_do_harm_is_not_sent_again() {
    let busy = answer("503 Service Unavailable", BUSY);
    let server = Server::with(&[&busy, &busy]);
    let client = server.client(Some(server.pin));
    let request = v1::StartSignIn {
        name: "n".to_owned(),
        request: "00".to_owned(),
    };
    let error = client.call(&endpoints::SIGN_IN_START, &[], &request);
    assert_eq!(error.unwrap_err().status(), Some(503));
    // And a sign-in shows no credential, and has no name.
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert!(header(&asked[0], "authorization").is_none());
    assert!(header(&asked[0], "idempotency-key").is_none());
    // Nor is what the server wants to hear only much later.
    let late = busy.replacen("\r\n", "\r\nretry-after: 60\r\n", 1);
    let server = Server::with(&[&late, &late]);
    let client = server.client(Some(server.pin));
    let error = client.ask(&endpoints::GROUP, &["g"]).unwrap_err();
    let ClientError::Refused { retry_after, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!((retry_after, server.asked().len()), (Some(60), 1));
}

#[test]
fn pages_are_followed() {
    let first = format!(r#"{{"items":[{GROUP},{GROUP}],"next":"here & there"}}"#);
    let last = format!(r#"{{"items":[{GROUP}]}}"#);
    let server = Server::with(&[&answer("200 OK", &first), &answer("200 OK", &last)]);
    let client = server.client(Some(server.pin));
    let items: Result<Vec<_>, _> = client.pages(endpoints::GROUPS.request(&["o"])).collect();
    assert_eq!(items.unwrap().len(), 3);
    let asked = server.asked();
    let line = "GET /api/v1/organisations/o/groups?limit=500&after=here+%26+there HTTP/1.1";
    assert_eq!(asked[1].lines().next().unwrap(), line);
}

#[test]
fn a_secret_that_was_lost_on_its_way_is_said_to_be() {
    let replayed = answer("201 Created", r#"{"id":"t"}"#).replacen(
        "\r\n",
        "\r\nidempotency-replayed: true\r\n",
        1,
    );
    let server = Server::with(&[&answer("503 Service Unavailable", BUSY), &replayed]);
    let client = server.client(Some(server.pin));
    let error = client
        .send(&endpoints::TOKEN_CREATE.request(&[]))
        .unwrap_err();
    let lost = matches!(error, ClientError::SecretLost { field: "secret" });
    assert!(lost, "{error:?}");
}

#[test]
fn what_is_no_answer_of_the_api_is_said_to_be_none() {
    let elsewhere = "HTTP/1.1 302 Found\r\nlocation: https://localhost:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let server = Server::with(&[&answer("200 OK", "<html>"), elsewhere]);
    let client = server.client(Some(server.pin));
    for _ in 0..2 {
        let error = client.ask(&endpoints::GROUP, &["g"]).unwrap_err();
        assert_eq!(error.class(), Class::Damage, "{error}");
    }
    let gone = Server::with(&[]);
    let client = gone.client(Some(gone.pin));
    let error = client.ask(&endpoints::GROUP, &["g"]).unwrap_err();
    assert_eq!(error.class(), Class::Retry, "{error}");
    assert_eq!(gone.asked().len(), 3);
}
