//! What must hold whatever happened.

use strongroom_engine::Memory as _;

use crate::dice::Dice;
use crate::look::Look;
use crate::machine::Machine;
use crate::reference::{Fate, Tag};
use crate::site::Site;

impl Machine {
    /// Every snapshot that an undamaged destination held is listed there, and so many of those that are listed
    /// are what was backed up.
    pub(crate) fn check_site(
        &self,
        number: usize,
        some: usize,
        dice: &mut Dice,
    ) -> Result<(), String> {
        let site = &self.sites[number];
        if !site.broken.is_empty() || site.held.is_empty() {
            return Ok(());
        }
        let told = |what: String| format!("{}: {what}", site.name);
        let look = self.look(&[number]).map_err(told)?;
        for tag in self.required(site) {
            if !look.snapshots.contains_key(&tag) {
                return Err(told(format!("snapshot {tag} is not listed any more")));
            }
        }
        let mut tags: Vec<Tag> = look.snapshots.keys().copied().collect();
        while tags.len() > some {
            tags.swap_remove(dice.below(tags.len()));
        }
        for tag in tags {
            look.reads(tag, &self.reference.attempts[&tag].files)
                .map_err(told)?;
        }
        Ok(())
    }

    /// Returns what a destination must have.
    fn required(&self, site: &Site) -> Vec<Tag> {
        let fate = |tag: &&Tag| matches!(self.reference.fate(**tag), Fate::Kept | Fate::Off);
        // Where the archive may have gone on at another record, and nothing complete was seen since, a destination
        // that has that much of it lists what was held there, and need not list what is a branch now.
        let stays = |tag: &&Tag| self.floor.as_ref().is_none_or(|floor| floor.contains(*tag));
        let held = site.held.iter().filter(fate);
        held.filter(stays).copied().collect()
    }

    /// What is damaged at one destination is whole in another one.
    pub(crate) fn check_union(&self, dice: &mut Dice) -> Result<(), String> {
        let held = |number: &usize| !self.sites[*number].held.is_empty();
        let numbers: Vec<usize> = (0..self.sites.len()).filter(held).collect();
        let kept: Vec<Tag> = self.reference.kept().into_iter().collect();
        let Some(tag) = dice.pick(&kept) else {
            return Ok(());
        };
        if self.rivals || self.floor.is_some() || numbers.is_empty() {
            return Ok(());
        }
        // The log is that of the newest; where the archive went back and that was lost, others say other things.
        let newest = numbers.iter().map(|number| &self.sites[*number]);
        let newest = newest.max_by_key(|site| site.newest_record());
        if newest.is_none_or(|site| !site.held.contains(&tag)) {
            return Ok(());
        }
        let told = |what: String| format!("all together: {what}");
        let look = self.look(&numbers).map_err(told)?;
        let mut broken = self.sites.iter().flat_map(|site| site.broken.keys());
        if !look.snapshots.contains_key(&tag) && broken.any(|path| path.as_str().contains("/log/"))
        {
            // Each log is read alone: healing puts them together.
            return Ok(());
        }
        look.reads(tag, &self.reference.attempts[&tag].files)
            .map_err(|what| told(format!("{what}; {}", self.tell_sites())))
    }

    /// Tells what is known of every destination.
    pub(crate) fn tell_sites(&self) -> String {
        let tell = |number: usize| {
            let site = &self.sites[number];
            let look = self.look(&[number]);
            let look = look.map(|look| {
                (
                    look.snapshots.keys().copied().collect::<Vec<Tag>>(),
                    look.problems,
                )
            });
            let broken: Vec<_> = site.broken.keys().collect();
            let Site {
                name,
                held,
                complete,
                ..
            } = site;
            let newest = site.newest_record();
            format!(
                "{name}: newest {newest:?}, complete {complete}, held {held:?}, listed {look:?}, broken {broken:?}"
            )
        };
        let told: Vec<String> = (0..self.sites.len()).map(tell).collect();
        told.join("\n")
    }

    /// Checks every destination: all of it, or some snapshots.
    pub(crate) fn check_all(&self, some: usize, dice: &mut Dice) -> Result<(), String> {
        for number in 0..self.sites.len() {
            self.check_site(number, some, dice)?;
        }
        self.check_union(dice)
    }

    /// Verifies a destination, every byte of it or what is there, and restores a snapshot from it to a folder. Returns what was found.
    pub(crate) fn verify(
        &self,
        number: usize,
        all: bool,
        dice: &mut Dice,
    ) -> Result<&'static str, String> {
        let site = &self.sites[number];
        let told = |what: String| format!("{}: {what}", site.name);
        if !site.complete && site.broken.is_empty() {
            return Ok("not complete");
        }
        let look = match self.look(&[number]) {
            Ok(look) => look,
            Err(_) if !site.broken.is_empty() => return Ok("damage that keeps it from opening"),
            Err(what) => return Err(told(what)),
        };
        let state = self.profile.memory.load().expect("it is in memory");
        let head = state.heads.get(&site.id).copied();
        let report = look
            .verify(head.filter(|_| !self.rivals), all)
            .map_err(told)?;
        if !site.broken.is_empty() {
            let is_pack = |path: &strongroom_store::ObjectPath| path.as_str().contains("/packs/");
            // What is damaged may matter no more.
            let whole = self
                .sites
                .iter()
                .all(|other| other.name == site.name || other.broken.is_empty());
            let packs = whole && site.complete && site.broken.keys().any(is_pack);
            if packs && report.is_clean() {
                return Err(told("a damaged pack is not found".to_owned()));
            }
            return Ok("damaged");
        }
        if !report.is_clean() {
            return Err(told(format!("is not clean: {:?}", report.damage)));
        }
        let tags: Vec<Tag> = look.snapshots.keys().copied().collect();
        if let Some(tag) = dice.pick(&tags) {
            look.restores(tag, &self.reference.attempts[&tag].files)
                .map_err(told)?;
        }
        Ok("clean")
    }

    /// Looks at destinations, present or not.
    pub(crate) fn look(&self, numbers: &[usize]) -> Result<Look, String> {
        let replica = |number: &usize| self.sites[*number].replica(self.archive, None);
        Look::at(numbers.iter().map(replica).collect(), &self.ring)
    }
}
