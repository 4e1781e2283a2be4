//! A folder of another computer.

use std::sync::Arc;

use percent_encoding::{percent_decode_str, utf8_percent_encode};
use strongroom_crypto::random::SystemRandom;
use strongroom_store::StoreError;
use strongroom_store::sftp::{self, Sftp};
use strongroom_store::throttle::Limits;

use super::{NOT_IN_URLS, Options};

/// A folder of another computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SftpPlace {
    user: Option<String>,
    /// A name, an address, or a name from the settings of `ssh`.
    host: String,
    port: Option<u16>,
    /// Absolute, or relative to the home folder.
    folder: String,
}

/// Understands `sftp://USER@HOST:PORT/PATH?…`.
pub(super) fn parse(text: &str) -> Result<(SftpPlace, Options), &'static str> {
    let rest = text
        .strip_prefix("sftp://")
        .ok_or("it is written sftp://USER@HOST:PORT/PATH")?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (who, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, host) = match who.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, who),
    };
    let (host, port) = split_port(host)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:%".contains(c);
    if host.is_empty() || host.starts_with('-') || !host.chars().all(is_plain) {
        return Err("its host is not a name or an address");
    }
    let is_user = |user: &str| {
        let odd = |c: char| c.is_whitespace() || c.is_control() || c == '/';
        !user.is_empty() && !user.starts_with('-') && !user.contains(odd)
    };
    if user.is_some_and(|user| !is_user(user)) {
        return Err("its user is not a name");
    }
    let path = percent_decode_str(path).decode_utf8();
    let path = path.map_err(|_| "its path is not UTF-8")?;
    let path = path.trim_end_matches('/');
    if path.chars().any(char::is_control) {
        return Err("its path has control characters");
    }
    let folder = match path.strip_prefix("~/") {
        _ if path.is_empty() || path == "~" => {
            return Err("it needs a folder, as sftp://HOST/PATH");
        }
        Some(below) => below.to_owned(),
        None => format!("/{path}"),
    };
    let place = SftpPlace {
        user: user.map(str::to_owned),
        host: host.to_owned(),
        port,
        folder,
    };
    Ok((place, Options::parse(query)?))
}

/// Divides a host, which may be an address in brackets, from its port.
fn split_port(text: &str) -> Result<(&str, Option<u16>), &'static str> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or("its host lacks a `]`")?;
            (host, rest.strip_prefix(':'))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port.map(str::parse).transpose();
    Ok((host, port.map_err(|_| "its port is not a number")?))
}

impl SftpPlace {
    pub(super) fn to_url(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("{user}@"));
        let host = match &self.host {
            host if host.contains(':') => format!("[{host}]"),
            host => host.clone(),
        };
        let port = self.port.map(|port| format!(":{port}"));
        let folder = match self.folder.strip_prefix('/') {
            Some(folder) => format!("/{}", utf8_percent_encode(folder, NOT_IN_URLS)),
            None => format!("/~/{}", utf8_percent_encode(&self.folder, NOT_IN_URLS)),
        };
        let (user, port) = (user.unwrap_or_default(), port.unwrap_or_default());
        format!("sftp://{user}{host}{port}{folder}")
    }

    pub(super) fn open(
        &self,
        options: &Options,
        limits: &Limits,
        make: bool,
    ) -> Result<Sftp, StoreError> {
        let options = sftp::Options {
            host: self.host.clone(),
            port: self.port,
            user: self.user.clone(),
            folder: self.folder.clone(),
            identity: options.identity.clone(),
            ssh_config: options.ssh_config.clone(),
            limits: limits.clone(),
        };
        if make {
            Sftp::create(options, Arc::new(SystemRandom))
        } else {
            Sftp::open(options, Arc::new(SystemRandom))
        }
    }
}
