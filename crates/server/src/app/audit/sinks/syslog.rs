//! A collector that speaks syslog: messages of RFC 5424, in datagrams (RFC 5426), or counted over TCP (RFC 6587) or TLS (RFC
//! 5425).
//!
//! A datagram is answered by nobody: what is sent counts as delivered. Over TCP and TLS each lot has a connection of its own, which
//! this side ends; it counts as delivered when the collector has ended it too, for it has read to the end by then.

use std::io;
use std::sync::Arc;

use jiff::Timestamp as Moment;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use strongroom_custody::audit::Outcome;
use strongroom_db::audit::Stored;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

use super::SinkError;

/// The facility of audit logs, 13.
const FACILITY: u32 = 13;

/// Most bytes of a datagram.
const DATAGRAM_LEN_MAX: usize = 65_000;

/// Longest name of a message, in bytes.
const MESSAGE_ID_LEN_MAX: usize = 32;

/// How a collector is reached.
#[derive(Clone, Debug)]
pub enum Transport {
    /// By datagrams, in the clear.
    Udp,
    /// By a connection, in the clear.
    Tcp,
    /// By a secured connection, with those who vouch for the collector.
    Tls(Arc<RootCertStore>),
}

/// A collector.
pub(super) struct Syslog {
    pub(super) transport: Transport,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) from: String,
}

impl Syslog {
    /// Returns an entry as a message.
    pub(super) fn message(&self, stored: &Stored, text: &str) -> String {
        let entry = &stored.record.entry;
        let severity = match entry.event.outcome {
            Outcome::Done => 6,
            Outcome::Refused => 4,
            Outcome::Failed => 3,
        };
        let moment = i64::try_from(entry.time).ok();
        let moment = moment.and_then(|time| Moment::from_millisecond(time).ok());
        let moment = moment.map_or_else(|| "-".to_owned(), |moment| format!("{moment:.3}"));
        let id: String = entry
            .event
            .action
            .chars()
            .filter(char::is_ascii_graphic)
            .take(MESSAGE_ID_LEN_MAX)
            .collect();
        let id = if id.is_empty() { "-" } else { &id };
        let priority = FACILITY * 8 + severity;
        format!(
            "<{priority}>1 {moment} {} strongroom-server - {id} - {text}",
            self.from
        )
    }

    /// Sends messages, in their order.
    pub(super) async fn send(&self, messages: &[String]) -> Result<(), SinkError> {
        let place = (self.host.as_str(), self.port);
        match &self.transport {
            Transport::Udp => Ok(datagrams(place, messages).await?),
            Transport::Tcp => Ok(counted(TcpStream::connect(place).await?, messages).await?),
            Transport::Tls(roots) => {
                let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
                let config = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .map_err(SinkError::Tls)?
                    .with_root_certificates(Arc::clone(roots))
                    .with_no_client_auth();
                let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
                let stream = TcpStream::connect(place).await?;
                let connector = TlsConnector::from(Arc::new(config));
                Ok(counted(connector.connect(name, stream).await?, messages).await?)
            }
        }
    }
}

async fn datagrams(place: (&str, u16), messages: &[String]) -> io::Result<()> {
    let address = tokio::net::lookup_host(place).await?.next();
    let address = address.ok_or_else(|| io::Error::other("the host has no address"))?;
    let any = if address.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    for message in messages {
        let bytes = message.as_bytes();
        let length = bytes.len().min(DATAGRAM_LEN_MAX);
        socket.send(bytes.get(..length).unwrap_or_default()).await?;
    }
    Ok(())
}

/// Sends messages with their lengths before them, and waits until the other side has read to the end.
async fn counted(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    messages: &[String],
) -> io::Result<()> {
    let lengths = messages.iter().map(String::len).sum::<usize>();
    let mut bytes = Vec::with_capacity(lengths + 8 * messages.len());
    for message in messages {
        bytes.extend_from_slice(message.len().to_string().as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(message.as_bytes());
    }
    stream.write_all(&bytes).await?;
    stream.shutdown().await?;
    let mut said = [0; 256];
    loop {
        match stream.read(&mut said).await {
            Ok(0) => return Ok(()),
            Ok(_nothing_that_is_asked_for) => {}
            // It said that it ends, and not by the rules of TLS.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
