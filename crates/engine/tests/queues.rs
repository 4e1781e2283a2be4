//! Queues bring destinations up to date beside the writer, and nothing is lost whenever either dies.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::crash::{Run, World};
use common::trees::{fast_folder, read_tree};
use common::{Remember, Warnings, noise, write};
use strongroom_base::ids::DestinationId;
use strongroom_catalogue::Catalogue;
use strongroom_engine::backup::{BackupOptions, BackupSummary, backup};
use strongroom_engine::queue::{Desk, Queue, Served};
use strongroom_engine::{
    Destination, DestinationStatus, EngineError, Head, Memory as WriterMemory, MemoryError,
    Progress, Queued, Queues, SpoolStatus, Stop, Targets, Writer, WriterState,
};
use strongroom_replica::Replica;
use strongroom_replica::sync::Copied;
use strongroom_store::fault::{FaultPlan, FaultStore};
use strongroom_store::{Memory, ObjectPath, Quota, Store};

type Acknowledged = Mutex<BTreeMap<DestinationId, Head>>;

/// What the writer remembers, and what queues noted beside it; notes are calls of the plan.
struct Merged<'a> {
    inner: &'a Remember,
    noted: &'a Acknowledged,
    plan: FaultStore<Memory>,
}

impl Merged<'_> {
    fn step(&self) -> Result<(), MemoryError> {
        let put = self.plan.put_new(&ObjectPath::new("note").unwrap(), b"");
        put.map(drop).map_err(|error| MemoryError(Box::new(error)))
    }
}

impl WriterMemory for Merged<'_> {
    fn load(&self) -> Result<WriterState, MemoryError> {
        let mut state = self.inner.load()?;
        for (id, head) in self.noted.lock().unwrap().iter() {
            let known = state.heads.entry(*id).or_insert(*head);
            if head.id > known.id {
                *known = *head;
            }
        }
        Ok(state)
    }

    fn save(&self, state: &WriterState) -> Result<(), MemoryError> {
        self.step()?;
        self.inner.save(state)
    }
}

/// A desk that notes, counts, and does something when the first object was copied.
struct Notes<'a, 'f> {
    id: DestinationId,
    memory: &'a Merged<'a>,
    first: Option<Box<dyn FnOnce() + 'f>>,
    stop_at: u64,
    heads: Vec<Head>,
}

impl Desk for Notes<'_, '_> {
    fn acknowledge(&mut self, head: Head) -> Result<(), MemoryError> {
        self.memory.step()?;
        self.memory.noted.lock().unwrap().insert(self.id, head);
        self.heads.push(head);
        Ok(())
    }

    fn lacks(&mut self, is_so: bool) -> Result<(), MemoryError> {
        self.memory.step()?;
        let mut state = self.memory.inner.load()?;
        if is_so {
            state.incomplete.insert(self.id);
        } else {
            state.incomplete.remove(&self.id);
        }
        self.memory.inner.save(&state)
    }

