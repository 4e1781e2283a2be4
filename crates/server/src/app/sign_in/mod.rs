//! Sign-in with a password that never leaves the device, and choosing one by a one-time link.
//!
//! Every start with a password counts as a failure of its network and its account, which a good end takes back: a client
//! with a wrong password notices by itself, and sends nothing more. Of a passkey the answer counts: who draws what is to
//! be signed has tried nothing.

mod finish;
mod link;
mod passkey;
mod password;
mod second;
mod session;
mod start;

use std::net::IpAddr;
use std::sync::Arc;

use strongroom_crypto::opaque::{OpaqueError, RegistrationUpload, Version};

use super::throttle::{self, Door};
use super::{App, Fault};

pub use finish::finish;
pub use link::{finish_link, start_link};
pub use passkey::{finish_passkey, start_passkey};
pub use password::{finish_password, start_password};
pub use second::finish_second_factor;
pub use start::start;

/// How a password is stored among what signs in.
pub(super) const PASSWORD: &str = "password";

/// Somebody who has not signed in yet.
pub struct Stranger {
    pub(crate) app: Arc<App>,
    pub(crate) address: IpAddr,
}

impl Stranger {
    /// Lets somebody in whose network did not fail too often.
    pub fn new(app: &Arc<App>, address: IpAddr) -> Result<Self, Fault> {
        app.limits.check(address, app.now())?;
        Ok(Self {
            app: Arc::clone(app),
            address,
        })
    }

    /// Charges an attempt, before what opens the door is looked at; fails where there were too many.
    pub(crate) async fn attempt(&self, door: &Door<'_>) -> Result<(), Fault> {
        throttle::attempt(&self.app, self.address, door).await
    }

    /// Pays an attempt back that was right. Where that fails, nothing is lost but a little patience.
    pub(crate) async fn pay_back(&self, door: &Door<'_>) {
        if let Err(error) = throttle::succeeded(&self.app, self.address, door).await {
            tracing::warn!(error = %strongroom_base::with_causes(&error), "an attempt was not paid back");
        }
    }
}

/// Reads a message in hexadecimal.
pub(super) fn message<T>(
    at: &'static str,
    text: &str,
    read: impl FnOnce(&[u8]) -> Result<T, OpaqueError>,
) -> Result<T, Fault> {
    let bytes = super::words::bytes(text)
        .ok_or_else(|| Fault::invalid(at, "a message is an even number of hexadecimal digits"))?;
    read(&bytes).map_err(|error| Fault::invalid(at, error))
}

/// Makes the record that is stored of what a client sent.
pub(super) fn record(upload: &str) -> Result<Vec<u8>, Fault> {
    let upload = message("upload", upload, RegistrationUpload::from_bytes)?;
    let record = strongroom_crypto::opaque::Record::from_upload(Version::CURRENT, upload);
    Ok(record.to_bytes().to_vec())
}
