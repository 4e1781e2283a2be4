//! Limits in bytes per second, which any number of transfers share.
//!
//! A [`Limit`] says how long to wait before bytes may travel. The remote stores ask it for every small piece,
//! so that a line is used evenly; [`ThrottleStore`] asks once for each call of any other store.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strongroom_base::clock::{Clock, Timestamp};

use crate::retry::Sleeper;
use crate::{ObjectPath, Properties, PutOutcome, Store, StoreError};

/// How long nothing must have travelled for the largest burst, in nanoseconds.
const BURST: i128 = 250_000_000;

/// Largest and smallest piece that a remote store moves at a time, in bytes.
const PIECE: (u64, u64) = (1_024, 65_536);

/// A bucket that leaks so many bytes per second.
pub struct Limit {
    bytes_per_second: NonZeroU64,
    clock: Arc<dyn Clock>,
    level: Mutex<Level>,
}

/// What was taken and has not leaked yet, in nanoseconds of the line; negative for a burst to come.
struct Level {
    nanoseconds: i128,
    at: Timestamp,
}

impl Limit {
    /// Makes a limit.
    pub fn new(bytes_per_second: NonZeroU64, clock: Arc<dyn Clock>) -> Self {
        let level = Level {
            nanoseconds: -BURST,
            at: clock.now(),
        };
        Self {
            bytes_per_second,
            clock,
            level: Mutex::new(level),
        }
    }

    /// Takes `bytes`, and returns how long to wait before they travel.
    pub fn take(&self, bytes: u64) -> Duration {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        // A clock that was put back gives nothing, and takes nothing.
        let leaked = (now.0 - level.at.0).max(0);
        let before = (level.nanoseconds - leaked).max(-BURST);
        let cost = i128::from(bytes) * 1_000_000_000 / i128::from(self.bytes_per_second.get());
        *level = Level {
            nanoseconds: before + cost,
            at: now,
        };
        let wait = u64::try_from((before + cost).max(0));
        Duration::from_nanos(wait.unwrap_or(u64::MAX))
    }

    /// Returns how many bytes should move at a time.
    fn piece(&self) -> usize {
        let piece = (self.bytes_per_second.get() / 4).clamp(PIECE.0, PIECE.1);
        usize::try_from(piece).unwrap_or(1)
    }
}

impl std::fmt::Debug for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} B/s", self.bytes_per_second)
    }
}

/// The limits of one destination; without one, bytes travel as fast as they can.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// For what is put.
    pub upload: Option<Arc<Limit>>,
    /// For what is got.
    pub download: Option<Arc<Limit>>,
}

impl Limits {
    /// Says whether there is none.
    pub fn is_unlimited(&self) -> bool {
        self.upload.is_none() && self.download.is_none()
    }
}

/// Returns how long `bytes` have to wait.
pub(crate) fn wait_for(limit: Option<&Arc<Limit>>, bytes: usize) -> Duration {
    limit.map_or(Duration::ZERO, |limit| limit.take(bytes as u64))
}

/// Returns how many bytes should move at a time, at most `most`.
pub(crate) fn piece_of(limit: Option<&Arc<Limit>>, most: usize) -> usize {
    limit.map_or(most, |limit| limit.piece().min(most))
}

/// A store whose calls wait until their bytes may travel.
#[derive(Debug)]
pub struct ThrottleStore<S, Z> {
    inner: S,
    sleeper: Z,
    limits: Limits,
}

impl<S: Store, Z: Sleeper> ThrottleStore<S, Z> {
    /// Limits calls to `inner`, waiting with `sleeper`.
    pub fn new(inner: S, sleeper: Z, limits: Limits) -> Self {
        Self {
            inner,
            sleeper,
            limits,
        }
    }

    fn wait(&self, limit: Option<&Arc<Limit>>, bytes: usize) {
        let wait = wait_for(limit, bytes);
        if !wait.is_zero() {
            self.sleeper.sleep(wait);
        }
    }
}

