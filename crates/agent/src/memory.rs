//! What the profile remembers of an archive for its writer: `state/<archive>.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strongroom_base::ids::{
    ArchiveId, DestinationId, Generation, ObjectName, Seq, from_hex, to_hex,
};
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_engine::{Head, Memory, MemoryError, Newest, WriterState};

use crate::AgentError;
use crate::acknowledged;
use crate::profile::Profile;

/// The version of the file that this program writes.
const VERSION: u32 = 1;
const EXTENSION: &str = "json";
/// Longest file, in bytes.
const LEN_MAX: u64 = 1 << 20;

/// The memory of one archive in a profile.
pub(crate) struct ProfileMemory<'a> {
    profile: &'a Profile,
    archive: ArchiveId,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    version: u32,
    head: Option<HeadText>,
    announced: Vec<HeadText>,
    destinations: BTreeMap<String, HeadText>,
    #[serde(default)]
    given_up: Option<IdText>,
    #[serde(default)]
    catalogued: Vec<HeadText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spool: Option<HeadText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newest: Option<NewestText>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    incomplete: Vec<String>,
}

/// What the newest record says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewestText {
    head: HeadText,
    author: String,
    /// The index runs: names of objects, and places of records.
    runs: Vec<RunText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum RunText {
    Object(String),
    Record(IdText),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdText {
    generation: u32,
    seq: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeadText {
    generation: u32,
    seq: u64,
    hash: String,
}

impl<'a> ProfileMemory<'a> {
    /// Remembers an archive in a profile.
    pub(crate) fn new(profile: &'a Profile, archive: ArchiveId) -> Self {
        Self { profile, archive }
    }

    /// Puts a memory that cannot be understood out of the way, beside where it was, and says whether it was one.
    ///
    /// What destinations had acknowledged is forgotten with it: that is for an adoption, which takes what is there.
    pub(crate) fn set_aside_damaged(&self) -> Result<bool, AgentError> {
        let (own, notes) = (
            self.read_own().map(|_| ()),
            acknowledged::load(self.profile, self.archive).map(|_| ()),
        );
        let mut any = false;
        for (read, extension) in [(own, EXTENSION), (notes, acknowledged::EXTENSION)] {
            match read {
                Err(AgentError::State { .. }) => {
                    self.profile.set_state_aside(self.archive, extension)?;
                    any = true;
                }
                other => other?,
            }
        }
        Ok(any)
    }

    fn read(&self) -> Result<WriterState, AgentError> {
        // First, since whoever folds these into the memory removes them afterwards.
        let notes = acknowledged::load(self.profile, self.archive)?;
        let mut state = self.read_own()?;
        acknowledged::merge(&mut state, &notes);
        Ok(state)
    }

    fn read_own(&self) -> Result<WriterState, AgentError> {
        let bytes = self.profile.read_state(self.archive, EXTENSION, LEN_MAX)?;
        let Some(bytes) = bytes else {
            return Ok(WriterState::default());
        };
        let malformed = |source| AgentError::State {
            archive: self.archive.to_string(),
            source,
        };
        let state: State = serde_json::from_slice(&bytes).map_err(malformed)?;
        decode(&state).map_err(malformed)
    }
}

impl Memory for ProfileMemory<'_> {
    fn load(&self) -> Result<WriterState, MemoryError> {
        self.read().map_err(|error| MemoryError(Box::new(error)))
    }

    fn save(&self, state: &WriterState) -> Result<(), MemoryError> {
        let mut bytes = serde_json::to_vec_pretty(&encode(state))
            .map_err(|error| MemoryError(Box::new(error)))?;
        bytes.push(b'\n');
        if bytes.len() as u64 > LEN_MAX {
            // What could not be read again must not take the place of what can.
            let source = serde::ser::Error::custom("it would be longer than it may be");
            let archive = self.archive.to_string();
            return Err(MemoryError(Box::new(AgentError::State { archive, source })));
        }
        let written = self.profile.write_state(self.archive, EXTENSION, &bytes);
        written.map_err(|error| MemoryError(Box::new(error)))
    }
}

fn encode(state: &WriterState) -> State {
    let heads = state.heads.iter();
    State {
        version: VERSION,
        head: state.head.as_ref().map(head_text),
        announced: state.announced.iter().map(head_text).collect(),
        destinations: heads
            .map(|(id, head)| (id.to_string(), head_text(head)))
            .collect(),
        given_up: state.given_up.map(id_text),
        catalogued: state.catalogued.iter().map(head_text).collect(),
        spool: state.spool.as_ref().map(head_text),
        newest: state.newest.as_ref().map(|newest| NewestText {
            head: head_text(&newest.head),
            author: to_hex(&newest.author),
            runs: newest.runs.iter().map(run_text).collect(),
        }),
        incomplete: state.incomplete.iter().map(ToString::to_string).collect(),
    }
}

fn run_text(run: &ObjectRef) -> RunText {
    match run.record_id() {
        Some(id) => RunText::Record(id_text(id)),
        None => RunText::Object(to_hex(&run.list_name())),
    }
}

fn run_of(text: &RunText) -> Result<ObjectRef, serde_json::Error> {
    Ok(match text {
        RunText::Record(id) => ObjectRef::record(id_of(id)),
        RunText::Object(name) => ObjectRef::index(ObjectName(digits(name)?)),
    })
}

fn newest(text: &NewestText) -> Result<Newest, serde_json::Error> {
    Ok(Newest {
        head: head_of_text(&text.head)?,
        author: digits(&text.author)?,
        runs: text.runs.iter().map(run_of).collect::<Result<_, _>>()?,
    })
}

fn digits(text: &str) -> Result<[u8; 32], serde_json::Error> {
    use serde::de::Error as _;
    from_hex(text).ok_or_else(|| serde_json::Error::custom("a hash has 64 hexadecimal digits"))
}

fn id_text(id: RecordId) -> IdText {
    IdText {
        generation: id.generation.0,
        seq: id.seq.0,
    }
}

fn id_of(text: &IdText) -> RecordId {
    RecordId {
        generation: Generation(text.generation),
        seq: Seq(text.seq),
    }
}

pub(crate) fn head_text(head: &Head) -> HeadText {
    HeadText {
        generation: head.id.generation.0,
        seq: head.id.seq.0,
        hash: to_hex(&head.hash),
    }
}

fn decode(state: &State) -> Result<WriterState, serde_json::Error> {
    use serde::de::Error as _;
    if state.version != VERSION {
        return Err(serde_json::Error::custom(
            "it was written by a newer program",
        ));
    }
    let mut heads = BTreeMap::new();
    for (id, text) in &state.destinations {
        let id: DestinationId = id.parse().map_err(serde_json::Error::custom)?;
        heads.insert(id, head_of_text(text)?);
    }
    Ok(WriterState {
        heads,
        head: state.head.as_ref().map(head_of_text).transpose()?,
        announced: state
            .announced
            .iter()
            .map(head_of_text)
            .collect::<Result<_, _>>()?,
        given_up: state.given_up.as_ref().map(id_of),
        catalogued: state
            .catalogued
            .iter()
            .map(head_of_text)
            .collect::<Result<_, _>>()?,
        spool: state.spool.as_ref().map(head_of_text).transpose()?,
        newest: state.newest.as_ref().map(newest).transpose()?,
        incomplete: state
            .incomplete
            .iter()
            .map(|id| id.parse().map_err(serde_json::Error::custom))
            .collect::<Result<_, _>>()?,
    })
}

pub(crate) fn head_of_text(text: &HeadText) -> Result<Head, serde_json::Error> {
    Ok(Head {
        id: RecordId {
            generation: Generation(text.generation),
            seq: Seq(text.seq),
        },
        hash: digits(&text.hash)?,
    })
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::suite::Suite;

    use super::*;

    #[test]
    fn what_was_saved_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::create(&folder.path().join("p"), Suite::Aes256).unwrap();
        let memory = ProfileMemory::new(&profile, ArchiveId([1; 16]));
        assert_eq!(memory.load().unwrap(), WriterState::default());
        let head = |seq| Head {
            id: RecordId {
                generation: Generation(1),
                seq: Seq(seq),
            },
            hash: [7; 32],
        };
        let state = WriterState {
            heads: [(DestinationId([2; 16]), head(4))].into(),
            head: Some(head(5)),
            announced: vec![head(6), head(6)],
            given_up: Some(head(7).id),
            catalogued: vec![head(3)],
            spool: Some(head(5)),
            newest: Some(Newest {
                head: head(5),
                runs: vec![
                    ObjectRef::index(ObjectName([8; 32])),
                    ObjectRef::record(head(4).id),
                ],
                author: [9; 32],
            }),
            incomplete: [DestinationId([4; 16])].into(),
        };
        memory.save(&state).unwrap();
        assert_eq!(memory.load().unwrap(), state);
        let other = ProfileMemory::new(&profile, ArchiveId([3; 16]));
        assert_eq!(other.load().unwrap(), WriterState::default());
    }

    #[test]
    fn what_could_not_be_read_again_is_not_saved() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::create(&folder.path().join("p"), Suite::Aes256).unwrap();
        let memory = ProfileMemory::new(&profile, ArchiveId([1; 16]));
        let mut state = WriterState::default();
        memory.save(&state).unwrap();
        let id = RecordId {
            generation: Generation(1),
            seq: Seq(1),
        };
        state.announced = vec![Head { id, hash: [7; 32] }; 10_000];
        assert!(memory.save(&state).is_err());
        assert_eq!(memory.load().unwrap(), WriterState::default());
    }

    #[test]
    fn a_damaged_memory_is_not_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::create(&folder.path().join("p"), Suite::Aes256).unwrap();
        let archive = ArchiveId([1; 16]);
        profile.write_state(archive, EXTENSION, b"{}").unwrap();
        assert!(ProfileMemory::new(&profile, archive).load().is_err());
    }
}
