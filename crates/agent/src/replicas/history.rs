//! Whether a replica has the history of the profile: what another profile wrote is never mixed with it.

use strongroom_engine::EngineError;
use strongroom_replica::expected::{Expected, Owner};
use strongroom_replica::log::{Head, Log, read_log};
use strongroom_replica::relation::{Relation, is_of_another, recall};
use strongroom_replica::{Replica, ReplicaError};

use super::{Site, Task, Work, head_of};
use crate::AgentError;

impl Work<'_> {
    /// Returns what sisters and the target hold together. Where there is a sign that sisters have another history than
    /// the profile, what the target has counts first; and where that does not do, they are left out.
    pub(super) fn of_one_history<'r>(
        &self,
        mut sisters: Vec<&'r Replica>,
        target: &'r Replica,
        owner: &Owner<'_>,
    ) -> Result<(Vec<&'r Replica>, Expected), AgentError> {
        let all = [&sisters[..], &[target]].concat();
        let expected = self.expected(&all, owner)?;
        let mut problems = expected.log.problems.iter();
        let is_sign = |problem: &ReplicaError| {
            matches!(
                problem,
                ReplicaError::BrokenChain { .. } | ReplicaError::BadSignature { .. }
            )
        };
        if !problems.any(is_sign) && !self.is_of_another(&expected.log) {
            return Ok((sisters, expected));
        }
        // What the target has counts first, then. Of the others nothing is taken that does not belong to that.
        let all = [&[target], &sisters[..]].concat();
        let own_first = self.expected(&all, owner)?;
        if !self.is_of_another(&own_first.log) {
            return Ok((sisters, own_first));
        }
        let before = sisters.len();
        sisters.retain(|sister| {
            let log = read_log(sister, &owner.authority, &mut |_| ());
            !log.is_ok_and(|log| self.is_of_another(&log))
        });
        if sisters.len() == before {
            return Ok((sisters, expected));
        }
        let all = [&sisters[..], &[target]].concat();
        let expected = self.expected(&all, owner)?;
        Ok((sisters, expected))
    }

    fn is_of_another(&self, log: &Log) -> bool {
        let Some(known) = self.state.head else {
            return false;
        };
        let newest = Head {
            id: known.id,
            hash: known.hash,
        };
        let noted = self.state.newest.as_ref();
        let author = noted.filter(|noted| noted.head == known);
        is_of_another(log, newest, author.map(|noted| noted.author))
    }

    /// Refuses a replica that another profile has gone on with: nothing of the two may be mixed.
    pub(super) fn refuse_another(&self, site: &Site, own: &Log) -> Result<(), AgentError> {
        if !self.is_of_another(own) {
            return Ok(());
        }
        let newest = own.newest().map_or_else(String::new, |newest| {
            format!(": its newest record is {}", newest.id)
        });
        let reason = format!(
            "another profile has adopted the archive there and gone on by itself{newest}. Adopt the archive again where \
             both can be reached, and add this destination anew as an empty folder or bucket"
        );
        Err(AgentError::SetAside {
            destination: site.name.clone(),
            reason,
        })
    }

    /// Stops where somebody else has written to the archive.
    pub(super) fn refuse_newer(&self, log: &Log) -> Result<(), AgentError> {
        let (Some(newest), Some(known)) = (log.newest(), self.state.head) else {
            return Ok(());
        };
        let newest = head_of(newest);
        if self.state.announced.contains(&newest) || newest.id <= known.id {
            return Ok(());
        }
        let destination = self.sites.iter().map(|site| site.name.clone());
        let destination = destination.collect::<Vec<_>>().join(", ");
        Err(AgentError::Engine(EngineError::Fenced {
            destination,
            found: newest.id,
            known: Some(known.id),
        }))
    }

    /// Compares a replica with what it acknowledged. One that went back is filled by healing alone, which is an
    /// explicit act; one with another history is not written to.
    pub(super) fn judge(
        &self,
        site: &Site,
        own: &Log,
        task: Task,
    ) -> Result<Option<String>, AgentError> {
        let Some(known) = self.state.heads.get(&site.id) else {
            return Ok(None);
        };
        let remembered = Head {
            id: known.id,
            hash: known.hash,
        };
        let newest = own.newest().map_or_else(
            || "it holds no record".to_owned(),
            |head| format!("its newest is {}", head.id),
        );
        let words = format!("it acknowledged record {}, and {newest}", known.id);
        let is_heal = matches!(task, Task::Heal { .. });
        match recall(own, remembered) {
            Relation::RolledBack if is_heal => Ok(Some(words)),
            Relation::RolledBack | Relation::Forked => Err(AgentError::SetAside {
                destination: site.name.clone(),
                reason: words,
            }),
            _ => Ok(None),
        }
    }
}
