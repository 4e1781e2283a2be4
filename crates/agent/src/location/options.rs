//! What follows after the `?` of a URL: how a destination is used.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str};
use strongroom_base::clock::Clock;
use strongroom_store::LockMode;
use strongroom_store::throttle::{Limit, Limits};
use url::form_urlencoded;

use super::{Rate, Schedule};

/// What a value holds that a URL cannot.
pub(super) const NOT_IN_VALUES: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'&')
    .add(b'#')
    .add(b'%')
    .add(b'+')
    .add(b'"');

/// What a priority may be.
const PRIORITIES: RangeInclusive<u8> = 1..=9;

/// The longest lock.
const LOCK_DAYS_MAX: u32 = 36_500;

/// How a destination is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Most bytes per second that are stored.
    pub limit_upload: Option<Rate>,
    /// Most bytes per second that are read.
    pub limit_download: Option<Rate>,
    /// In which hours the agent uses it; at any time by default.
    pub schedule: Option<Schedule>,
    /// Which goes first among those far away, 1 to 9; 5 by default.
    pub priority: Option<u8>,
    /// For how many days a bucket locks new objects; by default as the bucket says.
    pub lock_days: Option<u32>,
    /// Who may lift locks; by default as the bucket says, or nobody.
    pub lock_mode: Option<LockMode>,
    /// Whether this profile alone writes there, to a bucket whose server would let two writers replace each
    /// other's objects.
    pub single_writer: bool,
    /// The private key for SFTP.
    pub identity: Option<PathBuf>,
    /// The settings of `ssh` in place of the user's.
    pub ssh_config: Option<PathBuf>,
}

impl Options {
    /// Understands the text after the `?`.
    pub(super) fn parse(query: &str) -> Result<Self, &'static str> {
        let mut options = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !options.set(&name, &value)? {
                return Err("it has an option that is not known");
            }
        }
        Ok(options)
    }

    /// Sets an option by its name; says whether there is one of that name.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<bool, &'static str> {
        let path = || match PathBuf::from(value) {
            path if path.is_absolute() => Ok(path),
            _ => Err("the path of a file must be absolute there"),
        };
        let rate = || {
            value
                .parse()
                .map_err(|_| "a rate is a number, or one with K, M or G")
        };
        match name {
            "limit-upload" => self.limit_upload = Some(rate()?),
            "limit-download" => self.limit_download = Some(rate()?),
            "schedule" => {
                let schedule = value.parse().ok();
                let schedule = schedule.ok_or("schedule is two times of the day, as 22:00-06:00");
                self.schedule = Some(schedule?);
            }
            "priority" => {
                let priority = value.parse().ok();
                let priority = priority.filter(|priority| PRIORITIES.contains(priority));
                self.priority = Some(priority.ok_or("priority is a number from 1 to 9")?);
            }
            "lock-days" => {
                let days = value.parse().ok();
                let days = days.filter(|days| (1..=LOCK_DAYS_MAX).contains(days));
                self.lock_days = Some(days.ok_or("lock-days is a number from 1 to 36500")?);
            }
            "lock-mode" => {
                self.lock_mode = Some(match value {
                    "governance" => LockMode::Governance,
                    "compliance" => LockMode::Compliance,
                    _ => return Err("lock-mode is governance or compliance"),
                });
            }
            "single-writer" => {
                self.single_writer = match value {
                    "yes" => true,
                    "no" => false,
                    _ => return Err("single-writer is yes or no"),
                }
            }
            "identity" => self.identity = Some(path()?),
            "ssh-config" => self.ssh_config = Some(path()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns names and values for a URL.
    pub(super) fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        let mode = |mode| match mode {
            LockMode::Governance => "governance".to_owned(),
            LockMode::Compliance => "compliance".to_owned(),
        };
        let pairs = [
            (
                "limit-upload",
                self.limit_upload.map(|rate| rate.to_string()),
            ),
            (
                "limit-download",
                self.limit_download.map(|rate| rate.to_string()),
            ),
            ("schedule", self.schedule.map(|hours| hours.to_string())),
            ("priority", self.priority.map(|number| number.to_string())),
            ("lock-days", self.lock_days.map(|days| days.to_string())),
            ("lock-mode", self.lock_mode.map(mode)),
            (
                "single-writer",
                self.single_writer.then(|| "yes".to_owned()),
            ),
            ("identity", self.identity.as_ref().map(path)),
            ("ssh-config", self.ssh_config.as_ref().map(path)),
        ];
        let set = pairs.into_iter();
        set.filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    /// Returns these options, with those that `other` has in their place.
    pub(super) fn overridden_by(self, other: Self) -> Self {
        Self {
            limit_upload: other.limit_upload.or(self.limit_upload),
            limit_download: other.limit_download.or(self.limit_download),
            schedule: other.schedule.or(self.schedule),
            priority: other.priority.or(self.priority),
            lock_days: other.lock_days.or(self.lock_days),
            lock_mode: other.lock_mode.or(self.lock_mode),
            single_writer: other.single_writer || self.single_writer,
            identity: other.identity.or(self.identity),
            ssh_config: other.ssh_config.or(self.ssh_config),
        }
    }

    /// Returns the limits of this destination; where the network is on the way, they lie within `network`.
    pub(super) fn limits(&self, clock: &Arc<dyn Clock>, network: Option<&Arc<Limit>>) -> Limits {
        let limit = |rate: Option<Rate>| match (rate, network) {
            (None, None) => None,
            (rate, network) => {
                let rate = rate.map(Rate::bytes_per_second);
                let limit = Limit::at(rate, Arc::clone(clock));
                Some(Arc::new(match network {
                    Some(network) => limit.within(Arc::clone(network)),
                    None => limit,
                }))
            }
        };
        Limits {
            upload: limit(self.limit_upload),
            download: limit(self.limit_download),
        }
    }
}

/// Says whether a URL has a password before its host, or an option whose name is that of a secret, or whose value is
/// an address with a user in it.
pub(super) fn holds_secret(text: &str) -> bool {
    let (place, query) = text.split_once('?').unwrap_or((text, ""));
    let is_bucket = place.starts_with("s3:");
    has_password(place, is_bucket)
        || form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
            let name = name.to_lowercase();
            let words = ["secret", "password", "token", "key"];
            words.iter().any(|word| name.contains(word))
                || has_user(&value)
                || (name == "endpoint" && decoded(&value).contains('@'))
        })
}

