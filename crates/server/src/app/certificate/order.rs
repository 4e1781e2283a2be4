//! Orders a certificate from an authority (RFC 8555), which looks at each name by `tls-alpn-01` (RFC 8737).

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PublicKeyData as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::ParsedCertificate;
use strongroom_db::certificates::{self, Certificate};

use super::{AcmeSettings, CertificateError, keep, validity};
use crate::app::App;

/// How long the authority may look at names, and then make the certificate.
const LOOKING: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(500))
    .timeout(Duration::from_mins(2));

/// Orders a certificate for the key of this server.
pub(super) async fn order(app: &App, acme: &AcmeSettings) -> Result<Certificate, CertificateError> {
    let account = account(app, acme).await?;
    let names = acme.domains.iter();
    let names: Vec<_> = names.map(|name| Identifier::Dns(name.clone())).collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await?;
    answer_challenges(app, &mut order).await?;
    let looked = order.poll_ready(&LOOKING).await;
    if !matches!(looked, Ok(OrderStatus::Ready)) {
        let reasons = reasons(&mut order).await;
        if !reasons.is_empty() {
            return Err(CertificateError::NotVerified(reasons));
        }
        let status = looked?;
        return Err(CertificateError::Authority(format!(
            "the order is {status:?}"
        )));
    }
    let key = KeyPair::from_pem(&keep::key(app).await?)?;
    let mut params = CertificateParams::new(acme.domains.clone())?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key)?;
    order.finalize_csr(request.der()).await?;
    let chain = order.poll_certificate(&LOOKING).await?;
    certificate(acme, &key, chain)
}

/// Returns the account at the authority, which is made where there is none.
async fn account(app: &App, acme: &AcmeSettings) -> Result<Account, CertificateError> {
    let builder = || match &acme.ca {
        Some(ca) => Account::builder_with_root(ca),
        None => Account::builder(),
    };
    if let Some(credentials) = keep::account(app, &acme.directory).await? {
        return Ok(builder()?.from_credentials(credentials).await?);
    }
    let contact: Vec<&str> = acme.contact.iter().map(String::as_str).collect();
    let new = NewAccount {
        contact: &contact,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let made = builder()?.create(&new, acme.directory.clone(), None);
    let (account, credentials) = made.await?;
    keep::set_account(app, &acme.directory, credentials).await?;
    Ok(account)
}

/// Lets every node answer for the names that the authority has not looked at lately, and lets it look.
async fn answer_challenges(app: &App, order: &mut Order) -> Result<(), CertificateError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
        let mut challenge = challenge.ok_or_else(|| CertificateError::NoChallenge(name.clone()))?;
        let key_authorization = challenge.key_authorization();
        let digest = key_authorization.digest();
        let digest = digest.as_ref().try_into();
        let digest: [u8; 32] =
            digest.map_err(|_never| CertificateError::NoChallenge(name.clone()))?;
        let writing = app.database.note().await?;
        certificates::set_challenge(&writing, &name, &digest).await?;
        writing.commit().await?;
        challenge.set_ready().await?;
    }
    Ok(())
}

/// Says why the authority could not verify names, where it says so.
async fn reasons(order: &mut Order) -> String {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let name = authorization.identifier().to_string();
        let Ok(state) = authorization.refresh().await else {
            continue;
        };
        let errors = state.challenges.iter();
        for error in errors.filter_map(|challenge| challenge.error.as_ref()) {
            let detail = error.detail.clone().unwrap_or_else(|| error.to_string());
            reasons.push(format!("{name}: {detail}"));
        }
    }
    reasons.join("; ")
}

/// Takes what the authority gave, where it is for the key.
fn certificate(
    acme: &AcmeSettings,
    key: &KeyPair,
    chain: String,
) -> Result<Certificate, CertificateError> {
    let not_usable = |what: &str| CertificateError::NotUsable(what.to_owned());
    let der = CertificateDer::from_pem_slice(chain.as_bytes());
    let der = der.map_err(|_none| not_usable("it is no certificate"))?;
    let parsed = ParsedCertificate::try_from(&der);
    let parsed = parsed.map_err(|_none| not_usable("it is no certificate"))?;
    if *parsed.subject_public_key_info() != *key.subject_public_key_info() {
        return Err(not_usable("it is for another key"));
    }
    let times = validity(&der).ok_or_else(|| not_usable("it says no times"))?;
    Ok(Certificate {
        directory: acme.directory.clone(),
        domains: acme.domains.clone(),
        not_before: times.0,
        not_after: times.1,
        chain,
    })
}
