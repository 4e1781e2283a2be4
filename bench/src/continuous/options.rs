//! What is measured, and at which size.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// Measure the agent.
///
/// Sizes are those at which the agent has to show what it can; everything takes about four hours then.
#[derive(Parser)]
pub(crate) struct Options {
    /// What to measure; without it, everything
    #[arg(long, value_enum)]
    pub(crate) part: Vec<Part>,
    /// The program
    #[arg(long)]
    pub(crate) strongroom: PathBuf,
    /// Where trees, profiles and destinations are
    #[arg(long, default_value = "target/continuous")]
    pub(crate) work: PathBuf,
    /// Leave them there
    #[arg(long)]
    pub(crate) keep: bool,
    /// Print JSON in the place of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// How changes are noticed; `saves` takes each of several, the others the first one [default: fanotify and
    /// inotify]
    #[arg(long, value_enum)]
    pub(crate) watch: Vec<Way>,
    /// How many percent of the processors the agent may use [default: what it allows itself]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) cpu: Option<u8>,
    /// How many files are watched [default: 1000000 for `saves` and `idle`, 10000 for `storm`, 100000 for `away`]
    #[arg(long)]
    files: Option<u32>,
    /// `saves`, `away`: how many files are saved in each phase
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) saves: u32,
    /// `saves`: with a third destination too, a bucket at the server that this file describes: services.json
    #[arg(long, value_name = "FILE")]
    pub(crate) s3: Option<PathBuf>,
    /// `saves`: how long the way to the bucket and back is, in milliseconds
    #[arg(long, default_value_t = 50)]
    pub(crate) round_trip: u64,
    /// `storm`: how long it storms, in seconds
    #[arg(long, default_value_t = 600)]
    pub(crate) seconds: u64,
    /// `storm`: how often the queue of each file system is made to overflow
    #[arg(long, default_value_t = 5)]
    pub(crate) overflows: u32,
    /// `storm`: how often the agent is killed, in the place of overflows
    #[arg(long, default_value_t = 0)]
    pub(crate) kills: u32,
    /// `storm`: a git repository between whose revisions is switched
    #[arg(long, default_value = ".")]
    pub(crate) repository: PathBuf,
    /// `storm`: how many things are done a second at most
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: u32,
    /// `storm`: what is drawn by lot begins with this number
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// `away`: for how many minutes a destination is away
    #[arg(long, default_value_t = 60)]
    pub(crate) minutes: u64,
    /// `away`: how often a file is saved meanwhile, in seconds
    #[arg(long, default_value_t = 5)]
    pub(crate) every: u64,
    /// `rename`: how many files the renamed folder has
    #[arg(long, default_value_t = 100_000)]
    pub(crate) renamed: u32,
    /// `idle`: how long nothing changes, in seconds
    #[arg(long, default_value_t = 3_600)]
    pub(crate) idle_seconds: u64,
    /// `idle`: how much data the first backup has besides small files, in MiB
    #[arg(long, default_value_t = 4_096)]
    pub(crate) bulk: u32,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// A saved file at two destinations
    Saves,
    /// Storms with overflows, or kills: nothing is lost
    Storm,
    /// A destination that is away, and one that is slow
    Away,
    /// A folder that is renamed
    Rename,
    /// What watching costs while nothing changes, and whether a budget is held
    Idle,
}

/// How changes are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// By file system
    Fanotify,
    /// By folder
    Inotify,
}

impl Way {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fanotify => "fanotify",
            Self::Inotify => "inotify",
        }
    }
}

impl Options {
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.part.is_empty() || self.part.contains(&part)
    }

    /// Returns all ways that are to be measured.
    pub(crate) fn ways(&self) -> Vec<Way> {
        if self.watch.is_empty() {
            return vec![Way::Fanotify, Way::Inotify];
        }
        self.watch.clone()
    }

    /// Returns the one way of a part that is measured with one; the agent chooses where none is named.
    pub(crate) fn way(&self) -> Option<Way> {
        self.watch.first().copied()
    }

    /// Returns how many files are watched, where so many are usual.
    pub(crate) fn files(&self, usual: u32) -> u32 {
        self.files.unwrap_or(usual)
    }

    /// Returns how long a complete backup may take: of everything at the beginning, with the least of processors.
    pub(crate) fn patience(&self) -> Duration {
        let files = u64::from(self.files(1_000_000).max(self.renamed));
        Duration::from_secs(600 + files / 200 + u64::from(self.bulk))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Options {
        let words = line.split_whitespace();
        let program = ["strongroom-continuous", "--strongroom", "x"];
        Options::try_parse_from(program.into_iter().chain(words)).unwrap()
    }

    #[test]
    fn without_parts_and_ways_it_is_all_of_them() {
        let all = parsed("");
        assert!(all.wants(Part::Saves) && all.wants(Part::Idle));
        assert_eq!(all.ways(), [Way::Fanotify, Way::Inotify]);
        assert_eq!((all.way(), all.files(7)), (None, 7));
        let some = parsed("--part storm --part away --watch inotify --files 5");
        assert!(some.wants(Part::Storm) && some.wants(Part::Away));
        assert!(!some.wants(Part::Rename));
        assert_eq!(
            (some.ways(), some.way()),
            (vec![Way::Inotify], Some(Way::Inotify))
        );
        assert_eq!(some.files(7), 5);
    }

    #[test]
    fn a_phase_without_saves_is_refused() {
        let program = ["x", "--strongroom", "x", "--saves", "0"];
        assert!(Options::try_parse_from(program).is_err());
    }
}
