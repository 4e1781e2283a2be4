//! Whether a replica has the history of the profile: what another profile wrote is never mixed with it.

use strongroom_replica::Replica;
use strongroom_replica::expected::Owner;
use strongroom_replica::history::{Histories, Known, Together, together};
use strongroom_replica::log::{Head, Log};
use strongroom_replica::relation::{Relation, recall_within};

use super::{Site, Task, Work, head_of};
use crate::AgentError;

impl Work<'_> {
    /// Returns what a replica and its sisters hold together, those of another history left out. Refuses a replica that
    /// another profile has gone on with: nothing of the two may be mixed.
    pub(super) fn of_one_history<'r>(
        &self,
        site: &'r Site,
        sisters: &[&'r Replica],
        owner: &Owner<'_>,
    ) -> Result<Together<'r>, AgentError> {
        let newest = self.newest();
        let noted = self.state.newest.as_ref();
        let noted = noted.filter(|noted| Some(noted.head) == self.state.head);
        let author = noted.map(|noted| noted.author);
        let known = Known { newest, author };
        match together(&site.replica, sisters, known, owner)? {
            Histories::One(together) => Ok(*together),
            Histories::Another(own) => Err(another(site, &own)),
        }
    }

    /// Returns the newest record that the profile knows.
    fn newest(&self) -> Option<Head> {
        self.state.head.map(to_log)
    }

    /// Stops where somebody else has written to the archive, or where it was to go back to an older record and has not.
    pub(super) fn refuse_newer(&self, log: &Log) -> Result<(), AgentError> {
        let Some(newest) = log.newest() else {
            return Ok(());
        };
        let newest = head_of(newest);
        // One that has it is enough, and is what the archive can be adopted from.
        let has_it = |site: &&Site| {
            let ids = site.replica.record_ids();
            ids.is_ok_and(|ids| ids.contains(&newest.id))
        };
        let found = self.sites.iter().find(has_it).or(self.sites.first());
        let name = found.map_or("", |site| &*site.name);
        Ok(self.state.refuse_beyond(name, newest)?)
    }

    /// Compares a replica with what it acknowledged. One that went back is filled by healing alone, which is an
    /// explicit act; one with another history is not written to.
    pub(super) fn judge(
        &self,
        site: &Site,
        (own, chain): (&Log, &Log),
        task: Task,
    ) -> Result<Option<String>, AgentError> {
        let Some(known) = self.state.heads.get(&site.id) else {
            return Ok(None);
        };
        let newest = own.newest().map_or_else(
            || "it holds no record".to_owned(),
            |head| format!("its newest is {}", head.id),
        );
        let words = format!("it acknowledged record {}, and {newest}", known.id);
        let is_heal = matches!(task, Task::Heal { .. });
        match recall_within(own, to_log(*known), (chain, self.newest())) {
            Relation::RolledBack if is_heal => Ok(Some(words)),
            Relation::RolledBack | Relation::Forked => Err(AgentError::SetAside {
                destination: site.name.clone(),
                reason: words,
            }),
            _ => Ok(None),
        }
    }
}

fn to_log(head: strongroom_engine::Head) -> Head {
    Head {
        id: head.id,
        hash: head.hash,
    }
}

fn another(site: &Site, own: &Log) -> AgentError {
    let newest = own.newest().map_or_else(String::new, |newest| {
        format!(": its newest record is {}", newest.id)
    });
    let reason = format!(
        "another profile has adopted the archive there and gone on by itself{newest}. Adopt the archive again where \
         both can be reached, and add this destination anew as an empty folder or bucket"
    );
    AgentError::SetAside {
        destination: site.name.clone(),
        reason,
    }
}
