//! Registration and login, and everything that must not sign in.

use strongroom_base::ids::UserId;

use super::*;
use crate::random::SystemRandom;

const PASSWORD: &[u8] = b"correct horse battery staple";

fn credential() -> CredentialId {
    CredentialId::of_user(&UserId([7; 16]))
}

fn register(setup: &ServerSetup, password: &[u8]) -> (Record, RegistrationDone) {
    register_as(setup, &credential(), password)
}

fn register_as(
    setup: &ServerSetup,
    credential: &CredentialId,
    password: &[u8],
) -> (Record, RegistrationDone) {
    let (registration, request) = Registration::start(password, &SystemRandom).unwrap();
    let request = RegistrationRequest::from_bytes(&request.to_bytes()).unwrap();
    let response = setup.answer_registration(request, credential).unwrap();
    let response = RegistrationResponse::from_bytes(&response.to_bytes()).unwrap();
    let done = registration
        .finish(password, Version::CURRENT, response, &SystemRandom)
        .unwrap();
    let upload = RegistrationUpload::from_bytes(&done.upload.to_bytes()).unwrap();
    (Record::from_upload(Version::CURRENT, upload), done)
}

fn log_in(
    setup: &ServerSetup,
    record: Option<&Record>,
    credential: &CredentialId,
    password: &[u8],
) -> Result<(LoginDone, LoginState), OpaqueError> {
    let (login, request) = Login::start(password, &SystemRandom)?;
    let request = LoginRequest::from_bytes(&request.to_bytes())?;
    let answer = setup.answer_login(record, request, credential, &SystemRandom)?;
    let response = LoginResponse::from_bytes(&answer.response.to_bytes())?;
    let done = login.finish(password, answer.version, response, &SystemRandom)?;
    Ok((done, answer.state))
}

#[test]
fn who_knows_the_password_signs_in_and_both_sides_have_one_key() {
    let setup = ServerSetup::random(&SystemRandom);
    let (record, registered) = register(&setup, PASSWORD);
    let record = Record::from_bytes(&record.to_bytes()).unwrap();
    let setup = ServerSetup::from_bytes(setup.expose_bytes().expose_bytes()).unwrap();

    let (done, state) = log_in(&setup, Some(&record), &credential(), PASSWORD).unwrap();
    let state = LoginState::from_bytes(state.expose_bytes().expose_bytes()).unwrap();
    let message = LoginFinal::from_bytes(&done.message.to_bytes()).unwrap();
    let key = state.finish(message).unwrap();

    assert_eq!(key.expose_bytes(), done.session_key.expose_bytes());
    assert_eq!(
        done.export_key.expose_bytes(),
        registered.export_key.expose_bytes()
    );
    assert_eq!(done.server_public_key, setup.public_key());
    assert_eq!(registered.server_public_key, setup.public_key());
}

#[test]
fn nothing_else_signs_in() {
    let setup = ServerSetup::random(&SystemRandom);
    let (record, _) = register(&setup, PASSWORD);
    let refused = |record, credential, password: &[u8]| {
        log_in(&setup, record, &credential, password).map(|_| ()) == Err(OpaqueError::Refused)
    };
    assert!(refused(Some(&record), credential(), b"correct horse"));
    assert!(refused(Some(&record), credential(), b""));
    // Another account's record, which a stolen or mixed-up database would give.
    let other = CredentialId::of_user(&UserId([8; 16]));
    assert!(refused(Some(&record), other, PASSWORD));
    // No account.
    assert!(refused(
        None,
        setup.credential_of_nobody("nobody"),
        PASSWORD
    ));
    // Another server with the same record.
    let stranger = ServerSetup::random(&SystemRandom);
    let refused = log_in(&stranger, Some(&record), &credential(), PASSWORD).map(|_| ());
    assert_eq!(refused, Err(OpaqueError::Refused));
}

#[test]
fn the_last_message_of_one_login_ends_no_other() {
    let setup = ServerSetup::random(&SystemRandom);
    let (record, _) = register(&setup, PASSWORD);
    let (done, _) = log_in(&setup, Some(&record), &credential(), PASSWORD).unwrap();
    let (_, request) = Login::start(PASSWORD, &SystemRandom).unwrap();
    let answer = setup
        .answer_login(Some(&record), request, &credential(), &SystemRandom)
        .unwrap();
    let refused = answer.state.finish(done.message).map(|_| ());
    assert_eq!(refused, Err(OpaqueError::Refused));
}

#[test]
fn every_changed_byte_of_an_answer_is_noticed() {
    let setup = ServerSetup::random(&SystemRandom);
    let (record, _) = register(&setup, PASSWORD);
    // A byte of each field: evaluated element, nonce, masked response, nonce, key share, MAC.
    for at in [0, 32, 64, 191, 192, 224, 256, 319] {
        let (login, request) = Login::start(PASSWORD, &SystemRandom).unwrap();
        let answer = setup
            .answer_login(Some(&record), request, &credential(), &SystemRandom)
            .unwrap();
        let mut bytes = answer.response.to_bytes();
        bytes[at] ^= 1;
        let result = LoginResponse::from_bytes(&bytes)
            .and_then(|response| login.finish(PASSWORD, answer.version, response, &SystemRandom));
        assert!(result.is_err(), "byte {at}");
    }
}

