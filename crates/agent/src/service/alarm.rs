//! What has been wrong for so long that somebody should know: from conditions and the time to notices.
//!
//! Each alarm is given once, again every day, at once when it becomes worse, and once more when it is over. It counts as
//! given when whoever gives it says so. What cannot be told now is as it was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::matter::{DAY, Matter, Severity};

/// What somebody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub matter: Matter,
    /// Of what.
    pub subject: String,
    /// How bad it is, or that it is over.
    pub severity: Severity,
    /// Since when, in seconds since 1970.
    pub since: i64,
    /// The same in a sentence without a full stop.
    pub text: String,
}

/// What is remembered of the conditions that were there at the last look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Alarms(BTreeMap<String, Kept>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    matter: Matter,
    subject: String,
    since: i64,
    told: Option<(i64, Severity)>,
    /// Whether it is over, and nobody was told that yet.
    #[serde(default)]
    is_over: bool,
    /// Why, as it was seen last.
    #[serde(skip)]
    why: Option<String>,
}

impl Alarms {
    /// Takes in what is wrong now, and returns what somebody is to be told: the same again until [`told`](Self::told) is called.
    /// Of what is `undecided` it cannot be said whether it is wrong; it is as it was.
    pub fn judge(
        &mut self,
        conditions: &[Condition],
        undecided: &dyn Fn(Matter, &str) -> bool,
        now: i64,
    ) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut keys = Vec::new();
        for condition in conditions {
            let key = key(condition.matter, &condition.subject);
            keys.push(key.clone());
            let kept = self.0.entry(key).or_insert_with(|| Kept {
                matter: condition.matter,
                subject: condition.subject.clone(),
                since: condition.since.unwrap_or(now).min(now),
                told: None,
                is_over: false,
                why: None,
            });
            (kept.is_over, kept.why) = (false, condition.why.clone());
        }
        self.0.retain(|key, kept| {
            let stays = keys.contains(key) || undecided(kept.matter, &kept.subject);
            kept.is_over |= !stays;
            !kept.is_over || kept.told.is_some()
        });
        notices.extend(self.0.values().filter_map(|kept| kept.due(now)));
        notices
    }

    /// Notes that somebody was told.
    pub fn told(&mut self, notice: &Notice, now: i64) {
        let key = key(notice.matter, &notice.subject);
        if notice.severity == Severity::Over {
            self.0.remove(&key);
        } else if let Some(kept) = self.0.get_mut(&key) {
            kept.told = Some((now, notice.severity));
        }
    }
}

fn key(matter: Matter, subject: &str) -> String {
    format!("{} {subject}", matter.word())
}

impl Kept {
    /// Returns what somebody is to be told now.
    fn due(&self, now: i64) -> Option<Notice> {
        if self.is_over {
            let text = self.matter.sentence(&self.subject);
            return Some(self.notice(Severity::Over, text));
        }
        let severity = self.matter.severity(now.saturating_sub(self.since))?;
        let is_due = match self.told {
            None => true,
            // A clock that was put back would silence it until it is there again.
            Some((at, told)) => severity > told || now.saturating_sub(at) >= DAY || now < at,
        };
        if !is_due {
            return None;
        }
        let why = self.why.as_ref();
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        let text = format!("{}{why}", self.matter.sentence(&self.subject));
        Some(self.notice(severity, text))
    }

