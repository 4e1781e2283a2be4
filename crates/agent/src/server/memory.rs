//! What a profile remembers of its server.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strongroom_client::{AddressError, Client, ClientError, Pin, PinError, ServerAddress};
use strongroom_crypto::random::SystemRandom;
use strongroom_crypto::secret::SecretBytes;
use strongroom_store::{StoreError, durable};

use super::ServerError;
use crate::AgentError;
use crate::profile::{Lock, read_secret_file};

/// Mode of the files.
const MODE: u32 = 0o600;
/// Longest memory, in bytes.
const LEN_MAX: u64 = 1 << 16;
/// The permissions on a profile that nobody but the owner may have.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// How long whoever changes it waits for another one.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a profile remembers of its server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// Its address.
    pub server: String,
    /// The fingerprint of its certificate, if that is pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The name of the user who signed in last, or for whom this computer was enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The epoch of the server that this computer was told last: how often the server was restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// This computer, if it is enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computer: Option<RememberedComputer>,
}

/// This computer, as it was enrolled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RememberedComputer {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The id of its organisation.
    pub organisation: String,
    /// The fingerprint of the organisation's key, where the server has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_key: Option<String>,
    /// Whether that fingerprint was named when the computer was enrolled: whoever has not seen it elsewhere has it from the server.
    #[serde(default)]
    pub organisation_key_verified: bool,
}

/// The place where a profile remembers its server.
pub struct ServerMemory {
    dir: PathBuf,
}

impl Remembered {
    /// Returns the address, with the pinned certificate.
    pub fn address(&self) -> Result<ServerAddress, AgentError> {
        let pin: Option<Pin> = self
            .certificate
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|error: PinError| ClientError::from(AddressError::from(error)))?;
        let address = ServerAddress::parse(&self.server).map_err(ClientError::from)?;
        Ok(address.pinned(pin))
    }
}

impl ServerMemory {
    /// Names the folder of a profile; nothing is read or made yet.
    pub fn at(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    /// Returns what is remembered; `None` where there never was a server.
    pub fn remembered(&self) -> Result<Option<Remembered>, AgentError> {
        let path = self.path();
        let bytes = match durable::read(&path, LEN_MAX) {
            Err(StoreError::NotFound { .. }) => return Ok(None),
            read => read?,
        };
        let path = path.display().to_string();
        let text =
            String::from_utf8(bytes).map_err(|_| AgentError::NotText { path: path.clone() })?;
        let remembered = toml::from_str(&text).map_err(|source| AgentError::Config {
            path,
            source: Box::new(source),
        })?;
        Ok(Some(remembered))
    }

    /// Returns what is remembered, which must be there.
    pub fn require(&self) -> Result<Remembered, AgentError> {
        Ok(self.remembered()?.ok_or(ServerError::NotSignedIn)?)
    }

    /// Makes a client that acts as the user who signed in.
    pub fn client(&self) -> Result<Client, AgentError> {
        let remembered = self.require()?;
        let session = read_secret_file(&self.session_path())?;
        let session = session.ok_or(ServerError::NotSignedIn)?;
        client(remembered.address()?, Some(session))
    }

    /// Makes a client that acts as this computer; `None` where it is not enrolled.
    pub fn computer_client(&self) -> Result<Option<Client>, AgentError> {
        let Some(remembered) = self.remembered()? else {
            return Ok(None);
        };
        let Some(secret) = read_secret_file(&self.computer_path())? else {
            return Ok(None);
        };
        Ok(Some(client(remembered.address()?, Some(secret))?))
    }

    /// Says whether somebody is signed in, as far as is known here.
    pub fn has_session(&self) -> Result<bool, AgentError> {
        Ok(read_secret_file(&self.session_path())?.is_some())
    }

    /// Checks that the profile may turn to this server, and returns its address with the certificate that is remembered, where
    /// none was named.
    pub(super) fn meet(&self, server: ServerAddress) -> Result<ServerAddress, AgentError> {
        self.check_private()?;
        let Some(known) = self.remembered()? else {
            return Ok(server);
        };
        let known_address = known.address()?;
        if !server.is_same_place(&known_address) {
            if known.computer.is_some() {
                return Err(ServerError::OtherServer {
                    known: known.server,
                }
                .into());
            }
            return Ok(server);
        }
        match (server.pin, known_address.pin) {
            (Some(named), Some(pinned)) if named != pinned => Err(ServerError::OtherPin {
                server: server.place(),
                pinned: pinned.to_string(),
            }
            .into()),
            _ => Ok(server.clone().pinned(server.pin.or(known_address.pin))),
        }
    }

    /// Takes the lock that guards what is remembered; makes the folder, if need be.
    pub(super) fn lock(&self) -> Result<Lock, AgentError> {
        durable::create_private_dir(&self.dir.join("keys"))?;
        let what = format!("the profile {}", self.dir.display());
        Lock::await_turn(&self.dir.join("server.lock"), &what, PATIENCE)
    }

    pub(super) fn remember(&self, remembered: &Remembered) -> Result<(), AgentError> {
        let text = toml::to_string(remembered).unwrap_or_default();
        durable::write_atomic(&self.path(), text.as_bytes(), MODE)?;
        Ok(())
    }

    pub(super) fn set_session(&self, secret: &[u8]) -> Result<(), AgentError> {
        Ok(durable::write_atomic(&self.session_path(), secret, MODE)?)
    }

    pub(super) fn set_computer(&self, secret: &[u8]) -> Result<(), AgentError> {
        Ok(durable::write_atomic(&self.computer_path(), secret, MODE)?)
    }

    /// Forgets the session.
    pub(super) fn forget_session(&self) -> Result<(), AgentError> {
        let path = self.session_path();
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != ErrorKind::NotFound => Err(AgentError::Local {
                op: "remove",
                path: path.display().to_string(),
                source,
            }),
            _ => Ok(()),
        }
    }

