//! Where a destination is: the text of a URL, understood, and opened.
//!
//! | text | what |
//! |---|---|
//! | `/mnt/disk`, `disk`, `./a:b`, `file:///mnt/disk` | a folder of this computer |
//! | `s3://BUCKET/PREFIX?region=REGION` | a bucket at Amazon |
//! | `s3://BUCKET/PREFIX?endpoint=https://HOST:PORT&region=REGION` | a bucket of another server |
//! | `s3:https://HOST:PORT/BUCKET/PREFIX` | the same, as restic has it |
//! | `sftp://USER@HOST:PORT/PATH` | a folder of another computer; `/~/PATH` is below the home folder there |
//!
//! What other programs take for a place on another computer, as `HOST:PATH` and `//SERVER/SHARE`, is refused, and no
//! folder is made of that name. Options follow after a `?`. A secret is never a part of a URL.

mod elsewhere;
mod options;
mod overlap;
mod rate;
mod s3;
mod schedule;
mod sftp;
mod way;

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use strongroom_base::clock::{Clock, SystemClock};
use strongroom_store::retry::{RetryPolicy, RetryStore, ThreadSleeper, retried};
use strongroom_store::throttle::{Limit, ThrottleStore};
use strongroom_store::{Folder, Store};

use crate::AgentError;
use crate::storage_key::{self, StorageKey};
pub use options::Options;
pub(crate) use overlap::{Overlap, overlap};
pub use rate::{NotARate, Rate};
use s3::S3Place;
pub use schedule::{NotASchedule, Schedule};
use sftp::SftpPlace;

/// What a path holds that a URL cannot.
const NOT_IN_URLS: &AsciiSet = &CONTROLS.add(b' ').add(b'?').add(b'#').add(b'%').add(b'"');

/// How long opening is tried; whoever is not there is asked again at the next run.
const OPENING: RetryPolicy = RetryPolicy {
    attempts_max: 3,
    delay_first: Duration::from_millis(200),
    delay_max: Duration::from_secs(1),
};

/// Where a destination is, and how it is used.
#[derive(Clone, Debug)]
pub struct Location {
    place: Place,
    options: Options,
    key: Option<Arc<StorageKey>>,
}

/// Where a destination is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Folder(PathBuf),
    S3(S3Place),
    Sftp(SftpPlace),
}

impl Location {
    /// Understands a path, which may be relative to `current`, or a URL.
    pub fn parse(text: &str, current: &Path) -> Result<Self, AgentError> {
        let bad = |why| AgentError::BadUrl {
            url: text.to_owned(),
            why,
        };
        if text.is_empty() {
            return Err(bad("it is empty"));
        }
        if text.contains('\0') {
            return Err(bad("it holds a NUL character"));
        }
        if options::holds_secret(text) {
            return Err(AgentError::SecretInUrl);
        }
        let (place, options) = match text.split_once(':').map(|(scheme, _)| scheme) {
            Some("file") => {
                let (path, query) = text.split_once('?').unwrap_or((text, ""));
                let path = file_path(path).map_err(bad)?;
                let options = Options::parse(query).map_err(bad)?;
                (Place::Folder(path), options)
            }
            Some("s3") => {
                let (place, options) = s3::parse(text).map_err(bad)?;
                (Place::S3(place), options)
            }
            Some("sftp") => {
                let (place, options) = sftp::parse(text).map_err(bad)?;
                (Place::Sftp(place), options)
            }
            Some(scheme @ ("ssh" | "http" | "https" | "strongroom")) => {
                return Err(AgentError::SchemeNotYet {
                    scheme: scheme.to_owned(),
                });
            }
            _ if text.contains("://") => return Err(bad("its scheme is not known")),
            _ if elsewhere::is_meant(text) => return Err(elsewhere::refused(text)),
            _ => (
                Place::Folder(normalize(&current.join(text))),
                Options::default(),
            ),
        };
        let location = Self {
            place,
            options,
            key: None,
        };
        location.check().map_err(bad)?;
        Ok(location)
    }

