//! What queues noted of destinations, beside the memory of the writer: `state/<archive>.queues`.
//!
//! A round may hold its own copy of the memory for hours, so queues do not write there. Whoever reads the memory takes the newer of both
//! for each destination; whoever has locked all queues out folds these notes into it. `docs/adr/0010-queues.md`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_engine::{EngineError, Head, Memory as _, WriterState};

use crate::AgentError;
use crate::memory::{HeadText, ProfileMemory, head_of_text, head_text};
use crate::profile::Profile;

/// The version of the file that this program writes.
const VERSION: u32 = 1;
pub(crate) const EXTENSION: &str = "queues";
/// Longest file, in bytes.
const LEN_MAX: u64 = 1 << 20;

/// What a destination acknowledged, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    /// The record.
    pub(crate) head: Head,
    /// In seconds since 1970.
    pub(crate) at: i64,
}

/// What queues noted.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// What each destination acknowledged.
    pub(crate) heads: BTreeMap<DestinationId, Noted>,
    /// Whether it lacks what nobody has who could be reached; nothing where no queue found that out.
    pub(crate) incomplete: BTreeMap<DestinationId, bool>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    destinations: BTreeMap<String, NotedText>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    incomplete: BTreeMap<String, bool>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NotedText {
    record: HeadText,
    at: i64,
}

/// Reads what queues noted.
pub(crate) fn load(profile: &Profile, archive: ArchiveId) -> Result<Notes, AgentError> {
    use serde::de::Error as _;
    let Some(bytes) = profile.read_state(archive, EXTENSION, LEN_MAX)? else {
        return Ok(Notes::default());
    };
    let read = || {
        let file: File = serde_json::from_slice(&bytes)?;
        if file.version != VERSION {
            let error = "it was written by a newer program";
            return Err(serde_json::Error::custom(error));
        }
        let note = |(id, text): (&String, &NotedText)| {
            let id = id.parse().map_err(serde_json::Error::custom)?;
            let (head, at) = (head_of_text(&text.record)?, text.at);
            Ok((id, Noted { head, at }))
        };
        let is_so = |(id, is_so): (&String, &bool)| {
            let id = id.parse().map_err(serde_json::Error::custom)?;
            Ok((id, *is_so))
        };
        Ok(Notes {
            heads: file
                .destinations
                .iter()
                .map(note)
                .collect::<Result<_, _>>()?,
            incomplete: file
                .incomplete
                .iter()
                .map(is_so)
                .collect::<Result<_, _>>()?,
        })
    };
    read().map_err(|source| AgentError::State {
        archive: archive.to_string(),
        source,
    })
}

/// Takes into a memory what is newer than it.
pub(crate) fn merge(state: &mut WriterState, notes: &Notes) {
    for (id, noted) in &notes.heads {
        let known = state.heads.entry(*id).or_insert(noted.head);
        if noted.head.id > known.id {
            *known = noted.head;
        }
    }
    for (id, is_incomplete) in &notes.incomplete {
        if *is_incomplete {
            state.incomplete.insert(*id);
        } else {
            state.incomplete.remove(id);
        }
    }
}

/// Puts what queues noted into the memory, and removes the notes. No queue may work meanwhile.
pub(crate) fn fold(profile: &Profile, archive: ArchiveId) -> Result<(), AgentError> {
    let notes = load(profile, archive)?;
    if notes.heads.is_empty() && notes.incomplete.is_empty() {
        return Ok(());
    }
    let memory = ProfileMemory::new(profile, archive);
    // Reading merges. Who dies before the notes are gone does it once more.
    let state = memory.load().map_err(EngineError::from)?;
    memory.save(&state).map_err(EngineError::from)?;
    profile.remove_state(archive, EXTENSION)
}

/// Where the queues of one process note what destinations acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Notebook(Mutex<()>);

impl Notebook {
    /// Notes that a destination has a record; durable when it returns.
    pub(crate) fn note(
        &self,
        place: (&Profile, ArchiveId),
        id: DestinationId,
        noted: Noted,
    ) -> Result<(), AgentError> {
        self.change(place, |notes| {
            notes.heads.insert(id, noted);
        })
    }