    fn copied(&mut self, copied: Copied) -> ControlFlow<()> {
        if let Some(first) = self.first.take() {
            first();
        }
        if copied.objects >= self.stop_at {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

fn desk<'m>(number: usize, memory: &'m Merged<'m>) -> Notes<'m, 'm> {
    Notes {
        id: id_of(number),
        memory,
        first: None,
        stop_at: u64::MAX,
        heads: Vec::new(),
    }
}

struct Case {
    world: World,
    noted: Acknowledged,
    source: tempfile::TempDir,
    foreground: &'static [usize],
}

fn id_of(number: usize) -> DestinationId {
    DestinationId([u8::try_from(number).unwrap(); 16])
}

impl Case {
    /// Some snapshots at all destinations.
    fn new(destinations: usize, foreground: &'static [usize]) -> Self {
        let (world, source) = (World::new(destinations).with_spool(), fast_folder());
        for number in 0..40 {
            let path = source.path().join(format!("{}/{number}", number % 7));
            write(&path, &noise(number, 700));
        }
        world.backup(source.path(), &Run::sound()).unwrap();
        Self {
            world,
            noted: Acknowledged::default(),
            source,
            foreground,
        }
    }

    fn fork(&self) -> Self {
        let source = fast_folder();
        common::crash::copy_folder(self.source.path(), source.path());
        Self {
            world: self.world.fork(),
            noted: Mutex::new(self.noted.lock().unwrap().clone()),
            source,
            foreground: self.foreground,
        }
    }

    fn change(&self, number: u32, len: usize) {
        let path = self.source.path().join(format!("new-{number}"));
        write(&path, &noise(1_000 + number, len));
    }

    fn replica(&self, number: usize, plan: &Arc<FaultPlan>) -> Replica {
        let store = FaultStore::new(self.world.stores[number].clone(), plan.clone());
        Replica::new(Arc::new(store), self.world.setup.identity.archive)
    }

    fn spool(&self, plan: &Arc<FaultPlan>) -> Replica {
        let store = self.world.spool.clone().unwrap();
        let limited = Quota::new(store, self.world.spool_limit).unwrap();
        let store = FaultStore::new(limited, plan.clone());
        Replica::new(Arc::new(store), self.world.setup.identity.archive)
    }

    fn memory(&self, plan: &Arc<FaultPlan>) -> Merged<'_> {
        Merged {
            inner: &self.world.setup.memory,
            noted: &self.noted,
            plan: FaultStore::new(Memory::new(), plan.clone()),
        }
    }

    fn destination(&self, number: usize, plan: &Arc<FaultPlan>) -> Destination {
        Destination {
            id: id_of(number),
            name: format!("d{number}"),
            replica: Ok(self.replica(number, plan)),
        }
    }

    /// Makes a snapshot as the agent does: nothing is done with what is not in the foreground.
    fn round(&self, plan: &Arc<FaultPlan>) -> Result<BackupSummary, EngineError> {
        let memory = self.memory(plan);
        let all = 0..self.world.stores.len();
        let (there, left): (Vec<_>, Vec<_>) =
            all.partition(|number| self.foreground.contains(number));
        let targets = Targets {
            destinations: there.iter().map(|it| self.destination(*it, plan)).collect(),
            spool: Some(self.spool(plan)),
            queues: Some(Queues {
                destinations: left
                    .into_iter()
                    .map(|number| Queued {
                        id: id_of(number),
                        name: format!("d{number}"),
                        may_catch_up: true,
                    })
                    .collect(),
                is_spool_tidy: false,
            }),
        };
        let identity = self.world.setup.identity.clone();
        let mut writer = Writer::open(identity, targets, &memory)?;
        writer.catch_up(&mut |_| ())?;
        let catalogue = Catalogue::open(&self.world.setup.folder.path().join("catalogue"))?;
        let options = BackupOptions {
            roots: vec![self.source.path().to_owned()],
            ..BackupOptions::default()
        };
        let (progress, stop) = (Progress::default(), Stop::default());
        let warnings = Warnings::default();
        backup(
            &mut writer,
            &catalogue,
            &options,
            &warnings,
            &progress,
            &stop,
        )
    }

    fn queue<'m>(
        &self,
        number: usize,
        plan: &Arc<FaultPlan>,
        memory: &'m dyn WriterMemory,
    ) -> Queue<'m> {
        let sisters = self.foreground.iter().filter(|there| **there != number);
        Queue {
            archive: self.world.setup.identity.archive,
            authority: self.world.setup.identity.ring.authority().public_key(),
            destination: self.destination(number, plan),
            sisters: sisters.map(|there| self.replica(*there, plan)).collect(),
            spool: Some(self.spool(plan)),
            memory,
            fills_gaps: true,
            wait: &|_: Duration| (),
        }
    }

    /// Lets the queue of a destination work once; `first` happens after the first object.
    fn serve_with(
        &self,
        number: usize,
        plan: &Arc<FaultPlan>,
        stop_at: u64,
        first: Option<Box<dyn FnOnce() + '_>>,
    ) -> (Result<Served, EngineError>, Vec<Head>) {
        let memory = self.memory(plan);
        let queue = self.queue(number, plan, &memory);
        let mut desk = Notes {
            id: id_of(number),
            memory: &memory,
            first,
            stop_at,
            heads: Vec::new(),
        };
        let served = queue.serve(&mut desk);
        (served, desk.heads)
    }

    fn serve(&self, number: usize, plan: &Arc<FaultPlan>) -> Result<Served, EngineError> {
        self.serve_with(number, plan, u64::MAX, None).0
    }

    fn serve_all(&self, case: &str) {
        let sound = sound();
        for number in 0..self.world.stores.len() {
            if self.foreground.contains(&number) {
                continue;
            }
            for turn in 0.. {
                let served = self.serve(number, &sound).unwrap();
                if matches!(served, Served::UpToDate(_)) {
                    break;
                }
                assert!(turn < 5, "{case}: d{number}: {served:?}");
            }
        }
    }

    fn spooled(&self) -> usize {
        let mut count = 0;
        let spool = self.world.spool.as_ref().unwrap();
        spool.list("", &mut |_, _| count += 1).unwrap();
        count
    }

    /// Rounds and queues go on: everything is the same everywhere, whole, and the newest snapshot is the files.
    fn all_is_well(&self, case: &str) {
        let sound = sound();
        let made = self.round(&sound);
        made.unwrap_or_else(|error| panic!("{case}: {error:?}"));
        self.serve_all(case);
        let summary = self.round(&sound).unwrap();
        for report in &summary.destinations {
            let status = &report.status;
            let is_well = status.is_complete() || *status == DestinationStatus::Queued;
            assert!(is_well, "{case}: {report:?}");
        }
        self.serve_all(case);
        let tree = read_tree(self.source.path());
        let first = self.world.recorded(0);
        for store in 0..self.world.stores.len() {
            let (infos, _) = self.world.verify_clean(store, case);
            assert!(first == self.world.recorded(store), "{case}: d{store}");
            let newest = &infos[infos.len() - 1..];
            self.world.restores(store, newest, &[&tree], case);
        }
    }
}

