//! What a browser says that it was asked (level 3, section 5.8.1). Steps 5 to 11 of a registration and 8 to 14 of a sign-in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use strongroom_crypto::hash::sha256;

use super::{CHALLENGE_LEN, PasskeyError, PasskeySite};

/// What a browser is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceremony {
    /// To make a passkey.
    Registration,
    /// To sign with one.
    SignIn,
}

/// What a browser says that it was asked. Nothing of it is true before a signature over it is good.
#[derive(Clone, Debug)]
pub struct ClientData {
    said: Said,
    challenge: [u8; CHALLENGE_LEN],
    hash: [u8; 32],
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    #[serde(default)]
    top_origin: Option<String>,
}

impl ClientData {
    /// Reads it.
    pub fn parse(bytes: &[u8]) -> Result<Self, PasskeyError> {
        let said: Said =
            serde_json::from_slice(bytes).map_err(|_not_said| PasskeyError::ClientData)?;
        let challenge = URL_SAFE_NO_PAD.decode(&said.challenge).ok();
        let challenge = challenge.and_then(|bytes| bytes.try_into().ok());
        Ok(Self {
            challenge: challenge.ok_or(PasskeyError::ClientData)?,
            said,
            hash: sha256(bytes),
        })
    }

    /// Returns the challenge that it says was signed.
    pub fn challenge(&self) -> &[u8; CHALLENGE_LEN] {
        &self.challenge
    }

    pub(super) fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Fails where it was asked something else, or elsewhere.
    pub(super) fn check(&self, site: &PasskeySite, what: Ceremony) -> Result<(), PasskeyError> {
        let kind = match what {
            Ceremony::Registration => "webauthn.create",
            Ceremony::SignIn => "webauthn.get",
        };
        if self.said.kind != kind {
            return Err(PasskeyError::OtherCeremony);
        }
        if self.said.origin != site.origin() {
            return Err(PasskeyError::OtherOrigin);
        }
        if self.said.cross_origin || self.said.top_origin.is_some() {
            return Err(PasskeyError::InFrame);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn said(kind: &str, origin: &str, more: &str) -> String {
        format!(
            r#"{{"type":"{kind}","challenge":"{CHALLENGE}","origin":"{origin}"{more},"what":["comes",1]}}"#
        )
    }

    #[test]
    fn what_was_asked_here_is_taken_and_nothing_else() {
        let site = PasskeySite::of_address("https://example.com:7443").expect("a name");
        let check = |text: String| {
            let data = ClientData::parse(text.as_bytes())?;
            data.check(&site, Ceremony::SignIn)
        };
        let (get, here) = ("webauthn.get", "https://example.com:7443");
        assert_eq!(check(said(get, here, "")), Ok(()));
        assert_eq!(check(said(get, here, r#","crossOrigin":false"#)), Ok(()));
        let other = check(said("webauthn.create", here, ""));
        assert_eq!(other, Err(PasskeyError::OtherCeremony));
        // Neither an end nor a beginning that is the same will do (identity 8.4).
        for origin in [
            "https://badexample.com:7443",
            "https://example.com",
            "https://example.com:7443/",
            "https://a.example.com:7443",
            "http://example.com:7443",
            "https://example.com:74433",
            "",
        ] {
            let other = check(said(get, origin, ""));
            assert_eq!(other, Err(PasskeyError::OtherOrigin), "{origin}");
        }
        for more in [
            r#","crossOrigin":true"#,
            r#","topOrigin":"https://x.example""#,
        ] {
            assert_eq!(check(said(get, here, more)), Err(PasskeyError::InFrame));
        }
    }

    #[test]
    fn what_says_nothing_is_refused() {
        let long = said("webauthn.get", "x", "").replace(CHALLENGE, &"A".repeat(44));
        let twice = said("webauthn.get", "x", r#","origin":"y""#);
        for text in ["", "{}", "[]", "nothing", long.as_str(), twice.as_str()] {
            let refused = ClientData::parse(text.as_bytes());
            assert_eq!(refused.err(), Some(PasskeyError::ClientData), "{text}");
        }
    }
}
