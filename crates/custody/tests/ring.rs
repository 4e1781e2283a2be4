//! Changes of the key ring on a server that is killed at every step.

#![expect(clippy::unwrap_used, reason = "tests, in helper functions too")]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use strongroom_crypto::random::SystemRandom;
use strongroom_crypto::secret::SecretBytes;
use strongroom_crypto::stored::StoredKey;
use strongroom_custody::ring::{
    Algorithm, Change, KeyFile, KeyId, KeySet, KeyState, OpenError, Place, Protection, Ring,
    RingError, RingRefusal, Step, protection_of,
};

const NOW: u64 = 1_800_000_000;
const BATCH: usize = 1_000;

/// The process was killed.
#[derive(Debug, PartialEq)]
struct Killed;

/// What survives a kill: the folder of keys and the database.
#[derive(Clone)]
struct Server {
    files: BTreeMap<String, Vec<u8>>,
    ring: Vec<u8>,
    rows: BTreeMap<Place, Vec<u8>>,
    /// Writes that are still done before the process is killed; `true`: after the last of them, `false`: in it.
    life: Option<(u32, bool)>,
    writes: u32,
}

impl Server {
    /// A server that stores `n` secrets without protection.
    fn plain(n: u32) -> Self {
        let ring = Ring::plain();
        let mut server = Self {
            files: BTreeMap::new(),
            ring: ring.to_bytes(),
            rows: BTreeMap::new(),
            life: None,
            writes: 0,
        };
        for i in 0..n {
            let place = place(i);
            let value = ring
                .seal(&KeySet::new(), &place, &SystemRandom, &secret(i))
                .unwrap();
            server.rows.insert(place, value);
        }
        server
    }

    /// A server that stores `n` secrets sealed with the default.
    fn sealed(n: u32) -> Self {
        let mut server = Self::plain(n);
        server.change(Change::Algorithm(Algorithm::Gcm)).unwrap();
        server.writes = 0;
        server
    }

    fn ring(&self) -> Ring {
        Ring::from_bytes(&self.ring).unwrap()
    }

    fn keys(&self) -> KeySet {
        let mut keys = KeySet::new();
        for (name, content) in &self.files {
            keys.insert(KeyFile::read(name, content).unwrap());
        }
        keys
    }

    /// One durable write, all or nothing.
    fn write(&mut self, write: impl FnOnce(&mut Self)) -> Result<(), Killed> {
        self.writes += 1;
        match &mut self.life {
            None => write(self),
            Some((0, is_after)) => {
                if *is_after {
                    write(self);
                }
                return Err(Killed);
            }
            Some((left, _)) => {
                *left -= 1;
                write(self);
            }
        }
        Ok(())
    }

    fn change(&mut self, change: Change) -> Result<(), Killed> {
        if let Some(needs_key) = self.ring().needs_new_key(change).unwrap() {
            let mut id = None;
            if needs_key {
                let key = StoredKey::random(&SystemRandom);
                let file = KeyFile::of(&key);
                id = Some(KeyId::of(&key));
                self.write(|server| {
                    let content = file.content.expose_bytes().to_vec();
                    server.files.insert(file.name, content);
                })?;
            }
            let ring = self.ring().begin(change, id, NOW).unwrap().unwrap();
            self.store(&ring)?;
        }
        self.go_on()
    }

    fn store(&mut self, ring: &Ring) -> Result<(), Killed> {
        let bytes = ring.to_bytes();
        self.write(|server| server.ring = bytes)
    }

    /// Does what is left of a change, as every start does.
    fn go_on(&mut self) -> Result<(), Killed> {
        while self.do_step()? {}
        Ok(())
    }

    fn do_step(&mut self) -> Result<bool, Killed> {
        let (ring, keys) = (self.ring(), self.keys());
        match ring.next_step() {
            Step::Rest => return Ok(false),
            Step::Activate { .. } => self.store(&ring.activated(&keys).unwrap())?,
            Step::Reseal { after } => {
                let rows = self.rows_after(after.as_ref());
                let batch = ring.resealed(&keys, rows, &SystemRandom).unwrap();
                self.write(|server| {
                    for one in batch.changed {
                        let stored = server.rows.get_mut(&one.place).unwrap();
                        if *stored == one.before {
                            *stored = one.after;
                        }
                    }
                    server.ring = batch.ring.to_bytes();
                })?;
            }
            Step::Count { to } => {
                let left = self.count(|found| found != to);
                self.store(&ring.counted(left).unwrap())?;
            }
        }
        Ok(true)
    }

