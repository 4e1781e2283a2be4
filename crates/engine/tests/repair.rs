//! What is lost everywhere is made good as far as it can be, and never silently.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::time::Duration;

use common::crash::{Run, World};
use common::hooked::Hook;
use common::trees::{fast_folder, read_tree};
use common::{noise, write};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::Seq;
use strongroom_base::{Class, Classified as _};
use strongroom_engine::prune::PruneOptions;
use strongroom_engine::repair::{acknowledge, losses, repair};
use strongroom_engine::verify::{ReadData, ReadTimes, VerifyOptions, VerifyReport, verify};
use strongroom_engine::{EngineError, Head, Memory as _, Progress, Stop, Writer};
use strongroom_read::{Archive, ReadError, Replicas};
use strongroom_store::StoreError;

struct Case {
    source: tempfile::TempDir,
    world: World,
}

impl Case {
    /// Backs up files of two packs and more, twice, to one destination.
    fn new() -> Self {
        let (source, world) = (fast_folder(), World::new(1));
        for number in 0..40_u32 {
            let path = source.path().join(format!("{:02}/{number}", number % 7));
            write(&path, &noise(number, 30_000));
        }
        let case = Self { source, world };
        case.backs_up();
        write(&case.source.path().join("small"), b"travels in the record");
        case.backs_up();
        case
    }

    fn backs_up(&self) {
        self.world
            .backup(self.source.path(), &Run::sound())
            .unwrap();
    }

    fn open(&self) -> (Archive, Vec<ReadError>) {
        let mut problems = Vec::new();
        let replica = self.world.setup.replica(&self.world.setup.stores[0]);
        let ring = self.world.setup.identity.ring.clone();
        let replicas = Replicas::new(vec![replica]).unwrap();
        let archive = Archive::with_key_ring(replicas, ring, &mut problems).unwrap();
        (archive, problems)
    }

    fn verify(
        &self,
        read_data: ReadData,
        head: Option<Head>,
        times: &mut ReadTimes,
    ) -> VerifyReport {
        let (archive, problems) = self.open();
        let mut options = VerifyOptions {
            read_data,
            acknowledged: head,
            times,
            now: Timestamp(1_000_000_000_000),
        };
        let (progress, stop) = (Progress::default(), Stop::default());
        verify(&archive, &problems, &mut options, &progress, &stop).unwrap()
    }

    fn damage(&self) -> Vec<(String, String)> {
        self.verify(ReadData::No, None, &mut ReadTimes::default())
            .damage
    }

    fn restores_all(&self) {
        let (archive, _) = self.open();
        let (infos, ..) = archive.snapshots().unwrap();
        let tree = read_tree(self.source.path());
        let target = fast_folder();
        let info = infos.last().unwrap();
        let summary = common::crash::restore_to(&archive, info, target.path());
        assert_eq!((summary.damaged, summary.failed), (0, 0));
        assert!(common::trees::differing(&tree, &read_tree(target.path())).is_empty());
    }
}

#[test]
fn a_lost_index_is_made_anew_from_the_packs() {
    let case = Case::new();
    assert!(case.world.delete(0, "/indexes/") > 0);
    assert!(!case.open().1.is_empty(), "it is named");
    case.restores_all();
    assert!(!case.damage().is_empty());

    let (progress, stop) = (Progress::default(), Stop::default());
    let done = repair(&mut case.world.writer(), false, &progress, &stop).unwrap();
    assert_eq!((done.runs.len(), done.voided.len()), (1, 0));
    assert!(case.open().1.is_empty());
    assert_eq!(case.damage(), []);
    case.restores_all();
    let again = repair(&mut case.world.writer(), true, &progress, &stop).unwrap();
    assert!(again.record.is_none() && again.voided.is_empty());
    std::fs::remove_dir_all(case.world.setup.folder.path().join("catalogue")).unwrap();
    let summary = case
        .world
        .backup(case.source.path(), &Run::sound())
        .unwrap();
    assert_eq!(summary.bytes_new, 0, "everything is known");
}

#[test]
fn what_no_destination_has_is_stored_again_from_the_source() {
    let case = Case::new();
    assert!(case.world.delete(0, "/packs/") > 0);
    assert!(!case.damage().is_empty());
    let (progress, stop) = (Progress::default(), Stop::default());
    let done = repair(&mut case.world.writer(), false, &progress, &stop).unwrap();
    assert!(!done.voided.is_empty() && done.record.is_some());
    // It says so until it is stored again.
    assert!(!case.damage().is_empty());
    // As in the first snapshot.
    std::fs::remove_file(case.source.path().join("small")).unwrap();
    case.backs_up();
    assert_eq!(case.damage(), []);
    case.restores_all();
}

