//! A collector that speaks syslog: messages of RFC 5424, in datagrams (RFC 5426), or counted over TCP (RFC 6587) or TLS (RFC
//! 5425).
//!
//! A datagram is answered by nobody: what is sent counts as delivered. Over TCP and TLS each lot has a connection of its own, which
//! this side ends; it counts as delivered when the collector has ended it too, for it has read to the end by then. One that ends
//! it before may have read nothing. By TLS it must say so (`close_notify`, RFC 5425, section 4.4): an end that is not said may be
//! anybody's on the way. Some collectors never say it; that of those is taken for one if the configuration has it so.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

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

/// How long is waited for the end of a connection that the other side may have ended already.
const LOOK: Duration = Duration::from_millis(5);

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
    Tls(Arc<RootCertStore>, End),
}

/// What a collector does when all was read that this side had to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It says that it ends too.
    Said,
    /// It ends, and may not say so.
    Silent,
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
            Transport::Tcp => {
                let stream = TcpStream::connect(place).await?;
                Ok(counted(stream, messages, End::Said).await?)
            }
            Transport::Tls(roots, end) => {
                let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
                let config = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .map_err(SinkError::Tls)?
                    .with_root_certificates(Arc::clone(roots))
                    .with_no_client_auth();
                let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
                let stream = TcpStream::connect(place).await?;
                let connector = TlsConnector::from(Arc::new(config));
                let stream = connector.connect(name, stream).await?;
                Ok(counted(stream, messages, *end).await?)
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
    stream: impl AsyncRead + AsyncWrite + Unpin,
    messages: &[String],
    end: End,
) -> io::Result<()> {
    let lengths = messages.iter().map(String::len).sum::<usize>();
    let mut bytes = Vec::with_capacity(lengths + 8 * messages.len());
    for message in messages {
        bytes.extend_from_slice(message.len().to_string().as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(message.as_bytes());
    }
    let (mut reader, mut writer) = tokio::io::split(stream);
    // One that has ended already is noticed before anything is sent, one that ends meanwhile before this side does.
    let send = async {
        tokio::time::sleep(LOOK).await;
        writer.write_all(&bytes).await?;
        writer.flush().await?;
        tokio::time::sleep(LOOK).await;
        Ok::<(), io::Error>(())
    };
    tokio::select! {
        biased;
        ended = ended(&mut reader) => return Err(too_early(ended)),
        given = send => given?,
    }
    writer.shutdown().await?;
    match ended(&mut reader).await {
        Err(error) if end == End::Silent && error.kind() == ErrorKind::UnexpectedEof => Ok(()),
        ended => ended,
    }
}

/// Reads until the other side ends; an error is how it ended. Nothing that it says meanwhile was asked for.
async fn ended(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut said = [0; 256];
    while reader.read(&mut said).await? > 0 {}
    Ok(())
}

fn too_early(ended: io::Result<()>) -> io::Error {
    let early = |()| {
        let what = "the collector ended the connection before it was given everything";
        io::Error::new(ErrorKind::ConnectionAborted, what)
    };
    ended.map_or_else(|error| error, early)
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;

    /// Sends to somebody who does something with the connection, and reads only what that does.
    async fn sent<F: Future<Output = DuplexStream>>(
        room: usize,
        deed: impl FnOnce(DuplexStream) -> F,
    ) -> io::Result<()> {
        let (here, there) = tokio::io::duplex(room);
        let messages = ["one".to_owned(), "two".to_owned()];
        let (sent, _kept) = tokio::join!(counted(here, &messages, End::Silent), deed(there));
        sent
    }

    #[tokio::test]
    async fn who_reads_to_the_end_has_it() {
        let read = async |mut there: DuplexStream| {
            let mut text = String::new();
            there.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "3 one3 two");
            there.shutdown().await.unwrap();
            there
        };
        sent(4, read).await.unwrap();
        sent(1 << 16, read).await.unwrap();
    }

    #[tokio::test]
    async fn who_ends_before_may_have_nothing() {
        // There is room for all of it, and nobody reads.
        let at_once = async |mut there: DuplexStream| {
            there.shutdown().await.unwrap();
            there
        };
        let in_the_middle = async |mut there: DuplexStream| {
            let mut bytes = [0; 5];
            there.read_exact(&mut bytes).await.unwrap();
            there.shutdown().await.unwrap();
            there
        };
        for ended in [
            sent(1 << 16, at_once).await,
            sent(4, at_once).await,
            sent(4, in_the_middle).await,
        ] {
            let error = ended.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionAborted, "{error}");
        }
    }
}
