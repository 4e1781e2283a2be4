//! Heads of archives, as computers present them when they check in: compared with what is remembered, and put on record
//! where they go back. `spec/check-in-v1.md`, section 3.

use std::collections::BTreeMap;

use strongroom_api::v1;
use strongroom_base::ids::{Generation, Seq, from_hex, to_hex};
use strongroom_base::object::RecordId;
use strongroom_crypto::hash::Hasher;
use strongroom_custody::audit::{Actor, ActorKind};
use strongroom_db::heads::{self, Pair, Stored};
use strongroom_db::{Writing, audit};
use strongroom_domain::head::{Head, Remembered, Turn};

use super::Machine;
use crate::app::audit::Event;
use crate::app::paging::{self, Asked};
use crate::app::words::{moment, parse_id};
use crate::app::{Fault, View};

/// Most heads of a check-in, and most that are remembered for a computer.
const PRESENTED_MAX: usize = 128;
const REMEMBERED_MAX: usize = 256;

/// More than there are of a computer.
const READ_MAX: u64 = 1024;

/// How many heads an entry of the audit log names.
const NAMED_MAX: usize = 8;

/// What a computer presents.
type Presented = BTreeMap<Pair, Head>;

/// What follows from what was presented.
#[derive(Default)]
struct Taken {
    /// All of the computer that are remembered now.
    all: BTreeMap<Pair, Remembered>,
    /// Those of them that are others than they were.
    changed: Vec<Stored>,
    /// Those that are remembered no longer.
    forgotten: Vec<Pair>,
    /// What is to be on record: what is remembered, and what is presented.
    turns: BTreeMap<Turn, Vec<(Pair, Head, Head)>>,
}

/// Reads what a computer presents.
pub(super) fn parse(heads: &[v1::ArchiveHead]) -> Result<Presented, Fault> {
    if heads.len() > PRESENTED_MAX {
        let detail = format!("at most {PRESENTED_MAX} heads are presented at once");
        return Err(Fault::invalid("heads", detail));
    }
    let mut presented = Presented::new();
    for head in heads {
        let archive = parse_id("heads.archive", &head.archive)?;
        let destination = parse_id("heads.destination", &head.destination)?;
        let hash = from_hex(&head.hash);
        let hash = hash.ok_or_else(|| Fault::invalid("heads.hash", "64 hexadecimal digits"))?;
        let is_one = head.generation > 0 && head.seq > 0 && i64::try_from(head.seq).is_ok();
        if !is_one {
            return Err(Fault::invalid("heads.seq", "records are numbered from 1"));
        }
        let id = RecordId {
            generation: Generation(head.generation),
            seq: Seq(head.seq),
        };
        let before = presented.insert((archive, destination), Head { id, hash });
        if before.is_some() {
            let detail = "an archive has one head at a destination";
            return Err(Fault::invalid("heads", detail));
        }
    }
    Ok(presented)
}

/// Takes in what a computer presents; returns what is remembered where that is behind. Where all is as it was the last time,
/// and nothing is behind, no statement is needed.
pub(super) async fn present(
    machine: &Machine,
    presented: &Presented,
) -> Result<Vec<v1::ArchiveHead>, Fault> {
    if presented.is_empty() {
        return Ok(Vec::new());
    }
    let (app, known) = (&machine.app, machine.asking.stored.heads);
    let hash = hash_of(machine, presented);
    if known.hash == Some(hash) {
        if known.behind == 0 {
            return Ok(Vec::new());
        }
        let reading = app.database.read().await?;
        let id = machine.asking.stored.computer.id;
        let all = heads::of_computer(&reading, id, None, READ_MAX).await?;
        let all = all.into_iter().map(|stored| (stored.pair, stored.head));
        return Ok(behind(presented, &all.collect()));
    }
    let writing = app.database.note().await?;
    let taken = compare(machine, &writing, presented).await?;
    let (writing, taken) = if taken.turns.is_empty() {
        (writing, taken)
    } else {
        // What goes on record is decided anew under the lock of the log.
        writing.undo().await?;
        let writing = app.database.write().await?;
        let taken = compare(machine, &writing, presented).await?;
        (writing, taken)
    };
    store(machine, &writing, &taken, &hash).await?;
    writing.commit().await?;
    Ok(behind(presented, &taken.all))
}

/// Compares what is presented with what is remembered, which nobody else changes until the transaction ends.
async fn compare(
    machine: &Machine,
    writing: &Writing,
    presented: &Presented,
) -> Result<Taken, Fault> {
    let (id, now) = (machine.asking.stored.computer.id, machine.now);
    let epoch = machine.asking.known.epoch;
    heads::lock(writing, id).await?;
    let known = heads::of_computer(writing, id, None, READ_MAX).await?;
    let known = known.into_iter().map(|stored| (stored.pair, stored.head));
    let mut taken = Taken {
        all: known.collect(),
        ..Taken::default()
    };
    for (pair, head) in presented {
        let (next, turn) = match taken.all.get(pair) {
            None => (Remembered::first(*head, epoch, now), None),
            Some(kept) => {
                let (next, turn) = kept.take(*head, epoch, now);
                if next == *kept {
                    continue;
                }
                let turn = turn.map(|turn| (turn, kept.newest));
                (next, turn)
            }
        };
        if let Some((turn, was)) = turn {
            let named = taken.turns.entry(turn).or_default();
            named.push((*pair, was, *head));
        }
        taken.all.insert(*pair, next);
        taken.changed.push(Stored {
            pair: *pair,
            head: next,
        });
    }
    taken.forget_most(presented);
    Ok(taken)
}