    fn rows_after(&self, after: Option<&Place>) -> Vec<(Place, Vec<u8>)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.rows.range((from, Bound::Unbounded)).take(BATCH);
        rows.map(|(place, value)| (place.clone(), value.clone()))
            .collect()
    }

    fn count(&self, is_wanted: impl Fn(Protection) -> bool) -> u64 {
        let found = self
            .rows
            .values()
            .map(|value| protection_of(value).unwrap());
        found.filter(|found| is_wanted(*found)).count() as u64
    }

    fn assert_all_open(&self) {
        let (ring, keys) = (self.ring(), self.keys());
        for (i, (place, value)) in (0..).zip(&self.rows) {
            let opened = ring.open(&keys, place, value).unwrap();
            assert_eq!(opened.expose_bytes(), secret(i), "{place}");
        }
    }

    fn assert_rests_with(&self, algorithm: Option<Algorithm>) {
        let ring = self.ring();
        assert_eq!(ring.next_step(), Step::Rest);
        assert_eq!(ring.protection().algorithm(), algorithm);
        assert_eq!(self.count(|found| found != ring.protection()), 0);
        self.assert_all_open();
    }
}

fn place(i: u32) -> Place {
    Place::new("connector", "password", &i.to_be_bytes())
}

fn secret(i: u32) -> Vec<u8> {
    format!("secret number {i}").into_bytes()
}

fn text(secret: &SecretBytes) -> String {
    String::from_utf8(secret.expose_bytes().to_vec()).unwrap()
}

/// Kills the server in and after every write of a change, and lets it go on.
fn kill_everywhere(server: &Server, change: Change, algorithm: Option<Algorithm>) -> u32 {
    let before = server.ring().protection();
    let mut whole = server.clone();
    whole.change(change).unwrap();
    whole.assert_rests_with(algorithm);
    for at in 0..whole.writes {
        for is_after in [false, true] {
            let mut server = server.clone();
            server.life = Some((at, is_after));
            assert_eq!(server.change(change), Err(Killed), "write {at}");
            server.assert_all_open();

            let is_begun =
                server.ring().changing_to().is_some() || server.ring().protection() != before;
            // The next start goes on, and is killed at the write after.
            server.life = Some((1, !is_after));
            let _ = server.go_on();
            server.assert_all_open();

            server.life = None;
            if let Some(ring) = server.ring().adopting(&server.keys(), NOW) {
                server.store(&ring).unwrap();
            }
            server.go_on().unwrap();
            // Killed before anything was begun, the change is asked for again.
            assert_eq!(server.ring().protection() != before, is_begun);
            if !is_begun {
                server.change(change).unwrap();
            }
            server.assert_rests_with(algorithm);
        }
    }
    whole.writes
}

#[test]
fn a_server_killed_at_any_step_of_a_new_key_loses_nothing_of_10_000_secrets() {
    let server = Server::sealed(10_000);
    let writes = kill_everywhere(&server, Change::Key, Some(Algorithm::Gcm));
    // The file, the journal, the new key in use, ten batches, the end of them, the count.
    assert_eq!(writes, 15);
}

#[test]
fn so_does_every_other_change() {
    let server = Server::sealed(2_500);
    kill_everywhere(
        &server,
        Change::Algorithm(Algorithm::Cbc),
        Some(Algorithm::Cbc),
    );
    kill_everywhere(&server, Change::Disable, None);
    let server = Server::plain(2_500);
    kill_everywhere(
        &server,
        Change::Algorithm(Algorithm::Gcm),
        Some(Algorithm::Gcm),
    );
}