    /// Adds options to those of the URL; paths in them must be absolute.
    pub fn with_options(mut self, options: Options) -> Result<Self, AgentError> {
        self.options = self.options.overridden_by(options);
        let url = self.to_url()?;
        self.check()
            .map_err(|why| AgentError::BadUrl { url, why })?;
        Ok(self)
    }

    /// Returns how it is used.
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Changes how it is used.
    pub(crate) fn changed(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// Opens with this key, where the place needs one.
    pub(crate) fn with_key(mut self, key: Option<StorageKey>) -> Self {
        self.key = key.map(Arc::new);
        self
    }

    /// Refuses options that do nothing at this place.
    fn check(&self) -> Result<(), &'static str> {
        let options = &self.options;
        let is_s3 = matches!(self.place, Place::S3(_));
        let is_sftp = matches!(self.place, Place::Sftp(_));
        if !is_s3 && (options.lock_days.is_some() || options.lock_mode.is_some()) {
            return Err("only a bucket can lock objects");
        }
        if !is_s3 && options.single_writer {
            return Err("only a bucket needs a single writer");
        }
        if options.lock_mode.is_some() && options.lock_days.is_none() {
            return Err("a mode of locks needs a number of days, too");
        }
        if !is_sftp && (options.identity.is_some() || options.ssh_config.is_some()) {
            return Err("only SFTP takes an identity and settings of ssh");
        }
        Ok(())
    }

    /// Returns the text for the settings.
    pub fn to_url(&self) -> Result<String, AgentError> {
        let mut query = self.options.to_pairs();
        let mut text = match &self.place {
            Place::Folder(path) => {
                let text = path.to_str().ok_or_else(|| AgentError::BadUrl {
                    url: path.display().to_string(),
                    why: "its path is not UTF-8",
                })?;
                if query.is_empty() {
                    return Ok(text.to_owned());
                }
                format!("file://{}", utf8_percent_encode(text, NOT_IN_URLS))
            }
            Place::S3(place) => place.to_url(&mut query),
            Place::Sftp(place) => place.to_url(),
        };
        for (number, (name, value)) in query.iter().enumerate() {
            text.push(if number == 0 { '?' } else { '&' });
            text.push_str(name);
            text.push('=');
            text.extend(utf8_percent_encode(value, options::NOT_IN_VALUES));
        }
        Ok(text)
    }

    /// Says whether both are one place, with whatever options.
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.place == other.place
    }

    /// Says how it lies to another one, where both are folders of this computer that are there.
    pub(crate) fn overlap(&self, other: &Self) -> Option<Overlap> {
        overlap(self.folder()?, other.folder()?)
    }

    /// Returns the folder of this computer, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(path) => Some(path),
            _ => None,
        }
    }

    /// Says whether opening needs the key of an account.
    pub fn needs_key(&self) -> bool {
        matches!(self.place, Place::S3(_))
    }

    /// Names who could delete what is there, where nothing is locked.
    pub fn owner(&self) -> &'static str {
        match self.place {
            Place::Folder(_) => "whoever may write to this folder",
            Place::S3(_) => "whoever holds this credential",
            Place::Sftp(_) => "whoever can log in to that account",
        }
    }

    /// Says whether a single writer can be declared here.
    pub fn takes_single_writer(&self) -> bool {
        matches!(self.place, Place::S3(_))
    }

    /// Says whether the owner has declared that this profile alone writes there.
    pub fn has_single_writer(&self) -> bool {
        self.options.single_writer
    }

    /// Opens the destination, which must be there.
    pub fn open(&self) -> Result<Arc<dyn Store>, AgentError> {
        self.reach(false)
    }

    /// Opens the destination and makes its folder if need be; a bucket is never made.
    pub fn create(&self) -> Result<Arc<dyn Store>, AgentError> {
        self.reach(true)
    }

    fn reach(&self, make: bool) -> Result<Arc<dyn Store>, AgentError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let network = self.folder().is_none().then(network);
        let limits = self.options.limits(&clock, network);
        match &self.place {
            Place::Folder(path) => {
                way::check(path)?;
                let folder = if make {
                    Folder::create(path)?
                } else {
                    Folder::open(path)?
                };
                if limits.is_unlimited() {
                    return Ok(Arc::new(folder));
                }
                Ok(Arc::new(ThrottleStore::new(folder, ThreadSleeper, limits)))
            }
            Place::S3(place) => {
                let key = self.key_to_keep().ok_or(AgentError::NoStorageKey)?;
                let options = place.options(&self.options, limits);
                let store = strongroom_store::s3::S3::new(options, key.credential(), clock)?;
                retried(OPENING, &ThreadSleeper, || store.check())?;
                Ok(patient(store))
            }
            Place::Sftp(place) => {
                let store = retried(OPENING, &ThreadSleeper, || {
                    place.open(&self.options, &limits, make)
                })?;
                Ok(patient(store))
            }
        }
    }

    /// Returns the key that opens this place, if it needs one: its own, or the one from the environment.
    pub(crate) fn key_to_keep(&self) -> Option<&StorageKey> {
        if !self.needs_key() {
            return None;
        }
        match &self.key {
            Some(key) => Some(key),
            None => storage_key::offered(),
        }
    }
}

