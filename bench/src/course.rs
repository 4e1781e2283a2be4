//! The course of one tool over one set: what is measured, in which order, in which state.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::folders::{self, Extent};
use crate::measure;
use crate::memory;
use crate::options::{Options, StepName};
use crate::results::{Outcome, Record, Results, Step};
use crate::say;
use crate::sets::Set;
use crate::tool::{Place, Tool};

/// Where memory can be restored into.
const TMPFS: &str = "/dev/shm";

/// Memory that a restore into tmpfs must leave to everything else.
const MEMORY_LEFT: u64 = 4 << 30;

/// Memory that is made ready for a command, beside that for files.
const MEMORY_FOR_COMMANDS: u64 = 1 << 30;

/// Runs tools over sets.
pub(crate) struct Course<'a> {
    options: &'a Options,
    /// Holds the place of the tool that runs.
    folder: PathBuf,
}

/// One tool over one set, once.
struct Turn<'a> {
    options: &'a Options,
    set: &'a dyn Set,
    tool: &'a dyn Tool,
    place: &'a Place,
    /// How many backups were made.
    backups: u32,
}

impl<'a> Course<'a> {
    /// A course that works below `work`.
    pub(crate) fn new(options: &'a Options, work: &Path) -> Result<Self> {
        if options.cold {
            folders::drop_caches()?;
        }
        Ok(Self {
            options,
            folder: work.join("run"),
        })
    }

    /// Runs every step that was asked for. A step that fails is recorded, and those that need it are left out.
    pub(crate) fn run(
        &self,
        set: &dyn Set,
        tool: &dyn Tool,
        run: u32,
        results: &mut Results,
    ) -> Result<()> {
        let mut keep = |step, measured| {
            let record = record(set, tool, run, step, measured);
            let done = matches!(record.outcome, Outcome::Measured { .. });
            results.records.push(record);
            done
        };
        set.rewind()?;
        memory::make_ready(folders::extent(set.path())?.bytes + MEMORY_FOR_COMMANDS);
        self.warm(set)?;
        let place = Place::new(&self.folder)?;
        let mut turn = self.turn(set, tool, &place);
        let first = tool.set_up(&place).and_then(|()| turn.backup());
        if !keep(Step::First, first) {
            return Ok(());
        }
        if self.options.wants(StepName::Unchanged) {
            keep(Step::Unchanged, turn.backup());
        }
        if self.options.wants(StepName::Changed) && set.advance()? {
            self.warm(set)?;
            keep(Step::Changed, turn.backup());
        }
        if self.options.wants(StepName::Restore) {
            keep(Step::Restore, turn.restore());
        }
        if self.options.wants(StepName::Three) {
            let place = Place::new(&self.folder)?;
            if let Some(command) = tool.backup_to_three(&place, set.path())? {
                set.rewind()?;
                self.warm(set)?;
                keep(
                    Step::Three,
                    self.turn(set, tool, &place).measure(command, &self.folder),
                );
            }
        }
        folders::remove(&self.folder)
    }

    fn turn<'t>(&'t self, set: &'t dyn Set, tool: &'t dyn Tool, place: &'t Place) -> Turn<'t> {
        Turn {
            options: self.options,
            set,
            tool,
            place,
            backups: 0,
        }
    }

    /// Brings the set into the page cache, unless that is to be dropped before every command anyway.
    fn warm(&self, set: &dyn Set) -> Result<()> {
        if self.options.cold {
            Ok(())
        } else {
            folders::warm(set.path())
        }
    }
}

/// A step's record; a failure is told at once.
fn record(
    set: &dyn Set,
    tool: &dyn Tool,
    run: u32,
    step: Step,
    measured: Result<Outcome>,
) -> Record {
    let outcome = measured.unwrap_or_else(|error| Outcome::Failed {
        error: format!("{error:#}"),
    });
    match &outcome {
        Outcome::Failed { error } => say::progress(&format!("  {step:?} failed: {error}")),
        Outcome::Measured { sample, .. } => {
            say::progress(&format!("  {step:?}: {:.2} s", sample.wall_seconds));
        }
    }
    Record {
        set: set.name().to_owned(),
        tool: tool.name(),
        run,
        step,
        outcome,
    }
}

impl Turn<'_> {
    fn backup(&mut self) -> Result<Outcome> {
        self.backups += 1;
        let command = self
            .tool
            .backup(self.place, self.set.path(), self.backups)?;
        self.measure(command, &self.place.own(""))
    }

    /// Restores the latest backup and compares the number and the length of the files.
    fn restore(&self) -> Result<Outcome> {
        let expected = folders::extent(self.set.path())?;
        let out = self.restore_target(expected)?;
        folders::make_new(&out)?;
        let place = folders::extent(&self.place.own(""))?;
        memory::make_ready(needed(expected) + place.bytes + MEMORY_FOR_COMMANDS);
        self.warm_place()?;
        let command = self.tool.restore(self.place, self.backups, &out)?;
        let measured = self.measure(command, &out);
        let found = folders::extent(&out);
        folders::remove(&out)?;
        let (measured, found) = (measured?, found?);
        ensure!(
            found == expected,
            "restored {found:?} instead of {expected:?}"
        );
        Ok(measured)
    }

    /// Reads the repository, and what the tool keeps beside it, into the page cache again: making memory ready may have pushed
    /// them out.
    fn warm_place(&self) -> Result<()> {
        if self.options.cold {
            return Ok(());
        }
        folders::warm(&self.place.own(""))
    }

    /// A new folder in tmpfs if the set fits there twice over, else beside the repository.
    fn restore_target(&self, extent: Extent) -> Result<PathBuf> {
        let name = format!("strongroom-bench-{}", std::process::id());
        if let Some(folder) = &self.options.restore_to {
            return Ok(folder.join(name));
        }
        let needed = needed(extent);
        let room = rustix::fs::statvfs(TMPFS).map_or(0, |tmpfs| tmpfs.f_bavail * tmpfs.f_frsize);
        let fits = needed < room && needed + MEMORY_LEFT < memory::available()?;
        Ok(if fits {
            Path::new(TMPFS).join(name)
        } else {
            self.place.own("restored")
        })
    }

    /// Measures a command, with nothing in the page cache if that was asked for.
    fn measure(&self, command: Command, written_to: &Path) -> Result<Outcome> {
        if self.options.cold {
            folders::drop_caches()?;
        }
        let sample = measure::run(command, written_to, &self.place.log())?;
        let stored_bytes = folders::extent(&self.place.repository())?.bytes;
        Ok(Outcome::Measured {
            sample,
            stored_bytes,
        })
    }
}

/// How much memory a tree takes in tmpfs, in bytes.
fn needed(extent: Extent) -> u64 {
    extent.bytes + extent.files * 8192
}
