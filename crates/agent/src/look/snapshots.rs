//! Snapshots and their names: the first digits of the record's hash.

use std::fmt;
use std::str::FromStr;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::to_hex;
use strongroom_read::SnapshotInfo;

use crate::AgentError;

/// Digits of a hash that are shown.
const DIGITS_SHOWN: usize = 8;
/// Fewest digits that are taken for a name.
const DIGITS_MIN: usize = 4;
/// Digits of a whole hash.
const DIGITS_MAX: usize = 64;

/// How a snapshot is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotName {
    /// The newest one.
    Latest,
    /// The one whose hash begins with these digits.
    Prefix(String),
    /// The newest one that had begun at this time.
    At(Timestamp),
}

/// The text is not a name of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a name of a snapshot; a name is `latest` or at least {DIGITS_MIN} digits of 0-9 and a-f"
)]
pub struct NotASnapshotName {
    text: String,
}

impl FromStr for SnapshotName {
    type Err = NotASnapshotName;

    fn from_str(text: &str) -> Result<Self, NotASnapshotName> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let digits = text.to_ascii_lowercase();
        let is_prefix = (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_prefix {
            return Ok(Self::Prefix(digits));
        }
        Err(NotASnapshotName {
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Prefix(digits) => f.write_str(digits),
            Self::At(_) => f.write_str("at that time"),
        }
    }
}

/// Returns the name by which a snapshot is shown.
pub fn short_name(hash: &[u8; 32]) -> String {
    to_hex(&hash[..DIGITS_SHOWN / 2])
}

/// Returns the snapshot that is asked for, of snapshots in the order of the log.
pub fn select<'a>(
    snapshots: &'a [SnapshotInfo],
    name: &SnapshotName,
) -> Result<&'a SnapshotInfo, AgentError> {
    if snapshots.is_empty() {
        return Err(AgentError::NoSnapshot);
    }
    let missing = || AgentError::NoSuchSnapshot {
        name: name.to_string(),
    };
    match name {
        SnapshotName::Latest => snapshots.last().ok_or_else(missing),
        SnapshotName::At(time) => {
            let mut newest_first = snapshots.iter().rev();
            let found = newest_first.find(|info| info.snapshot.started <= *time);
            found.ok_or_else(|| too_early(snapshots))
        }
        SnapshotName::Prefix(digits) => {
            let begins = |info: &&SnapshotInfo| to_hex(&info.hash).starts_with(digits);
            let found: Vec<&SnapshotInfo> = snapshots.iter().filter(begins).collect();
            match found[..] {
                [] => Err(missing()),
                [only] => Ok(only),
                _ => Err(AgentError::SeveralSnapshots {
                    name: digits.clone(),
                    snapshots: found.iter().map(|info| to_hex(&info.hash[..8])).collect(),
                }),
            }
        }
    }
}

/// Says which snapshot is the oldest.
fn too_early(snapshots: &[SnapshotInfo]) -> AgentError {
    let oldest = snapshots.iter().min_by_key(|info| info.snapshot.started);
    oldest.map_or(AgentError::NoSnapshot, |oldest| AgentError::NoSnapshotYet {
        oldest: short_name(&oldest.hash),
        began: oldest.snapshot.started,
    })
}

#[cfg(test)]
mod tests {
    use strongroom_base::ids::{Generation, Seq};
    use strongroom_base::object::RecordId;
    use strongroom_format::body::{Snapshot, Statistics};

    use super::*;

    fn info(seq: u64, hash: u8) -> SnapshotInfo {
        let time = Timestamp(i128::from(seq) * 100);
        SnapshotInfo {
            id: RecordId {
                generation: Generation(1),
                seq: Seq(seq),
            },
            hash: [hash; 32],
            snapshot: Snapshot {
                started: time,
                ended: time,
                host: Vec::new(),
                program: String::new(),
                tags: Vec::new(),
                statistics: Statistics::default(),
                roots: Vec::new(),
            },
        }
    }

    fn selected(name: &SnapshotName) -> Result<u64, String> {
        let mut all = vec![info(2, 0xab), info(3, 0xcd), info(5, 0xab)];
        all[2].hash[31] = 0;
        select(&all, name)
            .map(|found| found.id.seq.0)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_snapshot_is_found_by_name_and_by_time() {
        assert_eq!(selected(&SnapshotName::Latest), Ok(5));
        assert_eq!(selected(&"CDCD".parse().unwrap()), Ok(3));
        assert_eq!(selected(&SnapshotName::At(Timestamp(300))), Ok(3));
        assert_eq!(selected(&SnapshotName::At(Timestamp(299))), Ok(2));
        assert_eq!(
            selected(&SnapshotName::At(Timestamp(199))).unwrap_err(),
            "no snapshot had begun at that time; abababab is the oldest"
        );
        assert_eq!(
            selected(&"abab".parse().unwrap()).unwrap_err(),
            "`abab` begins the names of several snapshots: abababababababab, abababababababab"
        );
        let whole = format!("{}00", "ab".repeat(31));
        assert_eq!(selected(&whole.parse().unwrap()), Ok(5));
        assert!(matches!(
            select(&[], &SnapshotName::Latest),
            Err(AgentError::NoSnapshot)
        ));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "abc", "abcg", "newest", &"a".repeat(65)] {
            assert!(text.parse::<SnapshotName>().is_err(), "{text}");
        }
    }
}
