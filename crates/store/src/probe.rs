//! Tries out what a destination can do, instead of assuming it.

use strongroom_base::ids::to_hex;
use strongroom_base::random::RandomSource;

use crate::{LockRule, ObjectPath, PutOutcome, Store, StoreError};

/// Threads that try to create one object at the same time.
const RACERS: u8 = 4;

/// What a destination was found to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one finding")]
pub struct Capabilities {
    /// Of several writers of one name, on any computer, exactly one succeeds, and nothing is replaced.
    pub exclusive_create: bool,
    /// The same, of writers that are threads of one process.
    pub exclusive_in_process: bool,
    /// Objects come back as they were put, whole and in part.
    pub reads_back: bool,
    /// New objects are listed, and absent ones are told apart.
    pub lists: bool,
    /// Objects can be deleted; an append-only destination refuses.
    pub deletes: bool,
    /// What "durable" means here, in words for people.
    pub durable: &'static str,
    /// Space left in bytes, where the destination can say.
    pub free_bytes: Option<u64>,
    /// The lock that a new object was found to have.
    pub lock: Option<LockRule>,
}

/// Tries a destination out with two small objects under `probe/`, which are removed again if it permits.
///
/// An error means that not even a small object could be put or read.
pub fn probe(store: &dyn Store, random: &dyn RandomSource) -> Result<Capabilities, StoreError> {
    let [path, raced] = names(random);
    let found = try_out(store, &path, &raced);
    let deleted = [&path, &raced].map(|path| delete(store, path));
    // A folder that cannot be removed does no harm.
    let _ = store.remove_empty("probe/");
    let mut found = found?;
    found.deletes = deleted
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?
        .iter()
        .all(|gone| *gone);
    Ok(found)
}

/// Draws two names that no object has.
fn names(random: &dyn RandomSource) -> [ObjectPath; 2] {
    let mut name = [0; 16];
    random.fill(&mut name);
    let name = to_hex(&name);
    [1, 2].map(|number| {
        ObjectPath::new(&format!("probe/{name}-{number}"))
            .expect("hexadecimal digits are a valid name")
    })
}

fn try_out(
    store: &dyn Store,
    path: &ObjectPath,
    raced: &ObjectPath,
) -> Result<Capabilities, StoreError> {
    let first = path.as_str().as_bytes();
    let absent = matches!(store.size(path), Err(StoreError::NotFound { .. }));
    let stored = store.put_new(path, first)? == PutOutcome::Stored;
    let refused = store.put_new(path, b"another")? == PutOutcome::AlreadyThere;
    let len = first.len() as u64;
    let unchanged = store.get(path, len)? == first;
    // Of an object that was replaced, nothing more can be said.
    let part = unchanged && store.get_range(path, 6, 8)? == first[6..14];
    let past_end = matches!(
        store.get_range(path, 6, first.len()),
        Err(StoreError::Truncated { .. })
    );
    let mut listed = 0;
    store.list("probe/", &mut |found, size| {
        listed += usize::from(found == *path && size == len);
    })?;
    let properties = store.properties()?;
    let exclusive = stored && refused && unchanged && race(store, raced)?;
    Ok(Capabilities {
        exclusive_create: properties.exclusive && exclusive,
        exclusive_in_process: exclusive,
        reads_back: unchanged && part && past_end && store.size(path)? == len,
        lists: absent && listed == 1,
        deletes: false,
        durable: properties.durable,
        free_bytes: properties.free_bytes,
        lock: locked(store, path, properties.lock)?,
    })
}

/// Returns the rule where the object that was just put is really locked.
fn locked(
    store: &dyn Store,
    path: &ObjectPath,
    rule: Option<LockRule>,
) -> Result<Option<LockRule>, StoreError> {
    let Some(rule) = rule else { return Ok(None) };
    let until = store.locked_until(path)?;
    let arrived = store.modified(path)?;
    Ok(until.filter(|until| *until > arrived).map(|_| rule))
}

/// Says whether of several writers exactly one stored, and its bytes are what is there.
fn race(store: &dyn Store, path: &ObjectPath) -> Result<bool, StoreError> {
    let outcomes = std::thread::scope(|scope| {
        let put = |racer: u8| move || store.put_new(path, &[racer]);
        let racers: Vec<_> = (0..RACERS).map(|racer| scope.spawn(put(racer))).collect();
        racers
            .into_iter()
            .map(|racer| racer.join().unwrap_or(Err(StoreError::Stopped)))
            .collect::<Result<Vec<_>, _>>()
    })?;
    let winners: Vec<u8> = (0..)
        .zip(outcomes)
        .filter_map(|(racer, outcome)| (outcome == PutOutcome::Stored).then_some(racer))
        .collect();
    // With one winner, this one byte is its number.
    Ok(winners.len() == 1 && store.get(path, 1)? == winners)
}

/// Deletes, and says whether the object is gone; being refused is an answer too.
fn delete(store: &dyn Store, path: &ObjectPath) -> Result<bool, StoreError> {
    match store.delete(path) {
        Ok(()) => Ok(matches!(store.size(path), Err(StoreError::NotFound { .. }))),
        Err(StoreError::Denied { .. } | StoreError::Refused { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
