//! Makes an archive.

use strongroom_base::clock::Clock;
use strongroom_base::ids::{ArchiveId, Generation, Seq};
use strongroom_base::object::RecordId;
use strongroom_base::random::RandomSource;
use strongroom_crypto::keys::SealedKind;
use strongroom_crypto::seal::{SALT_LEN, Sealer, SealingKey};
use strongroom_crypto::sign::SigningKey;
use strongroom_format::body::{Body, Deed};
use strongroom_format::keys::KeyRing;
use strongroom_format::sealed::{EpochKeys, SealedHeader, begin_object, seal_object};
use strongroom_replica::Replica;
use strongroom_replica::descriptor::Descriptor;
use strongroom_replica::record::{Changes, Link, PartKind, Record, RecordKind};

use crate::destination::Destination;
use crate::error::EngineError;
use crate::heads::{Seen, look, next_generation};
use crate::memory::{Head, Memory};
use crate::writer::Identity;

/// What a new archive is made of.
pub struct NewArchive<'a> {
    /// Its id.
    pub archive: ArchiveId,
    /// Its keys.
    pub ring: &'a KeyRing,
    /// The bytes of keys object number 1.
    pub keys_object: &'a [u8],
    /// The key that will sign its records.
    pub writer: &'a SigningKey,
}

/// Writes descriptor, wraps and the first record to every destination that can be reached, and
/// remembers the record. Fails where none can.
///
/// After a crash it is called again. Where a destination has the record that was announced last, that is
/// the first one; otherwise the next attempt has a generation, and so a name, of its own.
pub fn create_archive(
    new: &NewArchive<'_>,
    destinations: &[Destination],
    memory: &dyn Memory,
    clock: &dyn Clock,
    random: &dyn RandomSource,
) -> Result<(), EngineError> {
    let authority = new.ring.authority();
    let (_, suite) = new.ring.current();
    let descriptor = Descriptor {
        archive: new.archive,
        suite,
        authority: authority.public_key(),
    }
    .encode(&authority);
    let mut state = memory.load()?;
    if let Some(announced) = state.announced.last() {
        let found = |there: &Destination| {
            look(there, &authority.public_key(), &state) == Seen::Newest(*announced)
        };
        if destinations.iter().any(found) {
            return Ok(());
        }
    }
    let reason =
        |there: &Destination| Some(format!("{}: {}", there.name, there.replica.as_ref().err()?));
    if destinations.iter().all(|there| there.replica.is_err()) {
        // Nothing is announced that nobody could take.
        return Err(EngineError::NoDestination {
            archive: new.archive,
            reasons: destinations.iter().filter_map(reason).collect(),
            is_newest_gone: false,
        });
    }
    let record = first_record(new, next_generation(&state), clock, random);
    let head = Head {
        id: record.id(),
        hash: record.hash(),
    };
    state.announced.push(head);
    memory.save(&state)?;
    let mut reasons = Vec::new();
    for destination in destinations {
        let written = destination
            .replica
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|replica| {
                write_first(replica, &descriptor, new.keys_object, &record)
                    .map_err(|e| e.to_string())
            });
        match written {
            Ok(()) => {
                state.heads.insert(destination.id, head);
            }
            Err(reason) => reasons.push(format!("{}: {reason}", destination.name)),
        }
    }
    if state.heads.is_empty() {
        return Err(EngineError::NoDestination {
            archive: new.archive,
            reasons,
            is_newest_gone: false,
        });
    }
    state.head = Some(head);
    state.announced.clear();
    memory.save(&state)?;
    Ok(())
}

fn write_first(
    replica: &Replica,
    descriptor: &[u8],
    keys_object: &[u8],
    record: &Record,
) -> Result<(), strongroom_replica::ReplicaError> {
    let _ = replica.put_descriptor(descriptor)?;
    replica.put_keys(1, keys_object)?;
    replica.put_record(record)
}

fn first_record(
    new: &NewArchive<'_>,
    generation: Generation,
    clock: &dyn Clock,
    random: &dyn RandomSource,
) -> Record {
    let deed = Deed::Generation {
        reason: "new archive".to_owned(),
    };
    let body = Body {
        time: clock.now(),
        destinations: Vec::new(),
        runs: Vec::new(),
        deed,
    };
    let sealed = seal_body(new.archive, generation, new.ring, &body, random);
    let link = Link {
        archive: new.archive,
        id: RecordId {
            generation,
            seq: Seq(1),
        },
        previous: [0; 32],
        writer: new.writer.public_key(),
    };
    let parts: [(PartKind, &[u8]); 1] = [(PartKind::Body, &sealed)];
    Record::sign(
        RecordKind::Generation,
        link,
        Changes::default(),
        &parts,
        &new.ring.authority(),
    )
}

/// Seals the body of a record under the current epoch.
pub(crate) fn seal_body(
    archive: ArchiveId,
    generation: Generation,
    ring: &KeyRing,
    body: &Body,
    random: &dyn RandomSource,
) -> Vec<u8> {
    let mut sealed = Vec::new();
    seal(
        archive,
        generation,
        ring,
        SealedKind::Body,
        &body.encode(),
        random,
        &mut sealed,
    );
    sealed
}

/// Appends a plaintext, sealed under the current epoch, to `out`, and returns its header.
#[expect(
    clippy::too_many_arguments,
    reason = "each is a part of the context of a seal"
)]
pub(crate) fn seal(
    archive: ArchiveId,
    generation: Generation,
    ring: &KeyRing,
    kind: SealedKind,
    plaintext: &[u8],
    random: &dyn RandomSource,
    out: &mut Vec<u8>,
) -> SealedHeader {
    let (header, key) = header_and_key(generation, ring, kind);
    seal_object(&header, archive, &key, &salt(random), plaintext, out);
    header
}

/// Begins to seal a plaintext under the current epoch that comes piece by piece; appends to `out` what comes first.
pub(crate) fn begin_seal(
    identity: &Identity,
    generation: Generation,
    kind: SealedKind,
    out: &mut Vec<u8>,
) -> (SealedHeader, Sealer) {
    let (header, key) = header_and_key(generation, &identity.ring, kind);
    let salt = salt(&*identity.random);
    let sealer = begin_object(&header, identity.archive, &key, &salt, out);
    (header, sealer)
}

fn header_and_key(
    generation: Generation,
    ring: &KeyRing,
    kind: SealedKind,
) -> (SealedHeader, SealingKey) {
    let (epoch, suite) = ring.current();
    let header = SealedHeader {
        kind,
        suite,
        generation,
        epoch,
    };
    let key = ring
        .sealing_key(&header)
        .expect("the current epoch is in the key ring");
    (header, key)
}

fn salt(random: &dyn RandomSource) -> [u8; SALT_LEN] {
    let mut salt = [0; SALT_LEN];
    random.fill(&mut salt);
    salt
}