/// Says whether a place has a password before its host; a bucket's server needs no user either.
fn has_password(place: &str, is_bucket: bool) -> bool {
    let host = match place.split_once("://") {
        Some((_, rest)) => rest,
        // `s3:https:HOST` means the same as `s3:https://HOST`.
        None if is_bucket => place.trim_start_matches("s3:").trim_start_matches("https:"),
        None => return false,
    };
    let host = decoded(host.split('/').next().unwrap_or_default());
    let user = host.rsplit_once('@').map(|(user, _)| user.to_owned());
    user.is_some_and(|user| user.contains(':') || is_bucket)
}

/// Says whether a value is an address with a user in it.
fn has_user(value: &str) -> bool {
    let value = decoded(value);
    let rest = value.split_once("://").map(|(_, rest)| rest);
    rest.is_some_and(|rest| rest.split('/').next().unwrap_or_default().contains('@'))
}

/// Returns a text without percent signs that mean something, however often it was encoded.
fn decoded(text: &str) -> String {
    let mut text = text.to_owned();
    loop {
        let next = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if next == text {
            return text;
        }
        text = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_passwords_of_servers_are_found_however_they_are_written() {
        for text in [
            "s3://b/p?endpoint=http://me:word@127.0.0.1:5099&region=x",
            "s3://b/p?endpoint=http%3A%2F%2Fme%3Aword%40127.0.0.1",
            "s3://b/p?endpoint=http://me%3Aword%40127.0.0.1",
            "s3://b/p?endpoint=http://me%253Aword%2540127.0.0.1",
            "s3://b/p?endpoint=https:me:word@host",
            "s3://b/p?endpoint=word@host",
            "s3://b/p?Endpoint=https://word@host",
            "s3:https://me:word@host/b",
            "s3:https:me:word@host/b",
            "s3:https://me%3Aword%40host/b",
            "sftp://me%3Aword@host/x",
            "sftp://me:word@host/x",
        ] {
            assert!(holds_secret(text), "{text}");
        }
        for text in [
            "s3://b/p@q?endpoint=https://host:9000&region=x",
            "s3:https://host/b/p@q",
            "sftp://me@host/x:y@z",
            "sftp://me@host/x?identity=/home/me@there/id",
            "a/b@c:d",
        ] {
            assert!(!holds_secret(text), "{text}");
        }
    }
}
