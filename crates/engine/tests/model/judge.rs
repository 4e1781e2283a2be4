//! Whether what an operation said is what it should have said, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_base::{Class, Classified as _};
use strongroom_engine::{EngineError, Memory as _};
use strongroom_replica::layout::object_path;
use strongroom_replica::log::{read_log, read_log_of};
use strongroom_store::ObjectPath;

use crate::look::Look;
use crate::machine::{Machine, Reports};
use crate::reference::{Compare, Fate, Tag};
use crate::site::Site;
use crate::step::Deed;

impl Machine {
    /// Says whether an operation that nothing disturbs has to work: a destination with the newest record is there,
    /// nothing that is there is damaged, and nobody else writes.
    pub(crate) fn must_work(&self) -> bool {
        let state = self.profile.memory.load().expect("it is in memory");
        let newest = state.announced.iter().chain(&state.head);
        let newest: Vec<ObjectPath> = newest
            .map(|head| object_path(self.archive, &ObjectRef::record(head.id)))
            .collect();
        let mut present = self.sites.iter().filter(|site| site.present);
        !self.rivals
            && self.floor.is_none()
            && state.given_up.is_none()
            && !self.adopting
            && self.is_undamaged()
            && present.any(|site| newest.iter().any(|path| site.bytes(path).is_some()))
    }

    fn is_undamaged(&self) -> bool {
        let mut present = self.sites.iter().filter(|site| site.present);
        present.all(|site| site.broken.is_empty())
    }

    /// Says whether an error is one that may come.
    pub(crate) fn may_fail(&self, error: &EngineError, disturbed: bool) -> bool {
        match error.class() {
            Class::Retry => disturbed || matches!(error, EngineError::NoDestination { .. }),
            Class::Caller => match error {
                EngineError::Fenced { .. } => self.rivals || self.floor.is_some(),
                EngineError::GoingBack { .. } => {
                    // What was given up is newer, until a generation has begun.
                    let state = self.profile.memory.load().expect("it is in memory");
                    state.given_up.is_some()
                }
                EngineError::NothingToAccept | EngineError::NewerElsewhere { .. } => true,
                _ => false,
            },
            Class::Damage => !self.is_undamaged() || self.rivals,
            Class::WrongKey => false,
        }
    }

    /// Takes note of what a successful operation said of the destinations.
    pub(crate) fn settle(&mut self, reports: &Reports, thorough: bool) -> Result<(), String> {
        for (site, report) in self.sites.iter_mut().zip(reports) {
            site.complete = report.status.is_complete();
        }
        self.look_at_damage();
        let whole = |number: &usize| {
            let site = &self.sites[*number];
            site.complete && site.broken.is_empty()
        };
        let whole: Vec<usize> = (0..self.sites.len()).filter(whole).collect();
        let mut first: Option<BTreeSet<Tag>> = None;
        for number in whole {
            if first.is_some() && !thorough {
                break;
            }
            let site = &self.sites[number];
            let told = |what: String| {
                format!(
                    "{} is complete, and {what}; {}",
                    site.name,
                    self.tell_sites()
                )
            };
            let look =
                Look::at(vec![site.replica(self.archive, None)], &self.ring).map_err(told)?;
            if let Some(problem) = look.problems.first() {
                return Err(told(problem.clone()));
            }
            let infos = look.snapshots.iter();
            let listed: BTreeMap<_, _> = infos.map(|(tag, info)| (*tag, info.id)).collect();
            match &first {
                None => {
                    self.settle_listed(&listed).map_err(|what| {
                        format!("{}: {what}; {}", self.sites[number].name, self.tell_sites())
                    })?;
                    first = Some(listed.into_keys().collect());
                }
                Some(first) if !first.iter().eq(listed.keys()) => {
                    return Err(told(format!("lists {listed:?} instead of {first:?}")));
                }
                Some(_) => {}
            }
        }
        self.note_held();
        Ok(())
    }

