//! `[tls.acme]`: a certificate that an authority gives.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ConfigError, below, wrong};
use crate::app::certificate::AcmeSettings;

/// The directory of Let's Encrypt.
const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// Most names of a certificate, and most characters of one.
const DOMAINS_MAX: usize = 32;
const DOMAIN_LEN_MAX: usize = 253;
const LABEL_LEN_MAX: usize = 63;

/// Most addresses of people.
const CONTACTS_MAX: usize = 8;

/// A certificate that an authority gives by ACME (RFC 8555), and that is renewed by itself. The authority must reach port 443
/// of each name, and come from there to this server (`tls-alpn-01`).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Acme {
    /// The URL of the authority's directory; without it, that of Let's Encrypt.
    pub directory: String,
    /// The names of the server, all of which are in the certificate.
    pub domains: Vec<String>,
    /// The mail addresses that the authority may write to.
    pub contact: Vec<String>,
    /// Whether you agree to the terms of service of the authority.
    pub terms_agreed: bool,
    /// A file with the certificate (PEM) that vouches for the directory, where no public authority does.
    #[schema(value_type = Option<String>)]
    pub ca: Option<PathBuf>,
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            directory: DIRECTORY.to_owned(),
            domains: Vec::new(),
            contact: Vec::new(),
            terms_agreed: false,
            ca: None,
        }
    }
}

impl Acme {
    /// Returns what use cases need of it.
    pub fn settings(&self, home: &Path) -> AcmeSettings {
        let contact = self.contact.iter();
        AcmeSettings {
            directory: self.directory.clone(),
            domains: self.domains.clone(),
            contact: contact.map(|address| format!("mailto:{address}")).collect(),
            ca: self.ca.as_deref().map(|ca| below(home, ca)),
        }
    }

    pub(super) fn check(&self, public_host: Option<&str>) -> Result<(), ConfigError> {
        if !self.directory.starts_with("https://") {
            return Err(wrong(
                "tls.acme.directory",
                "this must begin with `https://`",
            ));
        }
        if self.domains.is_empty() || self.domains.len() > DOMAINS_MAX {
            let detail = format!("there must be from 1 to {DOMAINS_MAX}");
            return Err(wrong("tls.acme.domains", detail));
        }
        for (at, domain) in self.domains.iter().enumerate() {
            if !is_domain(domain) {
                let path = format!("tls.acme.domains[{at}]");
                let detail = format!("`{domain}` is no name of a host, in small letters");
                return Err(wrong(&path, detail));
            }
            if self.domains.iter().take(at).any(|other| other == domain) {
                let path = format!("tls.acme.domains[{at}]");
                return Err(wrong(&path, format!("`{domain}` stands here twice")));
            }
        }
        if let Some(host) = public_host
            && !self.domains.iter().any(|domain| domain == host)
        {
            let detail =
                format!("`{host}`, the host of `listen.public_address`, is not among them");
            return Err(wrong("tls.acme.domains", detail));
        }
        let is_address = |address: &String| {
            let parts = address.split_once('@');
            let is_one = |part: &str| !part.is_empty() && !part.contains(['@', ':', ' ', ',']);
            parts.is_some_and(|(name, host)| is_one(name) && is_one(host))
        };
        if self.contact.len() > CONTACTS_MAX || !self.contact.iter().all(is_address) {
            let detail = format!("at most {CONTACTS_MAX} mail addresses, such as `me@example.com`");
            return Err(wrong("tls.acme.contact", detail));
        }
        if !self.terms_agreed {
            let detail =
                "an authority gives certificates to who agrees to its terms of service: say `true`";
            return Err(wrong("tls.acme.terms_agreed", detail));
        }
        Ok(())
    }
}

/// Says whether a name can be that of a host. `tls-alpn-01` knows no wildcards and no addresses.
fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        let mut bytes = label.bytes();
        let is_in = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=LABEL_LEN_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && bytes.all(is_in)
    };
    let is_address = domain
        .rsplit('.')
        .next()
        .is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    domain.len() <= DOMAIN_LEN_MAX && !is_address && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts_are_told_from_others() {
        for good in [
            "localhost",
            "backup.example.com",
            "xn--bcher-kva.example",
            "a1.b-2",
        ] {
            assert!(is_domain(good), "{good}");
        }
        let long = "a".repeat(64);
        for wrong in [
            "", ".", "a.", "*.a.b", "A.b", "a_b", "-a", "a-", "10.0.0.1", "::1", "a b", &long,
        ] {
            assert!(!is_domain(wrong), "{wrong}");
        }
    }
}
