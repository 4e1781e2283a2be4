//! Limits in bytes per second, which any number of transfers share.
//!
//! A [`Limit`] says how long to wait before bytes may travel. The remote stores ask it for every small piece,
//! so that a line is used evenly; [`ThrottleStore`] asks once for each call of any other store.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// 0 while there is no limit.
    bytes_per_second: AtomicU64,
    clock: Arc<dyn Clock>,
    level: Mutex<Level>,
    /// What is taken here is taken there, too.
    wider: Option<Arc<Limit>>,
}

/// What was taken and has not leaked yet, in nanoseconds of the line; negative for a burst to come.
struct Level {
    nanoseconds: i128,
    at: Timestamp,
}

impl Limit {
    /// Makes a limit.
    pub fn new(bytes_per_second: NonZeroU64, clock: Arc<dyn Clock>) -> Self {
        Self::at(Some(bytes_per_second), clock)
    }

    /// Makes a limit that may be none for now; see [`set`](Self::set).
    pub fn at(bytes_per_second: Option<NonZeroU64>, clock: Arc<dyn Clock>) -> Self {
        let level = Level {
            nanoseconds: -BURST,
            at: clock.now(),
        };
        Self {
            bytes_per_second: AtomicU64::new(bytes_per_second.map_or(0, NonZeroU64::get)),
            clock,
            level: Mutex::new(level),
            wider: None,
        }
    }

    /// Lets what is taken here count there, too: several limits can lie within one.
    #[must_use]
    pub fn within(mut self, wider: Arc<Limit>) -> Self {
        self.wider = Some(wider);
        self
    }

    /// Changes the limit from now on; `None` for as fast as it goes.
    pub fn set(&self, bytes_per_second: Option<NonZeroU64>) {
        let rate = bytes_per_second.map_or(0, NonZeroU64::get);
        self.bytes_per_second.store(rate, Ordering::Relaxed);
    }

    fn rate(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.bytes_per_second.load(Ordering::Relaxed))
    }

    /// Takes `bytes`, and returns how long to wait before they travel.
    pub fn take(&self, bytes: u64) -> Duration {
        let wider = self.wider.as_ref();
        let wider = wider.map_or(Duration::ZERO, |wider| wider.take(bytes));
        let own = self.rate().map(|rate| self.take_at(rate, bytes));
        own.map_or(wider, |own| own.max(wider))
    }

    fn take_at(&self, rate: NonZeroU64, bytes: u64) -> Duration {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        // A clock that was put back gives nothing, and takes nothing.
        let leaked = (now.0 - level.at.0).max(0);
        let before = (level.nanoseconds - leaked).max(-BURST);
        let cost = i128::from(bytes) * 1_000_000_000 / i128::from(rate.get());
        *level = Level {
            nanoseconds: before + cost,
            at: now,
        };
        let wait = u64::try_from((before + cost).max(0));
        Duration::from_nanos(wait.unwrap_or(u64::MAX))
    }

    /// Returns how many bytes should move at a time, at most `most`.
    fn piece(&self, most: usize) -> usize {
        let most = self.wider.as_ref().map_or(most, |wider| wider.piece(most));
        let piece = |rate: NonZeroU64| (rate.get() / 4).clamp(PIECE.0, PIECE.1);
        let piece = self.rate().map(piece);
        let piece = piece.map(|piece| usize::try_from(piece).unwrap_or(1));
        piece.map_or(most, |piece| piece.min(most))
    }
}

impl std::fmt::Debug for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.rate() {
            Some(rate) => write!(f, "{rate} B/s"),
            None => f.write_str("no limit"),
        }
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
    limit.map_or(most, |limit| limit.piece(most))
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
    fn limits_within_one_share_it_and_it_can_change() {
        let time = Time::default();
        let wider = Arc::new(Limit::at(None, Arc::new(time.clone())));
        let narrow = |rate: u64| {
            let limit = Limit::new(NonZeroU64::new(rate).unwrap(), Arc::new(time.clone()));
            limit.within(Arc::clone(&wider))
        };
        let (one, other) = (narrow(1 << 40), narrow(1 << 40));
        assert_eq!(one.take(1_000_000), Duration::ZERO);
        assert_eq!(one.piece(usize::MAX), 65_536, "of its own");
        wider.set(NonZeroU64::new(8_000));
        assert_eq!(one.piece(usize::MAX), 2_000);
        time.add(BURST * 4);
        let waits = [one.take(4_000), other.take(4_000), one.take(8_000)];
        let waits = waits.map(|wait| wait.as_millis());
        assert_eq!(waits, [250, 750, 1_750]);
        wider.set(None);
        assert_eq!(other.take(1_000_000), Duration::ZERO);
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
