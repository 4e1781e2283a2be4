//! Changes settings of an organisation.

use std::collections::BTreeMap;

use strongroom_api::v1;
use strongroom_db::organisations::{self, Organisation};
use strongroom_db::settings;
use strongroom_domain::policy::{ChangeError, Lock, OwnGroups, Row};

use super::list::setting;
use super::{loosen, shown_lock};
use crate::app::audit::Event;
use crate::app::{Deed, Fault, Tree};

/// Gives a setting of the organisation of the path a value. A group that was inherited is an own one from then on.
pub async fn set(
    deed: &mut Deed,
    name: &str,
    request: v1::SetSetting,
) -> Result<v1::Setting, Fault> {
    let organisation = deed.organisation()?;
    let before = deed.tree.own(organisation.id);
    let lock = request.lock.map(|lock| match lock {
        v1::SettingLock::Open => Lock::Open,
        v1::SettingLock::Locked => Lock::Locked,
    });
    let mut own = before.clone();
    let above = deed.tree.own_groups_above(organisation.id);
    let changed = own.set(
        (&deed.app.settings.groups, &above),
        name,
        &request.value,
        lock,
    );
    changed.map_err(fault)?;
    store(deed, &organisation, &before, &own).await?;
    shown(deed, &organisation, &own, name).await
}

/// Inherits the group of this name, or of this setting, again.
pub async fn inherit(deed: &mut Deed, name: &str) -> Result<(), Fault> {
    let organisation = deed.organisation()?;
    let before = deed.tree.own(organisation.id);
    let mut own = before.clone();
    if !own.inherit(name).map_err(fault)? {
        return Err(Fault::refused("the group is inherited already"));
    }
    store(deed, &organisation, &before, &own).await
}

fn fault(error: ChangeError) -> Fault {
    match error {
        ChangeError::Value(error) => Fault::invalid("value", error),
        ChangeError::Locked(error) => Fault::refused(error),
        _ => Fault::Unseen,
    }
}

/// Stores the own groups, and puts on record which values are others. It is a change of the organisation: who has seen it
/// before must look again.
async fn store(
    deed: &mut Deed,
    organisation: &Organisation,
    before: &OwnGroups,
    own: &OwnGroups,
) -> Result<(), Fault> {
    settings::store(&deed.writing, organisation.id, own).await?;
    let stored = organisations::store(&deed.writing, organisation).await?;
    loosen::check(deed, organisation.id).await?;
    let (was, is) = (texts(before), texts(own));
    let mut event = Event::of_organisation("settings.changed", &stored);
    for name in was.keys().chain(is.keys()) {
        let text = |texts: &BTreeMap<String, String>| {
            texts
                .get(name)
                .map_or("inherited", String::as_str)
                .to_owned()
        };
        event = event.changed(name, text(&was), text(&is));
    }
    deed.record(event).await
}

fn texts(own: &OwnGroups) -> BTreeMap<String, String> {
    let text = |row: Row| {
        let lock = match row.lock {
            Lock::Open => "",
            Lock::Locked => ", locked",
        };
        (row.name, format!("{}{lock}", row.value))
    };
    own.rows().into_iter().map(text).collect()
}

async fn shown(
    deed: &Deed,
    organisation: &Organisation,
    own: &OwnGroups,
    name: &str,
) -> Result<v1::Setting, Fault> {
    // What this transaction has written, not what was known before it.
    let tree = Tree::read(&deed.writing).await?;
    let holds = deed.app.policies(&tree, organisation.id).all();
    let holds = holds.into_iter().find(|holds| holds.name == name);
    let holds = holds.ok_or(Fault::Program("a setting was changed and does not hold"))?;
    let names = BTreeMap::from([(organisation.id, Some(organisation.name.as_str().to_owned()))]);
    let own = own.rows().into_iter().find(|row| row.name == name);
    let own = own.map(|row| v1::OwnSetting {
        value: row.value,
        lock: shown_lock(row.lock),
    });
    Ok(setting(holds, &names, own))
}
