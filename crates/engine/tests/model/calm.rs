//! Calm: everything can be reached and nothing fails, and then everything must be as new.

use std::collections::BTreeMap;

use strongroom_base::clock::Clock as _;
use strongroom_base::ids::ArchiveId;
use strongroom_engine::EngineError;
use strongroom_replica::layout::object_path;
use strongroom_replica::log::read_log;
use strongroom_replica::scrub::Sample;
use strongroom_store::ObjectPath;

use crate::dice::Dice;
use crate::machine::{DAY, Machine};
use crate::profile::Disturbance;
use crate::reference::Fate;
use crate::tend::Untended;

/// So often is tried to get a writer before that is an error.
const ATTEMPTS: usize = 8;

impl Machine {
    /// Lets a person do what the program says has to be done, and checks that all replicas are equal then.
    pub(crate) fn calm(&mut self, dice: &mut Dice) -> Result<String, String> {
        let mut did = Vec::new();
        match self.calm_down(&mut did, dice) {
            Ok(()) => Ok(did.join(", ")),
            Err(wrong) => Err(format!("{}: {wrong}", did.join(", "))),
        }
    }

    fn calm_down(&mut self, did: &mut Vec<String>, dice: &mut Dice) -> Result<(), String> {
        let none = Disturbance::default();
        self.sites.iter_mut().for_each(|site| site.present = true);
        self.set_clocks();
        for number in 0..self.sites.len() {
            // Damage first: whoever writes needs to read.
            if !self.sites[number].broken.is_empty() {
                did.push(self.mend(number)?);
            }
        }
        self.reach_all(&none, did)?;
        for number in 0..self.sites.len() {
            did.push(self.mend(number)?);
        }
        self.source.change(dice, self.clock.now());
        let tag = self.reference.begin(&self.source.files);
        let reports = self.backup(&self.profile, tag, &none);
        let reports = reports.map_err(|error| format!("after calm: {error:?}"))?;
        self.reference.set(tag, Fate::Kept);
        if let Some(report) = reports.iter().find(|report| !report.status.is_complete()) {
            return Err(format!("after calm: {report:?}"));
        }
        self.settle(&reports, true)?;
        if let Some(site) = self.sites.iter().find(|site| !site.broken.is_empty()) {
            return Err(format!(
                "{} is still damaged: {:?}",
                site.name,
                site.broken.keys()
            ));
        }
        self.rivals = false;
        if !self.spool_is_empty() {
            return Err("after calm the spool is not empty".to_owned());
        }
        self.are_equal()?;
        let read = dice.below(self.sites.len());
        for number in 0..self.sites.len() {
            let found = self.verify(number, number == read, dice)?;
            if found != "clean" {
                return Err(format!("after calm d{number} is {found}"));
            }
        }
        self.check_all(2, dice)
    }

    /// All clocks tell the same time again.
    pub(crate) fn set_clocks(&self) {
        let mut now = self.clock.now();
        let far = 3_000 * DAY;
        let begin = crate::machine::BEGIN;
        if (now.0 - begin.0).abs() > far {
            now = begin;
        }
        for clock in self
            .sites
            .iter()
            .map(|site| &site.clock)
            .chain([&self.clock])
        {
            *clock.0.lock().expect("nobody panics with it") = now;
        }
    }

    /// Heals a destination, if it is not set aside.
    fn mend(&mut self, number: usize) -> Result<String, String> {
        match self.tend(number, Some(Sample::ALL), &Disturbance::default()) {
            Ok(tended) => {
                self.sites[number].complete = tended.complete;
                self.tally.note("objects mended", tended.mended);
                self.tally.note("objects put back", tended.put_back);
                self.sites[number].look_at_damage();
                Ok(format!("d{number} healed {}", tended.mended))
            }
            Err(Untended::SetAside(why)) => Ok(format!("d{number} {why}")),
            Err(Untended::Failed(error)) if self.may_fail(&error, false) => {
                Ok(format!("d{number} {error}"))
            }
            Err(Untended::Failed(error)) => Err(format!("d{number}: {error:?}")),
        }
    }