#[test]
fn what_is_gone_for_good_is_acknowledged() {
    let case = Case::new();
    assert!(case.world.delete(0, "/packs/") > 0);
    write(&case.source.path().join("00/0"), b"another content");
    let (progress, stop) = (Progress::default(), Stop::default());
    repair(&mut case.world.writer(), false, &progress, &stop).unwrap();
    case.backs_up();
    let damage = case.damage();
    assert!(!damage.is_empty(), "{damage:?}");
    let lost = losses(&case.open().0).unwrap();
    assert!(!lost.is_empty());
    let objects: Vec<_> = lost.iter().map(|loss| loss.object).collect();
    acknowledge(&mut case.world.writer(), &objects).unwrap();
    assert!(losses(&case.open().0).unwrap().is_empty());
    let report = case.verify(ReadData::No, None, &mut ReadTimes::default());
    assert_eq!(report.damage, []);
    assert!(report.acknowledged > 0);
    // A loss after it is none that was accepted.
    assert!(case.world.delete(0, "/packs/") > 0);
    assert!(!case.damage().is_empty());
}

#[test]
fn a_chunk_that_is_missing_is_no_accepted_loss_where_nothing_was_accepted() {
    let case = Case::new();
    assert!(case.world.delete(0, "/packs/") > 0);
    assert!(case.world.delete(0, "/indexes/") > 0);
    let report = case.verify(ReadData::No, None, &mut ReadTimes::default());
    assert_eq!(report.acknowledged, 0);
    let names_chunk = |(_, what): &(String, String)| what.contains("is not in the archive");
    assert!(report.damage.iter().any(names_chunk), "{:?}", report.damage);
}

#[test]
fn a_destination_that_does_not_answer_makes_no_run_void() {
    let case = Case::new();
    assert!(case.world.delete(0, "/indexes/") > 0);
    let hook = || -> Hook {
        Box::new(|call, path| match (call, path.contains("/packs/")) {
            ("get", true) => Err(StoreError::Stopped),
            _ => Ok(()),
        })
    };
    let (progress, stop) = (Progress::default(), Stop::default());
    let mut writer = case.world.hooked(hook).unwrap();
    let head = writer.head();
    let error = repair(&mut writer, false, &progress, &stop).unwrap_err();
    assert_eq!(error.class(), Class::Retry, "{error}");
    assert_eq!(writer.head(), head);
    drop(writer);
    repair(&mut case.world.writer(), false, &progress, &stop).unwrap();
    assert_eq!(case.damage(), []);
}

#[test]
fn a_pack_whose_trailer_is_damaged_is_lost_with_its_index() {
    let case = Case::new();
    assert!(case.world.delete(0, "/indexes/") > 0);
    let packs = case.world.flip(0, "/packs/", 40);
    let (progress, stop) = (Progress::default(), Stop::default());
    let done = repair(&mut case.world.writer(), false, &progress, &stop).unwrap();
    assert_eq!((done.runs.len(), done.voided.len()), (1, packs));
    assert!(!losses(&case.open().0).unwrap().is_empty());
    std::fs::remove_file(case.source.path().join("small")).unwrap();
    case.backs_up();
    assert_eq!(case.damage(), []);
    case.restores_all();
}

#[test]
fn a_lost_run_is_not_void_while_a_destination_may_have_what_it_names() {
    let case = Case {
        source: fast_folder(),
        world: World::new(2),
    };
    write(&case.source.path().join("1"), &noise(1, 700_000));
    case.backs_up();
    assert!(case.world.delete(0, "/indexes/") > 0);
    assert!(case.world.delete(0, "/packs/") > 0);
    let away = Run {
        away: &[1],
        ..Run::sound()
    };
    let destinations = case.world.destinations(&away);
    let setup = &case.world.setup;
    let mut writer = Writer::open(setup.identity.clone(), destinations, &setup.memory).unwrap();
    let (progress, stop) = (Progress::default(), Stop::default());
    let done = repair(&mut writer, false, &progress, &stop).unwrap();
    assert!(done.record.is_none(), "{done:?}");
    assert!(done.elsewhere.len() >= 2, "{done:?}");
}

