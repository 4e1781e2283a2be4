//! What the service remembers between two runs: the file `agent.json` of the profile.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use strongroom_store::durable;

use super::alarm::Alarms;
use super::server_status::ServerStatus;
use crate::AgentError;
use crate::profile::Profile;

/// Longest file, in bytes.
const LEN_MAX: u64 = 1 << 20;
/// Its mode.
const MODE: u32 = 0o600;

/// What the service remembers between two runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Note {
    /// Whether somebody asked for a pause.
    pub(super) pause: Option<PauseNote>,
    /// When each destination had everything for the last time, or was seen first, in seconds since 1970.
    pub(super) complete: BTreeMap<String, i64>,
    /// When all that had changed was backed up for the last time.
    pub(super) last_success: Option<i64>,
    /// What is wrong, and who was told.
    pub(super) alarms: Alarms,
    /// How it stands with the server.
    pub(super) server: Option<ServerStatus>,
}

/// A pause that somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PauseNote {
    /// Until when, in seconds since 1970; until told otherwise where there is none.
    pub(super) until: Option<i64>,
    /// How many seconds it was to last.
    #[serde(default)]
    pub(super) seconds: Option<u64>,
}

/// The note on disk, and what it says.
#[derive(Debug)]
pub(super) struct Notebook {
    path: PathBuf,
    note: Mutex<Note>,
}

impl Notebook {
    /// Opens the note of a profile. One that cannot be understood says nothing.
    pub(super) fn open(profile: &Profile) -> Self {
        let path = profile.dir().join("agent.json");
        let bytes = durable::read(&path, LEN_MAX).unwrap_or_default();
        let note = serde_json::from_slice(&bytes).unwrap_or_default();
        Self {
            path,
            note: Mutex::new(note),
        }
    }

    /// Returns what it says.
    pub(super) fn read(&self) -> Note {
        self.lock().clone()
    }

    /// Changes what it says, durably where that differs.
    pub(super) fn change(&self, change: impl FnOnce(&mut Note)) -> Result<(), AgentError> {
        let mut note = self.lock();
        let before = note.clone();
        change(&mut note);
        if *note == before {
            return Ok(());
        }
        let text = serde_json::to_vec(&*note).expect("a note is made of numbers and text");
        Ok(durable::write_atomic(&self.path, &text, MODE)?)
    }

    fn lock(&self) -> MutexGuard<'_, Note> {
        self.note.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::suite::Suite;

    use super::*;

    #[test]
    fn a_note_is_there_the_next_time_and_a_torn_one_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::create(&folder.path().join("p"), Suite::Aes256).unwrap();
        let pause = Some(PauseNote {
            until: Some(7),
            seconds: Some(3),
        });
        let book = Notebook::open(&profile);
        assert_eq!(book.read(), Note::default());
        book.change(|note| note.pause = pause).unwrap();
        assert_eq!(Notebook::open(&profile).read().pause, pause);
        std::fs::File::create(profile.dir().join("agent.json")).unwrap();
        assert_eq!(Notebook::open(&profile).read(), Note::default());
    }
}
