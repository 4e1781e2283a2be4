//! The socket by which other commands of the same user speak with the service: a line of JSON each way.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Serialize;
use strongroom_base::with_causes;

use super::control::{Answer, Ask, Shared};
use super::status::Status;
use crate::AgentError;
use crate::profile::{Lock, Profile};

/// The name of the socket in the profile.
const SOCKET: &str = "agent.sock";
/// Longest name of a socket, in bytes: that of `sockaddr_un`, with its end.
const NAME_LEN_MAX: usize = 107;
/// Longest line, in bytes.
const LINE_LEN_MAX: u64 = 1 << 20;
/// Whoever has not asked, or read the answer, after so long is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait where nobody can be answered.
const REST: Duration = Duration::from_millis(100);
/// Most that are answered at a time.
const AT_A_TIME: usize = 32;

/// The socket of a service that runs.
pub(super) struct Control {
    _lock: Lock,
    place: SocketPlace,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Opens the socket, and answers from now on. Refuses where another service of the profile answers.
    pub(super) fn open(profile: &Profile, shared: &Arc<Shared>) -> Result<Self, AgentError> {
        let place = SocketPlace::of(profile)?;
        let path = place.name();
        let failed = |op| {
            let path = place.path.display().to_string();
            move |source| AgentError::Local { op, path, source }
        };
        let lock = profile.lock_service().map_err(|error| match error {
            AgentError::Locked { .. } => AgentError::ServiceRuns {
                path: place.path.display().to_string(),
            },
            other => other,
        })?;
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed("remove")(error));
            }
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(failed("open the socket"))?;
        let only_owner = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, only_owner).map_err(failed("set the permissions of"))?;
        let theirs = Arc::clone(shared);
        let thread = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || answer_all(&listener, &theirs))
            .map_err(failed("answer at"))?;
        Ok(Self {
            _lock: lock,
            place,
            shared: Arc::clone(shared),
            thread: Some(thread),
        })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.shared.close();
        // Wakes the thread, which waits for somebody to come.
        let woken = UnixStream::connect(self.place.name()).is_ok();
        let _ = std::fs::remove_file(&self.place.path);
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

/// Answers everybody at once, so that nobody waits for one who is slow; but for few at a time.
fn answer_all(listener: &UnixListener, shared: &Arc<Shared>) {
    let busy = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if shared.is_closed() {
            return;
        }
        let Ok(stream) = stream else {
            // Most likely there are too many open files; that passes.
            std::thread::sleep(REST);
            continue;
        };
        if busy.load(Ordering::Relaxed) >= AT_A_TIME {
            let _ = refuse(&stream);
            continue;
        }
        busy.fetch_add(1, Ordering::Relaxed);
        let (shared, ended) = (Arc::clone(shared), Arc::clone(&busy));
        let answer = move || {
            // Whoever hangs up early wants no answer.
            let _ = answer_one(&stream, &shared);
            ended.fetch_sub(1, Ordering::Relaxed);
        };
        let begun = std::thread::Builder::new()
            .name("answer".to_owned())
            .spawn(answer);
        if begun.is_err() {
            busy.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Says that others are asking, without waiting for the question.
fn refuse(stream: &UnixStream) -> std::io::Result<()> {
    stream.set_write_timeout(Some(REST))?;
    let error = Some("it is busy: too many are asking".to_owned());
    send(
        stream,
        &Answer {
            error,
            ..Answer::default()
        },
    )
}

fn send(mut stream: &UnixStream, message: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    stream.write_all(&line)
}

fn answer_one(stream: &UnixStream, shared: &Shared) -> std::io::Result<()> {
    let line = read_line(stream)?;
    let ask: Result<Ask, _> = serde_json::from_str(&line);
    let error = match ask {
        Ok(ask) => {
            let result = shared.answer(ask);
            result.err().map(|error| with_causes(&error))
        }
        Err(error) => Some(error.to_string()),
    };
    let status = shared.report(shared.now());
    send(stream, &Answer { status, error })
}

fn read_line(stream: &UnixStream) -> std::io::Result<String> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let timed = Timed {
        stream,
        until: Instant::now() + PATIENCE,
    };
    let mut line = String::new();
    BufReader::new(timed.take(LINE_LEN_MAX)).read_line(&mut line)?;
    Ok(line)
}

/// Reads until a time, however often something comes.
struct Timed<'a> {
    stream: &'a UnixStream,
    until: Instant,
}

impl std::io::Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}

/// Where the socket of a profile is.
struct SocketPlace {
    path: PathBuf,
    /// The folder, open, where the path is longer than a socket can be named.
    folder: Option<File>,
}

impl SocketPlace {
    fn of(profile: &Profile) -> Result<Self, AgentError> {
        let path = profile.dir().join(SOCKET);
        let is_long = path.as_os_str().len() > NAME_LEN_MAX;
        let folder = is_long.then(|| File::open(profile.dir())).transpose();
        let folder = folder.map_err(|source| AgentError::Local {
            op: "open",
            path: profile.dir().display().to_string(),
            source,
        })?;
        Ok(Self { path, folder })
    }

    /// Returns what the socket is called by, while this exists.
    fn name(&self) -> PathBuf {
        match &self.folder {
            Some(folder) => format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()).into(),
            None => self.path.clone(),
        }
    }
}

/// Asks the service of a profile; `None` where none runs.
pub fn ask(profile: &Profile, ask: Ask) -> Result<Option<Status>, AgentError> {
    let place = SocketPlace::of(profile)?;
    let path = place.path.clone();
    let Some(stream) = connect(&place)? else {
        return Ok(None);
    };
    let failed = |source| AgentError::Local {
        op: "speak with the service at",
        path: path.display().to_string(),
        source,
    };
    let speak = || {
        // One that is busy may have answered already, and hung up.
        match send(&stream, &ask) {
            Err(error) if !has_hung_up(&error) => return Err(error),
            _ => {}
        }
        let answer: Answer = serde_json::from_str(&read_line(&stream)?)?;
        match answer.error {
            Some(error) => Err(std::io::Error::other(error)),
            None => Ok(answer.status),
        }
    };
    match speak() {
        Ok(status) => Ok(Some(status)),
        // It ended before it came to the question.
        Err(error) if has_hung_up(&error) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn has_hung_up(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

fn connect(place: &SocketPlace) -> Result<Option<UnixStream>, AgentError> {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    match UnixStream::connect(place.name()) {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => Ok(None),
        Err(source) => Err(AgentError::Local {
            op: "connect to",
            path: place.path.display().to_string(),
            source,
        }),
    }
}
