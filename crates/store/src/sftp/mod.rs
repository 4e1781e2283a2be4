//! A destination that is a folder of another computer, reached by SFTP.
//!
//! The connection is made by the `ssh` of this computer, so that keys, agents, known hosts and the settings
//! of the user hold; the protocol is spoken here, because its extensions decide what is safe: an object is
//! written under a temporary name, synced where the server can (`fsync@openssh.com`), and then given its own
//! name in one step that does not replace (`hardlink@openssh.com`, or a rename that was seen to refuse).
//! A connection that was cut is made again at the next call.

mod failure;
mod put;
mod session;
mod transfer;
mod walk;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use russh_sftp::client::error::Error;
use russh_sftp::protocol::{FileAttributes, StatusCode};
use strongroom_base::clock::Timestamp;
use strongroom_base::random::RandomSource;

use crate::remote::block_on;
use crate::store::check_range;
use crate::throttle::Limits;
use crate::{ObjectPath, Properties, PutOutcome, Store, StoreError, prefix_folder};
use failure::{Failure, has_status};
use put::make_folders;
use session::Session;

/// The mode of files that are made.
const FILE_MODE: u32 = 0o600;

/// Where a folder is, and how it is reached.
#[derive(Clone, Debug)]
pub struct Options {
    /// The computer, as `ssh` takes it.
    pub host: String,
    /// The port; by default as the settings of `ssh` say.
    pub port: Option<u16>,
    /// The account; by default as the settings of `ssh` say.
    pub user: Option<String>,
    /// The folder there: absolute, or relative to the folder where a session begins.
    pub folder: String,
    /// The private key; by default what `ssh` finds and its agent holds.
    pub identity: Option<PathBuf>,
    /// A file of settings for `ssh` in place of the user's own.
    pub ssh_config: Option<PathBuf>,
    /// Limits of the rate.
    pub limits: Limits,
}

/// Objects in a folder of another computer.
pub struct Sftp {
    options: Options,
    random: Arc<dyn RandomSource>,
    session: tokio::sync::Mutex<Option<Arc<Session>>>,
    /// Folders that are known to be there.
    folders: Mutex<HashSet<String>>,
    /// How often a connection was made.
    connected: AtomicU64,
}

impl Sftp {
    /// Connects, and refuses a folder that is not there.
    pub fn open(options: Options, random: Arc<dyn RandomSource>) -> Result<Self, StoreError> {
        let sftp = Self::new(options, random);
        sftp.run("open", &sftp.options.folder, |session| async move {
            let attrs = session.raw.stat(session.root.as_str()).await?.attrs;
            if kind_of(&attrs) == Kind::Folder {
                return Ok(());
            }
            Err(Failure::NotAFolder)
        })
        .map_err(|error| match error {
            StoreError::NotFound { path } => StoreError::Gone {
                path,
                source: std::io::ErrorKind::NotFound.into(),
            },
            other => other,
        })?;
        Ok(sftp)
    }

    /// Connects, and makes the folder and those above it if need be.
    pub fn create(options: Options, random: Arc<dyn RandomSource>) -> Result<Self, StoreError> {
        let sftp = Self::new(options, random);
        sftp.run("create", &sftp.options.folder, |session| async move {
            Ok(make_folders(&session, "", &session.root).await?)
        })?;
        Ok(sftp)
    }

    fn new(options: Options, random: Arc<dyn RandomSource>) -> Self {
        Self {
            options,
            random,
            session: tokio::sync::Mutex::new(None),
            folders: Mutex::default(),
            connected: AtomicU64::new(0),
        }
    }

    /// Returns how often a connection was made.
    pub fn connections(&self) -> u64 {
        self.connected.load(Ordering::Relaxed)
    }