impl Taken {
    /// Forgets what was presented before all others and is not now, where there is too much.
    fn forget_most(&mut self, presented: &Presented) {
        let excess = self.all.len().saturating_sub(REMEMBERED_MAX);
        if excess == 0 {
            return;
        }
        let absent = self.all.iter();
        let absent = absent.filter(|(pair, _)| !presented.contains_key(pair));
        let mut absent: Vec<_> = absent.map(|(pair, head)| (head.since, *pair)).collect();
        absent.sort_unstable();
        self.forgotten = absent
            .into_iter()
            .take(excess)
            .map(|(_since, pair)| pair)
            .collect();
        self.all.retain(|pair, _| !self.forgotten.contains(pair));
    }
}

async fn store(
    machine: &Machine,
    writing: &Writing,
    taken: &Taken,
    hash: &[u8; 32],
) -> Result<(), Fault> {
    let id = machine.asking.stored.computer.id;
    heads::store(writing, id, &taken.changed).await?;
    heads::forget(writing, id, &taken.forgotten).await?;
    let n_behind = taken.all.values().filter(|head| head.behind.is_some());
    let n_behind = u32::try_from(n_behind.count()).unwrap_or(u32::MAX);
    heads::note(writing, id, hash, n_behind).await?;
    for (turn, heads) in &taken.turns {
        record(machine, writing, *turn, heads).await?;
    }
    Ok(())
}

/// Puts on record what came of the heads of a computer.
async fn record(
    machine: &Machine,
    writing: &Writing,
    turn: Turn,
    heads: &[(Pair, Head, Head)],
) -> Result<(), Fault> {
    let name = match turn {
        Turn::WentBack => "archive.heads-went-back",
        Turn::CameBack => "archive.heads-came-back",
        Turn::TakenAfresh => "archive.heads-taken-afresh",
    };
    let (stored, owner) = (&machine.asking.stored, &machine.asking.owner);
    let id = stored.computer.id;
    let mut event = Event::of_thing(name, "computer", id, stored.name.as_str(), owner)
        .with("heads", heads.len());
    for (number, ((archive, destination), was, is)) in (1..).zip(heads.iter().take(NAMED_MAX)) {
        let same = if was.id == is.id { ", another one" } else { "" };
        let text = format!(
            "archive {archive} at {destination}: record {} was known, {} is presented{same}",
            was.id, is.id
        );
        event = event.with(&format!("head.{number}"), text);
    }
    let actor = Actor {
        kind: ActorKind::Computer,
        id: owner.account.user.to_string(),
        name: owner.name.as_str().to_owned(),
    };
    let event = event.by(actor, machine.address.to_string());
    let user = Some(owner.account.user);
    audit::append(writing, &event, user, machine.now).await?;
    Ok(())
}

/// Returns what is remembered of those that are presented and behind.
fn behind(presented: &Presented, all: &BTreeMap<Pair, Remembered>) -> Vec<v1::ArchiveHead> {
    let flagged = all
        .iter()
        .filter(|(pair, head)| head.behind.is_some() && presented.contains_key(*pair));
    flagged
        .map(|(pair, head)| shown(*pair, head.newest))
        .collect()
}

/// Returns the hash of all that is presented in an epoch: where it is known, there is nothing to compare.
fn hash_of(machine: &Machine, presented: &Presented) -> [u8; 32] {
    let mut hasher = Hasher::new();
    hasher.update(&machine.asking.known.epoch.0.to_be_bytes());
    for ((archive, destination), head) in presented {
        hasher.update(&archive.0).update(&destination.0);
        hasher.update(&head.id.generation.0.to_be_bytes());
        hasher.update(&head.id.seq.0.to_be_bytes());
        hasher.update(&head.hash);
    }
    hasher.finalize()
}

/// Returns the heads of the computer of the path, by archive and destination.
pub async fn list(view: &View, query: &v1::PageQuery) -> Result<v1::Page<v1::KnownHead>, Fault> {
    let (computer, _owner) = view.computer()?;
    let asked = Asked::new(query.after.as_deref(), query.limit)?;
    let after = asked.after_two()?;
    let after = after.map(|(archive, destination)| -> Result<Pair, Fault> {
        Ok((
            parse_id("after", &archive)?,
            parse_id("after", &destination)?,
        ))
    });
    let limit = asked.limit_and_one();
    let id = computer.computer.id;
    let found = heads::of_computer(&view.reading, id, after.transpose()?, limit).await?;
    Ok(asked.page(
        found,
        |last| paging::cursor(&[&last.pair.0.to_string(), &last.pair.1.to_string()]),
        known,
    ))
}

fn known(stored: Stored) -> v1::KnownHead {
    let behind = stored.head.behind.map(|behind| v1::HeadBehind {
        generation: behind.presented.id.generation.0,
        seq: behind.presented.id.seq.0,
        hash: to_hex(&behind.presented.hash),
        since: moment(behind.since),
    });
    v1::KnownHead {
        newest: shown(stored.pair, stored.head.newest),
        since: moment(stored.head.since),
        behind,
    }
}

fn shown((archive, destination): Pair, head: Head) -> v1::ArchiveHead {
    v1::ArchiveHead {
        archive: archive.to_string(),
        destination: destination.to_string(),
        generation: head.id.generation.0,
        seq: head.id.seq.0,
        hash: to_hex(&head.hash),
    }
}
