//! A certificate by ACME: the challenge, against a client that plays the authority; and orders, against Pebble.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, version::TLS13,
};
use strongroom_base::clock::{Clock as _, SystemClock};
use strongroom_db::certificates;
use strongroom_domain::moment::{DAY, elapsed};
use strongroom_server::app::certificate::{AcmeSettings, failures, key, new_key};
use strongroom_server::app::{App, Settings, key_ring};
use strongroom_server::http::serve::{Serving, serve};
use strongroom_server::http::{Site, tls};
use strongroom_server::jobs;
use strongroom_testkit::service;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::world::World;

const ACME_TLS: &[u8] = b"acme-tls/1";

/// A server with two names.
pub(crate) fn settings(directory: &str, ca: &str) -> Settings {
    Settings {
        acme: Some(AcmeSettings {
            directory: directory.to_owned(),
            domains: vec!["one.test".to_owned(), "two.test".to_owned()],
            contact: vec!["mailto:me@one.test".to_owned()],
            ca: Some(ca.into()),
        }),
        ..Settings::default()
    }
}

pub(crate) fn settings_of_pebble() -> Settings {
    let pebble = service("pebble");
    settings(pebble.text("directory"), pebble.text("ca"))
}

/// A node that serves.
struct Node {
    site: Arc<Site>,
    serving: tokio::task::JoinHandle<()>,
}

impl Node {
    fn begin(app: Arc<App>, listener: TcpListener) -> Self {
        let site = Arc::new(Site::new(app, Vec::new()));
        let own = tls::self_signed(&["localhost".to_owned()]).unwrap();
        site.certificates.show(&own).unwrap();
        let shown = Arc::clone(&site.certificates);
        let serving = Serving {
            tls: Some(tls::showing(shown, tls::Oldest::Tls13).unwrap()),
            connections_max: 100,
        };
        let serving = serve(listener, Arc::clone(&site), serving, std::future::pending());
        Self {
            site,
            serving: tokio::spawn(serving),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Takes the port at which Pebble looks at names. One test has it at a time, in processes of their own: no event tells
/// when another one lets it go.
async fn listener_for_pebble() -> TcpListener {
    let port: u16 = service("pebble").text("tls_port").parse().unwrap();
    for _ in 0..600 {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            return listener;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("port {port} is somebody else's");
}

/// Shakes hands with whoever it is; offers these protocols.
async fn shake(port: u16, name: &str, offered: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
    connect(port, name, config).await
}

async fn connect(
    port: u16,
    name: &str,
    config: ClientConfig,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

fn shown(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    let (_, connection) = stream.get_ref();
    connection.peer_certificates().unwrap()[0].to_vec()
}

/// The extension of RFC 8737 with a hash: critical, an octet string in one.
fn extension(digest: &[u8; 32]) -> Vec<u8> {
    let object = [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1f];
    [
        &object[..],
        &[0x01, 0x01, 0xff, 0x04, 0x22, 0x04, 0x20],
        digest,
    ]
    .concat()
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

pub(crate) async fn an_authority_that_looks_at_a_name_is_answered(world: World) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let _node = Node::begin(Arc::clone(&world.app), listener);
    // Where there is no order, nobody is answered.
    assert!(shake(port, "one.test", &[ACME_TLS]).await.is_err());
    let digest = [7; 32];
    let writing = world.app.database.note().await.unwrap();
    for name in ["one.test", "other.test"] {
        certificates::set_challenge(&writing, name, &digest)
            .await
            .unwrap();
    }
    writing.commit().await.unwrap();
    let mut looking = shake(port, "one.test", &[ACME_TLS]).await.unwrap();
    assert!(has(&shown(&looking), &extension(&digest)));
    // Nothing else is said.
    let _ = looking
        .write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    let mut said = Vec::new();
    let _ = looking.read_to_end(&mut said).await;
    assert_eq!(said, b"");
    // Nor for a name that is not ours, nor for none, nor to who offers more.
    assert!(shake(port, "two.test", &[ACME_TLS]).await.is_err());
    assert!(shake(port, "other.test", &[ACME_TLS]).await.is_err());
    assert!(shake(port, "127.0.0.1", &[ACME_TLS]).await.is_err());
    let more = shake(port, "one.test", &[ACME_TLS, b"http/1.1"])
        .await
        .unwrap();
    assert!(!has(&shown(&more), &extension(&digest)));
    // Everybody else is served as ever.
    let mut client = shake(port, "one.test", &[b"http/1.1"]).await.unwrap();
    client
        .write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut said = Vec::new();
    let _ = client.read_to_end(&mut said).await;
    assert!(has(&said, b" 200 "), "{}", String::from_utf8_lossy(&said));
    let writing = world.app.database.note().await.unwrap();
    certificates::end_challenges(&writing).await.unwrap();
    writing.commit().await.unwrap();
    assert!(shake(port, "one.test", &[ACME_TLS]).await.is_err());
}

/// Asks Pebble for what vouches for its certificates.
async fn roots() -> RootCertStore {
    let pebble = service("pebble");
    let port = pebble.text("management").rsplit(':').next().unwrap();
    let mut stream = shake(port.parse().unwrap(), "localhost", &[])
        .await
        .unwrap();
    let asked = b"GET /roots/0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(asked).await.unwrap();
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said).await;
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&said).unwrap())
        .unwrap();
    roots
}

/// Connects as a client that trusts the authority, and returns the certificate.
async fn vouched(port: u16, name: &str) -> Vec<u8> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots().await)
        .with_no_client_auth();
    shown(&connect(port, name, config).await.unwrap())
}

