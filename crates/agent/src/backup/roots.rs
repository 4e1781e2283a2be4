//! The paths that are backed up: which of them can be, and which hold others.

use std::path::{Path, PathBuf};

use strongroom_base::ids::from_hex;
use strongroom_base::with_causes;
use strongroom_engine::backup::openable;
use strongroom_engine::{EngineError, Monitor, Warning};

use super::destination_folders;
use crate::AgentError;
use crate::location::{Overlap, overlap};
use crate::profile::{Config, Profile};

const IN_PROFILE: &str = "it is the profile or lies in it, and its keys must not be stored; `strongroom key export` keeps them";
const IN_ARCHIVE: &str = "it lies in an archive at a destination";

/// Tells of the paths that cannot be opened, and returns the others and these. Fails where there are no others.
pub(super) fn open_ones(
    paths: &[PathBuf],
    monitor: &dyn Monitor,
) -> Result<(Vec<PathBuf>, Vec<PathBuf>), EngineError> {
    let (mut open, mut missing, mut first) = (Vec::new(), Vec::new(), None);
    for path in paths {
        tell_of_link(path, monitor);
        match openable(path) {
            Ok(()) => open.push(path.clone()),
            Err(error) => {
                missing.push((path.clone(), with_causes(&error)));
                first = first.or(Some(error));
            }
        }
    }
    if let Some(error) = first.filter(|_| open.is_empty()) {
        return Err(error);
    }
    for (path, why) in &missing {
        monitor.warning(Warning {
            subject: path_bytes(path),
            message: format!("nothing of it is in this snapshot: {why}"),
            left_out: true,
        });
    }
    Ok((open, missing.into_iter().map(|(path, _)| path).collect()))
}

/// Refuses paths that are or lie in the profile, whose keys must not be stored, or that lie in an archive at a destination.
pub(super) fn refuse_unfit(
    profile: &Profile,
    config: &Config,
    paths: &[PathBuf],
) -> Result<(), AgentError> {
    let folders = destination_folders(config);
    for path in paths {
        // A link is stored as such.
        let real = if path.is_symlink() {
            path.parent()
        } else {
            Some(&**path)
        };
        let Some(real) = real.and_then(|path| path.canonicalize().ok()) else {
            continue;
        };
        let unfit = |reason| {
            let path = path.display().to_string();
            Err(EngineError::UnfitRoot { path, reason }.into())
        };
        if matches!(
            overlap(&real, profile.dir()),
            Some(Overlap::Same | Overlap::Inside)
        ) {
            return unfit(IN_PROFILE);
        }
        let archive = real.ancestors().find(|above| is_archive(above));
        let above = archive.and_then(Path::parent);
        let is_destination = |above: &Path| {
            let mut folders = folders.iter();
            folders.any(|folder| overlap(above, folder) == Some(Overlap::Same))
        };
        if above.is_some_and(is_destination) {
            return unfit(IN_ARCHIVE);
        }
    }
    Ok(())
}

fn is_archive(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.and_then(from_hex::<16>).is_some() && folder.join("archive").is_file()
}

/// Says that a symbolic link is stored as such: whoever names one may mean what it leads to.
fn tell_of_link(path: &Path, monitor: &dyn Monitor) {
    if let Ok(target) = path.read_link() {
        monitor.warning(Warning {
            subject: path_bytes(path),
            message: format!(
                "it is a symbolic link, and is backed up as one; to back up what it leads to, name {}",
                path.canonicalize().unwrap_or(target).display()
            ),
            left_out: false,
        });
    }
}

/// Tells of patterns that nothing can ever match, because paths are compared as they are in a snapshot.
pub(super) fn tell_of_hopeless(patterns: &[String], monitor: &dyn Monitor) {
    for pattern in patterns {
        if let Some(why) = hopeless(pattern) {
            monitor.warning(Warning {
                subject: pattern.clone().into_bytes(),
                message: format!("this pattern leaves nothing out: {why}"),
                left_out: false,
            });
        }
    }
}

fn hopeless(pattern: &str) -> Option<&'static str> {
    let plain = pattern.strip_suffix('/').unwrap_or(pattern);
    let inner = plain.strip_prefix('/').unwrap_or(plain);
    if plain == "~" || plain.starts_with("~/") {
        return Some("a ~ is not the home folder here; write the whole path");
    }
    let mut parts = inner.split('/');
    parts.any(|part| matches!(part, "" | "." | "..")).then_some(
        "no path has a part that is empty, `.` or `..`; write the whole path, or a part of it",
    )
}

fn path_bytes(path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt as _;
    path.as_os_str().as_bytes().to_vec()
}

/// Drops paths that lie below another one, which holds them anyway.
pub(crate) fn outermost(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut sorted = paths.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut kept: Vec<PathBuf> = Vec::new();
    for path in sorted {
        if !kept.iter().any(|above| path.starts_with(above)) {
            kept.push(path);
        }
    }
    kept
}

/// Returns the paths that lie below another one.
pub(super) fn below_others(paths: &[PathBuf]) -> Vec<PathBuf> {
    let outermost = outermost(paths);
    let below = paths.iter().filter(|path| !outermost.contains(path));
    below.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_never_match_are_known() {
        for pattern in [
            "./src/a", "../src/a", "/x/./a", "a//b", "~/src", "~", "/x/..", "//a",
        ] {
            assert!(hopeless(pattern).is_some(), "{pattern}");
        }
        for pattern in [
            "*.o", "target/", "/src/**", "a/*.tmp", "~*", ".cache", "..data/x", "a~",
        ] {
            assert!(hopeless(pattern).is_none(), "{pattern}");
        }
    }

    #[test]
    fn paths_below_others_are_held_by_them() {
        let paths = ["/b", "/a/b", "/a", "/ab", "/b"].map(PathBuf::from);
        assert_eq!(outermost(&paths), ["/a", "/ab", "/b"].map(PathBuf::from));
        assert_eq!(below_others(&paths), [PathBuf::from("/a/b")]);
    }
}
