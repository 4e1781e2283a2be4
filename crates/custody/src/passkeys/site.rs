//! The site that passkeys are for, as browsers name it.

use url::{Host, Url};

/// The site that passkeys are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeySite {
    id: String,
    origin: String,
}

impl PasskeySite {
    /// Returns the site of an address under which users reach a server. `None` where browsers make no passkeys: without
    /// TLS, and at an address that is no name.
    pub fn of_address(address: &str) -> Option<Self> {
        let url = Url::parse(address).ok()?;
        if url.scheme() != "https" {
            return None;
        }
        let Some(Host::Domain(name)) = url.host() else {
            return None;
        };
        Some(Self {
            id: name.to_owned(),
            origin: url.origin().ascii_serialization(),
        })
    }

    /// Returns its id: the name of the host.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns its origin, whole: nothing that only ends or begins like it is it.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_site_if_it_has_a_name() {
        let site = |address| PasskeySite::of_address(address);
        let found = site("https://Backup.Example.com:7443/").expect("a name");
        assert_eq!(found.id(), "backup.example.com");
        assert_eq!(found.origin(), "https://backup.example.com:7443");
        let found = site("https://backup.example.com:443").expect("a name");
        assert_eq!(found.origin(), "https://backup.example.com");
        assert_eq!(
            site("https://localhost:7443").map(|s| s.id),
            Some("localhost".into())
        );
        for none in [
            "http://backup.example.com",
            "https://192.0.2.1:7443",
            "https://[2001:db8::1]",
            "backup.example.com",
            "",
        ] {
            assert_eq!(site(none), None, "{none}");
        }
    }
}