    /// Notes whether a destination lacks what nobody has who can be reached; durable when it returns.
    pub(crate) fn note_incomplete(
        &self,
        place: (&Profile, ArchiveId),
        id: DestinationId,
        is_so: bool,
    ) -> Result<(), AgentError> {
        self.change(place, |notes| {
            notes.incomplete.insert(id, is_so);
        })
    }

    fn change(
        &self,
        (profile, archive): (&Profile, ArchiveId),
        change: impl FnOnce(&mut Notes),
    ) -> Result<(), AgentError> {
        let _one = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = load(profile, archive)?;
        change(&mut all);
        let text = |(id, noted): (&DestinationId, &Noted)| {
            let record = head_text(&noted.head);
            (
                id.to_string(),
                NotedText {
                    record,
                    at: noted.at,
                },
            )
        };
        let file = File {
            version: VERSION,
            destinations: all.heads.iter().map(text).collect(),
            incomplete: all
                .incomplete
                .iter()
                .map(|(id, is_so)| (id.to_string(), *is_so))
                .collect(),
        };
        let mut bytes = serde_json::to_vec_pretty(&file).map_err(|source| AgentError::State {
            archive: archive.to_string(),
            source,
        })?;
        bytes.push(b'\n');
        profile.write_state(archive, EXTENSION, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use strongroom_base::ids::{Generation, Seq};
    use strongroom_base::object::RecordId;
    use strongroom_crypto::suite::Suite;

    use super::*;

    fn head(seq: u64) -> Head {
        Head {
            id: RecordId {
                generation: Generation(1),
                seq: Seq(seq),
            },
            hash: [7; 32],
        }
    }

    fn id(number: u8) -> DestinationId {
        DestinationId([number; 16])
    }

    #[test]
    fn neither_a_writer_nor_queues_lose_what_others_noted() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::create(&folder.path().join("p"), Suite::Aes256).unwrap();
        let (archive, notebook) = (ArchiveId([1; 16]), Notebook::default());
        let memory = ProfileMemory::new(&profile, archive);
        // A writer that opened the memory before, and saves all the time.
        let mut state = memory.load().unwrap();
        state.heads.insert(id(9), head(1));
        std::thread::scope(|scope| {
            for number in 1..=4 {
                let (notebook, profile) = (&notebook, &profile);
                scope.spawn(move || {
                    for seq in 1..=20 {
                        let noted = Noted {
                            head: head(seq),
                            at: 5,
                        };
                        notebook
                            .note((profile, archive), id(number), noted)
                            .unwrap();
                    }
                });
            }
            for seq in 1..=20 {
                state.head = Some(head(seq));
                state.heads.insert(id(9), head(seq));
                memory.save(&state).unwrap();
                assert!(memory.load().unwrap().heads[&id(9)] == head(seq));
            }
        });
        let merged = memory.load().unwrap();
        assert_eq!(merged.heads.len(), 5);
        assert!(merged.heads.values().all(|known| *known == head(20)));
        fold(&profile, archive).unwrap();
        assert_eq!(memory.load().unwrap(), merged);
        // What is accepted afterwards stays: no note revives the newer one.
        let mut state = merged;
        state.heads.insert(id(1), head(3));
        memory.save(&state).unwrap();
        assert_eq!(memory.load().unwrap().heads[&id(1)], head(3));
    }

    #[test]
    fn an_older_note_makes_nothing_older() {
        let mut state = WriterState::default();
        state.heads.insert(id(1), head(5));
        let noted = |seq| Noted {
            head: head(seq),
            at: 0,
        };
        let found = Notes {
            heads: [(id(1), noted(4)), (id(2), noted(2))].into(),
            incomplete: [(id(1), true), (id(2), false)].into(),
        };
        state.incomplete.insert(id(2));
        merge(&mut state, &found);
        assert_eq!(state.incomplete, [id(1)].into());
        assert_eq!(state.heads[&id(1)], head(5));
        assert_eq!(state.heads[&id(2)], head(2));
    }
}
