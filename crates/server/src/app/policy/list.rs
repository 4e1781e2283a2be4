//! Lists what holds at an organisation.

use std::collections::BTreeMap;

use strongroom_api::v1;
use strongroom_base::ids::OrganisationId;
use strongroom_db::{Reading, organisations};
use strongroom_domain::policy::{Holds, Level, Lock, OwnGroups};

use super::shown_lock;
use crate::app::{Access, App, Fault, View};

/// Returns every setting of the organisation of the path, with whose value it is and who locked it.
pub async fn list(view: &View) -> Result<v1::Page<v1::Setting>, Fault> {
    let organisation = view.organisation()?.id;
    let own = view.tree.own(organisation);
    shown(&view.app, view, &view.reading, organisation, &own).await
}

/// Returns what holds for the caller.
pub async fn own(view: &View) -> Result<v1::Page<v1::Setting>, Fault> {
    let organisation = view.user()?.organisation;
    shown(
        &view.app,
        view,
        &view.reading,
        organisation,
        &OwnGroups::default(),
    )
    .await
}

async fn shown(
    app: &App,
    access: &Access,
    reading: &Reading,
    organisation: OrganisationId,
    own: &OwnGroups,
) -> Result<v1::Page<v1::Setting>, Fault> {
    let holds = app.policies(&access.tree, organisation).all();
    let mut names = BTreeMap::new();
    for holds in &holds {
        if let Level::Organisation(owner) = holds.owner
            && !names.contains_key(&owner)
        {
            let found = organisations::find(reading, owner).await?;
            names.insert(owner, found.map(|found| found.name.as_str().to_owned()));
        }
    }
    let own: BTreeMap<String, v1::OwnSetting> = own
        .rows()
        .into_iter()
        .map(|row| {
            let lock = shown_lock(row.lock);
            (
                row.name,
                v1::OwnSetting {
                    value: row.value,
                    lock,
                },
            )
        })
        .collect();
    let items = holds.into_iter().map(|holds| {
        let own = own.get(holds.name).cloned();
        setting(holds, &names, own)
    });
    Ok(v1::Page {
        items: items.collect(),
        next: None,
    })
}

/// Returns a setting as the API has it.
pub(super) fn setting(
    holds: Holds,
    names: &BTreeMap<OrganisationId, Option<String>>,
    own: Option<v1::OwnSetting>,
) -> v1::Setting {
    let owner = match holds.owner {
        Level::Server => None,
        Level::Organisation(owner) => Some(owner),
    };
    let lock = match holds.locked_by {
        None => Lock::Open,
        Some(_the_owner) => Lock::Locked,
    };
    v1::Setting {
        setting: holds.name.to_owned(),
        value: holds.value,
        owner: owner.map(|owner| owner.to_string()),
        owner_name: owner.and_then(|owner| names.get(&owner)?.clone()),
        lock: shown_lock(lock),
        own,
    }
}
