//! What is left out of a home folder when nothing else is said: what programs make again by themselves.

use std::path::Path;

/// Folders below the home folder.
const FOLDERS: [&str; 15] = [
    ".cache",
    ".local/share/Trash",
    ".local/share/Steam/steamapps/common",
    ".local/share/containers/storage/overlay",
    ".thumbnails",
    ".npm/_cacache",
    ".cargo/registry",
    ".cargo/git",
    ".rustup/toolchains",
    ".gradle/caches",
    ".m2/repository",
    ".mozilla/firefox/*/cache2",
    ".var/app/*/cache",
    "snap/*/common/.cache",
    "Library/Caches",
];

/// Names, wherever they are.
const NAMES: [&str; 4] = [".Trash-*", "__pycache__", "*.part", "lost+found"];

/// Returns the patterns for a home folder.
pub fn usual_excludes(home: &Path) -> Vec<String> {
    let home = globset::escape(&home.to_string_lossy());
    let folders = FOLDERS.iter().map(|folder| format!("{home}/{folder}"));
    folders.chain(NAMES.map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_folder_is_taken_as_it_is_named() {
        let excludes = usual_excludes(Path::new("/home/[me]"));
        assert_eq!(excludes[0], "/home/[[]me[]]/.cache");
    }
}
