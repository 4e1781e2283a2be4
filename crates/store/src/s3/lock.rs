//! Object Lock: what a bucket says of it, and the retention of single objects.

use std::fmt::Display;

use bytes::Bytes;
use rusty_s3::actions::S3Action as _;
use strongroom_base::clock::Timestamp;

use super::S3;
use super::answer::{Answer, between};
use crate::{LockMode, LockRule, ObjectPath, StoreError};

/// Nanoseconds of a second, and seconds of a day.
const NANOSECONDS: i128 = 1_000_000_000;
const DAY: i128 = 86_400;

/// A bucket in which objects can be locked.
#[derive(Clone, Copy, Debug)]
pub(super) struct BucketLock {
    /// What the bucket does with an object that brings no retention.
    pub(super) default: Option<LockRule>,
}

impl S3 {
    /// Asks once whether the bucket has Object Lock.
    pub(super) async fn bucket_lock(
        &self,
        path: &dyn Display,
    ) -> Result<Option<BucketLock>, StoreError> {
        if let Some(known) = self.bucket_lock.get() {
            return Ok(*known);
        }
        let mut action = self
            .client
            .bucket()
            .get_object(Some(self.client.signer()), "");
        action.query_mut().insert("object-lock", "");
        let answer = self.client.send("look at", path, action, None).await?;
        let found = match answer.checked().await {
            Ok(answer) => understood(&answer.text().await?),
            // Servers and buckets without it answer that it is not there, not known, or not permitted.
            Err(StoreError::NotFound { .. } | StoreError::Refused { .. }) => None,
            Err(StoreError::Io { source, .. }) if source.to_string().starts_with("501") => None,
            Err(error) => return Err(error),
        };
        Ok(*self.bucket_lock.get_or_init(|| found))
    }

    /// Returns the retention of an object that is put now.
    pub(super) fn retention(&self, bucket: Option<&BucketLock>) -> (LockMode, String) {
        let default = bucket.and_then(|bucket| bucket.default);
        let mode = self.lock_mode.or(default.map(|rule| rule.mode));
        let days = self.lock_days.or(default.map(|rule| rule.days));
        let lasts = i128::from(days.unwrap_or_default()) * DAY * NANOSECONDS;
        let until = Timestamp(self.clock.now().0.saturating_add(lasts));
        (mode.unwrap_or(LockMode::Compliance), written(until))
    }

    pub(super) async fn extend(
        &self,
        path: &ObjectPath,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(bucket) = self.bucket_lock(path).await? else {
            return Ok(false);
        };
        let head = self.head(path).await?;
        if until_of(&head, path)?.is_some_and(|already| already >= until) {
            return Ok(true);
        }
        // A lock keeps the mode that it has.
        let mode = head.header("x-amz-object-lock-mode");
        let mode = mode.unwrap_or(mode_name(self.retention(Some(&bucket)).0));
        let body = format!(
            "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>{mode}</Mode>\
             <RetainUntilDate>{}</RetainUntilDate></Retention>",
            written(until)
        );
        let key = self.key(path);
        let mut action = self
            .client
            .bucket()
            .put_object(Some(self.client.signer()), &key);
        action.query_mut().insert("retention", "");
        let answer = self
            .client
            .send("lock", path, action, Some(Bytes::from(body)));
        answer.await?.checked().await.map(|_| true)
    }
}

/// Returns until when an object is locked.
pub(super) fn until_of(head: &Answer, path: &ObjectPath) -> Result<Option<Timestamp>, StoreError> {
    let Some(text) = head.header("x-amz-object-lock-retain-until-date") else {
        return Ok(None);
    };
    let until: jiff::Timestamp = text.parse().map_err(|_| {
        let error = std::io::Error::other(format!("`{text}` is not a time"));
        StoreError::from_io("look at", path, error)
    })?;
    Ok(Some(Timestamp(until.as_nanosecond())))
}

/// Returns the name of a mode as servers know it.
pub(super) fn mode_name(mode: LockMode) -> &'static str {
    match mode {
        LockMode::Governance => "GOVERNANCE",
        LockMode::Compliance => "COMPLIANCE",
    }
}

fn written(time: Timestamp) -> String {
    let seconds = i64::try_from(time.0.div_euclid(NANOSECONDS)).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Understands the configuration of a bucket.
fn understood(text: &str) -> Option<BucketLock> {
    let enabled = between(text, "<ObjectLockEnabled>", "</ObjectLockEnabled>");
    if enabled != Some("Enabled") {
        return None;
    }
    let mode = match between(text, "<Mode>", "</Mode>") {
        Some("COMPLIANCE") => Some(LockMode::Compliance),
        Some("GOVERNANCE") => Some(LockMode::Governance),
        _ => None,
    };
    let number = |open, close| between(text, open, close).and_then(|text| text.parse().ok());
    let days: Option<u32> = number("<Days>", "</Days>");
    let years: Option<u32> = number("<Years>", "</Years>");
    let days = days.or(years.map(|years| years.saturating_mul(365)));
    let default = mode.zip(days).map(|(mode, days)| LockRule { mode, days });
    Some(BucketLock { default })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_says_what_it_locks() {
        let rule = |text| understood(text).map(|lock| lock.default);
        let enabled = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>";
        assert_eq!(rule(enabled), Some(None));
        let with = format!(
            "{enabled}<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Years>2</Years></DefaultRetention></Rule>"
        );
        let expected = LockRule {
            mode: LockMode::Governance,
            days: 730,
        };
        assert_eq!(rule(&with), Some(Some(expected)));
        assert_eq!(rule("<ObjectLockConfiguration/>"), None);
    }

    #[test]
    fn a_time_is_written_as_servers_read_it() {
        assert_eq!(written(Timestamp(1_500_000_000)), "1970-01-01T00:00:01Z");
    }
}