#[test]
fn an_account_that_does_not_exist_looks_like_any_other() {
    let setup = ServerSetup::random(&SystemRandom);
    let (record, _) = register(&setup, PASSWORD);
    let nobody = setup.credential_of_nobody("nobody");
    let (_, request) = Login::start(PASSWORD, &SystemRandom).unwrap();
    let answer = |record, credential| {
        let request = request.clone();
        let answer = setup.answer_login(record, request, &credential, &SystemRandom);
        let answer = answer.unwrap();
        (answer.version, answer.response.to_bytes())
    };
    let (version, known) = answer(Some(&record), credential());
    let (same_version, unknown) = answer(None, nobody);
    assert_eq!(version, same_version);
    assert_eq!(known.len(), unknown.len());
    // The blinded part is always the same for one name, the rest never, for both alike.
    for (record, credential, first) in [
        (Some(&record), credential(), known),
        (None, nobody, unknown),
    ] {
        let (_, again) = answer(record, credential);
        assert_eq!(first[..32], again[..32]);
        assert_ne!(first[32..64], again[32..64]);
        assert_ne!(first[64..192], again[64..192]);
    }
    assert_eq!(nobody, setup.credential_of_nobody("nobody"));
    assert_ne!(nobody, setup.credential_of_nobody("nobodz"));
    let other = ServerSetup::random(&SystemRandom);
    assert_ne!(nobody, other.credential_of_nobody("nobody"));
}

#[test]
fn equal_passwords_of_two_accounts_do_not_show() {
    let setup = ServerSetup::random(&SystemRandom);
    let (one, _) = register(&setup, PASSWORD);
    let other = CredentialId::of_user(&UserId([8; 16]));
    let (other, _) = register_as(&setup, &other, PASSWORD);
    let (one, other) = (one.to_bytes(), other.to_bytes());
    for at in [1, 65, 97] {
        assert_ne!(one[at..at + 32], other[at..at + 32]);
    }
}

#[test]
fn records_of_other_versions_and_lengths_are_refused() {
    let setup = ServerSetup::random(&SystemRandom);
    let (record, _) = register(&setup, b"x");
    assert_eq!(record.version(), Version::V1);
    let bytes = record.to_bytes();
    assert_eq!(bytes[0], 1);
    let refused = |bytes: &[u8]| Record::from_bytes(bytes).err().unwrap();
    for version in [2, 255] {
        let mut newer = bytes;
        newer[0] = version;
        assert_eq!(refused(&newer), OpaqueError::TooNew { version });
    }
    let mut none = bytes;
    none[0] = 0;
    assert!(matches!(refused(&none), OpaqueError::Malformed { .. }));
    let longer = [&bytes[..], &[0]].concat();
    for bytes in [&bytes[..192], &longer, &[]] {
        assert!(matches!(refused(bytes), OpaqueError::Length { .. }));
    }
    let mut point = bytes;
    point[1..33].fill(0xff);
    assert!(matches!(refused(&point), OpaqueError::Malformed { .. }));
}

#[test]
fn messages_of_other_lengths_and_points_are_refused() {
    macro_rules! check {
        ($($message:ident),*) => {$(
            for len in [0, $message::LEN - 1, $message::LEN + 1] {
                let error = $message::from_bytes(&vec![1; len]).err().unwrap();
                assert!(matches!(error, OpaqueError::Length { .. }));
            }
        )*};
    }
    check!(
        RegistrationRequest,
        RegistrationResponse,
        RegistrationUpload,
        LoginRequest,
        LoginResponse,
        LoginFinal
    );
    for bytes in [[0; 32], [0xff; 32]] {
        let error = RegistrationRequest::from_bytes(&bytes).err().unwrap();
        assert!(matches!(error, OpaqueError::Malformed { .. }));
    }
    let setup = ServerSetup::random(&SystemRandom).expose_bytes();
    assert!(ServerSetup::from_bytes(&setup.expose_bytes()[1..]).is_err());
    let long = vec![b'a'; SIGN_IN_PASSWORD_LEN_MAX + 1];
    assert_eq!(
        Login::start(&long, &SystemRandom).err(),
        Some(OpaqueError::PasswordTooLong { max: 512 })
    );
}

#[test]
fn whoever_types_a_name_gets_an_answer_of_one_form() {
    let setup = ServerSetup::random(&SystemRandom);
    let (record, _) = register(&setup, PASSWORD);
    let (user, stored) = (UserId([7; 16]), record.to_bytes());
    let log_in = |found: Option<(&UserId, &[u8])>| {
        let (login, request) = Login::start(PASSWORD, &SystemRandom)?;
        let answer = setup.answer_sign_in("ann", found, request, &SystemRandom)?;
        let done = login.finish(PASSWORD, answer.version, answer.response, &SystemRandom)?;
        answer.state.finish(done.message).map(|_| ())
    };
    assert_eq!(log_in(Some((&user, &stored))), Ok(()));
    assert_eq!(log_in(None), Err(OpaqueError::Refused));
    let other = UserId([8; 16]);
    assert_eq!(log_in(Some((&other, &stored))), Err(OpaqueError::Refused));
    // What cannot be read is nobody's for whoever asks, and named for whoever runs the server.
    let damaged = Some((&user, &stored[1..]));
    assert_eq!(log_in(damaged), Err(OpaqueError::Refused));
    let (_, request) = Login::start(PASSWORD, &SystemRandom).unwrap();
    let answer = |found| setup.answer_sign_in("ann", found, request.clone(), &SystemRandom);
    let answers = [damaged, None].map(|found| answer(found).unwrap());
    assert!(answers[0].damage.is_some() && answers[1].damage.is_none());
    let [one, other] = answers.map(|answer| answer.response.to_bytes());
    assert_eq!(one[..32], other[..32]);
    // A name keeps its blinded part, and another has another.
    let (_, request) = Login::start(PASSWORD, &SystemRandom).unwrap();
    let blinded = |name| {
        let answer = setup.answer_sign_in(name, None, request.clone(), &SystemRandom);
        answer.unwrap().response.to_bytes()[..32].to_vec()
    };
    assert_eq!(blinded("ann"), blinded("ann"));
    assert_ne!(blinded("ann"), blinded("bob"));
}
