//! Operations with what they mean for the reference.

use std::collections::BTreeSet;

use strongroom_engine::{EngineError, Memory as _};

use crate::dice::Dice;
use crate::look::Look;
use crate::machine::{Machine, Reports};
use crate::profile::Disturbance;
use crate::reference::{Fate, Tag};

/// What was done, in words, and what it said.
type Acted = (String, Result<Reports, EngineError>);

impl Machine {
    /// Backs up what has changed.
    pub(crate) fn backs_up(&mut self, dice: &mut Dice, disturbance: &Disturbance) -> Acted {
        let now = strongroom_base::clock::Clock::now(&*self.clock);
        self.source.change(dice, now);
        let tag = self.reference.begin(&self.source.files);
        let result = self.backup(&self.profile, tag, disturbance);
        let is_held = |reports: &Reports| reports.iter().any(|r| r.status.is_complete());
        if result.as_ref().is_ok_and(is_held) {
            self.reference.set(tag, Fate::Kept);
        } else if result.is_ok() && self.profile.spool.is_some() {
            self.tally.count("spool: snapshots in it alone");
            self.reference.set(tag, Fate::Spooled);
        }
        (tag.to_string(), result)
    }

    /// Forgets some snapshots.
    pub(crate) fn forgets(&mut self, dice: &mut Dice, disturbance: &Disturbance) -> Acted {
        let (chosen, result) = self.forget(dice, disturbance);
        let fate = match result {
            Ok(_) => Fate::Forgotten,
            Err(_) => Fate::Forgetting,
        };
        for tag in &chosen {
            self.reference.set(*tag, fate);
            // Where the record is, in whatever branch, it is not listed.
            let present = self.sites.iter_mut().filter(|site| site.present);
            for site in present {
                site.held.remove(tag);
            }
        }
        (format!("{chosen:?}"), result)
    }

    /// Accepts what a destination holds.
    pub(crate) fn accepts(&mut self, dice: &mut Dice, disturbance: &Disturbance) -> Acted {
        let aside = |complete| {
            let sites = self.sites.iter().enumerate();
            let fit = sites.filter(move |(_, site)| site.present && site.complete == complete);
            fit.map(|(number, _)| number).collect::<Vec<usize>>()
        };
        let (incomplete, complete) = (aside(false), aside(true));
        let number = dice.pick(&incomplete).or_else(|| dice.pick(&complete));
        let number = number.unwrap_or(0);
        (format!("d{number}"), self.accept_at(number, disturbance))
    }

    /// Accepts what a destination holds; the archive may go on from there.
    pub(crate) fn accept_at(
        &mut self,
        number: usize,
        disturbance: &Disturbance,
    ) -> Result<Reports, EngineError> {
        if self.has_spooled() {
            self.tally.count("spool: given up");
            self.give_up_spool();
        }
        let kept = self.reference.kept();
        let site = &self.sites[number];
        let held = kept.intersection(&site.held).copied();
        let mut held: BTreeSet<Tag> = held.collect();
        held.retain(|_| site.broken.is_empty());
        let state = self.profile.memory.load().expect("it is in memory");
        let is_going = state.given_up.is_some();
        let before = self.floor.replace(held);
        match self.accept(number, disturbance) {
            Ok((reports, went_back)) => {
                if !went_back {
                    self.floor = before;
                    return Ok(reports);
                }
                self.tally.count("went back");
                if let (true, Some(floor), Some(before)) = (is_going, &mut self.floor, before) {
                    // What was begun at another one ends there.
                    floor.retain(|tag| before.contains(tag));
                }
                Ok(reports)
            }
            Err(error) => {
                // It may have gone back, or not: what holds is what both would hold. While others may have written,
                // nothing is sure of the history that it has stayed with.
                let before = before.or_else(|| self.rivals.then(BTreeSet::new));
                if let (Some(floor), Some(before)) = (&mut self.floor, before) {
                    floor.retain(|tag| before.contains(tag));
                }
                Err(error)
            }
        }
    }

    /// Adopts the archive, by this profile or another one.
    pub(crate) fn adopts(&mut self, dice: &mut Dice, disturbance: &Disturbance) -> Acted {
        let by = if !self.adopting && dice.one_in(2) {
            let new = self.profile.elsewhere();
            self.former = Some(std::mem::replace(&mut self.profile, new));
            "by another profile"
        } else {
            "by the same profile"
        };
        (by.to_owned(), self.adopt_here(disturbance))
    }

    /// Adopts the archive by the profile there is.
    pub(crate) fn adopt_here(&mut self, disturbance: &Disturbance) -> Result<Reports, EngineError> {
        let mut held = self.held_at_newest();
        if let Some(before) = &self.floor {
            held.retain(|tag| before.contains(tag));
        }
        self.floor = Some(held);
        self.adopting = true;
        self.rivals = true;
        let result = self.adopt(disturbance);
        self.adopting = result.is_err();
        result
    }

    /// Takes note of a destination that was tended to, and is complete.
    pub(crate) fn tended_to(&mut self, number: usize) -> Result<(), String> {
        // Whether what was damaged is mended is asked of the bytes.
        self.look_at_damage();
        let site = &self.sites[number];
        if !site.broken.is_empty() {
            self.note_held();
            return Ok(());
        }
        let told = |what: String| format!("d{number} was tended to, and {what}");
        let look = Look::at(vec![site.replica(self.archive, None)], &self.ring).map_err(told)?;
        if let Some(problem) = look.problems.first() {
            return Err(told(problem.clone()));
        }
        let infos = look.snapshots.iter();
        let listed = infos.map(|(tag, info)| (*tag, info.id)).collect();
        self.settle_listed(&listed).map_err(told)?;
        self.note_held();
        Ok(())
    }
}