/// Lets the clock of the world be that of everybody else.
fn now(world: &World) {
    world.pass(elapsed(world.app.now(), SystemClock.now()));
}

async fn job_failed(world: &World) -> Option<String> {
    let reading = world.app.database.read().await.unwrap();
    let all = strongroom_db::jobs::all(&reading).await.unwrap();
    let found = all.into_iter().find(|done| done.name == "certificate");
    found.unwrap().failed
}

async fn given(world: &World) -> usize {
    let events = world.events(1000).await.into_iter();
    events
        .filter(|event| event == "server.certificate-given")
        .count()
}

pub(crate) async fn two_nodes_have_one_certificate_and_renew_it(world: World) {
    now(&world);
    let listener = listener_for_pebble().await;
    let port = listener.local_addr().unwrap().port();
    // The authority reaches one node, and another one orders.
    let reached = Node::begin(world.another_app().await, listener);
    let orders = Node::begin(
        Arc::clone(&world.app),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    );
    jobs::certificate::tick(&orders.site).await;
    assert_eq!(job_failed(&world).await, None);
    let ends = orders.site.certificates.ends().unwrap();
    // Both show it, without a restart, and it is good for both names.
    jobs::certificate::tick(&reached.site).await;
    assert_eq!(reached.site.certificates.ends(), Some(ends));
    let first = vouched(port, "one.test").await;
    assert_eq!(vouched(port, "two.test").await, first);
    assert_eq!(given(&world).await, 1);
    // What opens something is sealed.
    let verified = key_ring::verify(&world.app).await.unwrap();
    assert_eq!((verified.opened, verified.unreadable.len()), (2, 0));
    let dump = world.dump();
    assert!(!has(&dump, b"PRIVATE KEY") && !has(&dump, b"key_pkcs8"));
    // Nothing is ordered before it is time to.
    let is_known = |certificate: &Vec<u8>| *certificate == first;
    world.pass(DAY * 58);
    jobs::certificate::tick(&orders.site).await;
    assert!(is_known(&vouched(port, "one.test").await));
    world.pass(DAY * 3);
    jobs::certificate::tick(&reached.site).await;
    let second = vouched(port, "one.test").await;
    assert!(!is_known(&second));
    assert_eq!(given(&world).await, 2);
    // Who pins the key is not locked out.
    let pin = tls::key_fingerprint(&key(&world.app).await.unwrap()).unwrap();
    assert_eq!(key_of(&first), pin);
    assert_eq!(key_of(&second), pin);
    // Another key is one by command, and then there is another certificate at once.
    new_key(&world.app).await.unwrap();
    world.pass(Duration::from_mins(1));
    jobs::certificate::tick(&orders.site).await;
    jobs::certificate::refresh(&reached.site).await;
    let third = vouched(port, "one.test").await;
    assert_ne!(key_of(&third), pin);
    let metrics = reached.site.certificates.ends();
    assert!(metrics >= Some(ends));
}

/// The hash of the key in a certificate.
fn key_of(certificate: &[u8]) -> String {
    use strongroom_base::ids::to_hex;
    use strongroom_crypto::hash::sha256;

    let certificate = CertificateDer::from(certificate.to_vec());
    let parsed = rustls::server::ParsedCertificate::try_from(&certificate).unwrap();
    to_hex(&sha256(&parsed.subject_public_key_info()))
}

pub(crate) async fn what_an_authority_refuses_is_said_and_tried_again_later(world: World) {
    now(&world);
    let held = listener_for_pebble().await;
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node = Node::begin(Arc::clone(&world.app), elsewhere);
    let own = node.site.certificates.ends();
    // Nobody shakes hands where the authority looks.
    let port = held.local_addr().unwrap().port();
    drop(held);
    jobs::certificate::tick(&node.site).await;
    let failed = job_failed(&world).await.unwrap();
    assert!(failed.contains("one.test: "), "{failed}");
    assert!(failed.contains("port 443 of each name"), "{failed}");
    assert_eq!(failures(&world.app).await.unwrap(), 1);
    assert_eq!(node.site.certificates.ends(), own);
    // Not before its time, though the job is due.
    world.pass(Duration::from_mins(4));
    jobs::certificate::tick(&node.site).await;
    assert_eq!(failures(&world.app).await.unwrap(), 1);
    // A name that the authority gives no certificate for.
    let mut other = world.app.settings.clone();
    if let Some(acme) = &mut other.acme {
        acme.domains = vec!["blocked.test".to_owned()];
    }
    world.pass(Duration::from_mins(3));
    let app = world.app_as(other).await;
    let refused = Arc::new(Site::new(app, Vec::new()));
    jobs::certificate::tick(&refused).await;
    let failed = job_failed(&world).await.unwrap();
    assert!(failed.contains("policy"), "{failed}");
    assert_eq!(failures(&world.app).await.unwrap(), 2);
    // It recovers by itself.
    let listener = listener_for_pebble().await;
    let reached = Node::begin(Arc::clone(&world.app), listener);
    world.pass(Duration::from_mins(13));
    jobs::certificate::tick(&reached.site).await;
    assert_eq!(job_failed(&world).await, None);
    assert_eq!(failures(&world.app).await.unwrap(), 0);
    vouched(port, "two.test").await;
}

/// Takes every certificate, whoever has its key.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("it speaks TLS 1.3".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // The extension of a challenge is critical, and rustls does not know it.
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let provider = aws_lc_rs::default_provider();
        provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
