//! The vectors of RFC 9807, and a login that another implementation recorded.

use std::sync::Mutex;

use opaque_ke::generic_array::{ArrayLength, GenericArray};
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, Identifiers, Ristretto255, ServerLogin,
    ServerLoginParameters, ServerRegistration, ServerSetup as LibrarySetup, TripleDh, ksf,
};
use serde_json::Value;
use strongroom_base::random::RandomSource;

use super::randomness::Randomness;
use super::suite::V1;
use super::*;
use crate::random::SystemRandom;

/// [`V1`] without stretching, as the vectors of the RFC have it.
struct Unstretched;

impl CipherSuite for Unstretched {
    type OprfCs = <V1 as CipherSuite>::OprfCs;
    type KeyExchange = <V1 as CipherSuite>::KeyExchange;
    type Ksf = ksf::Identity;
}

/// Both suites are the same but for stretching.
const _: fn(<V1 as CipherSuite>::KeyExchange) -> TripleDh<Ristretto255, sha2::Sha512> = |x| x;

/// Randomness that was written down before.
struct Script(Mutex<Vec<u8>>);

impl Script {
    fn new(parts: &[&[u8]]) -> Self {
        Self(Mutex::new(parts.concat()))
    }
}

impl RandomSource for Script {
    fn fill(&self, bytes: &mut [u8]) {
        let mut script = self.0.lock().unwrap();
        let rest = script.split_off(bytes.len());
        bytes.copy_from_slice(&script);
        *script = rest;
    }
}

fn read(file: &str) -> Value {
    let path = format!(
        "{}/../../spec/vectors/sign-in-v1/valid/{file}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn hex_of(vector: &Value, field: &str) -> Vec<u8> {
    hex::decode(vector[field].as_str().expect(field)).unwrap()
}

fn same<L: ArrayLength<u8>>(found: &GenericArray<u8, L>, vector: &Value, field: &str) {
    assert_eq!(
        hex::encode(found),
        vector[field].as_str().unwrap(),
        "{field}"
    );
}

/// The library reduces 64 random bytes to a scalar, so that 32 zero bytes after a scalar give it back.
fn blind(vector: &Value, field: &str) -> Vec<u8> {
    [hex_of(vector, field), vec![0; 32]].concat()
}

#[expect(
    clippy::too_many_lines,
    reason = "one protocol from the first to the last message"
)]
fn check_rfc(vector: &Value) {
    let field = |name: &str| hex_of(vector, name);
    let (password, credential, context) = (
        field("password"),
        field("credential_identifier"),
        field("context"),
    );
    let identity = |name: &str| vector.get(name).map(|_| hex_of(vector, name));
    let (client, server) = (identity("client_identity"), identity("server_identity"));
    let identifiers = Identifiers {
        client: client.as_deref(),
        server: server.as_deref(),
    };
    let setup = [
        field("oprf_seed"),
        field("server_private_key"),
        field("server_public_key"),
    ];
    let setup = LibrarySetup::<Unstretched>::deserialize(&setup.concat()).unwrap();

    let script = Script::new(&[&blind(vector, "blind_registration")]);
    let registration =
        ClientRegistration::<Unstretched>::start(&mut Randomness(&script), &password).unwrap();
    same(
        &registration.message.serialize(),
        vector,
        "registration_request",
    );
    let response =
        ServerRegistration::start(&setup, registration.message.clone(), &credential).unwrap();
    same(
        &response.message.serialize(),
        vector,
        "registration_response",
    );
    let script = Script::new(&[&field("envelope_nonce")]);
    let done = registration
        .state
        .finish(
            &mut Randomness(&script),
            &password,
            response.message,
            ClientRegistrationFinishParameters::new(identifiers, None),
        )
        .unwrap();
    same(&done.message.serialize(), vector, "registration_upload");
    same(&done.export_key, vector, "export_key");
    let record = ServerRegistration::finish(done.message);

    let script = Script::new(&[
        &blind(vector, "blind_login"),
        &field("client_keyshare_seed"),
        &field("client_nonce"),
    ]);
    let login = ClientLogin::<Unstretched>::start(&mut Randomness(&script), &password).unwrap();
    same(&login.message.serialize(), vector, "KE1");
    // The library makes the record of nobody every time, and throws that away here.
    let script = Script::new(&[
        &[0; 64],
        &field("masking_nonce"),
        &field("server_keyshare_seed"),
        &field("server_nonce"),
    ]);
    let parameters = ServerLoginParameters {
        context: Some(&context),
        identifiers,
    };
    let answer = ServerLogin::start(
        &mut Randomness(&script),
        &setup,
        Some(record),
        login.message.clone(),
        &credential,
        parameters.clone(),
    )
    .unwrap();
    same(&answer.message.serialize(), vector, "KE2");
    let finish = ClientLoginFinishParameters::new(Some(&context), identifiers, None);
    let script = Script::new(&[&[0; 64]]);
    let done = login
        .state
        .finish(&mut Randomness(&script), &password, answer.message, finish)
        .unwrap();
    same(&done.message.serialize(), vector, "KE3");
    same(&done.session_key, vector, "session_key");
    same(&done.export_key, vector, "export_key");
    let ended = answer.state.finish(done.message, parameters).unwrap();
    same(&ended.session_key, vector, "session_key");
}

#[test]
fn the_vectors_of_rfc_9807_hold() {
    for file in ["rfc-9807-1", "rfc-9807-2"] {
        check_rfc(&read(file));
    }
}

#[test]
fn what_another_implementation_recorded_goes_on_here() {
    let vector = read("other-implementation");
    let field = |name: &str| hex_of(&vector, name);
    let password = vector["password"].as_str().unwrap().as_bytes();
    let setup = [vec![1], field("server_setup")].concat();
    let setup = ServerSetup::from_bytes(&setup).unwrap();
    assert_eq!(setup.public_key().to_vec(), field("server_public_key"));
    let credential = CredentialId::from_raw(field("credential_identifier").try_into().unwrap());

    // Our server answers their client's registration as their server did.
    let request = RegistrationRequest::from_bytes(&field("registration_request")).unwrap();
    let response = setup.answer_registration(request, &credential).unwrap();
    assert_eq!(response.to_bytes().to_vec(), field("registration_response"));

    // Our client takes their server's answer to their client's login, and ends it as theirs did.
    let login = ClientLogin::<V1>::deserialize(&field("client_login_state")).unwrap();
    let response = LoginResponse::from_bytes(&field("login_response")).unwrap();
    let done = client::Login(login)
        .finish(password, Version::V1, response, &SystemRandom)
        .unwrap();
    assert_eq!(done.message.to_bytes().to_vec(), field("login_final"));
    assert_eq!(
        done.session_key.expose_bytes().to_vec(),
        field("session_key")
    );
    assert_eq!(done.export_key.expose_bytes().to_vec(), field("export_key"));

    // A password registered with their client signs in with ours.
    let upload = RegistrationUpload::from_bytes(&field("registration_upload")).unwrap();
    let record = Record::from_upload(Version::V1, upload);
    let (login, request) = Login::start(password, &SystemRandom).unwrap();
    let answer = setup
        .answer_login(Some(&record), request, &credential, &SystemRandom)
        .unwrap();
    let done = login
        .finish(password, answer.version, answer.response, &SystemRandom)
        .unwrap();
    let key = answer.state.finish(done.message).unwrap();
    assert_eq!(key.expose_bytes(), done.session_key.expose_bytes());
    assert_eq!(done.export_key.expose_bytes().to_vec(), field("export_key"));
}
