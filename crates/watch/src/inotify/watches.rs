//! The watches of one part.

use std::collections::{HashSet, VecDeque};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::{Errno, Result};

use crate::changes::Why;
use crate::dirty::DirtySet;
use crate::inotify::event::{OwnEvent, ReadFlags, Reader};
use crate::inotify::tree::WatchTree;
use crate::inotify::walk::Walk;
use crate::open::{directories_in, name_of_open, open_below, open_top};
use crate::place::{Place, join};
use crate::scope::{Part, Scope};
use crate::source::{Health, Reason};

/// How many calls for notices are made before somebody else has a turn.
const CALLS_MAX: usize = 16;
/// How many trees without watches are told apart.
const UNWATCHED_MAX: usize = 1000;

/// What to be told of: everything that may change what a backup stores.
const FLAGS: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::EXCL_UNLINK);

/// The watches of one part, by an instance of their own, so that what overflows concerns it alone.
#[derive(Debug)]
pub(crate) struct Watches {
    fd: OwnedFd,
    tree: WatchTree,
    len_max: usize,
    /// What is being given watches; the first one is at work.
    walks: VecDeque<Walk>,
    /// Trees without watches, and the last answer of the kernel when some were asked for.
    unwatched: DirtySet,
    refusal: Option<Errno>,
    /// Watches from before an overflow, which may be of directories that are elsewhere now.
    stale: HashSet<i32>,
    overflowed_again: bool,
}

impl AsFd for Watches {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Watches {
    /// Begins to give watches to all directories of a part; [`step`](Self::step) does it.
    pub(crate) fn open(len_max: usize, why: Why) -> Result<Self> {
        Ok(Self {
            fd: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            tree: WatchTree::default(),
            len_max,
            walks: VecDeque::from([Walk::new(Vec::new(), why)]),
            unwatched: DirtySet::new(1, UNWATCHED_MAX),
            refusal: None,
            stale: HashSet::new(),
            overflowed_again: false,
        })
    }

    /// Says whether all directories have been visited that are known.
    pub(crate) fn is_calm(&self) -> bool {
        self.walks.is_empty()
    }

    /// Says whether there are trees without watches.
    pub(crate) fn needs_polling(&self) -> bool {
        !self.unwatched.is_empty()
    }

    pub(crate) fn health(&self) -> Health {
        let tried_again = self.walks.iter().filter(|walk| walk.why == Why::Polled);
        let polled = self.unwatched.len() + tried_again.count();
        let has_gap = || self.walks.iter().any(|walk| walk.why.is_gap());
        match self.refusal.filter(|_| polled > 0) {
            Some(Errno::NOSPC) => {
                let watched = self.tree.len();
                let why = Reason::NoWatchesLeft { watched, polled };
                Health::Degraded { why }
            }
            Some(errno) => {
                let answer = errno.to_string();
                let why = Reason::Unwatched { polled, answer };
                Health::Degraded { why }
            }
            None if has_gap() => Health::CatchingUp,
            None => Health::Live,
        }
    }

    /// Takes in notices, and says whether those were all.
    pub(crate) fn read(
        &mut self,
        reader: &mut Reader,
        part: &Part,
        scope: &mut Scope<'_>,
    ) -> Result<bool> {
        for _ in 0..CALLS_MAX {
            let events = reader.read(self.fd.as_fd())?;
            if events.is_empty() {
                return Ok(true);
            }
            for event in events {
                self.apply(&event, part, scope);
            }
        }
        Ok(false)
    }

    /// Visits the tree at `path` anew.
    pub(crate) fn walk(&mut self, path: Vec<u8>, why: Why) {
        self.walks.push_back(Walk::new(path, why));
    }

    /// Takes the watches of a tree away: something was mounted over it.
    pub(crate) fn drop_tree(&mut self, path: &[u8]) {
        if let Some(watch) = self.tree.at(path) {
            self.forget(watch);
        }
    }

    /// Tries again to watch what has no watches.
    pub(crate) fn poll(&mut self) {
        let (directories, trees) = self.unwatched.take();
        let places = directories
            .into_iter()
            .chain(trees.into_iter().map(|t| t.place));
        for place in places {
            self.walk(place.bytes().to_vec(), Why::Polled);
        }
    }

    /// Visits up to `count` directories.
    pub(crate) fn step(&mut self, count: usize, part: &Part, scope: &mut Scope<'_>) {
        if self.walks.is_empty() {
            return;
        }
        let top = open_top(&part.top);
        for _ in 0..count {
            let Some(walk) = self.walks.front_mut() else {
                return;
            };
            let Some(path) = walk.pending.pop() else {
                self.finish(part, scope);
                continue;
            };
            let visited = match &top {
                Ok(top) => self.visit(top, &path, part, scope),
                Err(errno) => Err(*errno),
            };
            if let Err(errno) = visited {
                self.refuse(&path, errno);
            }
        }
    }

