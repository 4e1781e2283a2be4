//! What somebody learns who has the stored bytes and no key: how often he guesses right which of a hundred
//! known trees an archive holds, and which of a hundred known files a small snapshot added.
//!
//! The attacker knows every candidate to the byte, and has Strongroom: he makes archives of his own of each
//! and compares what the storage shows. Each archive is attacked once with the help of all the others.

mod material;
mod sight;

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::options::Options;
use crate::say;
use crate::tool::{Place, Tool};
use crate::{folders, ours};
use material::{Candidates, Trees};
use sight::Sight;

/// How many candidates there are.
const CANDIDATES: usize = 100;
/// How many archives are made of each candidate.
const ARCHIVES: usize = 4;

/// How often one kind of guess succeeded.
struct Outcome {
    name: &'static str,
    /// Of all guesses, the share that was right.
    success: f64,
}

/// Makes the archives, attacks them, and prints one table.
pub(crate) fn run(options: &Options, work: &Path) -> Result<()> {
    let strongroom = ours::find(options).context("no strongroom to measure")?;
    strongroom
        .version()
        .context("strongroom does not answer to --version")?;
    let folder = work.join("attacker");
    let lab = Lab {
        strongroom: strongroom.as_ref(),
        folder: &folder,
    };
    let outcomes = [
        lab.trees("tree of 2 MiB, 20 to 400 files", &material::SMALL_TREES)?,
        lab.trees("tree of 20 MiB, 200 to 4,000 files", &material::LARGE_TREES)?,
        lab.files("file of 4 to 7 KiB in a small snapshot", material::alike)?,
        lab.files("file of 1 to 256 KiB in a small snapshot", material::unlike)?,
    ];
    folders::remove(&folder)?;
    say::table(&render(&outcomes));
    Ok(())
}

/// Where archives are made.
struct Lab<'l> {
    strongroom: &'l dyn Tool,
    folder: &'l Path,
}

impl Lab<'_> {
    /// An archive of each tree, with keys of its own.
    fn trees(&self, name: &'static str, trees: &Trees) -> Result<Outcome> {
        let source = self.folder.join("source");
        let mut sights = Vec::new();
        for candidate in 0..CANDIDATES {
            say::progress(&format!("attacker: {name}, {}", candidate + 1));
            folders::make_new(&source)?;
            material::write_tree(&source, trees, candidate)?;
            for _ in 0..ARCHIVES {
                let place = Place::new(&self.folder.join("place"))?;
                self.back_up(&place, &source, 1)?;
                sights.push((candidate, Sight::of(&place.repository())?));
            }
        }
        let archives: Vec<Vec<(usize, Sight)>> = (0..ARCHIVES)
            .map(|number| every(&sights, number).collect())
            .collect();
        Ok(Outcome {
            name,
            success: success(&archives),
        })
    }

    /// Archives that get one candidate after the other, each in a snapshot of its own.
    fn files(&self, name: &'static str, candidates: Candidates) -> Result<Outcome> {
        let source = self.folder.join("source");
        let mut archives = Vec::new();
        for archive in 0..ARCHIVES {
            say::progress(&format!("attacker: {name}, archive {}", archive + 1));
            folders::make_new(&source)?;
            material::write_base(&source)?;
            let place = Place::new(&self.folder.join("place"))?;
            self.back_up(&place, &source, 1)?;
            let mut before = Sight::of(&place.repository())?;
            let mut sights = Vec::new();
            for (number, candidate) in material::shuffled(CANDIDATES, archive)
                .into_iter()
                .enumerate()
            {
                let path = source.join("added");
                material::write(&path, &candidates(candidate))?;
                let snapshot = u32::try_from(number)? + 2;
                self.back_up(&place, &source, snapshot)?;
                std::fs::remove_file(&path)?;
                let after = Sight::of(&place.repository())?;
                sights.push((candidate, after.since(&before)));
                before = after;
            }
            archives.push(sights);
        }
        Ok(Outcome {
            name,
            success: success(&archives),
        })
    }

    fn back_up(&self, place: &Place, source: &Path, number: u32) -> Result<()> {
        let command = self.strongroom.backup(place, source, number)?;
        place.run(command).map(drop)
    }
}

/// The sights of one archive of each candidate.
fn every(sights: &[(usize, Sight)], number: usize) -> impl Iterator<Item = (usize, Sight)> {
    sights.iter().skip(number).step_by(ARCHIVES).cloned()
}

/// Attacks each archive with the help of the others; returns the share of right guesses. Of candidates that
/// look equally near one is guessed by lot, so that they count as a part.
fn success(archives: &[Vec<(usize, Sight)>]) -> f64 {
    let (mut right, mut guesses) = (0.0, 0.0);
    for (number, attacked) in archives.iter().enumerate() {
        let known: Vec<&(usize, Sight)> = archives
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != number)
            .flat_map(|(_, sights)| sights)
            .collect();
        for (truth, sight) in attacked {
            right += chance_of(*truth, sight, &known);
            guesses += 1.0;
        }
    }
    right / guesses
}

/// Returns how probable it is that the nearest candidate is the right one.
fn chance_of(truth: usize, sight: &Sight, known: &[&(usize, Sight)]) -> f64 {
    let mut distances = [u64::MAX; CANDIDATES];
    for (candidate, other) in known {
        distances[*candidate] = distances[*candidate].min(sight.distance(other));
    }
    let nearest = distances.iter().min().copied().unwrap_or(u64::MAX);
    let ties = distances.iter().filter(|distance| **distance == nearest);
    if distances[truth] == nearest {
        1.0 / f64::from(u32::try_from(ties.count()).unwrap_or(u32::MAX))
    } else {
        0.0
    }
}

fn render(outcomes: &[Outcome]) -> String {
    let mut table =
        String::from("| which of 100 known | guessed right | by lot |\n|---|---:|---:|\n");
    for outcome in outcomes {
        let percent = outcome.success * 100.0;
        let _ = writeln!(table, "| {} | {percent:.1} % | 1.0 % |", outcome.name);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_nothing_else_is_guessed_and_what_looks_alike_is_drawn() {
        let different: Vec<_> = (0..CANDIDATES)
            .map(|c| (c, Sight::made(&[c as u64])))
            .collect();
        let alike: Vec<_> = (0..CANDIDATES).map(|c| (c, Sight::made(&[7]))).collect();
        let near =
            |guessed: f64, expected: f64| assert!((guessed - expected).abs() < 1e-9, "{guessed}");
        near(success(&[different.clone(), different]), 1.0);
        near(success(&[alike.clone(), alike]), 0.01);
    }
}
