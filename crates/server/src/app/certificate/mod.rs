//! The certificate that an authority gives by ACME: ordered and renewed by one node, shown by all. `spec/certificate-v1.md`.

mod error;
mod keep;
mod order;
mod validity;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use strongroom_base::clock::Timestamp;
use strongroom_base::with_causes;
use strongroom_db::certificates::{self, Certificate, Stored};
use strongroom_domain::moment::{DAY, after, elapsed};
use zeroize::Zeroizing;

use super::{App, Fault, system};

pub use error::CertificateError;
pub use keep::{key, new_key};
pub use validity::validity;

/// How long an attempt may take: less than a job is its node's.
const PATIENCE: Duration = Duration::from_mins(5);

/// How long after the first failure it is tried again, and how long at most.
const RETRY: Duration = Duration::from_mins(5);
const RETRY_MAX: Duration = Duration::from_hours(12);

/// A certificate is renewed when less than this part of its life is left, and it is alarming when less than that is.
const RENEWED_PART: u32 = 3;
const ALARMING_PART: u32 = 6;

/// An authority that gives the server its certificate.
#[derive(Clone, Debug)]
pub struct AcmeSettings {
    /// The URL of its directory.
    pub directory: String,
    /// The names of the server.
    pub domains: Vec<String>,
    /// Whom it may write to, as URLs.
    pub contact: Vec<String>,
    /// A file with what vouches for the directory, where no public authority does.
    pub ca: Option<PathBuf>,
}

/// What a node shows.
pub struct Given {
    /// The certificate, and those above it (PEM).
    pub chain: String,
    /// Its key (PEM).
    pub key: Zeroizing<String>,
}

/// Returns the certificate that was given for what is configured; `None` where there is none yet.
pub async fn given(app: &App) -> Result<Option<Given>, Fault> {
    let Some(acme) = &app.settings.acme else {
        return Ok(None);
    };
    let stored = certificates::find(&app.database.read().await?).await?;
    let Some(certificate) = of(&stored, acme) else {
        return Ok(None);
    };
    let chain = certificate.chain.clone();
    let key = key(app).await?;
    Ok(Some(Given { chain, key }))
}

/// Returns how often in a row none was given.
pub async fn failures(app: &App) -> Result<u32, Fault> {
    let stored = certificates::find(&app.database.read().await?).await?;
    Ok(stored.failures)
}

/// Returns what the certificate of a name must have while an authority looks at it.
pub async fn challenge(app: &App, domain: &str) -> Result<Option<[u8; 32]>, Fault> {
    let acme = app.settings.acme.as_ref();
    let is_ours = acme.is_some_and(|acme| acme.domains.iter().any(|ours| ours == domain));
    if !is_ours {
        return Ok(None);
    }
    let reading = app.database.read().await?;
    Ok(certificates::challenge(&reading, domain).await?)
}

/// Orders a certificate where there is none, or where it is to be renewed; says how many were given.
pub(crate) async fn renew_if_due(app: &App) -> Result<u64, Fault> {
    let Some(acme) = &app.settings.acme else {
        return Ok(0);
    };
    let stored = certificates::find(&app.database.read().await?).await?;
    let now = app.now();
    if !is_due(&stored, acme, now) {
        return Ok(0);
    }
    let ordering = tokio::time::timeout(PATIENCE, order::order(app, acme));
    let outcome = ordering.await.unwrap_or(Err(CertificateError::TooLong));
    match outcome {
        Ok(certificate) => {
            take(app, certificate).await?;
            Ok(1)
        }
        Err(error) => Err(failed(app, acme, stored, &error).await?),
    }
}

/// Stores a certificate that was given, and puts that on record.
async fn take(app: &App, certificate: Certificate) -> Result<(), Fault> {
    let details = BTreeMap::from([
        ("names".to_owned(), certificate.domains.join(" ")),
        ("authority".to_owned(), certificate.directory.clone()),
        (
            "ends".to_owned(),
            super::words::moment(certificate.not_after),
        ),
    ]);
    let stored = Stored {
        certificate: Some(certificate),
        ..Stored::default()
    };
    let writing = app.database.write().await?;
    certificates::store(&writing, &stored).await?;
    certificates::end_challenges(&writing).await?;
    system::record(app, &writing, "server.certificate-given", details).await?;
    writing.commit().await?;
    Ok(())
}