#[test]
fn values_exchanged_between_rows_are_refused() {
    for algorithm in Algorithm::ALL {
        let mut server = Server::plain(2);
        server.change(Change::Algorithm(algorithm)).unwrap();
        let (ring, keys) = (server.ring(), server.keys());
        let key = ring.protection().key().unwrap();
        let refused = |place: &Place, value: &[u8]| {
            let opened = ring.open(&keys, place, value);
            assert_eq!(opened.err(), Some(OpenError::Damaged { key }), "{place}");
        };
        let value = &server.rows[&place(0)];
        refused(&place(1), value);
        refused(
            &Place::new("connector", "passwore", &0_u32.to_be_bytes()),
            value,
        );
        refused(
            &Place::new("connectos", "password", &0_u32.to_be_bytes()),
            value,
        );
        // The parts cannot be shifted into one another.
        refused(
            &Place::new("connectorp", "assword", &0_u32.to_be_bytes()),
            value,
        );
        for at in 0..value.len() {
            let mut changed = value.clone();
            changed[at] ^= 1;
            assert!(ring.open(&keys, &place(0), &changed).is_err(), "byte {at}");
            assert!(ring.open(&keys, &place(0), &value[..at]).is_err(), "{at}");
        }
    }
}

#[test]
fn a_missing_key_makes_its_own_secrets_unreadable_and_nothing_else() {
    let mut server = Server::sealed(10);
    let old = server.ring().protection().key().unwrap();
    let kept = server.rows[&place(3)].clone();
    server.change(Change::Key).unwrap();
    server.rows.insert(place(3), kept);
    server.files.remove(&KeyFile::name_of(&old)).unwrap();

    let (ring, keys) = (server.ring(), server.keys());
    assert_eq!(ring.missing(&keys).collect::<Vec<_>>(), [old]);
    for (i, (place, value)) in (0..).zip(&server.rows) {
        match ring.open(&keys, place, value) {
            Ok(opened) => assert_eq!(opened.expose_bytes(), secret(i)),
            Err(error) => assert_eq!((i, error), (3, OpenError::MissingKey { key: old })),
        }
    }
    // A change goes on without it, leaves the value as it is, and keeps the key in the ring.
    server.change(Change::Key).unwrap();
    let ring = server.ring();
    assert_eq!(ring.next_step(), Step::Rest);
    assert_eq!(server.count(|found| found.key() == Some(old)), 1);
    assert_eq!(
        ring.without(old, 1, false),
        Err(RingRefusal::Needed {
            key: old,
            values: 1
        })
    );
    // The secret is typed again.
    let value = ring
        .seal(&server.keys(), &place(3), &SystemRandom, &secret(3))
        .unwrap();
    server.rows.insert(place(3), value);
    server.assert_all_open();
    assert!(ring.without(old, 0, false).is_ok());
}

#[test]
fn nothing_is_sealed_under_a_key_that_cannot_be_read() {
    let mut server = Server::sealed(1);
    let key = KeyId::of(&StoredKey::random(&SystemRandom));
    let ring = server.ring().begin(Change::Key, Some(key), NOW).unwrap();
    let ring = ring.unwrap();
    assert_eq!(
        ring.activated(&server.keys()),
        Err(RingError::MissingKey { key })
    );
    server.store(&ring).unwrap();
    server.assert_all_open();
    let sealed = ring.seal(&KeySet::new(), &place(0), &SystemRandom, b"x");
    let active = ring.protection().key().unwrap();
    assert_eq!(sealed, Err(RingError::MissingKey { key: active }));
}

#[test]
fn what_another_node_seals_under_the_old_key_meanwhile_is_found() {
    let mut server = Server::sealed(2_500);
    let late = server.ring();
    let old = late.protection().key().unwrap();
    let key = StoredKey::random(&SystemRandom);
    let file = KeyFile::of(&key);
    let content = file.content.expose_bytes().to_vec();
    server.files.insert(file.name, content);
    let ring = late
        .begin(Change::Key, Some(KeyId::of(&key)), NOW)
        .unwrap()
        .unwrap();
    server.store(&ring).unwrap();
    server.do_step().unwrap();
    server.do_step().unwrap();
    // The cursor has passed this row.
    let value = late.seal(&server.keys(), &place(7), &SystemRandom, &secret(7));
    server.rows.insert(place(7), value.unwrap());
    server.go_on().unwrap();
    server.assert_rests_with(Some(Algorithm::Gcm));
    assert_eq!(server.count(|found| found.key() == Some(old)), 0);
}

