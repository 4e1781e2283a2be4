//! What waits for the next snapshot, and when that is due.

use std::time::Duration;

use strongroom_engine::backup::Hints;

use super::moment::Moment;

/// How long a failed snapshot waits for its next attempt; the last one counts for all later ones.
const RETRIES: [u64; 4] = [5, 15, 60, 300];

/// How soon it is tried again while a command works on the archive.
const LOCKED_EVERY: Duration = Duration::from_secs(1);

/// More hints than this are one: look at everything.
const HINTS_MAX: usize = 100_000;
/// How long after a queue has ended the spool is looked at.
const TEND_AFTER: Duration = Duration::from_secs(3);
/// Looks at everything that come before their time take one part in so many of it.
const SPARING: u32 = 20;

/// When a snapshot is due.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// After the last change it must have been calm for so long.
    pub calm: Duration,
    /// During a burst one is due so long after the first change.
    pub burst: Duration,
    /// So often everything is looked at, whatever was noticed.
    pub full: Duration,
    /// So often destinations that lack something are tried.
    pub retry: Duration,
    /// So often destinations that snapshots are written to at once are looked at, while there is none.
    pub look: Duration,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self {
            calm: Duration::from_secs(1),
            burst: Duration::from_secs(15),
            full: Duration::from_hours(24),
            retry: Duration::from_mins(1),
            look: Duration::from_mins(1),
        }
    }
}

/// What a snapshot is to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everything.
    All,
    /// What hints name.
    Hints(Hints),
}

impl Scope {
    /// Says whether there is nothing to look at.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Hints(hints) if hints.is_empty())
    }
}

/// What waits for the next snapshot.
#[derive(Debug)]
pub(super) struct Pending {
    rhythm: Rhythm,
    hints: Hints,
    all: bool,
    /// Files of which other names are to be searched for.
    files: Hints,
    /// When that is to be done, if there are any.
    files_at: Option<Moment>,
    /// Not before then: searching costs more than a snapshot of what was hinted at.
    files_not_before: Moment,
    first: Option<Moment>,
    last: Option<Moment>,
    failures: usize,
    /// Not before then, after a failure.
    not_before: Option<Moment>,
    full_at: Moment,
    /// How long the last look at everything took.
    full_took: Duration,
    /// When destinations that lack something are tried again.
    retry_at: Option<Moment>,
}

impl Pending {
    /// Begins with everything to be looked at, as soon as a watch is in place.
    pub(super) fn new(rhythm: Rhythm, now: Moment) -> Self {
        Self {
            rhythm,
            hints: Hints::default(),
            all: false,
            files: Hints::default(),
            files_at: None,
            files_not_before: now,
            first: None,
            last: None,
            failures: 0,
            not_before: None,
            full_at: now + rhythm.full,
            full_took: Duration::ZERO,
            retry_at: None,
        }
    }

    /// Notes what may have changed.
    pub(super) fn note(&mut self, hints: Hints, now: Moment) {
        self.hints.merge(hints);
        if self.hints.len() > HINTS_MAX {
            (self.hints, self.all) = (Hints::default(), true);
        }
        self.touch(now);
    }

    /// Notes that anything may have changed.
    pub(super) fn note_all(&mut self, now: Moment) {
        self.all = true;
        self.touch(now);
    }

    /// Notes files of which other names may have changed. They are searched for soon: the sooner the less that costs.
    pub(super) fn note_files(&mut self, files: Hints, now: Moment) {
        if files.is_empty() {
            return;
        }
        self.files.merge(files);
        if self.files.len() > HINTS_MAX {
            (self.files, self.files_at) = (Hints::default(), None);
            let soon = now + self.full_took.saturating_mul(SPARING).max(self.rhythm.calm);
            self.full_at = self.full_at.min(soon);
            return;
        }
        let soon = (now + self.rhythm.calm).max(self.files_not_before);
        self.files_at = Some(self.files_at.map_or(soon, |at| at.min(soon)));
    }

    /// Lets everything be looked at within a time, for the sake of what could not be read.
    pub(super) fn look_at_all_within(&mut self, time: Duration, now: Moment) {
        self.full_at = self.full_at.min(now + time);
    }

    /// Lets destinations and the spool be looked at soon, whatever else waits; what failed is tried again.
    pub(super) fn tend_soon(&mut self, now: Moment) {
        let soon = now + TEND_AFTER;
        self.retry_at = Some(self.retry_at.map_or(soon, |at| at.min(soon)));
        self.not_before = self.not_before.map(|not_before| not_before.min(soon));
    }

