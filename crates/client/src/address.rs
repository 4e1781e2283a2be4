//! How a server is named: its address, one-time links, and what is enrolled with.
//!
//! ```text
//! https://HOST:PORT#CERTIFICATE
//! https://HOST:PORT/link/srl_…#CERTIFICATE
//! strongroom://HOST:PORT/XXXX-XXXX-XXXX-XXXX#CERTIFICATE.ORGANISATION-KEY
//! ```
//!
//! What stands after `#` are SHA-256 hashes in hexadecimal, and may be missing; that of the certificate, or of the key in it.

use std::fmt;

use strongroom_base::{Class, Classified};
use strongroom_crypto::secret::SecretBytes;
use url::{Host, Url};

use crate::{Pin, PinError};

/// The port where a server listens that was not told otherwise.
const PORT: u16 = 7443;

/// A text names no server. The error repeats no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It is no address.
    #[error("this is no address of a server; it has the form https://HOST:PORT")]
    Form,
    /// It is not secured.
    #[error("a server is reached by https and by nothing else")]
    NotSecured,
    /// It is no link.
    #[error("this is no one-time link; it has the form https://HOST/link/srl_…#FINGERPRINT")]
    NotALink,
    /// It is nothing to enrol with.
    #[error(
        "this is nothing to enrol with; it has the form strongroom://HOST/XXXX-XXXX-XXXX-XXXX#FINGERPRINT"
    )]
    NotAnEnrolment,
    /// What stands after `#` is no fingerprint.
    #[error("after the # stands no fingerprint")]
    Fingerprint(#[from] PinError),
}

impl Classified for AddressError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// Where a server is, and its certificate if that is pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    url: Url,
    /// The certificate, if it is pinned.
    pub pin: Option<Pin>,
}

/// A one-time link: whoever has it chooses what signs in to an account.
pub struct SetUpLink {
    /// The server.
    pub server: ServerAddress,
    /// The secret.
    pub secret: SecretBytes,
}

/// What a computer is enrolled with.
pub struct Enrolment {
    /// The server.
    pub server: ServerAddress,
    /// The registration key, as it was typed; `None` where only the server was named.
    pub key: Option<SecretBytes>,
    /// The fingerprint of the organisation key, if it was named.
    pub organisation_key: Option<Pin>,
}

impl ServerAddress {
    /// Reads an address; `https://` need not be typed.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (text, pin) = fragment(text.trim());
        let pin = pin.map(str::parse).transpose()?;
        let url = match text.split_once("://") {
            None => format!("https://{text}"),
            Some(("https", _)) => text.to_owned(),
            Some(_) => return Err(AddressError::NotSecured),
        };
        let url = Url::parse(&url).map_err(|_not_one| AddressError::Form)?;
        Self::new(url, pin)
    }

    fn new(url: Url, pin: Option<Pin>) -> Result<Self, AddressError> {
        let is_bare = matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !is_bare || url.host().is_none() {
            return Err(AddressError::Form);
        }
        Ok(Self { url, pin })
    }

    /// Returns the address with another certificate pinned.
    #[must_use]
    pub fn pinned(self, pin: Option<Pin>) -> Self {
        Self {
            pin: pin.or(self.pin),
            ..self
        }
    }

    /// Tells whether both name the same host and port.
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.url == other.url
    }

    /// Returns the host and port.
    pub fn place(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        format!("{host}:{}", self.url.port_or_known_default().unwrap_or(443))
    }

    /// Returns what somebody enrols with who was given this registration key.
    pub fn enrolment(&self, key: &str) -> String {
        let pin = self.pin.map_or_else(String::new, |pin| format!("#{pin}"));
        format!("strongroom://{}/{key}{pin}", self.place())
    }

    /// Tells whether it is this computer, which no proxy leads to.
    pub(crate) fn is_here(&self) -> bool {
        match self.url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }
}

/// As it is typed and stored, without the certificate.
impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

impl SetUpLink {
    /// Reads a link.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (text, pin) = fragment(text.trim());
        let (server, secret) = text.split_once("/link/").ok_or(AddressError::NotALink)?;
        if !server.starts_with("https://") || !secret.starts_with("srl_") {
            return Err(AddressError::NotALink);
        }
        let server = ServerAddress::parse(server)?;
        Ok(Self {
            server: server.pinned(pin.map(str::parse).transpose()?),
            secret: SecretBytes::new(secret.as_bytes().to_vec()),
        })
    }
}