#[test]
fn a_lost_record_that_was_acknowledged_ends_nothing() {
    let case = Case::new();
    assert_eq!(case.world.delete(0, "log/00000001-0000000000000002"), 1);
    let prune = || case.world.prune(&PruneOptions::default(), &Run::sound());
    assert!(matches!(prune(), Err(EngineError::Unprunable { .. })));
    let lost = losses(&case.open().0).unwrap();
    let objects: Vec<_> = lost.iter().map(|loss| loss.object).collect();
    assert_eq!(objects.len(), 1, "{lost:?}");
    acknowledge(&mut case.world.writer(), &objects).unwrap();
    assert!(losses(&case.open().0).unwrap().is_empty());
    assert_eq!(case.damage(), []);
    prune().unwrap();
    let erase = || case.world.erase(Duration::ZERO, &Run::sound()).unwrap();
    assert_eq!(erase()[0].held, None);
    case.restores_all();
    // The checkpoint says what is live without the lost record.
    case.backs_up();
    case.world.forget(&[Seq(3)], &Run::sound()).unwrap();
    prune().unwrap();
    case.backs_up();
    erase();
    erase();
    assert_eq!(case.damage(), []);
    case.restores_all();
}

#[test]
fn a_loss_stays_acknowledged_over_a_checkpoint_while_something_is_missing() {
    let case = Case::new();
    assert!(case.world.delete(0, "/packs/") > 0);
    write(&case.source.path().join("00/0"), b"another content");
    let (progress, stop) = (Progress::default(), Stop::default());
    repair(&mut case.world.writer(), false, &progress, &stop).unwrap();
    case.backs_up();
    let prune = || case.world.prune(&PruneOptions::default(), &Run::sound());
    case.world.forget(&[Seq(3)], &Run::sound()).unwrap();
    assert!(matches!(prune(), Err(EngineError::Unprunable { .. })));
    let lost = losses(&case.open().0).unwrap();
    let objects: Vec<_> = lost.iter().map(|loss| loss.object).collect();
    acknowledge(&mut case.world.writer(), &objects).unwrap();
    prune().unwrap();
    let (_, log, _) = case.open().0.snapshots().unwrap();
    assert!(log.checkpoint.is_some());
    let report = case.verify(ReadData::No, None, &mut ReadTimes::default());
    assert_eq!(report.damage, []);
    assert!(report.acknowledged > 0);
    case.backs_up();
    prune().unwrap();
    // Nothing misses anything any more: the next checkpoint says so.
    case.world.forget(&[Seq(2)], &Run::sound()).unwrap();
    prune().unwrap();
    let (_, log, _) = case.open().0.snapshots().unwrap();
    assert!(log.acknowledged().is_empty());
    assert_eq!(case.damage(), []);
}

#[test]
fn the_newest_record_is_missed() {
    let case = Case::new();
    let state = case.world.setup.memory.load().unwrap();
    let head = state.head;
    let mut times = ReadTimes::default();
    assert!(case.verify(ReadData::No, head, &mut times).is_clean());
    assert_eq!(case.world.delete(0, "log/00000001-0000000000000003"), 1);
    assert!(
        case.verify(ReadData::No, None, &mut times).is_clean(),
        "nothing tells"
    );
    let report = case.verify(ReadData::No, head, &mut times);
    assert!(
        report.damage[0].1.contains("went back"),
        "{:?}",
        report.damage
    );
}

#[test]
fn packs_are_read_when_it_is_their_turn() {
    let case = Case::new();
    let mut times = ReadTimes::default();
    let age = Duration::from_mins(1);
    let at = |seconds: i128| ReadData::OlderThan {
        age,
        now: Timestamp(seconds * 1_000_000_000),
    };
    let first = case.verify(at(1_000), None, &mut times);
    assert!(first.packs_read >= 2 && first.record_packs_read > 0);
    assert_eq!(case.verify(at(1_050), None, &mut times).packs_read, 0);
    assert_eq!(
        case.verify(at(1_061), None, &mut times).packs_read,
        first.packs_read
    );
    assert_eq!(
        case.verify(at(10), None, &mut times).packs_read,
        first.packs_read
    );
    for turn in 0..100 {
        let read_data = ReadData::Percent { percent: 1, turn };
        let mut none = ReadTimes::default();
        assert!(case.verify(read_data, None, &mut none).packs_read >= 1);
    }
}