impl<S: Store, Z: Sleeper> Store for ThrottleStore<S, Z> {
    fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        self.wait(self.limits.upload.as_ref(), bytes.len());
        self.inner.put_new(path, bytes)
    }

    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        let bytes = self.inner.get(path, len_max)?;
        self.wait(self.limits.download.as_ref(), bytes.len());
        Ok(bytes)
    }

    fn get_range(&self, path: &ObjectPath, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        let bytes = self.inner.get_range(path, offset, len)?;
        self.wait(self.limits.download.as_ref(), bytes.len());
        Ok(bytes)
    }

    fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
        self.inner.size(path)
    }

    fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError> {
        self.inner.modified(path)
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(ObjectPath, u64)) -> Result<(), StoreError> {
        self.inner.list(prefix, visit)
    }

    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
        self.inner.delete(path)
    }

    fn locked_until(&self, path: &ObjectPath) -> Result<Option<Timestamp>, StoreError> {
        self.inner.locked_until(path)
    }

    fn extend_lock(&self, path: &ObjectPath, until: Timestamp) -> Result<bool, StoreError> {
        self.inner.extend_lock(path, until)
    }

    fn folders(&self, visit: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        self.inner.folders(visit)
    }

    fn remove_empty(&self, prefix: &str) -> Result<(), StoreError> {
        self.inner.remove_empty(prefix)
    }

    fn is_far(&self) -> bool {
        self.inner.is_far()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn properties(&self) -> Result<Properties, StoreError> {
        self.inner.properties()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    /// A clock that goes on when somebody sleeps, and what was slept.
    #[derive(Clone, Default)]
    struct Time(Arc<Mutex<(Timestamp, Duration)>>);

    impl Time {
        fn add(&self, nanoseconds: i128) {
            self.0.lock().unwrap().0.0 += nanoseconds;
        }
    }

    impl Clock for Time {
        fn now(&self) -> Timestamp {
            self.0.lock().unwrap().0
        }
    }

    impl Sleeper for Time {
        fn sleep(&self, duration: Duration) {
            let mut time = self.0.lock().unwrap();
            time.0.0 += i128::try_from(duration.as_nanos()).unwrap();
            time.1 += duration;
        }
    }

    fn limit(time: &Time, bytes_per_second: u64) -> Arc<Limit> {
        let rate = NonZeroU64::new(bytes_per_second).unwrap();
        Arc::new(Limit::new(rate, Arc::new(time.clone())))
    }

    #[test]
    fn bytes_travel_as_fast_as_the_limit_and_no_faster() {
        let time = Time::default();
        let limits = Limits {
            upload: Some(limit(&time, 1_000)),
            download: Some(limit(&time, 500)),
        };
        let store = ThrottleStore::new(Memory::new(), time.clone(), limits);
        for number in 0..100 {
            let path = ObjectPath::new(&format!("a/{number}")).unwrap();
            let _ = store.put_new(&path, &[0; 100]).unwrap();
        }
        let slept = time.0.lock().unwrap().1;
        assert_eq!(
            slept,
            Duration::from_millis(9_750),
            "10 s but for the burst"
        );
        let path = ObjectPath::new("a/0").unwrap();
        assert_eq!(store.get(&path, 100).unwrap().len(), 100);
        store.get_range(&path, 0, 100).unwrap();
        let slept = time.0.lock().unwrap().1.saturating_sub(slept);
        assert_eq!(slept, Duration::from_millis(150), "0.4 s but for the burst");
    }

    #[test]
    fn a_rest_allows_a_short_burst_and_no_long_one() {
        let time = Time::default();
        let limit = limit(&time, 1_000);
        assert_eq!(limit.take(250), Duration::ZERO);
        time.add(3_600_000_000_000);
        assert_eq!(limit.take(250), Duration::ZERO);
        assert_eq!(limit.take(250), Duration::from_millis(250));
    }

    #[test]
    fn a_clock_that_jumps_makes_nobody_wait_long() {
        let time = Time::default();
        let limit = limit(&time, 1_000);
        let _ = limit.take(1_250);
        time.add(-86_400_000_000_000);
        assert_eq!(limit.take(1_000), Duration::from_secs(2));
        time.add(1_000_000_000);
        assert_eq!(limit.take(1_000), Duration::from_secs(2));
    }
}