impl Enrolment {
    /// Reads what somebody was given: a whole URL, or the host alone. A host without a port is asked at port 7443.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (text, pins) = fragment(text.trim());
        let text = match text.split_once("://") {
            None => text,
            Some(("strongroom", rest)) => rest,
            Some(_) => return Err(AddressError::NotAnEnrolment),
        };
        let (place, key) = text.split_once('/').unwrap_or((text, ""));
        if key.contains('/') || key.len() > 64 {
            return Err(AddressError::NotAnEnrolment);
        }
        let (pin, organisation_key) =
            match pins.map(|pins| pins.split_once('.').unwrap_or((pins, ""))) {
                None => (None, None),
                Some((pin, "")) => (Some(pin.parse()?), None),
                Some((pin, key)) => (Some(pin.parse()?), Some(key.parse()?)),
            };
        let url = Url::parse(&format!("strongroom://{place}"));
        let mut url = url.map_err(|_not_one| AddressError::NotAnEnrolment)?;
        let port = url.port().unwrap_or(PORT);
        url = Url::parse(&format!("https://{place}"))
            .map_err(|_not_one| AddressError::NotAnEnrolment)?;
        url.set_port(Some(port))
            .map_err(|()| AddressError::NotAnEnrolment)?;
        let server = ServerAddress::new(url, pin).map_err(|_form| AddressError::NotAnEnrolment)?;
        Ok(Self {
            server,
            key: (!key.is_empty()).then(|| SecretBytes::new(key.as_bytes().to_vec())),
            organisation_key,
        })
    }
}

/// Takes what stands after `#` from the end.
fn fragment(text: &str) -> (&str, Option<&str>) {
    match text.split_once('#') {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin() -> String {
        "ab".repeat(32)
    }

    fn shown(text: &str) -> Result<String, AddressError> {
        ServerAddress::parse(text).map(|server| {
            let pin = server.pin.map_or("none".to_owned(), |pin| pin.to_string());
            format!("{server} {} {pin}", server.place())
        })
    }

    #[test]
    fn a_server_is_named() {
        let pin = pin();
        assert_eq!(
            shown(&format!("https://host:7443/#{pin}")).unwrap(),
            format!("https://host:7443 host:7443 {pin}")
        );
        assert_eq!(shown("host").unwrap(), "https://host host:443 none");
        assert_eq!(
            shown("[::1]:7443").unwrap(),
            "https://[::1]:7443 [::1]:7443 none"
        );
        assert_eq!(shown("http://host"), Err(AddressError::NotSecured));
        assert_eq!(shown("https://host/path"), Err(AddressError::Form));
        assert_eq!(shown("https://me@host"), Err(AddressError::Form));
        assert_eq!(shown(""), Err(AddressError::Form));
        assert_eq!(shown("host#abc"), Err(AddressError::Fingerprint(PinError)));
    }

    #[test]
    fn a_link_is_read() {
        let link = SetUpLink::parse(&format!("https://host:1/link/srl_00#{}\n", pin())).unwrap();
        assert_eq!(link.server.to_string(), "https://host:1");
        assert_eq!(link.server.pin.unwrap().to_string(), pin());
        assert_eq!(link.secret.expose_bytes(), b"srl_00");
        for wrong in [
            "",
            "https://host/srl_00",
            "https://host/link/srs_00",
            "srl_00",
        ] {
            assert_eq!(
                SetUpLink::parse(wrong).err(),
                Some(AddressError::NotALink),
                "{wrong}"
            );
        }
    }

    #[test]
    fn an_enrolment_is_read() {
        let key = "01AB-CDEF-GHJK-MN01";
        let whole = format!("strongroom://host:9/{key}#{}.{}", pin(), "cd".repeat(32));
        let read = Enrolment::parse(&whole).unwrap();
        assert_eq!(read.server.to_string(), "https://host:9");
        assert_eq!(read.server.pin.unwrap().to_string(), pin());
        assert_eq!(read.key.unwrap().expose_bytes(), key.as_bytes());
        assert_eq!(read.organisation_key.unwrap().to_string(), "cd".repeat(32));
        let host = Enrolment::parse("host").unwrap();
        assert_eq!(host.server.to_string(), "https://host:7443");
        assert!(host.key.is_none() && host.server.pin.is_none());
        let standard = Enrolment::parse("strongroom://host:443/x").unwrap();
        assert_eq!(standard.server.place(), "host:443");
        for wrong in ["https://host/x", "strongroom://host/a/b", "", "ho st"] {
            assert!(Enrolment::parse(wrong).is_err(), "{wrong}");
        }
        let again = standard
            .server
            .pinned(Some(Pin::new([1; 32])))
            .enrolment(key);
        let again = Enrolment::parse(&again).unwrap();
        assert_eq!(again.server.place(), "host:443");
        assert_eq!(again.server.pin, Some(Pin::new([1; 32])));
    }
}
