//! The tools Strongroom is compared with, each at its defaults.

mod borg;
mod bupstash;
mod restic;
mod rustic;
mod vykar;

use clap::ValueEnum as _;

use crate::options::{Options, PeerName};
use crate::tool::{Program, Tool};

/// The peers that were asked for, whether they are installed or not.
pub(crate) fn find(options: &Options) -> Vec<Box<dyn Tool>> {
    if options.without_peers {
        return Vec::new();
    }
    let wanted = |name: &&PeerName| options.peers.is_empty() || options.peers.contains(name);
    PeerName::value_variants()
        .iter()
        .filter(wanted)
        .filter_map(|name| find_one(options, *name))
        .collect()
}

fn find_one(options: &Options, name: PeerName) -> Option<Box<dyn Tool>> {
    let given = options.peer_paths.iter().find(|(peer, _)| *peer == name);
    let on_path = || name.to_possible_value()?.get_name().parse().ok();
    let program: Program = given.map(|(_, program)| program.clone()).or_else(on_path)?;
    Some(match name {
        PeerName::Restic => Box::new(restic::Restic { program }),
        PeerName::Borg => Box::new(borg::Borg { program }),
        PeerName::Rustic => Box::new(rustic::Rustic { program }),
        PeerName::Bupstash => Box::new(bupstash::Bupstash { program }),
        PeerName::Vykar => Box::new(vykar::Vykar { program }),
    })
}
