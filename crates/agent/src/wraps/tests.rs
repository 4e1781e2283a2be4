//! Changing keys at destinations that die, fail or hold others.

use std::sync::Arc;

use strongroom_base::clock::{SystemClock, Timestamp};
use strongroom_base::ids::DestinationId;
use strongroom_crypto::random::SystemRandom;
use strongroom_engine::verify::{ReadData, ReadTimes, VerifyOptions, verify};
use strongroom_engine::{Destination, NewArchive, Progress, Stop, create_archive};
use strongroom_read::{Archive, Replicas};
use strongroom_replica::layout::Place;
use strongroom_store::Memory;
use strongroom_store::fault::{Fault, FaultPlan, FaultStore};

use super::*;

/// An archive that has begun at one destination.
struct Case {
    _folder: tempfile::TempDir,
    profile: Profile,
    archive: ArchiveConfig,
    replica: Replica,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::create(&folder.path().join("p"), Suite::Aes256).unwrap();
        let custody = CustodyKey::random(&SystemRandom);
        profile.set_custody_key(&custody).unwrap();
        let id = ArchiveId([3; 16]);
        make(&profile, id, Suite::Aes256, &custody, vec![], &SystemRandom).unwrap();
        let wraps = Wraps::load(&profile, id).unwrap();
        let replica = Replica::new(Arc::new(Memory::new()), id);
        let destination = Destination {
            id: DestinationId([1; 16]),
            name: "d".to_owned(),
            replica: Ok(replica.clone()),
        };
        let new = NewArchive {
            archive: id,
            ring: &wraps.open(&profile).unwrap().0,
            keys_object: &wraps.bytes,
            writer: &profile.writer_key(id, &SystemRandom).unwrap(),
        };
        let memory = ProfileMemory::new(&profile, id);
        create_archive(&new, &[destination], &memory, &SystemClock, &SystemRandom).unwrap();
        let archive = ArchiveConfig {
            id,
            default: true,
            begun: true,
            grace: None,
            destinations: Vec::new(),
        };
        Self {
            _folder: folder,
            profile,
            archive,
            replica,
        }
    }

    fn load(&self) -> Wraps {
        Wraps::load(&self.profile, self.archive.id).unwrap()
    }

    /// Changes keys: the next ones have an epoch more.
    fn change(&self, wraps: &mut Wraps) {
        let (mut ring, custody) = wraps.open(&self.profile).unwrap();
        ring.start_epoch(Suite::Aes256, &SystemRandom).unwrap();
        let (held, none) = ((&ring, &custody), Vec::new());
        let (profile, archive) = (&self.profile, &self.archive);
        wraps
            .replace(profile, archive, held, none, &SystemRandom)
            .unwrap();
    }

    fn there(&self) -> Vec<(u32, ObjectName)> {
        self.replica.keys_objects().unwrap()
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands for a look at the destinations, which may refuse"
)]
fn open() -> Result<(), AgentError> {
    Ok(())
}

#[test]
fn what_is_settled_is_alone() {
    let case = Case::new();
    let mut wraps = case.load();
    let never = || -> Result<(), AgentError> { unreachable!("nothing is to be changed") };
    assert_eq!(
        settle(&case.replica, &wraps, &never).unwrap(),
        Settled::Alone
    );
    case.change(&mut wraps);
    assert_eq!(
        settle(&case.replica, &wraps, &open).unwrap(),
        Settled::Alone
    );
    assert_eq!(case.there(), [(2, ObjectName(hash(&wraps.bytes)))]);
}

#[test]
fn a_copy_that_is_damaged_or_lost_is_made_again() {
    let case = Case::new();
    let wraps = case.load();
    let store = case.replica.store();
    let name = ObjectName(hash(&wraps.bytes));
    for place in Place::of_keys(1, name) {
        let path = place.path(case.archive.id);
        for damage in [Some(&b"other"[..]), None] {
            store.delete(&path).unwrap();
            if let Some(bytes) = damage {
                let _ = store.put_new(&path, bytes).unwrap();
            }
            assert_eq!(case.there(), [(1, name)]);
            let settled = settle(&case.replica, &wraps, &open).unwrap();
            assert_eq!(settled, Settled::Alone);
            assert_eq!(store.get(&path, LEN_MAX).unwrap(), wraps.bytes);
        }
    }
}

