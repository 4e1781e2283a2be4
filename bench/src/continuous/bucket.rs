//! A bucket at the end of a long way, as a destination.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;
use strongroom_testkit::{Faults, Proxy};

use crate::place::{Place, text};

/// A bucket that is a destination of a place; the way to it is open as long as this is there.
pub(crate) struct Bucket(#[expect(dead_code, reason = "dropping it closes the way")] Proxy);

impl Bucket {
    /// Adds the bucket of the Garage that `cargo xtask services start` has started, under a prefix that nobody used.
    pub(crate) fn open(
        place: &Place,
        name: &str,
        services: &Path,
        round_trip: u64,
    ) -> Result<Self> {
        let help = || format!("{}: cargo xtask services start", services.display());
        let known = std::fs::read(services).with_context(help)?;
        let known: Value = serde_json::from_slice(&known).with_context(help)?;
        let known = |name: &str| known["garage"][name].as_str().with_context(help);
        let address = known("address")?;
        let address = address.strip_prefix("http://").unwrap_or(address);
        let latency = Duration::from_micros(round_trip * 500);
        let way = Proxy::open(
            address,
            Faults {
                latency,
                ..Faults::default()
            },
        );
        let (bucket, region) = (known("bucket")?, known("region")?);
        let now = std::time::UNIX_EPOCH.elapsed()?.as_nanos();
        let url = format!(
            "s3://{bucket}/continuous-{now}?endpoint=http://{}&region={region}",
            way.address()
        );
        let credentials = place.path("credentials");
        let mut options = File::options();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&credentials)?;
        let (id, secret) = (known("key_id")?, known("secret")?);
        writeln!(
            file,
            "aws_access_key_id = {id}\naws_secret_access_key = {secret}"
        )?;
        drop(file);
        let credentials = ["--credentials-file", text(&credentials)?];
        let words = [
            "--quiet",
            "destination",
            "add",
            name,
            &url,
            "--single-writer",
        ];
        place.run(words.into_iter().chain(credentials))?;
        Ok(Self(way))
    }
}
