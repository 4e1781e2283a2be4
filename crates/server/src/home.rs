//! The home folder of a server: its certificate, and by default its database. Nobody else may look into it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use strongroom_base::{Class, Classified};
use zeroize::Zeroizing;

use crate::config::{self, Config};
use crate::http::tls::{self, Pem, TlsError};

/// Where the certificate is that the server makes.
const CERTIFICATE: &str = "tls/certificate.pem";
const KEY: &str = "tls/key.pem";

/// Why the home folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// Something cannot be made, read or written.
    #[error("`{path}` cannot be used")]
    Io {
        /// What.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// Others may look into the folder.
    #[error("`{path}` is open to other users: `chmod 700` it")]
    Open {
        /// The folder.
        path: PathBuf,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Classified for HomeError {
    fn class(&self) -> Class {
        match self {
            Self::Io { .. } => Class::Retry,
            Self::Open { .. } => Class::Caller,
            Self::Tls(source) => source.class(),
        }
    }
}

/// Makes the home folder where it is not there; refuses one that is open to others.
pub fn open(home: &Path) -> Result<(), HomeError> {
    make_folder(home)?;
    let metadata = fs::metadata(home).map_err(|source| io_error(home, source))?;
    let is_open = metadata.permissions().mode() & 0o077 != 0 || !metadata.is_dir();
    if is_open || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(HomeError::Open {
            path: home.to_owned(),
        });
    }
    Ok(())
}

/// Returns the certificate of the configuration, or the server's own, which is made where there is none.
pub fn certificate(home: &Path, config: &Config) -> Result<Pem, HomeError> {
    if let (Some(certificate), Some(key)) = (&config.tls.certificate, &config.tls.key) {
        return Ok(Pem {
            certificates: read(&config::below(home, certificate))?.to_string(),
            key: read(&config::below(home, key))?,
        });
    }
    let (certificate, key) = (home.join(CERTIFICATE), home.join(KEY));
    if !certificate.exists() {
        let mut names = vec![config.listen.public_host(), "localhost".to_owned()];
        names.dedup();
        let pem = tls::self_signed(&names)?;
        make_folder(&home.join("tls"))?;
        // The key first: a certificate that is there has one.
        write(&key, pem.key.as_bytes())?;
        write(&certificate, pem.certificates.as_bytes())?;
    }
    Ok(Pem {
        certificates: read(&certificate)?.to_string(),
        key: read(&key)?,
    })
}

fn make_folder(path: &Path) -> Result<(), HomeError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| io_error(path, source))
}

fn read(path: &Path) -> Result<Zeroizing<String>, HomeError> {
    let text = fs::read_to_string(path).map_err(|source| io_error(path, source))?;
    Ok(Zeroizing::new(text))
}

/// Writes a file for this user alone, so that it is there whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), HomeError> {
    let new = path.with_extension("new");
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        let folder = path.parent().unwrap_or(path);
        File::open(folder)?.sync_all()
    };
    write().map_err(|source| io_error(path, source))
}

fn io_error(path: &Path, source: io::Error) -> HomeError {
    HomeError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        open(&home).unwrap();
        let config = Config::default();
        let first = certificate(&home, &config).unwrap();
        let again = certificate(&home, &config).unwrap();
        assert_eq!(first.certificates, again.certificates);
        let print = tls::fingerprint(&first).unwrap();
        assert_eq!(print.len(), 64);
        tls::config(&first, tls::Oldest::Tls13).unwrap();
        let mode = |path: &str| fs::metadata(home.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(""), mode(KEY), mode("tls")), (0o700, 0o600, 0o700));
    }

    #[test]
    fn a_home_that_others_see_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        open(&home).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(open(&home), Err(HomeError::Open { .. })));
    }
}