/// Opens the archive at a replica, and returns what verification finds.
fn damage_at(case: &Case) -> Vec<(String, String)> {
    let custody = case.profile.custody_key().unwrap().unwrap();
    let mut problems = Vec::new();
    let replicas = Replicas::new(vec![case.replica.clone()]).unwrap();
    let archive = Archive::open(replicas, &custody, &mut problems).unwrap();
    let (progress, stop) = (Progress::default(), Stop::default());
    let mut options = VerifyOptions {
        read_data: ReadData::No,
        acknowledged: None,
        times: &mut ReadTimes::default(),
        now: Timestamp(0),
    };
    let report = verify(&archive, &problems, &mut options, &progress, &stop);
    report.unwrap().damage
}

#[test]
fn whoever_is_killed_while_keys_change_leaves_an_archive_that_opens_and_is_whole() {
    for calls in 0.. {
        let case = Case::new();
        let mut wraps = case.load();
        case.change(&mut wraps);
        let plan = Arc::new(FaultPlan::stop_after(calls));
        let store = FaultStore::new(case.replica.store().clone(), plan.clone());
        let dying = Replica::new(Arc::new(store), case.archive.id);
        let settled = settle(&dying, &wraps, &open);
        assert_eq!(damage_at(&case), [], "after {calls} calls");
        let lived = plan.calls() <= calls;
        assert_eq!(settled.is_ok(), lived);
        settle(&case.replica, &wraps, &open).unwrap();
        assert_eq!(case.there(), [(2, ObjectName(hash(&wraps.bytes)))]);
        assert_eq!(case.replica.keys_places().unwrap().len(), 2);
        if lived {
            assert!(calls > 6);
            return;
        }
    }
}

#[test]
fn older_keys_go_though_one_copy_cannot_be_stored() {
    let mut halves = 0;
    for fault in [Fault::Full, Fault::Denied] {
        for call in 1..=12 {
            let case = Case::new();
            let mut wraps = case.load();
            case.change(&mut wraps);
            // What cannot be stored is tried once more, four calls later.
            let plan = FaultPlan::none().with_fault(call, fault);
            let plan = Arc::new(plan.with_fault(call + 4, fault));
            let store = FaultStore::new(case.replica.store().clone(), plan);
            let failing = Replica::new(Arc::new(store), case.archive.id);
            let settled = settle(&failing, &wraps, &open);
            let there = case.replica.keys_places().unwrap();
            let newest = ObjectName(hash(&wraps.bytes));
            let of_newest = there.iter().filter(|p| p.keys() == Some((2, newest)));
            let of_newest = of_newest.count();
            // One copy of the newest is there, and what was told is so.
            if of_newest == 1 {
                halves += 1;
                assert!(settled.is_err());
                assert_eq!(there.len(), 1, "{fault:?} at {call}: {there:?}");
            }
            if matches!(settled, Ok(Settled::Alone)) {
                assert_eq!((of_newest, there.len()), (2, 2), "{fault:?} at {call}");
            }
            assert_eq!(damage_at(&case).is_empty(), of_newest != 1);
        }
    }
    assert!(halves > 1, "{halves}");
}

#[test]
fn keys_of_a_stale_profile_replace_no_others() {
    let case = Case::new();
    let (mut real, mut stale, mut later) = (case.load(), case.load(), case.load());
    case.change(&mut real);
    settle(&case.replica, &real, &open).unwrap();
    let there = case.there();
    // As it was restored, and one that it made meanwhile.
    for _ in 0..2 {
        let refused = settle(&case.replica, &stale, &open);
        assert!(matches!(
            refused,
            Err(AgentError::OtherKeys { found: 2, .. })
        ));
        assert_eq!(case.there(), there);
        case.change(&mut stale);
    }
    // One that it made has a higher number: its records tell that it is behind.
    assert_eq!(stale.keys.number, 3);
    let fenced = || Err(AgentError::Interrupted);
    assert!(settle(&case.replica, &stale, &fenced).is_err());
    assert_eq!(case.there(), there);
    // What somebody else has put there counts as nothing.
    case.replica.put_keys(9, b"planted").unwrap();
    case.change(&mut real);
    settle(&case.replica, &real, &open).unwrap();
    assert!(case.there().contains(&(3, ObjectName(hash(&real.bytes)))));
    case.change(&mut later);
    assert!(settle(&case.replica, &later, &open).is_err());
}
