//! A browser with an authenticator, as far as a server sees them: keys of P-256, and what each of them says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, SigningKey as _};
use serde_json::{Value, json};
use strongroom_crypto::hash::sha256;

/// Somebody was there, and was verified.
pub(crate) const VERIFIED: u8 = 1 | 1 << 2;
const HAS_CREDENTIAL: u8 = 1 << 6;

/// One passkey, and the place where its browser is. A test changes what it wants to be wrong.
pub(crate) struct Authenticator {
    key: KeyPair,
    pub(crate) id: Vec<u8>,
    pub(crate) handle: Option<Vec<u8>>,
    pub(crate) counter: u32,
    pub(crate) flags: u8,
    pub(crate) site: String,
    pub(crate) origin: String,
    pub(crate) kind: Option<&'static str>,
    pub(crate) more: &'static str,
    pub(crate) spoils: bool,
}

impl Authenticator {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        Self {
            id: sha256(key.public_key_raw()).to_vec(),
            key,
            handle: None,
            counter: 0,
            flags: VERIFIED,
            site: "localhost".to_owned(),
            origin: "https://localhost:7443".to_owned(),
            kind: None,
            more: "",
            spoils: false,
        }
    }

    /// Makes the passkey as a server asks, and returns what the browser sends.
    pub(crate) fn make(&mut self, options: &Value) -> Value {
        let user = options["user"]["id"].as_str().unwrap();
        self.handle = Some(URL_SAFE_NO_PAD.decode(user).unwrap());
        let point = &self.key.public_key_raw()[1..];
        let (x, y) = point.split_at(32);
        let len = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let head = [0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32];
        let key = [&head[..], x, &[0x22, 0x58, 32], y].concat();
        let credential = [&[0; 16][..], &len, &self.id, &key].concat();
        let data = self.data(HAS_CREDENTIAL, &credential);
        let len = u16::try_from(data.len()).unwrap().to_be_bytes();
        let attestation = [
            &b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59"[..],
            &len,
            &data,
        ]
        .concat();
        let said = self.said("webauthn.create", options);
        json!({
            "id": text(&self.id),
            "rawId": text(&self.id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": text(said.as_bytes()),
                "attestationObject": text(&attestation),
                "transports": ["internal"],
            },
        })
    }

    /// Signs what a server asks, and returns what the browser sends.
    pub(crate) fn sign(&mut self, options: &Value) -> Value {
        self.counter += 1;
        let said = self.said("webauthn.get", options);
        let data = self.data(0, &[]);
        let message = [&data[..], &sha256(said.as_bytes())].concat();
        let mut signature = self.key.sign(&message).unwrap();
        if self.spoils {
            *signature.last_mut().unwrap() ^= 1;
        }
        let handle = self.handle.as_deref().map(text);
        json!({
            "id": text(&self.id),
            "rawId": text(&self.id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": text(said.as_bytes()),
                "authenticatorData": text(&data),
                "signature": text(&signature),
                "userHandle": handle,
            },
        })
    }

    fn said(&self, kind: &str, options: &Value) -> String {
        let kind = self.kind.unwrap_or(kind);
        let challenge = options["challenge"].as_str().unwrap();
        let (origin, more) = (&self.origin, self.more);
        format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}"{more}}}"#)
    }

    fn data(&self, more: u8, rest: &[u8]) -> Vec<u8> {
        let site = sha256(self.site.as_bytes());
        let counter = self.counter.to_be_bytes();
        [&site, &[self.flags | more][..], &counter, rest].concat()
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
