//! A wrapper that tries again what failed for a passing reason.

use std::time::Duration;

use strongroom_base::clock::Timestamp;

use crate::{ObjectPath, Properties, PutOutcome, Store, StoreError};

/// Waits.
pub trait Sleeper: Send + Sync {
    /// Returns after `duration`.
    fn sleep(&self, duration: Duration);
}

/// Lets the thread sleep.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadSleeper;

impl Sleeper for ThreadSleeper {
    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// How often and how soon to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a call is tried in all.
    pub attempts_max: u32,
    /// How long to wait before the second attempt; each further wait is twice as long.
    pub delay_first: Duration,
    /// The longest wait.
    pub delay_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts_max: 6,
            delay_first: Duration::from_millis(200),
            delay_max: Duration::from_secs(10),
        }
    }
}

/// A store that tries again after [transient](StoreError::is_transient) errors.
///
/// `AlreadyThere` can then mean an earlier attempt of the same put whose answer was lost: where it matters,
/// compare. A listing is tried again only while nothing has been visited.
#[derive(Debug)]
pub struct RetryStore<S, Z> {
    inner: S,
    sleeper: Z,
    policy: RetryPolicy,
}

impl<S: Store, Z: Sleeper> RetryStore<S, Z> {
    /// Retries calls to `inner`, waiting with `sleeper`.
    pub fn new(inner: S, sleeper: Z, policy: RetryPolicy) -> Self {
        Self {
            inner,
            sleeper,
            policy,
        }
    }

    /// Returns the store that does the work.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn run<T>(&self, work: impl FnMut() -> Attempt<T>) -> Result<T, StoreError> {
        attempt(self.policy, &self.sleeper, work)
    }
}

/// Does something until it works, fails for a reason that lasts, or was tried often enough.
pub fn retried<T>(
    policy: RetryPolicy,
    sleeper: &dyn Sleeper,
    mut work: impl FnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    attempt(policy, sleeper, || work().into())
}

fn attempt<T>(
    policy: RetryPolicy,
    sleeper: &dyn Sleeper,
    mut work: impl FnMut() -> Attempt<T>,
) -> Result<T, StoreError> {
    let mut delay = policy.delay_first.min(policy.delay_max);
    for _ in 1..policy.attempts_max {
        let attempt = work();
        match attempt.result {
            Err(error) if error.is_transient() && attempt.repeatable => {}
            result => return result,
        }
        sleeper.sleep(delay);
        delay = delay.saturating_mul(2).min(policy.delay_max);
    }
    work().result
}

/// What came of one attempt.
struct Attempt<T> {
    result: Result<T, StoreError>,
    repeatable: bool,
}

impl<T> From<Result<T, StoreError>> for Attempt<T> {
    fn from(result: Result<T, StoreError>) -> Self {
        Self {
            result,
            repeatable: true,
        }
    }
}

impl<S: Store, Z: Sleeper> Store for RetryStore<S, Z> {
    fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        self.run(|| self.inner.put_new(path, bytes).into())
    }

    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        self.run(|| self.inner.get(path, len_max).into())
    }

    fn get_range(&self, path: &ObjectPath, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        self.run(|| self.inner.get_range(path, offset, len).into())
    }

    fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
        self.run(|| self.inner.size(path).into())
    }

    fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError> {
        self.run(|| self.inner.modified(path).into())
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(ObjectPath, u64)) -> Result<(), StoreError> {
        self.run(|| {
            let mut repeatable = true;
            let result = self.inner.list(prefix, &mut |path, size| {
                repeatable = false;
                visit(path, size);
            });
            Attempt { result, repeatable }
        })
    }

    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
        self.run(|| self.inner.delete(path).into())
    }

    fn locked_until(&self, path: &ObjectPath) -> Result<Option<Timestamp>, StoreError> {
        self.run(|| self.inner.locked_until(path).into())
    }

    fn extend_lock(&self, path: &ObjectPath, until: Timestamp) -> Result<bool, StoreError> {
        self.run(|| self.inner.extend_lock(path, until).into())
    }

    fn folders(&self, visit: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        self.run(|| self.inner.folders(visit).into())
    }

    fn remove_empty(&self, prefix: &str) -> Result<(), StoreError> {
        self.run(|| self.inner.remove_empty(prefix).into())
    }

    fn is_far(&self) -> bool {
        self.inner.is_far()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn properties(&self) -> Result<Properties, StoreError> {
        self.run(|| self.inner.properties().into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::Memory;
    use crate::fault::{Fault, FaultPlan, FaultStore};

    #[derive(Default)]
    struct Waits(Mutex<Vec<u64>>);

    impl Sleeper for Waits {
        fn sleep(&self, duration: Duration) {
            self.0.lock().unwrap().push(duration.as_secs());
        }
    }

    /// Puts once with these faults at the first calls; returns the result, the calls and the waits.
    fn put(faults: &[Fault]) -> (Result<PutOutcome, StoreError>, u64, Vec<u64>) {
        let plan = (1..)
            .zip(faults)
            .fold(FaultPlan::none(), |plan, (call, fault)| {
                plan.with_fault(call, *fault)
            });
        let plan = Arc::new(plan);
        let policy = RetryPolicy {
            attempts_max: 5,
            delay_first: Duration::from_secs(1),
            delay_max: Duration::from_secs(3),
        };
        let inner = FaultStore::new(Memory::new(), Arc::clone(&plan));
        let store = RetryStore::new(inner, Waits::default(), policy);
        let result = store.put_new(&ObjectPath::new("a").unwrap(), b"1");
        (result, plan.calls(), store.sleeper.0.into_inner().unwrap())
    }

    #[test]
    fn a_passing_fault_is_waited_out_longer_each_time() {
        let (result, calls, waits) = put(&[Fault::Io, Fault::Gone, Fault::Io, Fault::Io]);
        assert_eq!(result.unwrap(), PutOutcome::Stored);
        assert_eq!((calls, waits), (5, vec![1, 2, 3, 3]));
    }

    #[test]
    fn a_lasting_fault_is_given_up() {
        let (result, calls, waits) = put(&[Fault::Io; 9]);
        assert!(matches!(result, Err(StoreError::Io { .. })));
        assert_eq!((calls, waits.len()), (5, 4));
    }

    #[test]
    fn what_does_not_pass_is_not_tried_again() {
        for fault in [Fault::Full, Fault::ReadOnly, Fault::Denied] {
            let (result, calls, _) = put(&[fault]);
            assert!(result.is_err());
            assert_eq!(calls, 1);
        }
    }

    #[test]
    fn a_lost_answer_ends_as_already_there() {
        let (result, calls, _) = put(&[Fault::LostAnswer]);
        assert_eq!((result.unwrap(), calls), (PutOutcome::AlreadyThere, 2));
    }

    #[test]
    fn a_listing_that_began_is_not_repeated() {
        let plan = Arc::new(
            FaultPlan::none()
                .with_fault(2, Fault::Io)
                .with_fault(4, Fault::LostAnswer),
        );
        let inner = FaultStore::new(Memory::new(), plan);
        let store = RetryStore::new(inner, Waits::default(), RetryPolicy::default());
        let _ = store.put_new(&ObjectPath::new("a").unwrap(), b"1").unwrap();
        let list = || {
            let mut visits = 0;
            (store.list("", &mut |_, _| visits += 1).is_ok(), visits)
        };
        assert_eq!(list(), (true, 1), "calls 2 and 3");
        assert_eq!(list(), (false, 1), "call 4");
    }
}
