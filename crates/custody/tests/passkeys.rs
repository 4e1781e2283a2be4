//! What another implementation made and signed: the authenticator and the browser of `passkey` 0.6.0 (1Password), recorded
//! in `spec/vectors/sign-in-v1/valid/passkeys.json`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use strongroom_custody::passkeys::{
    Assertion, ClientData, Known, PasskeyError, PasskeySite, Registered, Registration,
    verify_assertion, verify_registration,
};

const RECORDED: &str = include_str!("../../../spec/vectors/sign-in-v1/valid/passkeys.json");
const USER: [u8; 16] = [1; 16];

fn recorded() -> Vec<Value> {
    let cases: Vec<Value> = serde_json::from_str(RECORDED).unwrap();
    assert_eq!(cases.len(), 2);
    cases
}

fn site(address: &str) -> PasskeySite {
    PasskeySite::of_address(address).unwrap()
}

fn here() -> PasskeySite {
    site("https://backup.example.com:7443")
}

fn bytes(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}

fn register(site: &PasskeySite, case: &Value) -> Result<Registered, PasskeyError> {
    let (id, response) = (bytes(&case["made"]["id"]), &case["made"]["response"]);
    let client_data = ClientData::parse(&bytes(&response["clientDataJSON"]))?;
    assert_eq!(client_data.challenge()[..4], [0, 1, 2, 3]);
    let sent = Registration {
        id: &id,
        client_data: &client_data,
        attestation: &bytes(&response["attestationObject"]),
    };
    verify_registration(site, &sent)
}

/// What was signed, in the order of its parts.
fn parts(signed: &Value) -> [Vec<u8>; 3] {
    ["clientDataJSON", "authenticatorData", "signature"]
        .map(|name| bytes(&signed["response"][name]))
}

fn verify(
    site: &PasskeySite,
    registered: &Registered,
    counter: u32,
    [client_data, authenticator_data, signature]: &[Vec<u8>; 3],
) -> Result<u32, PasskeyError> {
    let client_data = ClientData::parse(client_data)?;
    let sent = Assertion {
        client_data: &client_data,
        authenticator_data,
        signature,
        user_handle: Some(&USER),
    };
    let known = Known {
        public_key: &registered.public_key,
        counter,
        may_be_copied: registered.may_be_copied,
        user_handle: &USER,
        is_user_known: false,
    };
    verify_assertion(site, &sent, &known)
}

#[test]
fn what_was_recorded_is_taken() {
    for case in recorded() {
        let registered = register(&here(), &case).unwrap();
        let algorithm = i64::from(registered.public_key.algorithm().code());
        assert_eq!(case["algorithm"], algorithm);
        let mut counter = registered.counter;
        for signed in case["signed"].as_array().unwrap() {
            counter = verify(&here(), &registered, counter, &parts(signed)).unwrap();
        }
        let counts = case["counts"] == true;
        assert_eq!(counter > registered.counter, counts);
        // What was signed before comes too late where the authenticator counts.
        let first = parts(&case["signed"][0]);
        let again = verify(&here(), &registered, counter, &first);
        assert_eq!(again == Err(PasskeyError::CounterWentBack), counts);
    }
}

#[test]
fn elsewhere_it_is_refused() {
    for case in recorded() {
        let registered = register(&here(), &case).unwrap();
        let signed = parts(&case["signed"][0]);
        for (address, error) in [
            ("https://backup.example.com", PasskeyError::OtherOrigin),
            ("https://example.com:7443", PasskeyError::OtherOrigin),
        ] {
            let other = site(address);
            assert_eq!(register(&other, &case), Err(error), "{address}");
            let refused = verify(&other, &registered, registered.counter, &signed);
            assert_eq!(refused, Err(error), "{address}");
        }
    }
}

#[test]
fn one_bit_changed_in_what_was_signed_is_refused() {
    for case in recorded() {
        let registered = register(&here(), &case).unwrap();
        let signed = parts(&case["signed"][0]);
        for part in 0..signed.len() {
            for at in 0..signed[part].len() {
                for bit in 0..8 {
                    let mut changed = signed.clone();
                    changed[part][at] ^= 1 << bit;
                    let refused = verify(&here(), &registered, registered.counter, &changed);
                    assert!(refused.is_err(), "{part} {at} {bit}");
                }
            }
        }
    }
}