fn sound() -> Arc<FaultPlan> {
    Arc::new(FaultPlan::none())
}

#[test]
fn what_is_left_to_a_queue_is_brought_there_from_the_spool_alone() {
    let case = Case::new(2, &[]);
    let mut seqs = Vec::new();
    for turn in 0..3 {
        case.change(turn, if turn == 1 { 900_000 } else { 500 });
        let summary = case.round(&sound()).unwrap();
        assert!(summary.spool.unwrap().unacknowledged > 0);
        seqs.push(summary.snapshot.id.seq);
    }
    let (served, heads) = case.serve_with(0, &sound(), u64::MAX, None);
    assert!(matches!(served.unwrap(), Served::CaughtUp(_)));
    assert_eq!(heads.last().unwrap().id.seq, *seqs.last().unwrap());
    assert!(heads.len() >= 3, "each record is noted: {heads:?}");
    assert!(matches!(case.serve(0, &sound()), Ok(Served::UpToDate(_))));
    case.all_is_well("at last");
}

#[test]
fn the_spool_loses_what_all_that_wait_have() {
    let case = Case::new(3, &[0]);
    for turn in 0..4 {
        case.change(turn, 900_000);
        case.round(&sound()).unwrap();
    }
    let full = case.spooled();
    assert!(full >= 8, "{full}");
    case.serve_with(1, &sound(), u64::MAX, None).0.unwrap();
    case.round(&sound()).unwrap();
    let kept = case.spooled();
    assert!(kept > full, "the other one lacks all of it: {kept}");
    // The other one gets the first record alone.
    let (served, heads) = case.serve_with(2, &sound(), u64::MAX, None);
    assert!(matches!(served.unwrap(), Served::CaughtUp(_)));
    case.noted.lock().unwrap().insert(id_of(2), heads[1]);
    case.noted.lock().unwrap().insert(id_of(1), heads[2]);
    let memory = case.memory(&sound());
    let mut state = memory.inner.load().unwrap();
    state.heads.insert(id_of(1), heads[2]);
    state.heads.insert(id_of(2), heads[1]);
    memory.inner.save(&state).unwrap();
    case.round(&sound()).unwrap();
    let left = case.spool(&sound()).record_ids().unwrap();
    assert!(left.iter().all(|id| *id > heads[1].id), "{left:?}");
    assert!(left.contains(&heads[2].id), "the other one waits for it");
    assert!(case.spooled() < kept);
    case.all_is_well("at last");
    // All have everything: the next round that has nothing to write finds it empty.
    let memory = case.memory(&sound());
    drop(memory);
    let summary = case.round(&sound()).unwrap();
    assert!(case.spooled() <= 3, "one record: {}", case.spooled());
    assert_eq!(summary.spool.unwrap().status, SpoolStatus::Engaged);
}

