//! The product under test with everything around it, and the operations on it.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use strongroom_base::clock::{Clock as _, Timestamp};
use strongroom_base::ids::{ArchiveId, DestinationId, ObjectName, Seq};
use strongroom_base::random::RandomSource;
use strongroom_catalogue::Catalogue;
use strongroom_crypto::custody::CustodyKey;
use strongroom_crypto::hash::hash;
use strongroom_crypto::suite::Suite;
use strongroom_engine::backup::{BackupOptions, backup};
use strongroom_engine::erase::{EraseOptions, GRACE, erase_condemned};
use strongroom_engine::forget::forget;
use strongroom_engine::prune::{PruneOptions, prune};
use strongroom_engine::{
    Destination, DestinationReport, EngineError, NewArchive, Progress, Stop, Writer, create_archive,
};
use strongroom_format::keys::{KeyRing, KeysObject};
use strongroom_replica::Replica;
use strongroom_replica::expected::Keys;
use strongroom_replica::scrub::Sample;

use crate::common::{MovedClock, Warnings};
use crate::dice::{Dice, SeededRandom};
use crate::look::Look;
use crate::profile::{Disturbance, Profile};
use crate::reference::{Reference, Tag};
use crate::site::Site;
use crate::source::Source;
use crate::spool::Spool;
use crate::step::Theme;
use crate::tally::Tally;
use crate::tend::{Tended, Tending, Untended};

pub(crate) const DAY: i128 = 86_400_000_000_000;
/// Later than the files of the test are written.
pub(crate) const BEGIN: Timestamp = Timestamp(2_051_222_400_000_000_000);
const SITES: u8 = 3;

/// The product under test with everything around it.
pub(crate) struct Machine {
    pub(crate) archive: ArchiveId,
    pub(crate) ring: Arc<KeyRing>,
    descriptor: Vec<u8>,
    keys: Keys,
    pub(crate) clock: Arc<MovedClock>,
    pub(crate) sites: Vec<Site>,
    pub(crate) profile: Profile,
    /// Who wrote before, and does not know better.
    pub(crate) former: Option<Profile>,
    /// A copy of the profile, and its time.
    pub(crate) old: Option<Profile>,
    pub(crate) source: Source,
    pub(crate) reference: Reference,
    pub(crate) tally: Tally,
    /// Whether an adoption began that did not end well.
    pub(crate) adopting: bool,
    /// Whether somebody else, or an older self, may have written.
    pub(crate) rivals: bool,
    /// Where the archive may go on at another record: the snapshots that must be there then.
    pub(crate) floor: Option<BTreeSet<Tag>>,
    /// The grace by which was erased last.
    pub(crate) grace: Cell<Duration>,
}

/// So many snapshots are kept for a while.
const KEPT: usize = 7;

/// What an operation says of every destination.
pub(crate) type Reports = Vec<DestinationReport>;

impl Machine {
    pub(crate) fn new(seed: u64, theme: Theme) -> Self {
        let random: Arc<dyn RandomSource> = Arc::new(SeededRandom::new(seed));
        let mut dice = Dice::new(seed, 0);
        let clock = Arc::new(MovedClock(Mutex::new(BEGIN)));
        let custody = CustodyKey::random(&*random);
        let archive = ArchiveId::random(&*random);
        let ring = Arc::new(KeyRing::random(Suite::Aes256, &*random));
        let authority = ring.authority();
        let bytes =
            KeysObject::new(archive, 1, &ring, &custody, vec![], &*random).encode(&authority);
        let mut profile = Profile::new(archive, &ring, clock.clone(), random.clone());
        profile.spool = (theme == Theme::Spool).then(Spool::new);
        let sites: Vec<Site> = (0..SITES).map(|number| Site::new(number, BEGIN)).collect();
        let new = NewArchive {
            archive,
            ring: &ring,
            keys_object: &bytes,
            writer: &profile.identity.signer,
        };
        let all: Vec<Destination> = sites.iter().map(|s| s.destination(archive, None)).collect();
        create_archive(&new, &all, &profile.memory, &*clock, &*random).expect("an archive is made");
        let descriptor = sites[0].replica(archive, None).descriptor_bytes();
        Self {
            archive,
            ring,
            descriptor: descriptor.expect("the descriptor was written"),
            keys: Keys {
                number: 1,
                name: ObjectName(hash(&bytes)),
                bytes,
            },
            source: Source::new(&mut dice, clock.now()),
            clock,
            sites,
            profile,
            former: None,
            old: None,
            reference: Reference::default(),
            tally: Tally::default(),
            adopting: false,
            rivals: false,
            floor: None,
            grace: Cell::new(GRACE),
        }
    }

