//! Orders and renews the certificate of an authority, and shows it: apart from other jobs, since an authority may take its time.

use std::sync::Arc;
use std::time::Duration;

use strongroom_base::with_causes;

use super::{Job, attempt};
use crate::app::certificate;
use crate::http::Site;
use crate::http::tls::{self, Pem};

/// How often is looked for a certificate that another node was given, and whether one is to be ordered.
const PERIOD: Duration = Duration::from_secs(20);

/// Orders, and shows what is newest, again and again, until it is dropped; nothing where no authority is configured.
pub async fn run(site: Arc<Site>) {
    if site.app.settings.acme.is_none() {
        return;
    }
    loop {
        tick(&site).await;
        tokio::time::sleep(PERIOD).await;
    }
}

/// Does so once.
pub async fn tick(site: &Site) {
    if let Err(error) = attempt(&site.app, Job::Certificate).await {
        tracing::warn!(job = Job::Certificate.name(), error = %with_causes(&error), "a job could not be claimed");
    }
    refresh(site).await;
}

/// Shows the certificate that was given last, by whichever node it was ordered. What cannot be read now leaves what is shown.
pub async fn refresh(site: &Site) {
    match certificate::given(&site.app).await {
        Ok(None) => {}
        Ok(Some(given)) => {
            let pem = Pem {
                certificates: given.chain,
                key: given.key,
            };
            match site.certificates.show(&pem) {
                Ok(false) => {}
                Ok(true) => {
                    let hash = tls::fingerprint(&pem).unwrap_or_default();
                    tracing::info!(certificate = hash, "another certificate is shown");
                }
                Err(error) => {
                    tracing::error!(error = %with_causes(&error), "the certificate that was given cannot be shown");
                }
            }
        }
        Err(error) => {
            tracing::error!(error = %with_causes(&error), "the certificate that was given cannot be read");
        }
    }
    let failures = certificate::failures(&site.app).await.unwrap_or(0);
    site.metrics.certificate_failures.set(failures.into());
}
