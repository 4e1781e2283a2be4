//! Stands between a client and its server with the server's own certificate and key, and keeps everything that both say, as it
//! is inside TLS.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use rustls_pki_types::pem::PemObject as _;

/// What was asked, and what was answered.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) request: Vec<u8>,
    pub(crate) response: Vec<u8>,
}

impl Exchange {
    /// What is asked of which path.
    pub(crate) fn line(&self) -> String {
        let text = String::from_utf8_lossy(&self.request);
        text.lines().next().unwrap_or_default().to_owned()
    }

    pub(crate) fn status(&self) -> u16 {
        let text = String::from_utf8_lossy(&self.response);
        text.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// What is sent, and what is given.
    pub(crate) fn bodies(&self) -> [serde_json::Value; 2] {
        [&self.request, &self.response].map(|message| {
            let body = &message[head_len(message).unwrap()..];
            serde_json::from_slice(body).unwrap_or_default()
        })
    }
}

/// The recorder, which goes on until the test ends.
#[derive(Clone)]
pub(crate) struct Recorder {
    pub(crate) port: u16,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
    to: Arc<OnceLock<To>>,
}

/// Where it leads.
struct To {
    port: u16,
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Recorder {
    /// Listens; nobody is answered before it leads somewhere.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let recorder = Self {
            port: listener.local_addr().unwrap().port(),
            exchanges: Arc::default(),
            to: Arc::default(),
        };
        let own = recorder.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let own = own.clone();
                std::thread::spawn(move || own.pass_on(stream.unwrap()));
            }
        });
        recorder
    }

    /// Leads to the server with this home folder.
    pub(crate) fn lead_to(&self, port: u16, home: &Path) {
        let certificate = CertificateDer::from_pem_file(home.join("tls/certificate.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(home.join("tls/key.pem")).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let client = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let to = To {
            port,
            server: Arc::new(server),
            client: Arc::new(client),
        };
        assert!(self.to.set(to).is_ok());
    }

    /// Takes what was kept since the last time.
    pub(crate) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.exchanges.lock().unwrap())
    }

    fn pass_on(&self, client: TcpStream) {
        let to = self.to.get().unwrap();
        let mut client = StreamOwned::new(
            ServerConnection::new(Arc::clone(&to.server)).unwrap(),
            client,
        );
        let mut server = to.connect();
        while let Some(request) = read_message(&mut client) {
            let response = exchange(&mut server, &request);
            let exchange = Exchange {
                request,
                response: response.clone(),
            };
            // Kept before it is passed on: who has seen the answer can ask for it.
            self.exchanges.lock().unwrap().push(exchange);
            client.write_all(&response).unwrap();
            client.flush().unwrap();
        }
    }

    /// Sends a request to the server, as it is.
    pub(crate) fn send(&self, request: &[u8]) -> Exchange {
        let response = exchange(&mut self.to.get().unwrap().connect(), request);
        Exchange {
            request: request.to_vec(),
            response,
        }
    }
}

impl To {
    fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::clone(&self.client), name).unwrap();
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        StreamOwned::new(connection, stream)
    }
}

fn exchange(server: &mut (impl Read + Write), request: &[u8]) -> Vec<u8> {
    server.write_all(request).unwrap();
    server.flush().unwrap();
    read_message(server).unwrap()
}

/// Reads one message of HTTP/1.1; nothing where the other side has no more to say.
fn read_message(stream: &mut impl Read) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    let mut part = [0; 4096];
    loop {
        if let Some(head) = head_len(&message) {
            let text = String::from_utf8_lossy(&message[..head]).to_lowercase();
            assert!(!text.contains("transfer-encoding"), "{text}");
            let len = text.split("content-length: ").nth(1);
            let len = len.map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
            if message.len() >= head + len {
                assert_eq!(message.len(), head + len);
                return Some(message);
            }
        }
        match stream.read(&mut part) {
            Ok(n @ 1..) => message.extend_from_slice(&part[..n]),
            _ => return None,
        }
    }
}

/// The length of the head of a message, where all of it is there.
fn head_len(message: &[u8]) -> Option<usize> {
    let at = message.windows(4).position(|four| four == b"\r\n\r\n");
    at.map(|at| at + 4)
}
