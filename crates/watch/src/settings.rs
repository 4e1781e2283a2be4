//! What to watch, and how.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use strongroom_base::clock::Clock;

use crate::mechanism::Choice;
use crate::place::Place;

/// Says of a directory whether it is wanted; of one that is not, nothing below is either.
pub type Wants = Arc<dyn Fn(&Place) -> bool + Send + Sync>;

/// What to watch, and how.
#[derive(Clone)]
pub struct Settings {
    /// The folders to watch, by absolute paths, none within another one. They need not be there yet.
    pub roots: Vec<PathBuf>,
    /// The numbers of roots of which only what is directly in them is told. Others may lie below those.
    pub flat: BTreeSet<usize>,
    /// Which directories below them are wanted.
    pub wants: Wants,
    /// Who chooses the mechanism.
    pub choice: Choice,
    /// How often to look where nothing tells of changes.
    pub poll_every: Duration,
    /// How often to look for a root that is not there.
    pub root_every: Duration,
    /// How many directories are kept apart until they are asked for; beyond, they are put together.
    pub directories_max: usize,
    /// How many inotify watches are used at most for one file system; others of the same user need some too.
    pub watches_max: usize,
    /// Tells the time for reports.
    pub clock: Arc<dyn Clock>,
}

impl Settings {
    /// Watches everything below the roots.
    pub fn new(roots: Vec<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Self {
            roots,
            flat: BTreeSet::new(),
            wants: Arc::new(|_| true),
            choice: Choice::Automatic,
            poll_every: Duration::from_mins(15),
            root_every: Duration::from_secs(5),
            directories_max: 100_000,
            watches_max: usize::MAX,
            clock,
        }
    }
    /// Says of a directory whether it is wanted, flat roots included.
    pub(crate) fn all_wants(&self) -> Wants {
        let (flat, wants) = (self.flat.clone(), Arc::clone(&self.wants));
        Arc::new(move |place| {
            let is_below_flat = !place.is_root() && flat.contains(&place.root());
            !is_below_flat && wants(place)
        })
    }
}