    /// Returns the destinations as an operation sees them.
    pub(crate) fn destinations(&self, disturbance: &Disturbance) -> Vec<Destination> {
        let plan = disturbance.plan.as_ref();
        let sites = self.sites.iter();
        sites.map(|s| s.destination(self.archive, plan)).collect()
    }

    /// Backs the source up, under a tag.
    pub(crate) fn backup(
        &self,
        profile: &Profile,
        tag: Tag,
        disturbance: &Disturbance,
    ) -> Result<Reports, EngineError> {
        let options = BackupOptions {
            roots: vec![self.source.path().to_owned()],
            tags: vec![tag.to_string()],
            ..BackupOptions::default()
        };
        let (progress, stop) = (Progress::default(), Stop::default());
        let warnings = Warnings::default();
        let destinations = self.destinations(disturbance);
        profile.write(destinations, disturbance, |writer, catalogue| {
            let summary = backup(writer, catalogue, &options, &warnings, &progress, &stop)?;
            assert_eq!(summary.failed, 0, "every file can be read");
            Ok(summary.destinations)
        })
    }

    /// Forgets some of the snapshots that there are, and returns which.
    pub(crate) fn forget(
        &self,
        dice: &mut Dice,
        disturbance: &Disturbance,
    ) -> (BTreeSet<Tag>, Result<Reports, EngineError>) {
        let mut chosen = BTreeSet::new();
        let destinations = self.destinations(disturbance);
        let work = |writer: &mut Writer<'_>, _: &Catalogue| {
            let replicas = writer.ready().map(|(_, replica)| replica.clone());
            let replicas: Vec<Replica> = replicas.collect();
            if replicas.is_empty() {
                // What there is to forget is looked for at destinations.
                let (archive, reasons) = (self.archive, Vec::new());
                return Err(EngineError::NoDestination {
                    archive,
                    reasons,
                    is_newest_gone: false,
                });
            }
            let mut look = Look::at(replicas, &self.ring).map_err(|_| died())?;
            std::mem::replace(&mut look.settled, Ok(()))?;
            let tags: Vec<Tag> = look.snapshots.keys().copied().collect();
            let many = tags.len() > KEPT;
            let goes = |_: &&Tag| dice.one_in(if many { 2 } else { 5 });
            chosen = tags.iter().filter(goes).copied().collect();
            let seqs = chosen.iter().map(|tag| look.snapshots[tag].id.seq);
            forget(writer, &seqs.collect::<Vec<Seq>>())?;
            Ok(writer.reports())
        };
        let result = self.profile.write(destinations, disturbance, work);
        (chosen, result)
    }

    /// Prunes, and erases what may be erased.
    pub(crate) fn prune(
        &self,
        dice: &mut Dice,
        disturbance: &Disturbance,
    ) -> Result<Reports, EngineError> {
        let options = PruneOptions {
            max_unused_percent: dice.pick(&[0, 5, 50, 100]).unwrap_or(5),
            max_repack_bytes: dice.pick(&[u64::MAX, u64::MAX, 400_000, 0]).unwrap_or(0),
            dry_run: false,
        };
        let day = Duration::from_hours(24);
        let lacks = self.lacks_contents();
        if lacks {
            self.set_clocks();
        }
        let erase = EraseOptions {
            grace: match dice.pick(&[Duration::ZERO, day, GRACE]) {
                // All that keeps from erasing then is that something is not there.
                _ if lacks => Duration::ZERO,
                grace => grace.unwrap_or(GRACE),
            },
            local: self.local(),
            dry_run: false,
        };
        self.grace.set(erase.grace);
        // What is damaged somewhere keeps prune from working, and not from erasing.
        let only_erases = dice.one_in(if lacks { 1 } else { 4 });
        let (progress, stop) = (Progress::default(), Stop::default());
        let warnings = Warnings::default();
        let destinations = self.destinations(disturbance);
        self.profile
            .write(destinations, disturbance, |writer, catalogue| {
                if !only_erases {
                    prune(writer, catalogue, &options, &warnings, &progress, &stop)?;
                }
                erase_condemned(writer, &erase, &progress, &stop);
                Ok(writer.reports())
            })
    }

    /// Says whether a destination that is there has lost contents, which must keep it from erasing others.
    pub(crate) fn lacks_contents(&self) -> bool {
        let present = self.sites.iter().filter(|site| site.present);
        let mut broken = present.flat_map(|site| site.broken.keys().map(move |path| (site, path)));
        broken.any(|(site, path)| !path.as_str().contains("/log/") && site.bytes(path).is_none())
    }

    /// Returns the destinations that are disks of this computer.
    fn local(&self) -> BTreeSet<DestinationId> {
        let local = self.sites.iter().filter(|site| site.local);
        local.map(|site| site.id).collect()
    }

    /// Accepts what a destination holds, as the program does; says whether the archive went back.
    pub(crate) fn accept(
        &self,
        number: usize,
        disturbance: &Disturbance,
    ) -> Result<(Reports, bool), EngineError> {
        let memory = disturbance.memory(&self.profile.memory);
        let identity = self.profile.identity.clone();
        let destinations = self.destinations(disturbance);
        let id = self.sites[number].id;
        let catalogue = self.profile.catalogue()?;
        let forget = &mut || {
            disturbance.live_on()?;
            Ok(catalogue.forget_directories()?)
        };
        let (mut writer, went_back) = Writer::accept(identity, destinations, &memory, id, forget)?;
        writer.catch_up(&mut |_| ())?;
        Ok((writer.reports(), went_back.is_some()))
    }

    /// Adopts the archive, as the program does.
    pub(crate) fn adopt(&mut self, disturbance: &Disturbance) -> Result<Reports, EngineError> {
        self.profile.renew_signer();
        let memory = disturbance.memory(&self.profile.memory);
        disturbance.live_on()?;
        self.profile
            .catalogue()?
            .forget_directories()
            .map_err(EngineError::from)?;
        let identity = self.profile.identity.clone();
        let destinations = self.destinations(disturbance);
        let mut writer = Writer::adopt(identity, destinations, &memory)?;
        writer.catch_up(&mut |_| ())?;
        Ok(writer.reports())
    }

    /// Syncs a destination, or heals it where there is a sample.
    pub(crate) fn tend(
        &self,
        number: usize,
        sample: Option<Sample>,
        disturbance: &Disturbance,
    ) -> Result<Tended, Untended> {
        let memory = disturbance.memory(&self.profile.memory);
        let present = self.sites.iter().filter(|site| site.present);
        let id = self.sites[number].id;
        let sites: Vec<_> = present
            .map(|site| {
                (
                    site.id,
                    site.replica(self.archive, disturbance.plan.as_ref()),
                )
            })
            .collect();
        let tending = Tending {
            authority: self.ring.authority().public_key(),
            memory: &memory,
            descriptor: self.descriptor.clone(),
            keys: self.keys.clone(),
            sites,
            local: self.local(),
            now: self.clock.now(),
            random: self.profile.identity.random.clone(),
        };
        let at = tending.sites.iter().position(|(there, _)| *there == id);
        tending.tend(at.expect("it is present"), sample)
    }
}

/// What is told where looking itself was cut short.
fn died() -> EngineError {
    EngineError::Interrupted
}
