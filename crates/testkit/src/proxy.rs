//! A way to a server that is bad on purpose.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Most pieces that are on the way in one direction.
const PIECES_MAX: usize = 1_024;

/// What is wrong with the way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// How long bytes take in each direction. They follow one another as they came: this slows down who asks and
    /// waits, and not who sends much.
    pub latency: Duration,
    /// Every so many connections, one is answered with 503 and closed.
    pub unavailable_every: Option<u64>,
    /// After how many bytes, in both directions, a connection is cut: 1 to 2 times as many.
    pub cut_after: Option<u64>,
    /// A name that headers must not have: it is changed on the way.
    pub lost_header: Option<&'static str>,
    /// Is told the first line of every HTTP request.
    pub told: Option<fn(&str)>,
}

/// A way to a server; it is closed when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    to: String,
    faults: Faults,
    closed: AtomicBool,
    connections: AtomicU64,
    cut: AtomicU64,
    requests: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Opens a way to `to`, which is a host and a port.
    ///
    /// # Panics
    ///
    /// Panics where no port can be had.
    pub fn open(to: &str, faults: Faults) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            to: to.to_owned(),
            faults,
            closed: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            cut: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            open: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.closed.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&accepting);
                thread::spawn(move || shared.serve(stream.unwrap()));
            }
        });
        Self { address, shared }
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns how many connections were made, and how many of them were cut or refused.
    pub fn connections(&self) -> (u64, u64) {
        let connections = self.shared.connections.load(Ordering::SeqCst);
        (connections, self.shared.cut.load(Ordering::SeqCst))
    }

    /// Returns how many HTTP requests came through.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Returns how many bytes went to the server, and how many came back.
    pub fn bytes(&self) -> (u64, u64) {
        let sent = self.shared.sent.load(Ordering::SeqCst);
        (sent, self.shared.received.load(Ordering::SeqCst))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts, which closes the port.
        let _ = TcpStream::connect(self.address);
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn serve(self: Arc<Self>, mut client: TcpStream) {
        let number = 1 + self.connections.fetch_add(1, Ordering::SeqCst);
        let every = self.faults.unavailable_every;
        if every.is_some_and(|every| number.is_multiple_of(every)) {
            self.cut.fetch_add(1, Ordering::SeqCst);
            let _ = client.read(&mut vec![0; 65_536]);
            let answer = "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = client.write_all(answer.as_bytes());
            return;
        }
        let Ok(server) = TcpStream::connect(&self.to) else {
            return;
        };
        for stream in [&client, &server] {
            let _ = stream.set_nodelay(true);
            self.open.lock().unwrap().push(stream.try_clone().unwrap());
        }
        // A number that looks drawn, and is the same each time.
        let drawn = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let left = self.faults.cut_after.map(|bytes| bytes + drawn % bytes);
        let left = Arc::new(AtomicU64::new(left.unwrap_or(u64::MAX)));
        let back = {
            let (shared, left) = (Arc::clone(&self), Arc::clone(&left));
            let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || shared.forward(from, to, &left, false))
        };
        self.forward(client, server, &left, true);
        let _ = back.join();
    }

    fn forward(&self, mut from: TcpStream, to: TcpStream, left: &AtomicU64, is_request: bool) {
        let bytes_moved = if is_request {
            &self.sent
        } else {
            &self.received
        };
        let stopped = from.try_clone().unwrap();
        thread::scope(|scope| {
            let (queue, waiting) = sync_channel(PIECES_MAX);
            scope.spawn(|| {
                if self.deliver(waiting, to, left).is_err() {
                    let _ = stopped.shutdown(Shutdown::Both);
                }
            });
            let mut buffer = vec![0; 65_536];
            while let Ok(len @ 1..) = from.read(&mut buffer) {
                let mut bytes = buffer[..len].to_vec();
                if is_request {
                    self.look(&mut bytes);
                }
                bytes_moved.fetch_add(len as u64, Ordering::SeqCst);
                let due = Instant::now() + self.faults.latency;
                if queue.send((due, bytes)).is_err() {
                    break;
                }
            }
            drop(queue);
        });
    }

    /// Hands on each piece when it is due, and ends the connection after the last; fails where it was cut.
    fn deliver(
        &self,
        pieces: Receiver<(Instant, Vec<u8>)>,
        mut to: TcpStream,
        left: &AtomicU64,
    ) -> io::Result<()> {
        let mut delivered = Ok(());
        for (due, bytes) in pieces {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let take = |left: u64| match left {
                u64::MAX => None,
                left => Some(left.saturating_sub(bytes.len() as u64)),
            };
            let before = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
            // Both directions share what is left: the one that uses it up cuts, and the other one only ends.
            if before == Ok(0) {
                delivered = Err(io::ErrorKind::ConnectionAborted.into());
            } else if before.is_ok_and(|before| take(before) == Some(0)) {
                self.cut.fetch_add(1, Ordering::SeqCst);
                // A part of them still arrives.
                let _ = to.write_all(&bytes[..bytes.len() / 2]);
                delivered = Err(io::ErrorKind::ConnectionAborted.into());
            } else {
                delivered = to.write_all(&bytes);
            }
            if delivered.is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        delivered
    }

    /// Counts requests, and changes the name of the header that is to be lost.
    fn look(&self, bytes: &mut [u8]) {
        let ends = bytes.windows(11).enumerate();
        let ends = ends.filter(|(_, part)| part == b" HTTP/1.1\r\n");
        for (end, _) in ends {
            self.requests.fetch_add(1, Ordering::SeqCst);
            let line = bytes[..end].rsplit(|byte| *byte == b'\n').next();
            if let (Some(told), Some(line)) = (self.faults.told, line) {
                told(&String::from_utf8_lossy(line));
            }
        }
        let Some(name) = self.faults.lost_header else {
            return;
        };
        let wanted = format!("\r\n{name}:");
        let places = bytes.windows(wanted.len());
        let found = places
            .enumerate()
            .find(|(_, part)| part.eq_ignore_ascii_case(wanted.as_bytes()));
        if let Some((at, _)) = found {
            bytes[at + 2] = b'z';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange;

    /// A server that answers one request on each connection with what it was sent.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut bytes = [0; 1_000];
                let len = stream.read(&mut bytes).unwrap();
                let _ = stream.write_all(&bytes[..len]);
            }
        });
        address
    }

    #[test]
    fn a_long_way_delays_and_does_not_slow_down() {
        // A server that sends much as soon as it was asked.
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let to = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let _ = stream.read(&mut [0; 100]).unwrap();
            stream.write_all(&vec![7; 20_000_000]).unwrap();
        });
        let latency = Duration::from_millis(40);
        let faults = Faults {
            latency,
            ..Faults::default()
        };
        let proxy = Proxy::open(&to, faults);
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        let asked = Instant::now();
        stream.write_all(b"everything").unwrap();
        stream.read_exact(&mut [0]).unwrap();
        assert!(asked.elapsed() >= 2 * latency, "{:?}", asked.elapsed());
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        assert_eq!((all.len(), proxy.bytes()), (19_999_999, (10, 20_000_000)));
        // One piece after the other would take 300 times the way.
        assert!(asked.elapsed() < 100 * latency, "{:?}", asked.elapsed());
    }

    #[test]
    fn every_fault_happens() {
        let to = echo().to_string();
        let ask = |proxy: &Proxy| {
            let request = "GET / HTTP/1.1\r\nIf-None-Match: *\r\n\r\n";
            exchange(&proxy.address().to_string(), request)
        };
        let lost = Faults {
            lost_header: Some("if-none-match"),
            unavailable_every: Some(2),
            ..Faults::default()
        };
        let proxy = Proxy::open(&to, lost);
        assert!(ask(&proxy).contains("zf-None-Match"));
        assert!(ask(&proxy).starts_with("HTTP/1.1 503"));
        assert_eq!((proxy.requests(), proxy.connections()), (1, (2, 1)));
        let cut = Faults {
            cut_after: Some(10),
            ..Faults::default()
        };
        let proxy = Proxy::open(&to, cut);
        // What arrived before the cut may be answered.
        assert!(!ask(&proxy).ends_with("\r\n\r\n"));
        assert_eq!(proxy.connections(), (1, 1));
    }
}
