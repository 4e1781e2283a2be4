//! The way to a destination that is a folder, on which others may have planted symbolic links.

use std::path::Path;

use strongroom_engine::EngineError;
use strongroom_files::{Dir, Error, may_give_away};

use crate::AgentError;

/// Refuses a folder that somebody else's symbolic link leads to, where this user may write everywhere.
pub(super) fn check(path: &Path) -> Result<(), AgentError> {
    if !may_give_away() {
        return Ok(());
    }
    match Dir::open_way(path) {
        Err(source @ Error::ForeignLink { .. }) => {
            let path = path.display().to_string();
            Err(EngineError::ForeignLink { path, source }.into())
        }
        // What else is wrong with it is found out where it is opened.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{lchown, symlink};

    use super::*;
    use crate::location::Location;

    #[test]
    fn root_does_not_write_to_where_somebody_elses_link_leads() {
        let folder = tempfile::tempdir().unwrap();
        let at = |way: &str| folder.path().join(way);
        std::fs::create_dir(at("victim")).unwrap();
        symlink(at("victim"), at("planted")).unwrap();
        if lchown(at("planted"), Some(65_534), None).is_err() {
            return;
        }
        let open = |way: &str| Location::parse(way, folder.path()).unwrap();
        for way in ["planted", "planted/below"] {
            let (opened, made) = (open(way).open(), open(way).create());
            for refused in [opened.err(), made.err()] {
                let is_link = matches!(
                    refused,
                    Some(AgentError::Engine(EngineError::ForeignLink { .. }))
                );
                assert!(is_link, "{refused:?}");
            }
        }
        assert!(!at("victim/below").exists());
        lchown(at("planted"), Some(0), None).unwrap();
        assert!(open("planted/below").create().is_ok());
    }
}
