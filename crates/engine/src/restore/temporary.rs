//! Names of what is written before it takes the place of something else, and what an interrupted restore left of it.

use strongroom_base::ids::to_hex;
use strongroom_crypto::hash::hash;
use strongroom_files::{Error, Target};
use strongroom_format::tree::Entry;

use super::select::to_path;
use super::{Here, Restore};
use crate::backup::explain;

const PREFIX: &str = ".strongroom-restore-";

/// Returns the name of a number. It ends with a part of a hash of the number, so that nobody else comes to give
/// something such a name.
fn name_of(number: u64) -> Vec<u8> {
    let digest = hash(format!("strongroom restore: temporary name {number}").as_bytes());
    let digits = to_hex(&digest[..12]);
    format!("{PREFIX}{number}-{digits}").into_bytes()
}

/// Says whether a restore gave this name.
fn is_temporary(name: &[u8]) -> bool {
    let number = std::str::from_utf8(name)
        .ok()
        .and_then(|name| name.strip_prefix(PREFIX))
        .and_then(|rest| rest.split('-').next()?.parse().ok());
    number.is_some_and(|number| name_of(number) == name)
}

impl<'a> Restore<'a> {
    /// Makes something under a name that nothing has.
    pub(super) fn make_temporary<T>(
        &mut self,
        target: &Target,
        make: impl Fn(&[u8]) -> Result<T, Error>,
    ) -> Result<(T, Vec<u8>), Error> {
        loop {
            self.temporaries += 1;
            let name = name_of(self.temporaries);
            match target.dir().stat_child(&name) {
                Ok(_) => continue,
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(error),
            }
            match make(&name) {
                // Another restore took it.
                Err(error) if error.is_taken() => {}
                result => return result.map(|it| (it, name)),
            }
        }
    }

    /// Removes what interrupted restores left in a folder, and no entry names.
    pub(super) fn remove_remainders(&self, here: &Here<'a>, entries: &[Entry]) {
        let target = &here.task.target;
        // A folder that cannot be listed tells so where something is to be done in it.
        let Ok(names) = target.dir().names() else {
            return;
        };
        for found in names.iter().filter(|found| is_temporary(found.name)) {
            if entries.iter().any(|entry| entry.name == found.name) {
                continue;
            }
            match target.remove_remainder(found.name) {
                Ok(_) => {}
                Err(error) if error.is_gone() => {}
                Err(error) => {
                    let path = here.task.path.join(to_path(found.name));
                    self.context.warn(&path, explain(&error), false);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_a_restore_gave_are_taken_for_such() {
        assert!(is_temporary(&name_of(1)) && is_temporary(&name_of(u64::MAX)));
        assert!(name_of(1) != name_of(2));
        let mut other = name_of(1);
        *other.last_mut().unwrap() ^= 1;
        assert!(!is_temporary(&other));
        for name in [
            ".strongroom-restore-1",
            ".strongroom-restore-1-",
            ".strongroom-restore.restored-1",
            "a",
        ] {
            assert!(!is_temporary(name.as_bytes()), "{name}");
        }
        // Numbers that are written in another way.
        let name = String::from_utf8(name_of(7)).unwrap();
        assert!(!is_temporary(name.replacen("-7-", "-07-", 1).as_bytes()));
        assert!(!is_temporary(name.replacen("-7-", "-+7-", 1).as_bytes()));
    }
}
