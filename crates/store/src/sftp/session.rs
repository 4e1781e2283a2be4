//! A connection: `ssh` as a child, and the protocol on its pipes.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error;
use russh_sftp::client::rawsession::Limits;
use russh_sftp::extensions;
use russh_sftp::protocol::{FileAttributes, OpenFlags};
use tokio::io::{AsyncReadExt as _, join};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::OnceCell;

use super::failure::Failure;
use super::{FILE_MODE, Options, with_mode};
use crate::remote::{CONNECT_WITHIN, STALLED_AFTER};

/// The longest part of what `ssh` says that is kept.
const SAID_LEN_MAX: usize = 4_096;

/// Bytes of a write that every server takes, and the most that are sent at a time.
const PIECE_LEN: (u64, u64) = (32_768, 131_072);

/// What the server offers beside the protocol.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one extension")]
pub(super) struct Features {
    /// A file can be brought to the disk.
    pub(super) fsync: bool,
    /// A folder can be, too; found by trying.
    pub(super) fsync_folder: bool,
    /// A second name can be given to a file.
    pub(super) hardlink: bool,
    /// Free space is told.
    pub(super) statvfs: bool,
}

/// A connection.
pub(super) struct Session {
    pub(super) raw: Arc<RawSftpSession>,
    pub(super) features: Features,
    /// The folder of all objects, absolute.
    pub(super) root: String,
    /// Bytes to move at a time.
    pub(super) piece_len: usize,
    rename_refuses: OnceCell<bool>,
    /// Ends with the session.
    _ssh: Child,
}

impl Session {
    /// Connects, and asks what the server can do.
    pub(super) async fn connect(options: &Options) -> Result<Self, Failure> {
        let mut ssh = command(options).spawn().map_err(Failure::NoSsh)?;
        let (Some(input), Some(output), Some(errors)) =
            (ssh.stdin.take(), ssh.stdout.take(), ssh.stderr.take())
        else {
            return Err(Failure::Lacks("anything"));
        };
        let said = Arc::new(Mutex::new(String::new()));
        let listener = tokio::spawn(listen(errors, Arc::clone(&said)));
        let raw = RawSftpSession::new(join(output, input));
        // What `ssh` may take to connect, and to authenticate.
        raw.set_timeout(2 * CONNECT_WITHIN.as_secs());
        let Ok(version) = raw.init().await else {
            // What was said last may not have been read yet.
            let _ = tokio::time::timeout(Duration::from_secs(2), listener).await;
            let said = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
            return Err(Failure::NotConnected(said));
        };
        raw.set_timeout(STALLED_AFTER.as_secs());
        let offers = |name: &str| version.extensions.contains_key(name);
        let mut piece_len = PIECE_LEN.0;
        if offers(extensions::LIMITS) {
            let limits = Limits::from(raw.limits().await?);
            let least = limits.write_len.min(limits.read_len).unwrap_or(PIECE_LEN.0);
            piece_len = least.clamp(1, PIECE_LEN.1);
        }
        let features = Features {
            fsync: offers(extensions::FSYNC),
            fsync_folder: false,
            hardlink: offers(extensions::HARDLINK),
            statvfs: offers(extensions::STATVFS),
        };
        let mut session = Self {
            raw: Arc::new(raw),
            features,
            root: root(&options.folder),
            piece_len: usize::try_from(piece_len).unwrap_or(1),
            rename_refuses: OnceCell::new(),
            _ssh: ssh,
        };
        session.features.fsync_folder = features.fsync && session.can_sync_folders().await?;
        Ok(session)
    }

    /// Returns where an object or a folder is.
    pub(super) fn path(&self, below: &str) -> String {
        match below {
            "" => self.root.clone(),
            below => format!("{}/{below}", self.root),
        }
    }