    /// Gets a writer to which every destination is complete.
    fn reach_all(&mut self, none: &Disturbance, did: &mut Vec<String>) -> Result<(), String> {
        for _ in 0..ATTEMPTS {
            let destinations = self.destinations(none);
            let result = if self.adopting {
                did.push("adopted".to_owned());
                self.adopt_here(none)
            } else {
                let open = self
                    .profile
                    .write(destinations, none, |writer, _| Ok(writer.reports()));
                match open {
                    Err(EngineError::Fenced { .. }) if self.rivals => {
                        did.push("adopted".to_owned());
                        self.adopt_here(none)
                    }
                    Err(EngineError::NoDestination { .. }) => {
                        let number = self.newest();
                        did.push(format!("accepted d{number}"));
                        self.accept_at(number, none)
                    }
                    other => other,
                }
            };
            match result {
                Ok(reports) => {
                    self.settle(&reports, true)?;
                    let aside = |number: &usize| !reports[*number].status.is_complete();
                    let aside: Vec<usize> = (0..reports.len()).filter(aside).collect();
                    let Some(number) = aside.first() else {
                        return Ok(());
                    };
                    did.push(format!("{:?}", reports[*number].status));
                    self.bring_back(*number, none, did)?;
                }
                Err(error) => {
                    did.push(error.to_string());
                    if matches!(error, EngineError::NothingToAccept) {
                        self.adopting = true;
                    }
                }
            }
        }
        Err(format!("no way back to calm: {did:?}"))
    }

    /// Brings a destination that is set aside back: it is healed, or accepted. One with another history is given
    /// up, which only somebody else's writing may make necessary.
    fn bring_back(
        &mut self,
        number: usize,
        none: &Disturbance,
        did: &mut Vec<String>,
    ) -> Result<(), String> {
        did.push(self.mend(number)?);
        if self.sites[number].complete {
            return Ok(());
        }
        did.push(format!("accepted d{number}"));
        let accepted = self.accept_at(number, none);
        let is_back = |reports: &crate::machine::Reports| reports[number].status.is_complete();
        match accepted {
            Ok(reports) if is_back(&reports) => return self.settle(&reports, true),
            Ok(_) | Err(EngineError::NothingToAccept | EngineError::Fenced { .. }) => {}
            Err(error) => return Err(format!("d{number} is not accepted: {error:?}")),
        }
        if !self.rivals {
            return Err(format!("d{number} stays aside: {did:?}"));
        }
        let site = &mut self.sites[number];
        site.lose();
        site.id.0[1] = site.id.0[1].wrapping_add(1);
        self.drop_lost();
        self.tally.count("disks with another history, given up");
        Ok(())
    }

    /// Returns the destination with the newest record.
    fn newest(&self) -> usize {
        let newest = |number: &usize| self.sites[*number].newest_record();
        (0..self.sites.len()).max_by_key(newest).unwrap_or(0)
    }

    /// The live objects are the same at every destination, byte for byte.
    fn are_equal(&self) -> Result<(), String> {
        let mut first: Option<BTreeMap<ObjectPath, Vec<u8>>> = None;
        for site in &self.sites {
            let replica = site.replica(self.archive, None);
            let authority = self.ring.authority().public_key();
            let log = read_log(&replica, &authority, &mut |_| ()).map_err(|e| e.to_string())?;
            let path = |object| object_path(ArchiveId(self.archive.0), object);
            let live = log.live();
            let live = live.iter().map(|(object, _)| path(object));
            let live = live.map(|path| (path.clone(), site.bytes(&path).unwrap_or_default()));
            let live: BTreeMap<ObjectPath, Vec<u8>> = live.collect();
            match &first {
                Some(first) if *first != live => {
                    return Err(format!("after calm {} is not as the others", site.name));
                }
                Some(_) => {}
                None => first = Some(live),
            }
        }
        Ok(())
    }
}
