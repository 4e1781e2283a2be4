//! The watcher, as others see it.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::changes::Changes;
use crate::dirty::DirtySet;
use crate::error::WatchError;
use crate::sentry::Sentry;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::source::Source;

/// Watches folders, and says which directories may have changed.
///
/// It may be shared between threads. Dropping it ends the watch.
#[derive(Debug)]
pub struct Watcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Begins to watch.
    ///
    /// The first [`Changes`] name every root, and whatever is mounted below it, as a tree, for the reason
    /// [`Started`](crate::Why::Started), as soon as nothing in it can be missed any more: that is the time for the first scan.
    pub fn start(settings: Settings) -> Result<Self, WatchError> {
        check(&settings)?;
        let system = |action| move |source| WatchError::System { action, source };
        let dirty = DirtySet::new(settings.roots.len(), settings.directories_max);
        let shared = Shared::new(dirty).map_err(std::io::Error::from);
        let shared = Arc::new(shared.map_err(system("make an event descriptor"))?);
        let sentry = Sentry::new(settings, Arc::clone(&shared))
            .map_err(system("read the table of mounts"))?;
        let thread = std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || sentry.run())
            .map_err(system("start a thread"))?;
        let thread = Some(thread);
        Ok(Self { shared, thread })
    }

    /// Waits until something may have changed, and returns all of that since the last time; nothing where `timeout` has passed,
    /// a [`Waker`] ended the waiting, or the watch has ended.
    pub fn wait(&self, timeout: Duration) -> Changes {
        self.shared.wait(timeout)
    }

    /// Returns what ends the waiting of others.
    pub fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.shared))
    }

    /// Returns what may have changed since the last time.
    pub fn take(&self) -> Changes {
        self.shared.take()
    }

    /// Waits until everything is noticed that happened before the call, and says whether that was possible in time. After it,
    /// [`take`](Self::take) returns all of it.
    pub fn settle(&self, timeout: Duration) -> bool {
        self.shared.settle(timeout)
    }

    /// Describes what is watched: one source for each root and for each file system that is mounted below it.
    ///
    /// A source is [`CatchingUp`](crate::Health::CatchingUp) as long as something that has to be walked, because something
    /// may have been missed there, was not taken.
    pub fn sources(&self) -> Vec<Source> {
        self.shared.sources()
    }

    /// Ends the watch, and the waiting of others for it.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Lets notices pile up in the kernel until [`resume`](Self::resume), for tests.
    #[doc(hidden)]
    pub fn pause(&self) {
        self.shared.pause();
    }

    /// Takes notices in again.
    #[doc(hidden)]
    pub fn resume(&self) {
        self.shared.resume();
    }
}

/// Ends the waiting of whoever waits for changes, because there is something else to look at.
#[derive(Clone, Debug)]
pub struct Waker(Arc<Shared>);

impl Waker {
    /// Ends the waiting of whoever waits now, or else of whoever waits next.
    pub fn wake(&self) {
        self.0.end_waiting();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.close();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said that it ended.
            let _ = thread.join();
        }
    }
}

fn check(settings: &Settings) -> Result<(), WatchError> {
    let roots: &[PathBuf] = &settings.roots;
    for (at, path) in roots.iter().enumerate() {
        if !path.is_absolute() {
            let path = path.clone();
            return Err(WatchError::NotAbsolute { path });
        }
        let is_apart = |other: usize| other == at || settings.flat.contains(&other);
        let mut others = roots
            .iter()
            .enumerate()
            .filter(|(other, _)| !is_apart(*other));
        if let Some((_, outer)) = others.find(|(_, outer)| path.starts_with(outer)) {
            let (inner, outer) = (path.clone(), outer.clone());
            return Err(WatchError::Overlap { inner, outer });
        }
    }
    Ok(())
}