    /// Makes a snapshot due at once.
    pub(super) fn hurry(&mut self, now: Moment) {
        let long_ago = now.checked_sub(self.rhythm.burst).unwrap_or(now);
        self.first = Some(self.first.map_or(long_ago, |first| first.min(long_ago)));
        self.last = self.last.or(Some(long_ago));
        self.not_before = None;
        self.files_at = self.files_at.map(|at| at.min(now));
    }

    fn touch(&mut self, now: Moment) {
        self.first = self.first.or(Some(now));
        self.last = Some(now);
    }

    /// Returns how many hints wait.
    pub(super) fn len(&self) -> usize {
        self.hints.len() + self.files.len() + usize::from(self.all)
    }

    /// Returns when the next snapshot is due.
    pub(super) fn due(&self) -> Moment {
        let changes = self.first.zip(self.last);
        let changes =
            changes.map(|(first, last)| (last + self.rhythm.calm).min(first + self.rhythm.burst));
        let later = self
            .retry_at
            .map_or(self.full_at, |at| at.min(self.full_at));
        let due = changes
            .into_iter()
            .chain(self.files_at)
            .fold(later, Moment::min);
        self.not_before
            .map_or(due, |not_before| due.max(not_before))
    }

    /// Takes what the snapshot that is due is to look at.
    pub(super) fn take(&mut self, now: Moment) -> Scope {
        if now >= self.full_at {
            self.all = true;
        }
        (self.first, self.last, self.retry_at) = (None, None, None);
        let mut hints = std::mem::take(&mut self.hints);
        if self.all || self.files_at.is_some_and(|at| at <= now) {
            self.files_at = None;
            hints.merge(std::mem::take(&mut self.files));
        }
        if std::mem::take(&mut self.all) {
            return Scope::All;
        }
        Scope::Hints(hints)
    }

    /// Notes that a snapshot of this scope is done, which began then; whether every destination has it.
    pub(super) fn succeeded(&mut self, scope: &Scope, complete: bool, began: Moment, now: Moment) {
        (self.failures, self.not_before) = (0, None);
        if *scope == Scope::All {
            self.full_at = now + self.rhythm.full;
            self.full_took = now.saturating_duration_since(began);
        }
        if let Scope::Hints(hints) = scope
            && hints.has_files()
        {
            let took = now.saturating_duration_since(began);
            self.files_not_before = now + took.saturating_mul(SPARING);
        }
        self.retry_at = (!complete).then(|| now + self.rhythm.retry);
    }

    /// Puts back what a snapshot that was given up was to look at.
    pub(super) fn put_back(&mut self, scope: Scope, now: Moment) {
        match scope {
            Scope::All => self.all = true,
            Scope::Hints(hints) => self.hints.merge(hints),
        }
        self.touch(now);
    }

    /// Notes that a command works on the archive. That is no failure, and the snapshot is made when it has ended.
    pub(super) fn locked_out(&mut self, scope: Scope, now: Moment) {
        self.put_back(scope, now);
        self.not_before = Some(now + LOCKED_EVERY);
    }

    /// Notes that a snapshot failed: what it was to look at waits for the next attempt.
    pub(super) fn failed(&mut self, scope: Scope, now: Moment) {
        self.put_back(scope, now);
        let seconds = RETRIES[self.failures.min(RETRIES.len() - 1)];
        self.failures += 1;
        self.not_before = Some(now + Duration::from_secs(seconds));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Moment, seconds: u64) -> Moment {
        start + Duration::from_secs(seconds)
    }

    fn hints(path: &str) -> Hints {
        let mut hints = Hints::default();
        hints.directory(path.as_bytes().to_vec());
        hints
    }

    #[test]
    fn a_snapshot_is_due_when_it_is_calm_and_during_a_burst() {
        let start = Moment(Duration::from_secs(1_000_000));
        let mut pending = Pending::new(Rhythm::default(), start);
        assert_eq!(pending.due(), at(start, 86_400));
        pending.note(hints("/a"), at(start, 10));
        assert_eq!(pending.due(), at(start, 11));
        for second in 11..30 {
            pending.note(hints("/b"), at(start, second));
        }
        assert_eq!(pending.due(), at(start, 25));
        assert_eq!(pending.len(), 2);
        let scope = pending.take(at(start, 25));
        assert!(matches!(&scope, Scope::Hints(hints) if hints.len() == 2));
        pending.succeeded(&scope, true, at(start, 25), at(start, 26));
        assert_eq!(pending.due(), at(start, 86_400));
    }