    /// Gives the directory at `path` its watch, and then lists it.
    fn visit(&mut self, top: &OwnedFd, path: &[u8], part: &Part, scope: &Scope<'_>) -> Result<()> {
        let directory = open_below(top.as_fd(), path)?;
        let is_new = self.tree.at(path).is_none();
        if is_new && self.tree.len() >= self.len_max {
            return Err(Errno::NOSPC);
        }
        let name = name_of_open(directory.as_fd());
        let watch = inotify::add_watch(&self.fd, name, FLAGS)?;
        for gone in self.tree.put(path, watch) {
            self.release(gone);
        }
        let Some(walk) = self.walks.front_mut() else {
            return Ok(());
        };
        if self.tree.has(watch) {
            directories_in(directory.as_fd(), |name| {
                let below = join(path, name);
                if scope.has(part, &below) {
                    walk.pending.push(below);
                }
            })?;
        }
        Ok(())
    }

    fn refuse(&mut self, path: &[u8], errno: Errno) {
        match errno {
            // It has gone meanwhile, or was moved out of the part while it was opened: there is a notice of that. Or this user
            // may not list it either.
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::LOOP
            | Errno::STALE
            | Errno::XDEV
            | Errno::ACCESS
            | Errno::PERM => {}
            errno => {
                self.refusal = Some(errno);
                self.unwatched
                    .add_tree(&Place::of_root(0).join(path), Why::Polled);
            }
        }
    }

    /// All of the first walk is watched: from here on nothing is missed, so now it can be listed.
    fn finish(&mut self, part: &Part, scope: &mut Scope<'_>) {
        let Some(walk) = self.walks.pop_front() else {
            return;
        };
        scope.hints.tree(part.place_of(&walk.top), walk.why);
        if walk.why == Why::Overflow {
            for watch in std::mem::take(&mut self.stale) {
                if !self.tree.has(watch) {
                    self.release(watch);
                }
            }
            if std::mem::take(&mut self.overflowed_again) {
                self.begin_anew();
            }
        }
    }

    fn apply(&mut self, event: &OwnEvent, part: &Part, scope: &mut Scope<'_>) {
        if event.flags.contains(ReadFlags::QUEUE_OVERFLOW) {
            return self.overflow();
        }
        if event.flags.contains(ReadFlags::IGNORED) {
            if self.tree.has(event.watch) {
                self.forget(event.watch);
            }
            return;
        }
        let Some(path) = self.tree.path(event.watch) else {
            return;
        };
        let place = part.place_of(&path);
        scope.hints.directory(&place);
        if event.is_of_itself {
            // The state of the directory itself is an entry of the one above, which may be in another part.
            if let (true, Some(above)) = (path.is_empty(), place.parent()) {
                scope.hints.directory(&above);
            }
        } else if let Some(name) = &event.directory {
            self.apply_to_directory(event, &path, name, part, scope);
        }
    }

    fn apply_to_directory(
        &mut self,
        event: &OwnEvent,
        path: &[u8],
        name: &[u8],
        part: &Part,
        scope: &Scope<'_>,
    ) {
        let (flags, below) = (event.flags, join(path, name));
        let known = self.tree.child(event.watch, name);
        if flags.intersects(ReadFlags::MOVED_FROM | ReadFlags::DELETE) {
            if let Some(watch) = known {
                self.forget(watch);
            }
            return;
        }
        let is_new = flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO);
        // A change of its mode may have made it readable.
        let is_opened = flags.contains(ReadFlags::ATTRIB) && known.is_none();
        if (is_new || is_opened) && scope.has(part, &below) {
            self.walks.push_front(Walk::new(below, Why::New));
        }
    }

    /// Notices were dropped, so nothing is certain: all directories are visited anew.
    fn overflow(&mut self) {
        if self.walks.iter().any(|walk| walk.why == Why::Overflow) {
            self.overflowed_again = true;
        } else {
            self.begin_anew();
        }
    }

    fn begin_anew(&mut self) {
        self.stale.extend(self.tree.watches());
        self.tree = WatchTree::default();
        self.unwatched.take();
        self.walks = VecDeque::from([Walk::new(Vec::new(), Why::Overflow)]);
    }

    fn forget(&mut self, watch: i32) {
        for gone in self.tree.remove(watch) {
            self.release(gone);
        }
    }

    fn release(&self, watch: i32) {
        // It fails where the directory is gone, and its watch with it.
        let _ = inotify::remove_watch(&self.fd, watch);
    }
}
