//! The command line of `strongroom-bench`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::tool::Program;

/// Measures Strongroom side by side with other backup tools.
///
/// Data sets are made once under the work folder and used again. The two kernel trees come from
/// tarballs that you name; on Debian `apt-get download linux-source-6.1=VERSION` and
/// `dpkg-deb -x PACKAGE FOLDER` give one for each release listed by `apt-cache policy linux-source-6.1`.
#[derive(Parser)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
#[command(bin_name = "cargo xtask bench")]
pub(crate) struct Options {
    /// Folder for data sets, repositories and logs.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    pub(crate) work: PathBuf,
    /// Data sets to measure; all three when neither this nor --tree is given.
    #[arg(long = "set", value_name = "NAME")]
    pub(crate) sets: Vec<SetName>,
    /// Measure this folder too, as it is.
    #[arg(long = "tree", value_name = "PATH")]
    pub(crate) trees: Vec<PathBuf>,
    /// Only make the data sets.
    #[arg(long)]
    pub(crate) prepare: bool,
    /// Tarball of the older kernel source.
    #[arg(long, value_name = "TAR")]
    pub(crate) linux_old: Option<PathBuf>,
    /// Tarball of the newer kernel source.
    #[arg(long, value_name = "TAR")]
    pub(crate) linux_new: Option<PathBuf>,
    /// Folders that fill the image, in this order; the kernel source, if it is there, and /usr by default.
    #[arg(long, value_name = "DIR")]
    pub(crate) image_from: Vec<PathBuf>,
    /// Number of small files in the set `files`.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) files: u32,
    /// The `strongroom` command; the one built beside this program by default.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) strongroom: Option<Program>,
    /// Peers to measure; every installed one by default.
    #[arg(long = "peer", value_name = "NAME")]
    pub(crate) peers: Vec<PeerName>,
    /// Where a peer is, if not on PATH: a command, words split at spaces. Can be repeated.
    #[arg(long = "peer-path", value_name = "NAME=COMMAND", value_parser = peer_path)]
    pub(crate) peer_paths: Vec<(PeerName, Program)>,
    /// Measure Strongroom alone.
    #[arg(long, conflicts_with = "peers")]
    pub(crate) without_peers: bool,
    /// What to measure after the first backup; everything by default.
    #[arg(long = "step", value_name = "NAME")]
    pub(crate) steps: Vec<StepName>,
    /// How often each tool is run.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Drop the page cache before every measured command; needs root.
    #[arg(long)]
    pub(crate) cold: bool,
    /// Restore into a new folder under this one; tmpfs if it has room by default.
    #[arg(long, value_name = "DIR")]
    pub(crate) restore_to: Option<PathBuf>,
    /// Instead: what somebody without a key learns from the stored bytes.
    #[arg(long, conflicts_with_all = ["sets", "trees", "prepare"])]
    pub(crate) attacker: bool,
    /// Instead: write to so many bytes of memory, and end.
    #[arg(long, value_name = "BYTES", hide = true)]
    pub(crate) touch_memory: Option<u64>,
    /// Write the raw results here.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// A data set that this program makes.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SetName {
    /// Two releases of the kernel source at one path.
    Linux,
    /// A disk image, then with random writes.
    Image,
    /// A million small files, then with one changed.
    Files,
}

/// A tool to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PeerName {
    Restic,
    Borg,
    Rustic,
    Bupstash,
    Vykar,
}

/// What can be measured after a first backup.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StepName {
    /// The same backup again.
    Unchanged,
    /// A backup after the set's changes.
    Changed,
    /// A restore of the latest snapshot.
    Restore,
    /// Strongroom alone: a first backup to three destinations.
    Three,
}

impl Options {
    /// Whether a step was asked for.
    pub(crate) fn wants(&self, step: StepName) -> bool {
        self.steps.is_empty() || self.steps.contains(&step)
    }
}

fn peer_path(text: &str) -> Result<(PeerName, Program), String> {
    let (name, command) = text.split_once('=').ok_or("expected NAME=COMMAND")?;
    Ok((PeerName::from_str(name, true)?, command.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_path_may_hold_equals_signs_and_words() {
        let (name, program) = peer_path("borg=env A=b python3 -m borg").unwrap();
        assert_eq!(name, PeerName::Borg);
        assert_eq!(program, "env A=b python3 -m borg".parse().unwrap());
        assert!(peer_path("tar=tar").is_err());
        assert!(peer_path("borg").is_err());
        assert!(peer_path("borg=").is_err());
    }
}