/// Notes that none was given, and says so.
async fn failed(
    app: &App,
    acme: &AcmeSettings,
    stored: Stored,
    error: &CertificateError,
) -> Result<Fault, Fault> {
    let now = app.now();
    let failures = stored.failures.saturating_add(1);
    let mut chance = [0; 4];
    app.random.fill(&mut chance);
    let wait = wait(failures, u32::from_le_bytes(chance));
    let why = with_causes(error);
    match of(&stored, acme) {
        Some(known) if part_left(known, now) > ALARMING_PART => {
            let days = elapsed(now, known.not_after).as_secs() / DAY.as_secs();
            tracing::error!(error = %why, days, "the certificate ends soon, and is not renewed");
        }
        Some(_) => tracing::warn!(error = %why, "the certificate was not renewed"),
        None => tracing::error!(error = %why, "no certificate was given"),
    }
    let stored = Stored {
        failures,
        next_try: Some(after(now, wait)),
        ..stored
    };
    let writing = app.database.note().await?;
    certificates::store(&writing, &stored).await?;
    certificates::end_challenges(&writing).await?;
    writing.commit().await?;
    Ok(Fault::Refused(why))
}

/// Returns the certificate, where it is for what is configured.
fn of<'a>(stored: &'a Stored, acme: &AcmeSettings) -> Option<&'a Certificate> {
    let certificate = stored.certificate.as_ref()?;
    let is_same = certificate.directory == acme.directory && certificate.domains == acme.domains;
    is_same.then_some(certificate)
}

fn is_due(stored: &Stored, acme: &AcmeSettings, now: Timestamp) -> bool {
    let is_waiting = stored.next_try.is_some_and(|next| {
        // Nobody waits for longer: the clock was set back.
        next > now && elapsed(now, next) <= RETRY_MAX.saturating_mul(2)
    });
    let is_due = of(stored, acme).is_none_or(|known| part_left(known, now) > RENEWED_PART);
    is_due && !is_waiting
}

/// Says how many times what is left of a certificate's life goes into it.
fn part_left(certificate: &Certificate, now: Timestamp) -> u32 {
    if certificate.not_after <= now {
        return u32::MAX;
    }
    let life = elapsed(certificate.not_before, certificate.not_after).as_secs();
    let left = elapsed(now, certificate.not_after).as_secs().max(1);
    u32::try_from(life.div_ceil(left)).unwrap_or(u32::MAX)
}

/// Returns how long to wait after so many failures in a row.
fn wait(failures: u32, chance: u32) -> Duration {
    let doubled = 1 << failures.saturating_sub(1).min(10);
    let wait = RETRY.saturating_mul(doubled).min(RETRY_MAX);
    let more = wait / 5;
    wait + more.mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i128 = 1_700_000_000;

    fn at(seconds: i128) -> Timestamp {
        Timestamp(seconds * 1_000_000_000)
    }

    fn acme() -> AcmeSettings {
        AcmeSettings {
            directory: "https://authority/directory".to_owned(),
            domains: vec!["a.example".to_owned()],
            contact: Vec::new(),
            ca: None,
        }
    }

    /// One of 90 days, of which so many are left.
    fn stored(days_left: i128) -> Stored {
        let end = NOW + days_left * 86_400;
        let certificate = Certificate {
            directory: acme().directory,
            domains: acme().domains,
            chain: "a chain".to_owned(),
            not_before: at(end - 90 * 86_400),
            not_after: at(end),
        };
        Stored {
            certificate: Some(certificate),
            ..Stored::default()
        }
    }

    #[test]
    fn it_is_renewed_in_the_last_third_of_its_life() {
        for (days, due) in [(90, false), (31, false), (29, true), (1, true), (-5, true)] {
            assert_eq!(is_due(&stored(days), &acme(), at(NOW)), due, "{days}");
        }
        assert!(is_due(&Stored::default(), &acme(), at(NOW)));
    }

    #[test]
    fn one_for_other_names_or_of_another_authority_is_none() {
        let mut other = acme();
        other.domains.push("b.example".to_owned());
        assert!(is_due(&stored(80), &other, at(NOW)));
        let mut other = acme();
        other.directory.push('2');
        assert!(is_due(&stored(80), &other, at(NOW)));
    }

    #[test]
    fn what_failed_waits_and_a_clock_that_was_set_back_does_not() {
        let mut waiting = stored(5);
        waiting.next_try = Some(at(NOW + 60));
        assert!(!is_due(&waiting, &acme(), at(NOW)));
        assert!(is_due(&waiting, &acme(), at(NOW + 60)));
        assert!(is_due(&waiting, &acme(), at(NOW - 3 * 86_400)));
    }

    #[test]
    fn each_failure_doubles_the_wait() {
        for (failures, minutes) in [(1, 5), (2, 10), (3, 20), (8, 640), (9, 720), (99, 720)] {
            let least = Duration::from_mins(minutes);
            assert_eq!(wait(failures, 0), least, "{failures}");
            assert_eq!(wait(failures, u32::MAX), least + least / 5, "{failures}");
        }
        assert!(RETRY_MAX + RETRY_MAX / 5 < RETRY_MAX * 2);
    }
}