    #[test]
    fn what_failed_is_tried_again_later_and_later() {
        let start = Moment(Duration::from_secs(1_000_000));
        let mut pending = Pending::new(Rhythm::default(), start);
        pending.note(hints("/a"), start);
        for wait in [5, 15, 60, 300, 300] {
            let scope = pending.take(start);
            pending.failed(scope, start);
            assert_eq!(pending.due(), at(start, wait));
            assert_eq!(pending.len(), 1);
        }
        pending.hurry(start);
        assert!(pending.due() <= start);
        let scope = pending.take(start);
        pending.succeeded(&scope, true, start, start);
        pending.note(hints("/b"), start);
        assert_eq!(pending.due(), at(start, 1));
    }

    #[test]
    fn a_command_on_the_archive_is_no_failure() {
        let start = Moment(Duration::from_secs(1_000_000));
        let mut pending = Pending::new(Rhythm::default(), start);
        pending.note(hints("/a"), start);
        for _ in 0..10 {
            let scope = pending.take(start);
            pending.locked_out(scope, start);
            assert_eq!(pending.due(), at(start, 1));
            assert_eq!(pending.len(), 1);
        }
        let scope = pending.take(start);
        pending.failed(scope, start);
        assert_eq!(pending.due(), at(start, 5), "the first failure");
    }

    #[test]
    fn everything_is_looked_at_daily_and_destinations_are_tried_again() {
        let start = Moment(Duration::from_secs(1_000_000));
        let mut pending = Pending::new(Rhythm::default(), start);
        let scope = pending.take(at(start, 5));
        assert_eq!(scope, Scope::Hints(Hints::default()));
        pending.succeeded(&scope, false, at(start, 5), at(start, 5));
        assert_eq!(pending.due(), at(start, 65));
        let scope = pending.take(at(start, 90_000));
        assert_eq!(scope, Scope::All);
        pending.failed(scope, at(start, 90_000));
        assert_eq!(pending.due(), at(start, 90_005), "not at once");
        assert_eq!(pending.take(at(start, 90_001)), Scope::All);
    }

    #[test]
    fn what_costs_much_is_put_off_for_longer() {
        let start = Moment(Duration::from_secs(1_000_000));
        let mut pending = Pending::new(Rhythm::default(), start);
        pending.note_all(start);
        let scope = pending.take(at(start, 1));
        pending.succeeded(&scope, true, at(start, 1), at(start, 7));
        assert_eq!(pending.due(), at(start, 86_407));
        for number in 0..=HINTS_MAX as u64 {
            pending.note_files(file(number), at(start, 10));
        }
        assert_eq!(pending.due(), at(start, 130), "more than are searched for");
        assert_eq!(pending.take(at(start, 130)), Scope::All);
    }

    fn file(number: u64) -> Hints {
        let mut hints = Hints::default();
        hints.file(number);
        hints
    }

    #[test]
    fn other_names_are_searched_for_soon_and_at_no_great_cost() {
        let start = Moment(Duration::from_secs(1_000_000));
        let mut pending = Pending::new(Rhythm::default(), start);
        pending.note_files(Hints::default(), start);
        assert_eq!(pending.due(), at(start, 86_400));
        pending.note_files(file(1), at(start, 10));
        assert_eq!((pending.due(), pending.len()), (at(start, 11), 1));
        let scope = pending.take(at(start, 11));
        assert_eq!(scope, Scope::Hints(file(1)));
        pending.failed(scope, at(start, 11));
        let scope = pending.take(at(start, 16));
        assert_eq!(scope, Scope::Hints(file(1)), "what failed is tried again");
        // It took two seconds.
        pending.succeeded(&scope, true, at(start, 16), at(start, 18));
        pending.note_files(file(2), at(start, 20));
        pending.note(hints("/a"), at(start, 20));
        assert_eq!(pending.due(), at(start, 21));
        assert_eq!(pending.take(at(start, 21)), Scope::Hints(hints("/a")));
        assert_eq!((pending.due(), pending.len()), (at(start, 58), 1));
        pending.hurry(at(start, 30));
        assert_eq!(
            pending.take(at(start, 30)),
            Scope::Hints(file(2)),
            "who asks for a snapshot waits for no search"
        );
        pending.note_files(file(3), at(start, 31));
        pending.note_all(at(start, 31));
        assert_eq!(pending.take(at(start, 32)), Scope::All);
        assert_eq!(pending.len(), 0, "a look at everything finds all names");
    }
}
