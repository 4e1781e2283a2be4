//! Computers.

mod change;
mod check_in;
mod heads;
mod list;

use strongroom_api::v1;
use strongroom_db::computers::{Report, Stored};
use strongroom_domain::computer::{Credential, Life};

use super::words::moment;
use super::{Fault, View};

pub use change::{ComputerDeed, change, deactivate, rename};
pub use check_in::{Machine, check_in};
pub use heads::list as list_heads;
pub use list::list;

/// Returns the computer that was asked for.
pub fn read(view: &View) -> Result<v1::Computer, Fault> {
    Ok(shown(&view.computer()?.0))
}

pub(super) fn shown(stored: &Stored) -> v1::Computer {
    v1::Computer {
        id: stored.computer.id.to_string(),
        user: stored.computer.owner.to_string(),
        name: stored.name.as_str().to_owned(),
        active: stored.computer.life == Life::Active,
        credential: match stored.computer.credential {
            Credential::Good => v1::CredentialState::Good,
            Credential::SignedOut => v1::CredentialState::SignedOut,
            Credential::Revoked { .. } => v1::CredentialState::Revoked,
        },
        operating_system: stored.operating_system.clone(),
        program_version: stored.program_version.clone(),
        last_seen: stored.last_seen.map(moment),
        policy: stored.report.policy.clone(),
        backup: backup(&stored.report),
        heads_behind: Some(stored.heads.behind).filter(|behind| *behind > 0),
        made: moment(stored.made),
        version: stored.version,
    }
}

fn backup(report: &Report) -> Option<v1::BackupReport> {
    Some(v1::BackupReport {
        state: report.backup_state.clone()?,
        completed: report.backed_up.map(moment),
    })
}