/// Returns the limit of all that this process sends over the network and gets from there.
fn network() -> &'static Arc<Limit> {
    static NETWORK: OnceLock<Arc<Limit>> = OnceLock::new();
    NETWORK.get_or_init(|| Arc::new(Limit::at(None, Arc::new(SystemClock))))
}

/// Limits all that this process sends over the network and gets from there, in bytes per second; transfers that are under way
/// too.
pub(crate) fn limit_network(bytes_per_second: Option<NonZeroU64>) {
    network().set(bytes_per_second);
}

fn patient(store: impl Store + 'static) -> Arc<dyn Store> {
    Arc::new(RetryStore::new(
        store,
        ThreadSleeper,
        RetryPolicy::default(),
    ))
}

/// Returns the path of a file URL.
fn file_path(text: &str) -> Result<PathBuf, &'static str> {
    let rest = text.strip_prefix("file:").unwrap_or(text);
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let path = path
        .strip_prefix("localhost/")
        .map_or_else(|| path.to_owned(), |below| format!("/{below}"));
    if !path.starts_with('/') {
        return Err("a file URL has three slashes and a path, as file:///mnt/disk");
    }
    let path = percent_decode_str(&path).decode_utf8();
    let path = path.map_err(|_| "its path is not UTF-8")?;
    Ok(PathBuf::from(path.as_ref()))
}