#[test]
fn a_full_spool_is_given_up_and_the_queue_goes_to_a_sister() {
    let mut case = Case::new(2, &[0]);
    case.world.spool_limit = 500_000;
    for turn in 0..3 {
        case.change(turn, 400_000);
        let summary = case.round(&sound()).unwrap();
        assert!(summary.destinations[0].status.is_complete());
    }
    assert!(case.spooled() < 5, "{}", case.spooled());
    case.all_is_well("at last");
}

#[test]
fn one_that_went_back_is_set_aside_and_the_others_go_on() {
    let case = Case::new(3, &[0]);
    let before = common::crash::copy_of(&case.world.stores[2]);
    case.change(1, 2_000);
    case.round(&sound()).unwrap();
    case.serve_all("before");
    for (path, _) in case.world.objects(2) {
        case.world.stores[2].delete(&path).unwrap();
    }
    let mut paths = Vec::new();
    before.list("", &mut |path, _| paths.push(path)).unwrap();
    for path in paths {
        let bytes = before.get(&path, u64::MAX).unwrap();
        let _ = case.world.stores[2].put_new(&path, &bytes).unwrap();
    }
    case.change(2, 2_000);
    case.round(&sound()).unwrap();
    let there = case.world.objects(2);
    let served = case.serve(2, &sound()).unwrap();
    assert!(
        matches!(&served, Served::SetAside(why) if why.contains("went back")),
        "{served:?}"
    );
    assert!(there == case.world.objects(2), "nothing is written to it");
    assert!(matches!(case.serve(1, &sound()), Ok(Served::CaughtUp(_))));
    assert!(matches!(case.serve(1, &sound()), Ok(Served::UpToDate(_))));
}

#[test]
fn an_empty_mount_point_is_away_and_catches_up_later() {
    let case = Case::new(2, &[]);
    let disk = common::crash::copy_of(&case.world.stores[1]);
    for (path, _) in case.world.objects(1) {
        case.world.stores[1].delete(&path).unwrap();
    }
    for turn in 0..2 {
        case.change(turn, 2_000);
        case.round(&sound()).unwrap();
        let served = case.serve(1, &sound()).unwrap();
        let is_away = matches!(&served, Served::Unreachable(why) if why.contains("mounted"));
        assert!(is_away, "{served:?}");
    }
    assert!(case.world.objects(1).is_empty(), "nothing is written to it");
    let mut paths = Vec::new();
    disk.list("", &mut |path, _| paths.push(path)).unwrap();
    for path in paths {
        let bytes = disk.get(&path, u64::MAX).unwrap();
        let _ = case.world.stores[1].put_new(&path, &bytes).unwrap();
    }
    assert!(matches!(case.serve(1, &sound()), Ok(Served::CaughtUp(_))));
    case.all_is_well("at last");
}

#[test]
fn what_was_left_out_is_missed_until_it_is_there() {
    let case = Case::new(2, &[0]);
    case.change(1, 900_000);
    case.world
        .backup(case.source.path(), &Run::sound())
        .unwrap();
    // A new one, and a sister that lost something.
    case.world.delete(1, "");
    let mut state = case.world.setup.memory.load().unwrap();
    state.heads.remove(&id_of(1));
    case.world.setup.memory.save(&state).unwrap();
    let lost = case.world.objects(0).into_iter();
    let (path, bytes) = lost.max_by_key(|(_, bytes)| bytes.len()).unwrap();
    case.world.stores[0].delete(&path).unwrap();
    for turn in 0..3 {
        let (served, heads) = case.serve_with(1, &sound(), u64::MAX, None);
        let served = served.unwrap();
        assert!(
            matches!(served, Served::Incomplete(_)),
            "{turn}: {served:?}"
        );
        assert!(heads.is_empty(), "{turn}: it acknowledges nothing");
    }
    // What is new comes there all the same, and it is not looked for again each time.
    case.change(2, 900);
    case.round(&sound()).unwrap();
    assert!(matches!(case.serve(1, &sound()), Ok(Served::CaughtUp(_))));
    let memory = case.memory(&sound());
    let queue = Queue {
        fills_gaps: false,
        ..case.queue(1, &sound(), &memory)
    };
    let mut desk = desk(1, &memory);
    let served = queue.serve(&mut desk).unwrap();
    assert!(matches!(served, Served::Incomplete(_)), "{served:?}");
    let _ = case.world.stores[0].put_new(&path, &bytes).unwrap();
    assert!(matches!(case.serve(1, &sound()), Ok(Served::CaughtUp(_))));
    assert!(matches!(case.serve(1, &sound()), Ok(Served::UpToDate(_))));
    case.all_is_well("at last");
}

