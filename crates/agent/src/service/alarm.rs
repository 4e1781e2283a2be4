//! What has been wrong for so long that somebody should know: from conditions and the time to notices.
//!
//! Each alarm is given once, again every day, at once when it becomes worse, and once more when it is over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::status::{State, Status};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Matter {
    /// Nothing is noticed in a source.
    SourceBlind,
    /// Some changes in a source are noticed late.
    SourceDegraded,
    /// A destination has not had everything for long.
    DestinationSilent,
    /// A destination went back in time, or has another history.
    DestinationSetAside,
    /// No backup succeeds.
    BackupFailing,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It is over.
    Over,
    /// Somebody should look.
    Warning,
    /// Somebody must look.
    Critical,
}

impl Severity {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl Matter {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::SourceBlind => "source-blind",
            Self::SourceDegraded => "source-degraded",
            Self::DestinationSilent => "destination-silent",
            Self::DestinationSetAside => "destination-set-aside",
            Self::BackupFailing => "backup-failing",
        }
    }

    /// Returns how bad it is after so many seconds; `None` where that is usual.
    fn severity(self, seconds: i64) -> Option<Severity> {
        let (warning, critical) = match self {
            Self::SourceBlind => (10 * MINUTE, DAY),
            Self::SourceDegraded => (DAY, i64::MAX),
            Self::DestinationSilent => (3 * DAY, 5 * DAY),
            Self::DestinationSetAside => (0, 0),
            Self::BackupFailing => (HOUR, DAY),
        };
        match seconds {
            seconds if seconds >= critical => Some(Severity::Critical),
            seconds if seconds >= warning => Some(Severity::Warning),
            _ => None,
        }
    }

    /// Returns a sentence without a full stop.
    fn sentence(self, subject: &str) -> String {
        match self {
            Self::SourceBlind => format!("changes in {subject} are not noticed"),
            Self::SourceDegraded => format!("some changes in {subject} are noticed late"),
            Self::DestinationSilent => format!("{subject} has not had everything"),
            Self::DestinationSetAside => {
                format!("{subject} is set aside: nothing is written to it")
            }
            Self::BackupFailing => "no backup succeeds".to_owned(),
        }
    }
}

/// Something that is wrong now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What.
    pub matter: Matter,
    /// Of what: a path or a name; empty where there is one only.
    pub subject: String,
    /// Since when, in seconds since 1970, where that is known better than by looking.
    pub since: Option<i64>,
    /// Why, where that is known.
    pub why: Option<String>,
}

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
}

impl Alarms {
    /// Takes in what is wrong now, and returns what somebody is to be told.
    pub fn judge(&mut self, conditions: &[Condition], now: i64) -> Vec<Notice> {
        let mut notices = Vec::new();
        let key =
            |condition: &Condition| format!("{} {}", condition.matter.word(), condition.subject);
        for condition in conditions {
            let kept = self.0.entry(key(condition)).or_insert_with(|| Kept {
                matter: condition.matter,
                subject: condition.subject.clone(),
                since: condition.since.unwrap_or(now).min(now),
                told: None,
            });
            notices.extend(kept.tell(condition.why.as_deref(), now));
        }
        let keys: Vec<String> = conditions.iter().map(key).collect();
        self.0.retain(|key, kept| {
            let is_there = keys.contains(key);
            notices.extend((!is_there).then(|| kept.end()).flatten());
            is_there
        });
        notices
    }
}

impl Kept {
    fn tell(&mut self, why: Option<&str>, now: i64) -> Option<Notice> {
        let severity = self.matter.severity(now.saturating_sub(self.since))?;
        let is_due = match self.told {
            None => true,
            // A clock that was put back would silence it until it is there again.
            Some((at, told)) => severity > told || now.saturating_sub(at) >= DAY || now < at,
        };
        if !is_due {
            return None;
        }
        self.told = Some((now, severity));
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        let text = format!("{}{why}", self.matter.sentence(&self.subject));
        Some(self.notice(severity, text))
    }

    /// Returns that it is over, where somebody was told that it began.
    fn end(&self) -> Option<Notice> {
        self.told?;
        let text = format!("over: {}", self.matter.sentence(&self.subject));
        Some(self.notice(Severity::Over, text))
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

/// Returns what is wrong by a status; `complete` says when each destination had everything for the last time, or was seen
/// first.
pub(super) fn conditions(status: &Status, complete: &BTreeMap<String, i64>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for source in &status.sources {
        let matter = match &*source.health {
            "blind" => Matter::SourceBlind,
            "degraded" => Matter::SourceDegraded,
            _ => continue,
        };
        conditions.push(Condition {
            matter,
            subject: source.path.clone(),
            since: source.blind_since,
            why: source.why.clone(),
        });
    }
    for there in &status.destinations {
        let (matter, since) = match &*there.status {
            "up-to-date" | "caught-up" => continue,
            "set-aside" => (Matter::DestinationSetAside, None),
            _ => (
                Matter::DestinationSilent,
                complete.get(&there.name).copied(),
            ),
        };
        conditions.push(Condition {
            matter,
            subject: there.name.clone(),
            since,
            why: there.reason.clone(),
        });
    }
    if status.state == State::Failing {
        conditions.push(Condition {
            matter: Matter::BackupFailing,
            subject: String::new(),
            since: None,
            why: status.reason.clone(),
        });
    }
    conditions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silent(since: i64) -> [Condition; 1] {
        [Condition {
            matter: Matter::DestinationSilent,
            subject: "disk".to_owned(),
            since: Some(since),
            why: Some("it is not there".to_owned()),
        }]
    }

    /// Looks every hour, and returns what was told when.
    fn told(
        alarms: &mut Alarms,
        conditions: &[Condition],
        hours: std::ops::Range<i64>,
    ) -> Vec<(i64, Severity)> {
        let look = |hour: i64| {
            let notices = alarms.judge(conditions, hour * HOUR);
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
        let over = alarms.judge(&[], 150 * HOUR);
        assert_eq!(over.len(), 1);
        assert_eq!((over[0].severity, over[0].since), (Severity::Over, 0));
        assert_eq!(over[0].text, "over: disk has not had everything");
        assert_eq!(alarms.judge(&[], 151 * HOUR), []);
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
        assert_eq!(alarms.judge(&blind, 1_000), []);
        assert_eq!(alarms.judge(&blind, 1_599), []);
        assert_eq!(alarms.judge(&[], 1_600), []);
        assert_eq!(alarms.judge(&blind, 1_601), [], "it begins anew");
        let notices = alarms.judge(&blind, 2_201);
        assert_eq!(notices[0].text, "changes in /files are not noticed");
    }

    #[test]
    fn it_is_remembered_over_a_restart_and_a_clock_that_was_put_back() {
        let mut alarms = Alarms::default();
        assert_eq!(alarms.judge(&silent(0), 73 * HOUR).len(), 1);
        let text = serde_json::to_string(&alarms).unwrap();
        let mut alarms: Alarms = serde_json::from_str(&text).unwrap();
        assert_eq!(alarms.judge(&silent(0), 74 * HOUR), []);
        assert_eq!(
            alarms.judge(&silent(0), 72 * HOUR).len(),
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
        let notices = Alarms::default().judge(&conditions, 5);
        assert_eq!(notices[0].severity, Severity::Critical);
        assert_eq!(
            notices[0].text,
            "disk is set aside: nothing is written to it: it went back"
        );
    }
}