    fn notice(&self, severity: Severity, text: String) -> Notice {
        Notice {
            matter: self.matter,
            subject: self.subject.clone(),
            severity,
            since: self.since,
            text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::condition::{conditions, is_undecided};
    use super::super::matter::HOUR;
    use super::super::status::{State, Status};
    use super::*;

    fn silent(since: i64) -> [Condition; 1] {
        [Condition {
            matter: Matter::DestinationSilent,
            subject: "disk".to_owned(),
            since: Some(since),
            why: Some("it is not there".to_owned()),
        }]
    }

    /// Judges where all is known, and tells at once.
    fn judged(alarms: &mut Alarms, conditions: &[Condition], now: i64) -> Vec<Notice> {
        let notices = alarms.judge(conditions, &|_, _| false, now);
        for notice in &notices {
            alarms.told(notice, now);
        }
        notices
    }

    /// Looks every hour, and returns what was told when.
    fn told(
        alarms: &mut Alarms,
        conditions: &[Condition],
        hours: std::ops::Range<i64>,
    ) -> Vec<(i64, Severity)> {
        let look = |hour: i64| {
            let notices = judged(alarms, conditions, hour * HOUR);
            notices
                .into_iter()
                .map(move |notice| (hour, notice.severity))
        };
        hours.flat_map(look).collect()
    }

    #[test]
    fn a_silent_destination_is_told_after_3_days_daily_and_critically_after_5() {
        let mut alarms = Alarms::default();
        let told_so = told(&mut alarms, &silent(0), 0..150);
        assert_eq!(
            told_so,
            [
                (72, Severity::Warning),
                (96, Severity::Warning),
                (120, Severity::Critical),
                (144, Severity::Critical),
            ]
        );
        let over = judged(&mut alarms, &[], 150 * HOUR);
        assert_eq!(over.len(), 1);
        assert_eq!((over[0].severity, over[0].since), (Severity::Over, 0));
        assert_eq!(over[0].text, "disk has not had everything");
        assert_eq!(judged(&mut alarms, &[], 151 * HOUR), []);
        assert_eq!(alarms, Alarms::default());
    }

    #[test]
    fn what_passes_soon_is_never_told() {
        let mut alarms = Alarms::default();
        let blind = [Condition {
            matter: Matter::SourceBlind,
            subject: "/files".to_owned(),
            since: None,
            why: None,
        }];
        assert_eq!(judged(&mut alarms, &blind, 1_000), []);
        assert_eq!(judged(&mut alarms, &blind, 1_599), []);
        assert_eq!(judged(&mut alarms, &[], 1_600), []);
        assert_eq!(judged(&mut alarms, &blind, 1_601), [], "it begins anew");
        let notices = judged(&mut alarms, &blind, 2_201);
        assert_eq!(notices[0].text, "changes in /files are not noticed");
    }

    #[test]
    fn it_is_remembered_over_a_restart_and_a_clock_that_was_put_back() {
        let mut alarms = Alarms::default();
        assert_eq!(judged(&mut alarms, &silent(0), 73 * HOUR).len(), 1);
        let text = serde_json::to_string(&alarms).unwrap();
        let mut alarms: Alarms = serde_json::from_str(&text).unwrap();
        assert_eq!(judged(&mut alarms, &silent(0), 74 * HOUR), []);
        assert_eq!(
            judged(&mut alarms, &silent(0), 72 * HOUR).len(),
            1,
            "told in the future"
        );
    }

    #[test]
    fn a_destination_that_is_set_aside_is_critical_at_once() {
        let status = Status {
            destinations: vec![super::super::DestinationState {
                name: "disk".to_owned(),
                status: "set-aside".to_owned(),
                reason: Some("it went back".to_owned()),
                queue: super::super::QueueState::default(),
            }],
            ..Status::default()
        };
        let conditions = conditions(&status, &BTreeMap::new());
        let notices = judged(&mut Alarms::default(), &conditions, 5);
        assert_eq!(notices[0].severity, Severity::Critical);
        assert_eq!(
            notices[0].text,
            "disk is set aside: nothing is written to it: it went back"
        );
    }

    fn status_of(word: &str) -> Status {
        Status {
            rounds: 1,
            destinations: vec![super::super::DestinationState {
                name: "disk".to_owned(),
                status: word.to_owned(),
                reason: None,
                queue: super::super::QueueState::default(),
            }],
            ..Status::default()
        }
    }

    #[test]
    fn what_is_not_known_is_not_over() {
        let mut alarms = Alarms::default();
        let mut look = |status: &Status, now: i64| {
            let conditions = conditions(status, &BTreeMap::new());
            let undecided = |matter, subject: &str| is_undecided(status, matter, subject);
            let notices = alarms.judge(&conditions, &undecided, now);
            for notice in &notices {
                alarms.told(notice, now);
            }
            let word = |notice: Notice| (notice.matter, notice.severity);
            notices.into_iter().map(word).collect::<Vec<_>>()
        };
        let is = |matter, severity| vec![(matter, severity)];
        let aside = Matter::DestinationSetAside;
        assert_eq!(
            look(&status_of("set-aside"), 0),
            is(aside, Severity::Critical)
        );
        for word in ["waiting", "scheduled", "under-maintenance", "starting"] {
            assert_eq!(look(&status_of(word), 1), [], "{word}");
        }
        assert_eq!(look(&Status::default(), 2), [], "nobody has looked yet");
        assert_eq!(
            look(&status_of("waiting"), DAY),
            is(aside, Severity::Critical)
        );
        assert_eq!(
            look(&status_of("up-to-date"), DAY + 1),
            is(aside, Severity::Over)
        );
        let ahead = Matter::DestinationAhead;
        let mut status = status_of("ahead");
        assert_eq!(look(&status, DAY + 2), is(ahead, Severity::Critical));
        // A command that holds the archive for long is no success, and a restart begins nothing anew.
        status.destinations.clear();
        (status.state, status.failing_since) = (State::UnderMaintenance, Some(DAY));
        assert_eq!(
            look(&status, DAY + HOUR),
            is(Matter::BackupFailing, Severity::Warning)
        );
        assert_eq!(look(&Status::default(), DAY + HOUR), []);
        status.failing_since = Some(2 * DAY);
        assert_eq!(
            look(&status, 2 * DAY + 2),
            [
                (Matter::BackupFailing, Severity::Critical),
                (ahead, Severity::Critical)
            ]
        );
    }

    #[test]
    fn whoever_was_not_told_is_told_again() {
        let mut alarms = Alarms::default();
        let now = 73 * HOUR;
        let first = alarms.judge(&silent(0), &|_, _| false, now);
        assert_eq!(alarms.judge(&silent(0), &|_, _| false, now + 1), first);
        alarms.told(&first[0], now);
        assert_eq!(alarms.judge(&silent(0), &|_, _| false, now + 2), []);
        let over = alarms.judge(&[], &|_, _| false, now + 3);
        assert_eq!(alarms.judge(&[], &|_, _| false, now + 4), over);
        alarms.told(&over[0], now);
        assert_eq!(alarms, Alarms::default());
    }
}
