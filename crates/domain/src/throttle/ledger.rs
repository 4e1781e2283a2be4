//! Buckets of many networks in bounded memory.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_base::clock::Timestamp;

use super::bucket::Bucket;

/// At most so many buckets by key. Where one more is needed, the one that would be empty first is
/// forgotten: an attacker with many addresses pushes out their own, each of which had one failure.
#[derive(Clone, Debug)]
pub struct Ledger<K> {
    buckets: BTreeMap<K, Bucket>,
    by_end: BTreeSet<(Timestamp, K)>,
    most: usize,
}

impl<K: Ord + Copy> Ledger<K> {
    /// Makes an empty one for at most so many keys, at least one.
    pub fn new(most: usize) -> Self {
        Self {
            buckets: BTreeMap::new(),
            by_end: BTreeSet::new(),
            most: most.max(1),
        }
    }

    /// Returns the bucket of a key: an empty one if nothing is known.
    pub fn bucket(&self, key: K) -> Bucket {
        self.buckets.get(&key).copied().unwrap_or_default()
    }

    /// Stores the bucket of a key, and forgets what is empty by now.
    pub fn put(&mut self, key: K, bucket: Bucket, now: Timestamp) {
        if let Some(old) = self.buckets.remove(&key) {
            self.by_end.remove(&(old.until(), key));
        }
        while let Some((end, oldest)) = self.by_end.first().copied()
            && (end <= now || self.buckets.len() >= self.most)
        {
            self.by_end.remove(&(end, oldest));
            self.buckets.remove(&oldest);
        }
        if !bucket.is_clean(now) {
            self.buckets.insert(key, bucket);
            self.by_end.insert((bucket.until(), key));
        }
    }

    /// Returns how many keys are known.
    pub fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Tells whether none is.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::bucket::Rate;
    use super::*;
    use crate::moment::after;

    #[test]
    fn it_stays_small_and_keeps_the_worst() {
        let now = Timestamp::from_parts(1_000_000, 0);
        let mut ledger = Ledger::new(1_000);
        let mut worst = Bucket::default();
        for _ in 0..20 {
            worst = worst.charged(Rate::ADDRESS, now);
        }
        ledger.put(u32::MAX, worst, now);
        for key in 0..100_000 {
            ledger.put(key, ledger.bucket(key).charged(Rate::ADDRESS, now), now);
        }
        assert_eq!(ledger.len(), 1_000);
        assert_eq!(ledger.by_end.len(), 1_000);
        assert_eq!(ledger.bucket(u32::MAX), worst);
        let later = after(now, Duration::from_hours(1));
        ledger.put(1, Bucket::default().charged(Rate::ADDRESS, later), later);
        assert_eq!(ledger.len(), 1);
    }
}