    /// Returns the session, which is made where there is none.
    async fn session(&self) -> Result<Arc<Session>, Failure> {
        let mut held = self.session.lock().await;
        if let Some(session) = &*held {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(Session::connect(&self.options).await?);
        self.connected.fetch_add(1, Ordering::Relaxed);
        *held = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Runs a deed in the session; the session is given up where it did not survive.
    fn run<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        op: &'static str,
        path: &str,
        deed: impl FnOnce(Arc<Session>) -> F,
    ) -> Result<T, StoreError> {
        let work = async {
            let session = self.session().await?;
            let result = deed(Arc::clone(&session)).await;
            if result.as_ref().is_err_and(Failure::ends_session) {
                let mut held = self.session.lock().await;
                if held
                    .as_ref()
                    .is_some_and(|held| Arc::ptr_eq(held, &session))
                {
                    *held = None;
                }
            }
            result
        };
        match block_on(work) {
            Ok(result) => result.map_err(|failure| failure.named(&self.options.host, op, path)),
            Err(error) => Err(StoreError::from_io(op, &path, error)),
        }
    }

    fn known_folders(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn with_mode(mode: u32) -> FileAttributes {
    FileAttributes {
        permissions: Some(mode),
        ..FileAttributes::default()
    }
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Other,
}

fn kind_of(attrs: &FileAttributes) -> Kind {
    match attrs.permissions.unwrap_or_default() & 0o170_000 {
        0o100_000 => Kind::File,
        0o040_000 => Kind::Folder,
        _ => Kind::Other,
    }
}

/// Returns size and time of an object, which must be a regular file.
async fn look(session: &Session, path: &ObjectPath) -> Result<(u64, Timestamp), Failure> {
    let attrs = session.raw.lstat(session.path(path.as_str())).await?.attrs;
    if kind_of(&attrs) != Kind::File {
        return Err(Failure::NotRegular);
    }
    let size = attrs.size.ok_or(Failure::Lacks("its size"))?;
    let modified = attrs.mtime.ok_or(Failure::Lacks("its time"))?;
    Ok((size, Timestamp::from_parts(i64::from(modified), 0)))
}

impl Store for Sftp {
    fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        self.run("write", path.as_str(), |session| async move {
            self.put(&session, path, bytes).await
        })
    }

    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        let got = self.run("read", path.as_str(), |session| async move {
            let (size, _) = look(&session, path).await?;
            if size > len_max {
                return Ok(Err(size));
            }
            let limit = self.options.limits.download.as_ref();
            let at = session.path(path.as_str());
            let len = usize::try_from(size).map_err(|_| Failure::Lacks("a size that fits"))?;
            let bytes = transfer::read(&session, &at, 0, len, limit).await?;
            Ok(Ok(bytes))
        })?;
        got.map_err(|size| StoreError::TooLarge {
            path: path.to_string(),
            size,
            len_max,
        })
    }

    fn get_range(&self, path: &ObjectPath, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        self.run("read", path.as_str(), |session| async move {
            let (size, _) = look(&session, path).await?;
            if let Err(error) = check_range(path, size, offset, len) {
                return Ok(Err(error));
            }
            let limit = self.options.limits.download.as_ref();
            let at = session.path(path.as_str());
            let bytes = transfer::read(&session, &at, offset, len, limit).await?;
            Ok(Ok(bytes))
        })?
    }

    fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
        let look = |session: Arc<Session>| async move { look(&session, path).await };
        self.run("look at", path.as_str(), look)
            .map(|(size, _)| size)
    }

    fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError> {
        let look = |session: Arc<Session>| async move { look(&session, path).await };
        self.run("look at", path.as_str(), look)
            .map(|(_, time)| time)
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(ObjectPath, u64)) -> Result<(), StoreError> {
        let folder = prefix_folder(prefix)?;
        let found = self.run("list", prefix, |session| async move {
            walk::list(&session, folder).await
        })?;
        for (path, size) in found {
            visit(path, size);
        }
        Ok(())
    }

    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
        self.run("delete", path.as_str(), |session| async move {
            match session.raw.remove(session.path(path.as_str())).await {
                Err(error) if has_status(&error, StatusCode::NoSuchFile) => return Ok(()),
                other => other?,
            };
            Ok(session.sync_folder(&session.path(path.split().0)).await?)
        })
    }

    fn remove_empty(&self, prefix: &str) -> Result<(), StoreError> {
        let folder = prefix_folder(prefix)?;
        self.run("delete", folder, |session| async move {
            // One that is not empty, or not there, stays as it is.
            match session.raw.rmdir(session.path(folder)).await {
                Ok(_) | Err(Error::Status(_)) => Ok(()),
                Err(error) => Err(error.into()),
            }
        })?;
        self.known_folders().remove(folder);
        Ok(())
    }

    fn is_far(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        let options = &self.options;
        format!("sftp {}:{}", options.host, options.folder)
    }

    fn properties(&self) -> Result<Properties, StoreError> {
        self.run("look at", &self.options.folder, |session| async move {
            let free_bytes = session.free_bytes().await?;
            Ok(Properties {
                durable: session.durable(),
                exclusive: session.features.hardlink || session.rename_refuses().await?,
                free_bytes,
                lock: None,
            })
        })
    }
}

impl std::fmt::Debug for Sftp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Sftp").field(&self.options).finish()
    }
}