#[test]
fn a_damaged_value_does_not_keep_a_change_from_ending() {
    let mut server = Server::sealed(10);
    let value = server.rows.get_mut(&place(4)).unwrap();
    *value.last_mut().unwrap() ^= 1;
    let before = value.clone();
    server.change(Change::Key).unwrap();
    assert_eq!(server.ring().next_step(), Step::Rest);
    assert_eq!(server.rows[&place(4)], before);
}

#[test]
fn a_value_that_is_not_sealed_is_refused_where_the_ring_seals() {
    let plain = Server::plain(1).rows[&place(0)].clone();
    let server = Server::sealed(1);
    let opened = server.ring().open(&server.keys(), &place(0), &plain);
    assert_eq!(opened.err(), Some(OpenError::NotSealed));
}

#[test]
fn changes_that_make_no_sense_are_refused() {
    let server = Server::sealed(1);
    let ring = server.ring();
    let active = ring.protection().key().unwrap();
    let new = KeyId([9; 16]);
    assert_eq!(
        Ring::plain().needs_new_key(Change::Key),
        Err(RingRefusal::Plain)
    );
    assert_eq!(Ring::plain().needs_new_key(Change::Disable), Ok(None));
    let same = Change::Algorithm(Algorithm::Gcm);
    assert_eq!(ring.needs_new_key(same), Ok(None));
    for key in [None, Some(active)] {
        assert_eq!(
            ring.begin(Change::Key, key, NOW),
            Err(RingRefusal::NoNewKey)
        );
    }
    let begun = ring.begin(Change::Key, Some(new), NOW).unwrap().unwrap();
    assert_eq!(begun.needs_new_key(Change::Disable), Err(RingRefusal::Busy));
    for key in [active, new] {
        assert_eq!(
            begun.without(key, 0, false),
            Err(RingRefusal::InUse { key })
        );
    }
    assert_eq!(
        ring.without(new, 0, false),
        Err(RingRefusal::UnknownKey { key: new })
    );
    assert_eq!(begun.counted(0), Err(RingError::NotNext));
    assert_eq!(ring.activated(&server.keys()), Err(RingError::NotNext));
}

#[test]
fn an_old_key_goes_when_nothing_needs_it() {
    let mut server = Server::sealed(5);
    let old = server.ring().protection().key().unwrap();
    server.change(Change::Key).unwrap();
    let ring = server.ring();
    assert_eq!(
        ring.without(old, 0, true),
        Err(RingRefusal::InBackup { key: old })
    );
    let without = ring.without(old, 0, false).unwrap();
    // Killed before the file is deleted, it comes back as inactive.
    let again = without.adopting(&server.keys(), NOW).unwrap();
    let states: BTreeSet<_> = again
        .keys()
        .iter()
        .map(|key| (key.id == old, key.state))
        .collect();
    assert_eq!(
        states,
        BTreeSet::from([(true, KeyState::Inactive), (false, KeyState::Active)])
    );
    assert_eq!(again.adopting(&server.keys(), NOW), None);
}

#[test]
fn a_key_is_due_after_a_year() {
    let ring = Server::sealed(0).ring();
    assert!(!ring.is_due(NOW + 364 * 86_400));
    assert!(ring.is_due(NOW + 365 * 86_400));
    assert!(!Ring::plain().is_due(u64::MAX));
}

#[test]
fn secrets_of_every_length_come_back_and_show_little_of_it() {
    let server = Server::sealed(0);
    let (ring, keys) = (server.ring(), server.keys());
    let mut lengths = BTreeSet::new();
    for len in 0..=130 {
        let value = ring
            .seal(&keys, &place(0), &SystemRandom, &vec![b'a'; len])
            .unwrap();
        lengths.insert(value.len());
        let opened = ring.open(&keys, &place(0), &value).unwrap();
        assert_eq!(text(&opened), "a".repeat(len));
    }
    assert_eq!(lengths.len(), 3);
    let long = vec![0; 16_385];
    let refused = ring.seal(&keys, &place(0), &SystemRandom, &long);
    assert_eq!(refused, Err(RingError::TooLong { max: 16_384 }));
}
