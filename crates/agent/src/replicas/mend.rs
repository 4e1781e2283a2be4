//! Mending a replica from its sisters.

use strongroom_base::ids::DestinationId;
use strongroom_engine::erase::rules;
use strongroom_replica::Replica;
use strongroom_replica::erase::{Rules, Unnamed};
use strongroom_replica::expected::{Expected, Owner};
use strongroom_replica::given_up::{Search, search};
use strongroom_replica::heal::{Healed, heal_from};
use strongroom_replica::scrub::{Finding, Sample, scrub};

use super::{Tending, Work};
use crate::AgentError;
use crate::retain::{grace_of, is_local};

/// A replica that is mended, and what is needed for it.
pub(super) struct Bench<'a> {
    pub(super) target: &'a Replica,
    pub(super) sisters: &'a [&'a Replica],
    /// Replicas of other histories.
    pub(super) strangers: &'a [&'a Replica],
    pub(super) expected: &'a Expected,
    pub(super) owner: &'a Owner<'a>,
}

impl Work<'_> {
    /// Reads what should be at a replica, and mends what is damaged.
    pub(super) fn heal(
        &self,
        bench: &Bench<'_>,
        sample: Sample,
        dry_run: bool,
        tending: &mut Tending,
    ) -> Result<(), AgentError> {
        let Bench {
            target,
            expected,
            owner,
            ..
        } = *bench;
        let found = scrub(target, expected, owner, sample, &mut |read| {
            let (objects, bytes) = (read.objects, read.bytes);
            self.show(objects, read.objects_total, bytes, read.bytes_total)
        })?;
        if !dry_run {
            tending.healed = self.mend(bench, bench.strangers, &found.findings)?;
        }
        tending.found = Some(found);
        Ok(())
    }

    /// Mends what was given up and may not be erased yet, so that the replica is the same as its sisters.
    pub(super) fn put_back(
        &self,
        bench: &Bench<'_>,
        (sample, rules): (Sample, Rules),
        dry_run: bool,
        tending: &mut Tending,
    ) -> Result<(), AgentError> {
        let search_for = Search {
            replica: bench.target,
            sisters: bench.sisters,
            expected: bench.expected,
            owner: bench.owner,
            sample,
            rules,
        };
        let given_up = search(&search_for, &*self.tools.random, &mut || self.go_on())?;
        if !dry_run {
            for findings in [&given_up.records, &given_up.contents] {
                let Healed {
                    healed,
                    bytes,
                    lost,
                    failed,
                } = self.mend(bench, &[], findings)?;
                tending.put_back.healed.extend(healed);
                tending.put_back.bytes += bytes;
                tending.put_back.lost.extend(lost);
                tending.put_back.failed.extend(failed);
            }
        }
        tending.given_up = given_up;
        Ok(())
    }

    fn mend(
        &self,
        bench: &Bench<'_>,
        strangers: &[&Replica],
        findings: &[Finding],
    ) -> Result<Healed, AgentError> {
        let Bench {
            target,
            sisters,
            expected,
            owner,
            ..
        } = *bench;
        let total = findings.len() as u64;
        let progress = &mut |healed: &Healed| {
            let done = healed.healed.len() as u64;
            self.show(done, total, healed.bytes, healed.bytes)
        };
        let sources = (sisters, strangers);
        Ok(heal_from(
            target, sources, expected, owner, findings, progress,
        )?)
    }

    /// Returns by which rules a destination erases when the archive is pruned.
    pub(super) fn rules(&self, destination: DestinationId) -> Result<Rules, AgentError> {
        let grace = grace_of(self.archive, None)?;
        let found = self.config.destinations.iter();
        let is_local = found.filter(|there| there.id == destination).any(is_local);
        let now = self.tools.clock.now();
        Ok(rules(grace, is_local, Unnamed::Leave, now))
    }
}
