//! Answers whoever asks for the metrics by HTTP: one question a connection, and little patience.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::AgentError;

/// A question that is not complete after so long is none.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest head of a question, in bytes.
const HEAD_LEN_MAX: usize = 8 << 10;
/// Most questions that are answered at a time; more are hung up on.
const AT_A_TIME: usize = 8;

/// Makes the text that is asked for.
pub(super) type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// Answers at an address, until it is dropped.
pub(super) struct Scrape {
    address: SocketAddr,
    is_closed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Scrape {
    /// Answers at this address from now on.
    pub(super) fn open(address: SocketAddr, render: Render) -> Result<Self, AgentError> {
        let failed = |source| AgentError::Local {
            op: "listen at",
            path: address.to_string(),
            source,
        };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let is_closed = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&is_closed);
        let thread = std::thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || answer_all(&listener, &render, &theirs))
            .map_err(failed)?;
        Ok(Self {
            address,
            is_closed,
            thread: Some(thread),
        })
    }

    /// Returns where it answers.
    #[cfg(test)]
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Scrape {
    fn drop(&mut self) {
        self.is_closed.store(true, Ordering::Relaxed);
        // Wakes the thread, which waits for somebody to come.
        let woken = TcpStream::connect_timeout(&self.address, PATIENCE).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn answer_all(listener: &TcpListener, render: &Render, is_closed: &AtomicBool) {
    let under_way = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if is_closed.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else {
            // Most likely there are too many open files; that passes.
            std::thread::sleep(Duration::from_millis(100));
            continue;
        };
        if under_way.fetch_add(1, Ordering::Relaxed) >= AT_A_TIME {
            under_way.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let (render, count) = (Arc::clone(render), Arc::clone(&under_way));
        let answer = move || {
            // Whoever hangs up early wants no answer.
            let _ = answer_one(&stream, &render);
            count.fetch_sub(1, Ordering::Relaxed);
        };
        let thread = std::thread::Builder::new().name("metrics".to_owned());
        if thread.spawn(answer).is_err() {
            under_way.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn answer_one(mut stream: &TcpStream, render: &Render) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let (status, kind, body) = match read_path(stream)?.as_deref() {
        Some("/metrics") => (
            "200 OK",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            render(),
        ),
        Some(_) => (
            "404 Not Found",
            "text/plain",
            "ask for /metrics\n".to_owned(),
        ),
        None => (
            "400 Bad Request",
            "text/plain",
            "not understood\n".to_owned(),
        ),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

/// Reads the head of a question; returns the path, `None` where it is no GET.
fn read_path(mut stream: &TcpStream) -> io::Result<Option<String>> {
    let deadline = Instant::now() + PATIENCE;
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if head.len() > HEAD_LEN_MAX {
            return Ok(None);
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => head.extend_from_slice(&piece[..read]),
        }
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    let is_get = method == Some("GET") && version.is_some_and(|v| v.starts_with("HTTP/1."));
    let path = target.map(|target| target.split('?').next().unwrap_or_default());
    Ok(path.filter(|_| is_get).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrape() -> Scrape {
        let render: Render = Arc::new(|| "strongroom_up 1\n".to_owned());
        Scrape::open("127.0.0.1:0".parse().unwrap(), render).unwrap()
    }

    fn exchange(scrape: &Scrape, question: &[u8]) -> String {
        let mut stream = TcpStream::connect(scrape.address()).unwrap();
        stream.write_all(question).unwrap();
        let mut answer = Vec::new();
        // Whoever is hung up on while it still talks sees the connection reset.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    #[test]
    fn metrics_are_given_to_those_who_ask_for_them() {
        let scrape = scrape();
        let answer = exchange(&scrape, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nstrongroom_up 1\n"), "{answer}");
        for (question, code) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], "404"),
            (b"POST /metrics HTTP/1.1\r\n\r\n", "400"),
            (b"\r\n\r\n", "400"),
            (b"\xff\xfe /metrics\r\n\r\n", "400"),
        ] {
            let answer = exchange(&scrape, question);
            assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{answer}");
        }
        let long = [b"GET /metrics HTTP/1.1\r\n".to_vec(), vec![b'x'; 20_000]].concat();
        assert!(!exchange(&scrape, &long).contains("200 OK"));
    }

    #[test]
    fn those_who_say_nothing_keep_nobody_waiting() {
        let scrape = scrape();
        let silent: Vec<_> = (0..AT_A_TIME - 1)
            .map(|_| TcpStream::connect(scrape.address()).unwrap())
            .collect();
        let answer = exchange(&scrape, b"GET /metrics HTTP/1.1\r\n\r\n");
        assert!(answer.contains("strongroom_up 1"), "{answer}");
        // All places are taken, for a while and not for ever.
        let more = TcpStream::connect(scrape.address()).unwrap();
        let begun = Instant::now();
        while !exchange(&scrape, b"GET /metrics HTTP/1.1\r\n\r\n").contains("200 OK") {
            assert!(begun.elapsed() < PATIENCE * 4);
            std::thread::sleep(Duration::from_millis(50));
        }
        drop((silent, more));
    }
}
