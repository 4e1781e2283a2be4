//! Names that are not in the archive: of snapshots, of versions, of tags.

use strongroom_base::ids::to_hex;
use strongroom_read::SnapshotInfo;

/// Digits of a snapshot's hash that are shown.
const DIGITS: usize = 8;
/// Longest ending of a file name that a version of the file has too.
const EXTENSION_LEN_MAX: usize = 16;

/// Returns the short name of a snapshot, by which all commands know it.
pub(crate) fn short(info: &SnapshotInfo) -> String {
    to_hex(&info.hash[..DIGITS / 2])
}

/// Returns the name of the folder of a snapshot: when it began, in UTC, and its short name.
pub(crate) fn of_snapshot(info: &SnapshotInfo) -> String {
    let started = info.snapshot.started.0;
    let time = jiff::Timestamp::from_nanosecond(started).map_or_else(
        |_| started.to_string(),
        |time| time.strftime("%Y-%m-%dT%H-%M-%SZ").to_string(),
    );
    format!("{time}-{}", short(info))
}

/// Returns the name of a version of a file: the name of the first snapshot that has it, and the ending of
/// the file's name, by which programs know what it is.
pub(crate) fn of_version(snapshot: &str, file: &[u8]) -> Vec<u8> {
    let mut name = snapshot.as_bytes().to_vec();
    let dot = file.iter().rposition(|byte| *byte == b'.');
    if let Some(dot) = dot.filter(|dot| 0 < *dot)
        && (2..=EXTENSION_LEN_MAX).contains(&(file.len() - dot))
    {
        name.extend_from_slice(&file[dot..]);
    }
    name
}

/// Returns the name of the folder of a tag, which may hold what no name of a folder may.
pub(crate) fn of_tag(tag: &str) -> String {
    match tag {
        "" => "%".to_owned(),
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => tag
            .replace('%', "%25")
            .replace('/', "%2F")
            .replace('\0', "%00"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_keep_the_ending_of_the_file() {
        let name = |file: &[u8]| String::from_utf8(of_version("t", file)).unwrap();
        assert_eq!(name(b"letter.txt"), "t.txt");
        assert_eq!(name(b"a.tar.gz"), "t.gz");
        for none in [&b"letter"[..], b".bashrc", b"ends.", b"a.seventeen-letters"] {
            assert_eq!(name(none), "t");
        }
    }

    #[test]
    fn tags_become_names() {
        assert_eq!(of_tag("weekly"), "weekly");
        assert_eq!(of_tag("a/b%"), "a%2Fb%25");
        assert_eq!(of_tag(".."), "%2E%2E");
    }
}
