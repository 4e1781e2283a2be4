//! Writes the same objects to several destinations at once, each at its own pace.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use strongroom_base::object::ObjectRef;
use strongroom_replica::Replica;
use strongroom_replica::parallel::is_alone;

/// How many objects wait for a destination before the work waits for it.
const WAITING: usize = 0;

type Object = (ObjectRef, Arc<Vec<u8>>);

/// Destinations that objects are written to.
pub(crate) struct Fanout {
    lanes: Vec<Lane>,
}

struct Lane {
    number: usize,
    /// Where to write, by whoever puts; none where a thread writes.
    replica: Option<Replica>,
    objects: Option<Sender<Object>>,
    state: Arc<LaneState>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct LaneState {
    pending: Mutex<Pending>,
    changed: Condvar,
    bytes: AtomicU64,
}

#[derive(Default)]
struct Pending {
    count: usize,
    error: Option<String>,
}

impl Fanout {
    /// Begins to write to these replicas, each under its number.
    pub(crate) fn new(replicas: Vec<(usize, Replica)>) -> Self {
        let lanes = replicas
            .into_iter()
            .map(|(number, replica)| Lane::new(number, replica))
            .collect();
        Self { lanes }
    }

    /// Writes an object to every destination that works; waits only where one lags.
    pub(crate) fn put(&self, object: ObjectRef, bytes: Vec<u8>) {
        let bytes = Arc::new(bytes);
        for lane in &self.lanes {
            lane.put((object, bytes.clone()));
        }
    }

    /// Waits until every destination has everything, and returns those that failed, each time.
    pub(crate) fn wait(&self) -> Vec<(usize, String)> {
        let failed = |lane: &Lane| lane.wait().map(|error| (lane.number, error));
        self.lanes.iter().filter_map(failed).collect()
    }

    /// Returns how many bytes were written to each destination.
    pub(crate) fn bytes(&self) -> impl Iterator<Item = (usize, u64)> {
        self.lanes
            .iter()
            .map(|lane| (lane.number, lane.state.bytes.load(Ordering::Relaxed)))
    }
}

impl Lane {
    fn new(number: usize, replica: Replica) -> Self {
        let state = Arc::new(LaneState::default());
        if is_alone() {
            return Self {
                number,
                replica: Some(replica),
                objects: None,
                state,
                thread: None,
            };
        }
        let (sender, receiver) = bounded(WAITING);
        let shared = state.clone();
        let thread = std::thread::spawn(move || write_all(&replica, &receiver, &shared));
        Self {
            number,
            replica: None,
            objects: Some(sender),
            state,
            thread: Some(thread),
        }
    }

    fn put(&self, object: Object) {
        let mut pending = self
            .state
            .pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if pending.error.is_some() {
            return;
        }
        pending.count += 1;
        drop(pending);
        if let Some(replica) = &self.replica {
            write(replica, &object, &self.state);
        }
        if let Some(objects) = &self.objects {
            // The thread ends only when this sender is dropped.
            let _ = objects.send(object);
        }
    }

    fn wait(&self) -> Option<String> {
        let mut pending = self
            .state
            .pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while pending.count > 0 {
            pending = self
                .state
                .changed
                .wait(pending)
                .unwrap_or_else(PoisonError::into_inner);
        }
        pending.error.clone()
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.objects = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

fn write_all(replica: &Replica, objects: &Receiver<Object>, state: &LaneState) {
    for object in objects {
        write(replica, &object, state);
    }
}

fn write(replica: &Replica, (object, bytes): &Object, state: &LaneState) {
    let failed = state
        .pending
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .error
        .is_some();
    let result = if failed {
        Ok(())
    } else {
        replica.put(object, bytes).map(drop)
    };
    let mut pending = state.pending.lock().unwrap_or_else(PoisonError::into_inner);
    pending.count -= 1;
    match result {
        Err(error) => pending.error = Some(error.to_string()),
        Ok(()) if !failed => {
            state.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        Ok(()) => {}
    }
    drop(pending);
    state.changed.notify_all();
}