/// Drops `.` and doubled slashes; `..` stays, because links make it mean something else.
fn normalize(path: &Path) -> PathBuf {
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(text: &str) -> String {
        match Location::parse(text, Path::new("/here")) {
            Ok(location) => location.folder().unwrap().display().to_string(),
            Err(error) => error.to_string(),
        }
    }

    fn url(text: &str) -> String {
        match Location::parse(text, Path::new("/here")) {
            Ok(location) => {
                let url = location.to_url().unwrap();
                let again = Location::parse(&url, Path::new("/")).unwrap();
                assert!(again.is_same_place(&location), "{url}");
                assert_eq!(again.to_url().unwrap(), url);
                url
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn paths_and_file_urls_are_folders() {
        assert_eq!(folder("/mnt/disk"), "/mnt/disk");
        assert_eq!(folder("disk/./a//b/"), "/here/disk/a/b");
        assert_eq!(folder("../disk"), "/here/../disk");
        assert_eq!(folder("file:///mnt/my%20disk"), "/mnt/my disk");
        assert_eq!(folder("file://localhost/mnt"), "/mnt");
        assert_eq!(folder("./a:b"), "/here/a:b");
        assert_eq!(folder("/mnt/a:b"), "/mnt/a:b");
        assert_eq!(folder("disk/a:b"), "/here/disk/a:b");
        assert_eq!(
            url("file:///mnt/a%3Fb?limit-upload=2M"),
            "file:///mnt/a%3Fb?limit-upload=2M"
        );
    }

    #[test]
    fn buckets_and_accounts_come_back_as_they_were_meant() {
        for (text, expected) in [
            (
                "s3://b/p/q/?region=eu-central-1",
                "s3://b/p/q?region=eu-central-1",
            ),
            (
                "s3://b?endpoint=https://s3.example.org&region=x&lock-days=30",
                "s3://b?endpoint=https://s3.example.org&region=x&lock-days=30",
            ),
            (
                "s3:https://s3.example.org:9000/b/my%20p",
                "s3://b/my%20p?endpoint=https://s3.example.org:9000&region=us-east-1",
            ),
            (
                "s3://b/p?endpoint=http://127.0.0.1:3900&region=garage&limit-download=512K",
                "s3://b/p?endpoint=http://127.0.0.1:3900&region=garage&limit-download=512K",
            ),
            (
                "s3://b?region=x&single-writer=yes",
                "s3://b?region=x&single-writer=yes",
            ),
            ("s3://b?region=x&single-writer=no", "s3://b?region=x"),
            ("sftp://me@nas:2222/srv/b/", "sftp://me@nas:2222/srv/b"),
            ("sftp://nas/~/b", "sftp://nas/~/b"),
            (
                "sftp://[::1]/b?identity=/home/me/a%20key",
                "sftp://[::1]/b?identity=/home/me/a%20key",
            ),
        ] {
            assert_eq!(url(text), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        insta::assert_snapshot!(folder("https://bucket/prefix"), @"destinations with `https:` are not yet in this version");
        insta::assert_snapshot!(folder("gopher://host"), @"`gopher://host` is not a destination: its scheme is not known");
        insta::assert_snapshot!(folder("memory://x"), @"`memory://x` is not a destination: its scheme is not known");
        insta::assert_snapshot!(folder("file://host/path"), @"`file://host/path` is not a destination: a file URL has three slashes and a path, as file:///mnt/disk");
        insta::assert_snapshot!(folder(""), @"`` is not a destination: it is empty");
        insta::assert_snapshot!(url("s3://bucket/prefix"), @"`s3://bucket/prefix` is not a destination: it needs the region, as s3://BUCKET/PREFIX?region=eu-central-1, or another server, as ?endpoint=https://HOST");
        insta::assert_snapshot!(url("s3://b/../x?region=x"), @"`s3://b/../x?region=x` is not a destination: its prefix has a name that is empty or has dots only");
        insta::assert_snapshot!(url("s3://b?endpoint=http://nas:3900"), @"`s3://b?endpoint=http://nas:3900` is not a destination: plain http is for servers on this computer; use https");
        insta::assert_snapshot!(url("s3://b?region=x&colour=red"), @"`s3://b?region=x&colour=red` is not a destination: it has an option that is not known");
        insta::assert_snapshot!(url("s3://b?region=x&lock-days=0"), @"`s3://b?region=x&lock-days=0` is not a destination: lock-days is a number from 1 to 36500");
        insta::assert_snapshot!(url("sftp://host"), @"`sftp://host` is not a destination: it needs a folder, as sftp://HOST/PATH");
        insta::assert_snapshot!(url("sftp://host/x?lock-days=3"), @"`sftp://host/x?lock-days=3` is not a destination: only a bucket can lock objects");
        insta::assert_snapshot!(url("s3://b?region=x&single-writer=2"), @"`s3://b?region=x&single-writer=2` is not a destination: single-writer is yes or no");
        insta::assert_snapshot!(url("file:///x?single-writer=yes"), @"`file:///x?single-writer=yes` is not a destination: only a bucket needs a single writer");
        insta::assert_snapshot!(url("sftp://-oProxyCommand=x/y"), @"`sftp://-oProxyCommand=x/y` is not a destination: its host is not a name or an address");
        for secret in [
            "s3://id:secret@b/p",
            "sftp://me:word@host/x",
            "s3://b?secret_key=abc",
        ] {
            insta::allow_duplicates!(
                insta::assert_snapshot!(url(secret), @"a URL must not hold a password or a key, because it is shown and stored in the clear")
            );
        }
    }
}