    async fn can_sync_folders(&self) -> Result<bool, Error> {
        match self.sync(".").await {
            Ok(()) => Ok(true),
            Err(Error::Status(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn sync(&self, folder: &str) -> Result<(), Error> {
        let open = self
            .raw
            .open(folder, OpenFlags::READ, FileAttributes::default());
        let handle = open.await?.handle;
        let synced = self.raw.fsync(handle.as_str()).await;
        self.raw.close(handle).await?;
        synced.map(|_| ())
    }

    /// Brings the entries of a folder to the disk, where the server can.
    pub(super) async fn sync_folder(&self, folder: &str) -> Result<(), Error> {
        if self.features.fsync_folder {
            self.sync(folder).await?;
        }
        Ok(())
    }

    /// Says in words what was found to be durable.
    pub(super) fn durable(&self) -> &'static str {
        match (self.features.fsync, self.features.fsync_folder) {
            (true, true) => {
                "the server has written the file and its folder through to its disk (fsync@openssh.com)"
            }
            (true, false) => {
                "the server has written the file through to its disk (fsync@openssh.com), but cannot do so for its name"
            }
            (false, _) => {
                "the server has taken the file, and cannot tell when it is on its disk: a power failure there may lose the newest backup"
            }
        }
    }

    /// Returns the space left, where the server tells.
    pub(super) async fn free_bytes(&self) -> Result<Option<u64>, Error> {
        if !self.features.statvfs {
            return Ok(None);
        }
        match self.raw.statvfs(self.root.as_str()).await {
            Ok(found) => Ok(Some(found.blocks_avail.saturating_mul(found.fragment_size))),
            Err(Error::Status(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Tries once whether a rename leaves alone what has the name already.
    pub(super) async fn rename_refuses(&self) -> Result<bool, Error> {
        let try_out = || async {
            let names = ["tmp-rename-1", "tmp-rename-2"].map(|name| self.path(name));
            for name in &names {
                let flags = OpenFlags::CREATE | OpenFlags::WRITE;
                let open = self.raw.open(name.as_str(), flags, with_mode(FILE_MODE));
                let handle = open.await?.handle;
                self.raw.close(handle).await?;
            }
            let [one, other] = &names;
            let renamed = self.raw.rename(one.as_str(), other.as_str()).await;
            for name in &names {
                let _ = self.raw.remove(name.as_str()).await;
            }
            match renamed {
                Ok(_) => Ok(false),
                Err(Error::Status(_)) => Ok(true),
                Err(error) => Err(error),
            }
        };
        self.rename_refuses.get_or_try_init(try_out).await.copied()
    }
}

/// The folder without a slash at its end.
fn root(folder: &str) -> String {
    match folder.trim_end_matches('/') {
        "" if folder.starts_with('/') => "/.".to_owned(),
        "" => ".".to_owned(),
        folder => folder.to_owned(),
    }
}

/// Builds the command. It never asks, because nobody may be there to answer, and it leaves to the user's
/// settings which host keys are trusted.
fn command(options: &Options) -> Command {
    let mut ssh = Command::new("ssh");
    if let Some(config) = &options.ssh_config {
        ssh.arg("-F").arg(config);
    }
    if let Some(identity) = &options.identity {
        ssh.arg("-i").arg(identity).arg("-oIdentitiesOnly=yes");
    }
    ssh.args(["-oBatchMode=yes", "-oClearAllForwardings=yes"]);
    ssh.args(["-oPermitLocalCommand=no", "-oRequestTTY=no"]);
    ssh.arg(format!("-oConnectTimeout={}", CONNECT_WITHIN.as_secs()));
    ssh.args(["-oServerAliveInterval=15", "-oServerAliveCountMax=3"]);
    if let Some(port) = options.port {
        ssh.arg(format!("-p{port}"));
    }
    if let Some(user) = &options.user {
        ssh.arg(format!("-l{user}"));
    }
    ssh.args(["-s", "--", &options.host, "sftp"]);
    ssh.stdin(Stdio::piped());
    ssh.stdout(Stdio::piped());
    ssh.stderr(Stdio::piped());
    // A key pressed at the terminal interrupts this program, which ends what it does in order.
    ssh.process_group(0);
    ssh.kill_on_drop(true);
    ssh
}

/// Keeps the end of what `ssh` says.
async fn listen(mut errors: ChildStderr, said: Arc<Mutex<String>>) {
    let mut buffer = [0; 1_024];
    while let Ok(len @ 1..) = errors.read(&mut buffer).await {
        let text = String::from_utf8_lossy(&buffer[..len]);
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_str(&text);
        let surplus = said.len().saturating_sub(SAID_LEN_MAX);
        let cut = (surplus..=said.len()).find(|at| said.is_char_boundary(*at));
        said.drain(..cut.unwrap_or_default());
    }
}
