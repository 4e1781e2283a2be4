//! What to do about a failure: the second line that a person gets.

mod server;

use std::io::ErrorKind;

use strongroom_agent::custody::ImportError;
use strongroom_agent::mount::MountError;
use strongroom_agent::{AgentError, EngineError, PolicyError};
use strongroom_base::{Class, Classified as _};

use crate::failure::Failure;
use crate::time;

/// What helps where the profile has lost what it remembers of an archive.
pub(crate) const STATE: &str = "the archive itself is not harmed; `strongroom init --adopt DESTINATION` makes it anew from a destination that has the newest snapshot";

/// What helps where a destination was set aside.
pub(crate) const SET_ASIDE: &str = "find out why first: an old copy was brought back, or somebody took snapshots away. `strongroom destination heal NAME` fills up one that went back, `strongroom destination accept NAME` goes on with what it holds";

/// What helps where the archive has not gone back as it was to.
const GOING_BACK: &str = "`strongroom destination accept NAME` was stopped before it had finished: the same command finishes it, and so does `strongroom backup`. What is newer stays there as a branch";

/// Says that a destination was set aside.
pub(crate) fn set_aside(why: &str) -> String {
    format!("set aside, nothing was written to it: {why}")
}

/// Returns what may help.
pub(crate) fn of(failure: &Failure) -> Option<String> {
    let error = match failure {
        Failure::Agent(error) => error,
        Failure::File { path, source } if source.kind() == ErrorKind::AlreadyExists => {
            return Some(format!(
                "a file that is there is never replaced: name another one, or remove {} first",
                path.display()
            ));
        }
        _ => return None,
    };
    if let AgentError::Server(error) = error {
        return server::of(error);
    }
    if let AgentError::Elsewhere { text, sftp } = error {
        return Some(elsewhere(text, sftp.as_deref()));
    }
    if let Some(hint) = of_keys(error)
        .or_else(|| of_destinations(error))
        .or_else(|| of_deeds(error))
    {
        return Some(hint.to_owned());
    }
    if error.of_state().is_some() {
        return Some(STATE.to_owned());
    }
    if let Some(hint) = of_snapshots(error) {
        return Some(hint);
    }
    let hint = match error {
        AgentError::NoProfile { .. } => {
            "make one with `strongroom init`, or name a destination with --from and a key with --key-file"
        }
        AgentError::ProfileExists { .. } => "use it, or name another folder with --profile",
        AgentError::ProfileExposed { path } => {
            return Some(format!("take the right away with `chmod go-w {path}`"));
        }
        AgentError::KeyExposed { path } => {
            return Some(format!("take the right away with `chmod 600 {path}`"));
        }
        AgentError::ProfileForeign { user: 0, .. } => {
            "files of root's in it would lock its owner out. Be that user (`sudo -u USER strongroom …`), or give root a profile of its own with `sudo -H strongroom …` or --profile"
        }
        AgentError::ProfileForeign { .. } => "name a folder of your own with --profile",
        AgentError::ProfileTooNew { .. } => "install the newest strongroom",
        AgentError::WouldLoseKey { .. } => "name another folder with --profile",
        AgentError::NoSystemd => {
            "`--print` shows the unit; whatever starts programs here can run its command"
        }
        AgentError::NoSuchSlot { .. } => "`strongroom key slots` lists them",
        AgentError::SeveralArchives { .. } => "choose one with --archive",
        AgentError::Engine(EngineError::Fenced { destination, .. }) => {
            return Some(format!(
                "if this profile is the one to go on: `strongroom init --adopt {destination}`; every \
                 other copy then stops. Else leave it alone"
            ));
        }
        AgentError::Engine(EngineError::GoingBack { .. }) => GOING_BACK,
        AgentError::Engine(EngineError::IncompleteSnapshot { .. }) => {
            "restore without --delete, or to another folder"
        }
        AgentError::Engine(EngineError::TooMany { .. }) => {
            "of many paths, name the folder that holds them, and leave out the others with --exclude"
        }
        AgentError::Locked { .. } => "wait until it has finished",
        other if other.class() == Class::Damage => {
            "`strongroom verify` shows what is damaged; everything else can be restored"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Returns what may be meant by a destination that looks like a place on another computer.
fn elsewhere(text: &str, sftp: Option<&str>) -> String {
    let there = match sftp {
        Some(url) => format!("`{url}` is that folder of another computer"),
        None => "another computer is sftp://USER@HOST/PATH, a bucket s3://BUCKET/PREFIX?region=REGION, a share the folder where it is mounted".to_owned(),
    };
    let here = text.trim_start_matches('/');
    format!("{there}; for a folder of that name here, write ./{here}")
}

/// Returns what may help with snapshots and what is in them.
fn of_snapshots(error: &AgentError) -> Option<String> {
    let hint = match error {
        AgentError::NoSnapshot => {
            "`strongroom backup` makes the first snapshot; with `--from NAME` you see what another profile left at a destination"
        }
        AgentError::NoSnapshotYet { began, .. } => {
            return Some(format!(
                "it began at {}; `strongroom snapshots` lists all",
                time::local(*began)
            ));
        }
        AgentError::NoSuchSnapshot { .. } | AgentError::SeveralSnapshots { .. } => {
            "`strongroom snapshots` lists them"
        }
        AgentError::NoSuchPath { .. } => "`strongroom ls SNAPSHOT` lists what is there",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Returns what may help with keys and private passwords.
fn of_keys(error: &AgentError) -> Option<&'static str> {
    Some(match error {
        AgentError::NoCustodyKey { .. } | AgentError::KeystoreLost => {
            "bring it back with `strongroom key import`"
        }
        AgentError::RotationUnfinished => "`strongroom key rotate` finishes it",
        AgentError::NoCredential => {
            "give the exported key with --key-file, or the private password with --private-password-file"
        }
        AgentError::KeyFile {
            source: ImportError::NotAKey { .. },
            ..
        } => {
            "words are taken with `strongroom key import --words FILE`, a picture with --qr-image; a file is what `strongroom key export --file FILE` wrote"
        }
        AgentError::Keystore { .. } => {
            "is this the session of a desktop? Elsewhere, take the key out with `strongroom key move --to file` in such a session first, or bring it back with `strongroom key import`"
        }
        AgentError::KeystoreLocked => {
            "unlock it, or have the key in a file: `strongroom key move --to file` while it is unlocked"
        }
        AgentError::OtherKeys { .. } => {
            "another copy of this profile has changed them, or it was restored from an older state: nothing was changed here. If it is the one to go on: `strongroom init --adopt DESTINATION`"
        }
        AgentError::OtherKey { .. } => "`strongroom key show` names the key of a profile",
        AgentError::NoPasswordSlot { .. } => {
            "give the exported key with --key-file, or set one with `strongroom key password set`"
        }
        AgentError::WrongPassword { .. } => {
            "mind upper and lower case and the layout of the keyboard"
        }
        AgentError::PasswordWouldBeLost { .. } => {
            "give the only one with --private-password-file, or let the others go with --drop-passwords; `strongroom key slots` lists them"
        }
        _ => return None,
    })
}

/// Returns what may help with destinations.
fn of_destinations(error: &AgentError) -> Option<&'static str> {
    Some(match error {
        AgentError::NoSuchDestination { .. } => "`strongroom destination list` lists them",
        AgentError::NoDestination => {
            "add one with `strongroom destination add NAME URL`, or name one with --to"
        }
        AgentError::SecretInUrl => {
            "for S3 give --credentials-file; for SFTP use a key, with --identity or your settings of ssh"
        }
        AgentError::NoStorageKey => {
            "give --credentials-file to `strongroom destination add`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        }
        AgentError::BadStorageKey { .. } => {
            "it needs the lines `aws_access_key_id = …` and `aws_secret_access_key = …`"
        }
        AgentError::Unreachable { .. } => "is the disk mounted, and the computer there?",
        AgentError::Engine(EngineError::NoDestination {
            is_newest_gone: true,
            ..
        }) => {
            "bring back the destination that has the newest record. Where it is lost for good, or its newest record is damaged: `strongroom destination accept NAME` goes on with what another one holds"
        }
        AgentError::Engine(error @ EngineError::NoDestination { .. })
            if error.is_for_lack_of_space() =>
        {
            "make room there: `strongroom forget` and `strongroom prune` take time to free space. Or add a destination that has some"
        }
        AgentError::Engine(EngineError::NoDestination { .. }) => {
            "is the disk mounted, the computer there, and does this user have the right to write?"
        }
        AgentError::SetAside { .. } => SET_ASIDE,
        AgentError::DestinationNeeded { .. } => {
            "back up while another one can be reached, and it goes there; or remove it all the same with --give-up"
        }
        AgentError::NestedDestination { .. } => {
            "one disk that fails takes both; name a folder that lies beside it, on another disk if you can"
        }
        AgentError::DestinationInProfile { .. } => {
            "who loses the profile would lose the backup with it: name a folder elsewhere, on another disk if you can"
        }
        AgentError::SpoolAlone { .. } => {
            "add a destination that had this archive again, at the same place, and back up: they go there. Or give them up with `strongroom spool --off --give-up`"
        }
        _ => return None,
    })
}

/// Returns what may help with retention, restoring and mounting.
fn of_deeds(error: &AgentError) -> Option<&'static str> {
    Some(match error {
        AgentError::Policy(PolicyError::Empty) => {
            "name snapshots, or say what to keep: --keep-daily 7 --keep-weekly 5 --keep-monthly 12"
        }
        AgentError::Policy(PolicyError::KeepsNothing) => {
            "add a rule, or say --forget-everything if that is what you want"
        }
        AgentError::Engine(EngineError::TargetFull { .. }) => {
            "make room, or restore elsewhere; what was restored so far is whole, and the same command goes on from there"
        }
        AgentError::Engine(EngineError::ForeignLink { .. }) => {
            "who made the link chose where it leads. `readlink` shows where; if that is where you want it, name that folder itself"
        }
        AgentError::Mount(MountError::NotEmpty { .. }) => {
            "mount at an empty folder, so that nothing is hidden"
        }
        AgentError::Mount(MountError::Folder { .. }) => {
            "make the folder first; if it is a mount that a killed process left, `fusermount3 -u DIR` takes it away"
        }
        AgentError::Mount(MountError::Mount { .. }) => {
            "mounting needs /dev/fuse and, without being root, the program fusermount3 (package fuse3)"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use strongroom_base::ids::ArchiveId;

    use super::*;

    #[test]
    fn a_full_destination_is_not_taken_for_one_that_is_away() {
        let hint = |reason: &str| {
            let error = EngineError::NoDestination {
                archive: ArchiveId([0; 16]),
                reasons: vec![format!("disk: {reason}")],
                is_newest_gone: false,
            };
            of(&Failure::Agent(error.into())).unwrap()
        };
        assert!(hint("there is no space left for `a/packs/x`").starts_with("make room there"));
        assert!(hint("the destination at `/mnt` is missing").starts_with("is the disk mounted"));
    }
}