    /// Compares what a complete destination lists with what there must be. What is there again need not be where somebody
    /// forgot it, unless that is brought up to date.
    pub(crate) fn settle_listed(&mut self, listed: &BTreeMap<Tag, RecordId>) -> Result<(), String> {
        let compare = self.compare();
        let open = self.still_open();
        let again = self.reference.settle(listed, &compare, &open)?;
        for site in &mut self.sites {
            site.held.retain(|tag| !again.contains(tag));
        }
        Ok(())
    }

    /// Returns the backups of which nothing is noted: while a record is announced, what died is there or not, and what
    /// was being forgotten, too.
    fn still_open(&self) -> BTreeSet<Tag> {
        let state = self.profile.memory.load().expect("it is in memory");
        let attempts = self.reference.attempts.iter();
        let is_open = |fate| matches!(fate, Fate::Open | Fate::Forgetting);
        let open = attempts.filter(|(_, attempt)| is_open(attempt.fate));
        let open = open.filter(|_| !state.announced.is_empty());
        open.map(|(tag, _)| *tag).collect()
    }

    /// Returns how the next list of snapshots is compared.
    fn compare(&mut self) -> Compare {
        match self.floor.take() {
            Some(floor) => Compare::AtLeast(floor),
            None if self.rivals => Compare::AtLeast(BTreeSet::new()),
            None => Compare::Strict,
        }
    }

    /// Complete destinations hold what is kept; what is left behind may go where somebody writes.
    pub(crate) fn note_held(&mut self) {
        let kept = self.reference.kept();
        for site in self.sites.iter_mut().filter(|site| site.present) {
            if site.complete {
                site.held.clone_from(&kept);
            } else {
                let reference = &self.reference;
                site.held.retain(|tag| reference.fate(*tag) != Fate::Off);
            }
        }
    }

    /// Notes what was mended, and what matters no more where everything newer is there.
    pub(crate) fn look_at_damage(&mut self) {
        self.sites.iter_mut().for_each(Site::look_at_damage);
        let is_sound = |site: &Site| site.broken.is_empty() && site.unneeded.is_empty();
        if self.sites.iter().all(is_sound) {
            return;
        }
        self.spread_damage();
        let authority = self.ring.authority().public_key();
        let complete = self.sites.iter().filter(|site| site.complete);
        let complete: Vec<_> = complete.map(|s| s.replica(self.archive, None)).collect();
        let complete: Vec<_> = complete.iter().collect();
        let log = read_log_of(&complete, &authority, &mut |_| ());
        let Some(log) = log.ok().filter(|log| log.problems.is_empty()) else {
            return;
        };
        let live = log.live();
        let archive = self.archive;
        let objects = live.iter().map(|(object, _)| object_path(archive, object));
        let objects: BTreeSet<ObjectPath> = objects.collect();
        for site in self.sites.iter_mut().filter(|site| site.complete) {
            site.sort_damage(|path| !is_object(path) || objects.contains(path));
        }
    }

    /// Returns what is live at a destination, by its own log.
    pub(crate) fn needed_at(&self, site: &Site) -> BTreeSet<ObjectPath> {
        let authority = self.ring.authority().public_key();
        let log = read_log(&site.replica(self.archive, None), &authority, &mut |_| ());
        let live = log.map(|log| log.live()).unwrap_or_default();
        let objects = live.iter().map(|(object, _)| object);
        objects
            .map(|object| object_path(self.archive, object))
            .collect()
    }