    /// Refuses a folder in which others may put their own server.
    fn check_private(&self) -> Result<(), AgentError> {
        match std::fs::metadata(&self.dir) {
            Ok(found) if found.mode() & WRITABLE_BY_OTHERS != 0 => {
                Err(AgentError::ProfileExposed {
                    path: self.dir.display().to_string(),
                })
            }
            _ => Ok(()),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.join("server.toml")
    }

    fn session_path(&self) -> PathBuf {
        self.dir.join("keys/server.session")
    }

    fn computer_path(&self) -> PathBuf {
        self.dir.join("keys/server.computer")
    }
}

/// Makes a client.
pub(super) fn client(
    server: ServerAddress,
    session: Option<SecretBytes>,
) -> Result<Client, AgentError> {
    Ok(Client::new(server, session, Arc::new(SystemRandom))?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn remembered(server: &str, computer: bool) -> Remembered {
        Remembered {
            server: server.to_owned(),
            certificate: Some("ab".repeat(32)),
            user: Some("me".to_owned()),
            epoch: None,
            computer: computer.then(|| RememberedComputer {
                id: "00".repeat(16),
                name: "laptop".to_owned(),
                organisation: "11".repeat(16),
                organisation_key: None,
                organisation_key_verified: false,
            }),
        }
    }

    #[test]
    fn a_server_is_remembered_in_private() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("profile");
        let memory = ServerMemory::at(&dir);
        assert!(memory.remembered().unwrap().is_none());
        assert!(matches!(
            memory.client(),
            Err(AgentError::Server(ServerError::NotSignedIn))
        ));
        let _lock = memory.lock().unwrap();
        let written = remembered("https://host:7443", true);
        memory.remember(&written).unwrap();
        assert_eq!(memory.remembered().unwrap(), Some(written));
        assert!(matches!(
            memory.client(),
            Err(AgentError::Server(ServerError::NotSignedIn))
        ));
        memory.set_session(b"srs_00").unwrap();
        assert!(memory.client().is_ok() && memory.has_session().unwrap());
        for file in ["server.toml", "keys/server.session"] {
            let mode = std::fs::metadata(dir.join(file)).unwrap().permissions();
            assert_eq!(mode.mode() & 0o777, 0o600, "{file}");
        }
        memory.forget_session().unwrap();
        memory.forget_session().unwrap();
        assert!(!memory.has_session().unwrap());
    }

    #[test]
    fn another_server_or_certificate_is_not_slipped_in() {
        let folder = tempfile::tempdir().unwrap();
        let memory = ServerMemory::at(&folder.path().join("profile"));
        let address = |text: &str| ServerAddress::parse(text).unwrap();
        let _lock = memory.lock().unwrap();
        memory
            .remember(&remembered("https://host:7443", false))
            .unwrap();
        let met = memory.meet(address("host:7443")).unwrap();
        assert_eq!(met.pin.unwrap().to_string(), "ab".repeat(32));
        let other = address(&format!("host:7443#{}", "cd".repeat(32)));
        let refused = memory.meet(other);
        assert!(matches!(
            refused,
            Err(AgentError::Server(ServerError::OtherPin { .. }))
        ));
        assert!(memory.meet(address("elsewhere")).unwrap().pin.is_none());
        memory
            .remember(&remembered("https://host:7443", true))
            .unwrap();
        let refused = memory.meet(address("elsewhere"));
        assert!(matches!(
            refused,
            Err(AgentError::Server(ServerError::OtherServer { .. }))
        ));
        std::fs::set_permissions(&memory.dir, std::fs::Permissions::from_mode(0o777)).unwrap();
        let refused = memory.meet(address("host:7443"));
        assert!(matches!(refused, Err(AgentError::ProfileExposed { .. })));
    }
}
