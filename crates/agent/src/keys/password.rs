//! Private passwords: each wraps the custody key in a slot of every archive.

use strongroom_base::ids::{ArchiveId, SlotId};
use strongroom_base::random::RandomSource;
use strongroom_base::{Class, Classified as _};
use strongroom_crypto::custody::CustodyKey;
use strongroom_custody::password::PrivatePassword;
use strongroom_format::keys::Slot;

use crate::AgentError;
use crate::profile::Profile;
use crate::wraps::{Published, Wraps, publish, refuse_stale};

/// The name of a slot, for people.
const SLOT_NAME: &str = "private password";

/// Adds a private password to every archive.
pub fn set_password(
    profile: &Profile,
    password: &PrivatePassword,
    random: &dyn RandomSource,
) -> Result<Vec<Published>, AgentError> {
    edit(profile, random, &mut |archive, custody, slots| {
        slots.push(slot(archive, custody, password, random)?);
        Ok(())
    })
}

/// Puts a private password in place of another one, in every archive that has it.
pub fn change_password(
    profile: &Profile,
    old: &PrivatePassword,
    new: &PrivatePassword,
    random: &dyn RandomSource,
) -> Result<Vec<Published>, AgentError> {
    edit(profile, random, &mut |archive, custody, slots| {
        drop_opened(archive, slots, old)?;
        slots.push(slot(archive, custody, new, random)?);
        Ok(())
    })
}

/// Removes a private password: the slot asked for, else those that the password opens.
pub fn remove_password(
    profile: &Profile,
    which: &WhichPassword,
    random: &dyn RandomSource,
) -> Result<Vec<Published>, AgentError> {
    let mut found = false;
    if let WhichPassword::Slot(id) = which {
        for archive in &profile.config()?.archives {
            let wraps = Wraps::load(profile, archive.id)?;
            found |= wraps.keys.slots.iter().any(|slot| slot.id == *id);
        }
        if !found {
            return Err(AgentError::NoSuchSlot {
                slot: id.to_string(),
            });
        }
    }
    edit(profile, random, &mut |archive, _, slots| {
        match which {
            WhichPassword::Slot(id) => slots.retain(|slot| slot.id != *id),
            WhichPassword::Opened(password) => drop_opened(archive, slots, password)?,
            WhichPassword::All => slots.clear(),
        }
        Ok(())
    })
}

/// Which private passwords go.
pub enum WhichPassword {
    /// The one of this slot.
    Slot(SlotId),
    /// This one.
    Opened(PrivatePassword),
    /// All.
    All,
}

/// Wraps the custody key of an archive under a private password.
pub(crate) fn slot(
    archive: ArchiveId,
    custody: &CustodyKey,
    password: &PrivatePassword,
    random: &dyn RandomSource,
) -> Result<Slot, AgentError> {
    let password = password.expose_bytes();
    Ok(Slot::new(archive, custody, SLOT_NAME, password, random)?)
}

type Edit<'a> = &'a mut dyn FnMut(ArchiveId, &CustodyKey, &mut Vec<Slot>) -> Result<(), AgentError>;

/// Changes the slots of every archive, all or none of them locally, and publishes what has changed.
fn edit(
    profile: &Profile,
    random: &dyn RandomSource,
    change: Edit<'_>,
) -> Result<Vec<Published>, AgentError> {
    let _lock = profile.lock()?;
    let config = profile.config()?;
    let (mut locks, mut edited) = (Vec::new(), Vec::new());
    for archive in &config.archives {
        locks.push(profile.lock_archive(archive.id)?);
        refuse_stale(profile, &config, archive)?;
        let wraps = Wraps::load(profile, archive.id)?;
        let (ring, custody) = wraps.open(profile)?;
        let mut slots = wraps.keys.slots.clone();
        change(archive.id, &custody, &mut slots)?;
        edited.push((archive, wraps, ring, custody, slots));
    }
    let mut published = Vec::new();
    for (archive, mut wraps, ring, custody, slots) in edited {
        if slots != wraps.keys.slots {
            wraps.replace(profile, archive, (&ring, &custody), slots, random)?;
            published.push(publish(&config, archive, &wraps));
        }
    }
    Ok(published)
}

/// Drops the slots that a password opens; it must open one.
fn drop_opened(
    archive: ArchiveId,
    slots: &mut Vec<Slot>,
    password: &PrivatePassword,
) -> Result<(), AgentError> {
    let before = slots.len();
    let mut kept = Vec::new();
    for slot in slots.drain(..) {
        match slot.open(archive, password.expose_bytes()) {
            Ok(_) => {}
            Err(error) if error.class() == Class::WrongKey => kept.push(slot),
            Err(error) => return Err(error.into()),
        }
    }
    *slots = kept;
    if before == 0 {
        return Err(AgentError::NoPasswordSlot {
            archive: archive.to_string(),
        });
    }
    if slots.len() == before {
        return Err(AgentError::WrongPassword {
            archive: archive.to_string(),
        });
    }
    Ok(())
}
