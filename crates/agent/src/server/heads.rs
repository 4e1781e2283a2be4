//! The heads of archives that a computer presents when it checks in: what its profile remembers that destinations
//! acknowledged. `spec/check-in-v1.md`, section 3.

use serde::{Deserialize, Serialize};
use strongroom_base::ids::{DestinationId, to_hex};
use strongroom_client::v1;
use strongroom_engine::{Head, Memory as _};

use crate::memory::ProfileMemory;
use crate::profile::{ArchiveConfig, Profile};

/// Most heads that are presented at once.
const PRESENTED_MAX: usize = 128;

/// A head that the server was told of, and that this profile is behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadBehind {
    /// The archive.
    pub archive: String,
    /// The name of the destination, or its id where it has no name any more.
    pub destination: String,
    /// The record that the server was told of.
    pub told: String,
    /// The one that this profile knows.
    pub known: String,
}

impl HeadBehind {
    /// Returns the words for people.
    pub fn words(&self) -> String {
        let Self {
            archive,
            destination,
            told,
            known,
        } = self;
        let known = if known == told {
            format!("another one of that number ({known})")
        } else {
            format!("record {known}")
        };
        format!(
            "the server was told that {destination} has record {told} of the archive {archive}, and this profile knows \
             {known}: the profile or the destination went back, or there are two of them"
        )
    }
}

/// Returns what a profile presents. What cannot be read is not presented: the backup says so.
pub(super) fn presented(profile: &Profile) -> Vec<v1::ArchiveHead> {
    let Ok(config) = profile.config() else {
        return Vec::new();
    };
    let begun = config.archives.iter().filter(|archive| archive.begun);
    let mut heads: Vec<_> = begun
        .flat_map(|archive| of_archive(profile, archive))
        .collect();
    heads.sort_by(|one, other| place(one).cmp(&place(other)));
    heads.truncate(PRESENTED_MAX);
    heads
}

fn place(head: &v1::ArchiveHead) -> (&str, &str) {
    (&head.archive, &head.destination)
}

fn of_archive(profile: &Profile, archive: &ArchiveConfig) -> Vec<v1::ArchiveHead> {
    let Ok(state) = ProfileMemory::new(profile, archive.id).load() else {
        return Vec::new();
    };
    if state.given_up.is_some() {
        // It goes back by its user's leave, and begins a generation there.
        return Vec::new();
    }
    let known = archive.destinations.iter();
    let known = known.filter_map(|id| Some((*id, *state.heads.get(id)?)));
    let head = |(destination, head): (DestinationId, Head)| v1::ArchiveHead {
        archive: archive.id.to_string(),
        destination: destination.to_string(),
        generation: head.id.generation.0,
        seq: head.id.seq.0,
        hash: to_hex(&head.hash),
    };
    known.map(head).collect()
}

/// Says which of those that were presented are behind what the server was told.
pub(super) fn behind(
    profile: Option<&Profile>,
    presented: &[v1::ArchiveHead],
    told: &[v1::ArchiveHead],
) -> Vec<HeadBehind> {
    if told.is_empty() {
        return Vec::new();
    }
    let config = profile.and_then(|profile| profile.config().ok());
    let name = |id: &str| {
        let config = config.as_ref()?;
        let there = config.destination_by_id(id.parse().ok()?)?;
        Some(there.name.to_string())
    };
    let number = |head: &v1::ArchiveHead| format!("{}-{}", head.generation, head.seq);
    let known = |told: &v1::ArchiveHead| {
        let mut same = presented.iter().filter(|known| place(known) == place(told));
        let known = same.next()?;
        Some(HeadBehind {
            archive: told.archive.clone(),
            destination: name(&told.destination).unwrap_or_else(|| told.destination.clone()),
            told: number(told),
            known: number(known),
        })
    };
    told.iter().filter_map(known).collect()
}

#[cfg(test)]
mod tests {
    use strongroom_base::ids::{ArchiveId, Generation, Seq};
    use strongroom_base::object::RecordId;
    use strongroom_crypto::suite::Suite;
    use strongroom_engine::WriterState;

    use super::*;
    use crate::profile::{DestinationConfig, DestinationName};

    fn head(seq: u64) -> Head {
        Head {
            id: RecordId {
                generation: Generation(1),
                seq: Seq(seq),
            },
            hash: [7; 32],
        }
    }

    fn profile(dir: &std::path::Path) -> Profile {
        let profile = Profile::create(&dir.join("p"), Suite::Aes256).unwrap();
        let mut config = profile.config().unwrap();
        for number in [1, 2] {
            config.destinations.push(DestinationConfig {
                name: DestinationName::for_new(&format!("disk{number}")).unwrap(),
                id: DestinationId([number; 16]),
                url: format!("file:///nowhere/{number}"),
                default: false,
            });
        }
        for (number, begun) in [(9, true), (8, true), (7, false)] {
            config.archives.push(ArchiveConfig {
                id: ArchiveId([number; 16]),
                default: false,
                begun,
                grace: None,
                destinations: vec![DestinationId([2; 16]), DestinationId([1; 16])],
            });
        }
        profile.save_config(&config).unwrap();
        profile
    }

    fn remember(profile: &Profile, archive: u8, heads: &[(u8, u64)], given_up: bool) {
        let memory = ProfileMemory::new(profile, ArchiveId([archive; 16]));
        let heads = heads.iter();
        let state = WriterState {
            heads: heads
                .map(|(id, seq)| (DestinationId([*id; 16]), head(*seq)))
                .collect(),
            given_up: given_up.then(|| head(1).id),
            ..WriterState::default()
        };
        memory.save(&state).unwrap();
    }

    fn shown(profile: &Profile) -> Vec<String> {
        let heads = presented(profile).into_iter();
        heads
            .map(|head| {
                format!(
                    "{} {} {}",
                    &head.archive[..2],
                    &head.destination[..2],
                    head.seq
                )
            })
            .collect()
    }

    #[test]
    fn what_destinations_acknowledged_is_presented_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let profile = profile(folder.path());
        assert_eq!(shown(&profile), [""; 0]);
        // The fifth is no destination of the archive; the last archive has not begun.
        remember(&profile, 9, &[(2, 4), (1, 3), (5, 9)], false);
        remember(&profile, 8, &[(1, 2)], false);
        remember(&profile, 7, &[(1, 2)], false);
        assert_eq!(shown(&profile), ["08 01 2", "09 01 3", "09 02 4"]);
        // One that goes back by leave has none for now.
        remember(&profile, 9, &[(2, 4), (1, 3)], true);
        assert_eq!(shown(&profile), ["08 01 2"]);
    }

    #[test]
    fn what_is_behind_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let profile = profile(folder.path());
        remember(&profile, 9, &[(2, 4), (1, 3)], false);
        let presented = presented(&profile);
        let mut told = presented[1].clone();
        told.seq = 6;
        let behind = behind(Some(&profile), &presented, &[told]);
        assert_eq!(behind.len(), 1);
        let words = behind[0].words();
        assert!(words.contains("disk2 has record 1-6"), "{words}");
        assert!(words.contains("this profile knows record 1-4"), "{words}");
    }
}
