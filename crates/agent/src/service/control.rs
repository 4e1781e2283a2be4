//! The socket by which other commands of the same user speak with the service: a line of JSON each way.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use strongroom_engine::Stop;

use super::status::Status;
use crate::AgentError;
use crate::profile::{Lock, Profile};

/// Longest line, in bytes.
const LINE_LEN_MAX: u64 = 1 << 20;
/// Whoever is silent for so long is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most that are answered at a time.
const AT_A_TIME: usize = 32;

/// What the service is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    /// How it is.
    Status,
    /// Back up now.
    BackupNow,
    /// Make no snapshots for so long; until told otherwise where there is no time.
    Pause {
        /// In seconds.
        seconds: Option<u64>,
    },
    /// Go on.
    Resume,
    /// End.
    Stop,
}

/// What the service answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// How it is.
    pub status: Status,
    /// What was wrong with the question.
    pub error: Option<String>,
}

/// What the socket and the service share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    status: Mutex<Status>,
    pause: Mutex<Pause>,
    asked_now: AtomicU64,
    stop: Arc<Stop>,
    closed: AtomicBool,
}

/// Whether the service is paused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pause {
    #[default]
    No,
    Until(Instant),
    Always,
}

impl Shared {
    /// Returns the status, to read or change.
    pub(super) fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether somebody asked to back up now; once for each time.
    pub(super) fn take_asked_now(&self) -> bool {
        self.asked_now.swap(0, Ordering::Relaxed) > 0
    }

    /// Shares a status, and what asks to end.
    pub(super) fn new(stop: Arc<Stop>) -> Self {
        Self {
            stop,
            ..Self::default()
        }
    }

    /// Says whether somebody asked to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_requested()
    }

    /// Says whether it is paused at this time.
    pub(super) fn is_paused(&self, now: Instant) -> bool {
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*pause, Pause::Until(until) if until <= now) {
            *pause = Pause::No;
        }
        *pause != Pause::No
    }

    fn set_pause(&self, pause: Pause) {
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = pause;
    }

    fn answer(&self, ask: Ask, seconds_now: i64) {
        let mut status = self.status();
        match ask {
            Ask::Status => {}
            Ask::BackupNow => {
                self.asked_now.fetch_add(1, Ordering::Relaxed);
            }
            Ask::Pause { seconds } => {
                let for_how_long = seconds.map(Duration::from_secs);
                let until = for_how_long.and_then(|long| Instant::now().checked_add(long));
                self.set_pause(until.map_or(Pause::Always, Pause::Until));
                let until = seconds.and_then(|seconds| seconds_now.checked_add_unsigned(seconds));
                status.paused_until = until;
            }
            Ask::Resume => {
                self.set_pause(Pause::No);
                status.paused_until = None;
            }
            Ask::Stop => self.stop.request(),
        }
    }
}

/// The socket of a service that runs.
pub(super) struct Control {
    _lock: Lock,
    path: PathBuf,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Opens the socket, and answers from now on. Refuses where another service of the profile answers.
    pub(super) fn open(
        profile: &Profile,
        shared: &Arc<Shared>,
        now: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Result<Self, AgentError> {
        let path = socket_path(profile);
        let failed = |op| {
            let path = path.display().to_string();
            move |source| AgentError::Local { op, path, source }
        };
        let lock = profile.lock_service().map_err(|error| match error {
            AgentError::Locked { .. } => AgentError::ServiceRuns {
                path: path.display().to_string(),
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
            .spawn(move || answer_all(&listener, &theirs, &(Arc::new(now) as Now)))
            .map_err(failed("answer at"))?;
        Ok(Self {
            _lock: lock,
            path,
            shared: Arc::clone(shared),
            thread: Some(thread),
        })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        // Wakes the thread, which waits for somebody to come.
        let woken = UnixStream::connect(&self.path).is_ok();
        let _ = std::fs::remove_file(&self.path);
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

/// Tells the time, in seconds since 1970.
type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Answers everybody at once, so that nobody waits for one who is slow; but for few at a time.
fn answer_all(listener: &UnixListener, shared: &Arc<Shared>, now: &Now) {
    let busy = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if shared.closed.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if busy.load(Ordering::Relaxed) >= AT_A_TIME {
            continue;
        }
        busy.fetch_add(1, Ordering::Relaxed);
        let (shared, now, ended) = (Arc::clone(shared), Arc::clone(now), Arc::clone(&busy));
        let answer = move || {
            // Whoever hangs up early wants no answer.
            let _ = answer_one(&stream, &shared, now());
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

fn answer_one(stream: &UnixStream, shared: &Shared, now: i64) -> std::io::Result<()> {
    let line = read_line(stream)?;
    let ask: Result<Ask, _> = serde_json::from_str(&line);
    let error = match ask {
        Ok(ask) => {
            shared.answer(ask, now);
            None
        }
        Err(error) => Some(error.to_string()),
    };
    let status = shared.status().clone();
    let mut line = serde_json::to_vec(&Answer { status, error })?;
    line.push(b'\n');
    let mut stream = stream;
    stream.write_all(&line)
}

fn read_line(stream: &UnixStream) -> std::io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.take(LINE_LEN_MAX)).read_line(&mut line)?;
    Ok(line)
}

fn socket_path(profile: &Profile) -> PathBuf {
    profile.dir().join("agent.sock")
}

/// Asks the service of a profile; `None` where none runs.
pub fn ask(profile: &Profile, ask: Ask) -> Result<Option<Status>, AgentError> {
    let path = socket_path(profile);
    let Some(stream) = connect(&path)? else {
        return Ok(None);
    };
    let failed = |source| AgentError::Local {
        op: "speak with the service at",
        path: path.display().to_string(),
        source,
    };
    let speak = || {
        let mut line = serde_json::to_vec(&ask)?;
        line.push(b'\n');
        (&stream).write_all(&line)?;
        let answer: Answer = serde_json::from_str(&read_line(&stream)?)?;
        match answer.error {
            Some(error) => Err(std::io::Error::other(error)),
            None => Ok(answer.status),
        }
    };
    speak().map(Some).map_err(failed)
}

fn connect(path: &Path) -> Result<Option<UnixStream>, AgentError> {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    match UnixStream::connect(path) {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => Ok(None),
        Err(source) => Err(AgentError::Local {
            op: "connect to",
            path: path.display().to_string(),
            source,
        }),
    }
}