    /// What could not be copied because the only one that was there has it damaged is missing at others, which go on
    /// without it.
    pub(crate) fn spread_damage(&mut self) {
        let broken = self.sites.iter().flat_map(|site| site.broken.clone());
        let broken: BTreeMap<ObjectPath, Vec<u8>> = broken.collect();
        if broken.is_empty() {
            return;
        }
        let authority = self.ring.authority().public_key();
        let archive = self.archive;
        for site in &mut self.sites {
            let log = read_log(&site.replica(archive, None), &authority, &mut |_| ());
            let named: BTreeSet<ObjectPath> = log.map_or(BTreeSet::new(), |log| {
                let (live, lost) = (log.live(), log.lost);
                let live = live.iter().map(|(object, _)| object_path(archive, object));
                let lost = lost.into_iter().map(ObjectRef::record);
                live.chain(lost.map(|object| object_path(archive, &object)))
                    .collect()
            });
            for (path, good) in &broken {
                let matters = site.complete || named.contains(path);
                if matters && site.bytes(path).as_ref() != Some(good) {
                    site.broken.insert(path.clone(), good.clone());
                }
            }
        }
    }

    /// Snapshots that no destination holds any more need not be there.
    pub(crate) fn drop_lost(&mut self) -> usize {
        let kept = self.reference.kept();
        let is_held = |tag: &Tag| self.sites.iter().any(|site| site.held.contains(tag));
        let lost: Vec<Tag> = kept.into_iter().filter(|tag| !is_held(tag)).collect();
        for tag in &lost {
            self.reference.set(*tag, Fate::Open);
        }
        lost.len()
    }

    /// Returns what the destination with the newest record that is there holds, for whoever goes on from it.
    pub(crate) fn held_at_newest(&self) -> BTreeSet<Tag> {
        let newest = |site: &&crate::site::Site| site.newest_record();
        let present = self.sites.iter().filter(|site| site.present);
        let Some(site) = present.max_by_key(newest) else {
            return BTreeSet::new();
        };
        if !self.is_undamaged() {
            return BTreeSet::new();
        }
        let kept = self.reference.kept();
        kept.intersection(&site.held).copied().collect()
    }

    /// Nothing is deleted that is live, and by nobody who does not erase.
    pub(crate) fn check_deleted(
        &self,
        deed: Deed,
        before: &[BTreeMap<ObjectPath, u64>],
    ) -> Result<(), String> {
        for (site, before) in self.sites.iter().zip(before) {
            let after = site.listed();
            let gone = before.keys().filter(|path| !after.contains_key(*path));
            let is_object = |path: &&ObjectPath| !path.as_str().contains("/keys/");
            let gone: Vec<&ObjectPath> = gone.filter(is_object).collect();
            if gone.is_empty() {
                continue;
            }
            let wrong: Vec<_> = match deed {
                Deed::Heal => {
                    let damaged = |path: &ObjectPath| {
                        site.broken.contains_key(path) || site.unneeded.contains_key(path)
                    };
                    gone.iter().filter(|path| !damaged(path)).collect()
                }
                Deed::Prune => {
                    let authority = self.ring.authority().public_key();
                    let replica = site.replica(self.archive, None);
                    let log = read_log(&replica, &authority, &mut |_| ());
                    let live = log.map(|log| log.live()).map_err(|e| e.to_string())?;
                    let paths = live.iter().map(|(o, _)| object_path(self.archive, o));
                    let live: BTreeSet<ObjectPath> = paths.collect();
                    gone.iter().filter(|path| live.contains(**path)).collect()
                }
                _ => gone.iter().collect(),
            };
            if !wrong.is_empty() {
                return Err(format!("{deed:?} deleted {wrong:?} from {}", site.name));
            }
        }
        Ok(())
    }
}

/// Says whether a path is that of a pack, an index run or a record.
fn is_object(path: &ObjectPath) -> bool {
    let mut parts = ["/packs/", "/indexes/", "/log/"].iter();
    parts.any(|part| path.as_str().contains(part))
}

/// Names an error.
pub(crate) fn name_of(error: &EngineError) -> String {
    let text = format!("{error:?}");
    let name = text.split([' ', '{', '"']).next().unwrap_or_default();
    let name = name.trim_end_matches(['(', ')']);
    format!("error {:?} {name}", error.class())
}