/// A memory that is read once before the writer notes something.
struct Early<'a> {
    memory: &'a dyn WriterMemory,
    before: Mutex<Option<WriterState>>,
}

impl WriterMemory for Early<'_> {
    fn load(&self) -> Result<WriterState, MemoryError> {
        let before = self.before.lock().unwrap().take();
        before.map_or_else(|| self.memory.load(), Ok)
    }

    fn save(&self, state: &WriterState) -> Result<(), MemoryError> {
        self.memory.save(state)
    }
}

#[test]
fn what_the_writer_put_while_a_queue_looks_is_nobody_elses() {
    let case = Case::new(2, &[0]);
    let memory = case.memory(&sound());
    let before = memory.load().unwrap();
    case.change(1, 900);
    case.round(&sound()).unwrap();
    let early = Early {
        memory: &memory,
        before: Mutex::new(Some(before)),
    };
    let mut desk = desk(0, &memory);
    let served = case.queue(0, &sound(), &early).serve(&mut desk);
    assert!(matches!(served, Ok(Served::UpToDate(_))), "{served:?}");
}

#[test]
fn a_later_generation_at_one_stops_its_queue() {
    let case = Case::new(2, &[0]);
    let other = case.world.elsewhere();
    other
        .adopt(&Run {
            away: &[0],
            ..Run::sound()
        })
        .unwrap();
    case.change(1, 1_000);
    case.round(&sound()).unwrap();
    let error = case.serve(1, &sound()).unwrap_err();
    assert!(matches!(error, EngineError::Fenced { .. }), "{error}");
}

#[test]
fn a_record_that_is_not_noted_is_not_copied() {
    let case = Case::new(2, &[0]);
    case.change(1, 1_000);
    // Dies when the record is at its sister, before that is noted.
    let plan = sound();
    case.fork().round(&plan).unwrap();
    for calls in 0..plan.calls() {
        let dying = case.fork();
        let _ = dying.round(&Arc::new(FaultPlan::stop_after(calls)));
        let head = dying.world.setup.memory.load().unwrap().head.unwrap();
        let what = format!("died after {calls}");
        let served = dying.serve(1, &sound()).unwrap();
        let ids = dying.replica(1, &sound()).record_ids().unwrap();
        assert!(ids.iter().all(|id| *id <= head.id), "{what}: {served:?}");
        dying.all_is_well(&what);
    }
}

/// A round, a queue in the middle of which another round comes, and a queue that is stopped: any of them dies.
fn die_everywhere(start: &Case, stride: usize) -> u64 {
    let run = |case: &Case, plan: &Arc<FaultPlan>| {
        let _ = case.serve_with(1, plan, 2, None);
        case.change(20, 400_000);
        let _ = case.round(plan);
        let between = Box::new(|| {
            case.change(21, 900);
            let _ = case.round(plan);
        });
        let _ = case.serve_with(1, plan, u64::MAX, Some(between));
        let _ = case.serve(2, plan);
        let _ = case.serve(1, plan);
        let _ = case.round(plan);
    };
    let counting = sound();
    let all = start.fork();
    run(&all, &counting);
    all.all_is_well("nothing died");
    let (calls, mut cases) = (counting.calls(), 0);
    for stop in (0..calls).step_by(stride) {
        let case = start.fork();
        run(&case, &Arc::new(FaultPlan::stop_after(stop)));
        case.all_is_well(&format!("died after {stop} of {calls} calls"));
        cases += 1;
    }
    cases
}

#[expect(clippy::print_stdout, reason = "the number of cases is a result")]
fn tell(what: &str, cases: u64) {
    println!("{what}: {cases} cases");
}

fn behind(foreground: &'static [usize]) -> Case {
    let case = Case::new(3, foreground);
    for (turn, len) in [(0, 600_000), (1, 800), (2, 900_000)] {
        case.change(turn, len);
        case.round(&sound()).unwrap();
    }
    case
}

#[test]
fn queues_beside_a_writer_die_at_every_call_matrix() {
    tell("one in the foreground", die_everywhere(&behind(&[0]), 1));
}

#[test]
fn queues_of_a_spool_alone_die_at_every_call_matrix() {
    tell("none in the foreground", die_everywhere(&behind(&[]), 1));
}
