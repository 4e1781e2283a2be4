//! What the permission bits may be where an access control list could not be restored.

/// The name of the extended attribute that holds the access control list.
pub const ACCESS_LIST: &[u8] = b"system.posix_acl_access";

const VERSION: u32 = 2;
const HEAD_LEN: usize = 4;
const ENTRY_LEN: usize = 8;

const USER: u16 = 0x02;
const OWNING_GROUP: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;

/// Returns the permission bits that give nobody more than `list` and `mode` together gave.
///
/// Where there is a list, the bits of the group are its mask, which can be above what the owning group may. Users and
/// groups that the list names are others without it, or in the owning group.
pub(crate) fn bits_without(list: &[u8], mode: u32) -> u32 {
    let owner = mode & !0o077;
    let Some(entries) = read(list) else {
        // Nobody knows what it gave.
        return owner;
    };
    let allowed = |wanted: u16| {
        let found = entries.iter().filter(move |(tag, _)| *tag == wanted);
        found.fold(0o7, |all, (_, may)| all & may)
    };
    let mask = allowed(MASK);
    // What is named has no more than the mask, where anything is named.
    let limited = |tag| {
        let is_named = entries.iter().any(|(found, _)| *found == tag);
        if is_named { allowed(tag) & mask } else { 0o7 }
    };
    let users = limited(USER);
    let group = mode >> 3 & allowed(OWNING_GROUP) & mask & users;
    let others = mode & users & limited(GROUP);
    owner | group << 3 | others
}

/// Returns tag and rights of each entry of a list.
fn read(list: &[u8]) -> Option<Vec<(u16, u32)>> {
    let (head, entries) = list.split_at_checked(HEAD_LEN)?;
    let entries = entries.chunks_exact(ENTRY_LEN);
    if head != VERSION.to_le_bytes() || !entries.remainder().is_empty() {
        return None;
    }
    let entry = |entry: &[u8]| {
        let half = |at| u16::from_le_bytes([entry[at], entry[at + 1]]);
        (half(0), u32::from(half(2)))
    };
    Some(entries.map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: u16 = 0x01;
    const OTHER: u16 = 0x20;

    fn list(entries: &[(u16, u16)]) -> Vec<u8> {
        let mut list = VERSION.to_le_bytes().to_vec();
        for (tag, may) in entries {
            list.extend(tag.to_le_bytes());
            list.extend(may.to_le_bytes());
            list.extend(1_000_u32.to_le_bytes());
        }
        list
    }

    #[test]
    fn nobody_gets_more_than_the_list_gave() {
        for (entries, mode, expected) in [
            // The mask is not what the owning group may.
            (
                &[
                    (OWNER, 6),
                    (USER, 6),
                    (OWNING_GROUP, 0),
                    (MASK, 6),
                    (OTHER, 0),
                ][..],
                0o660,
                0o600,
            ),
            (
                &[
                    (OWNER, 7),
                    (USER, 7),
                    (OWNING_GROUP, 5),
                    (MASK, 7),
                    (OTHER, 5),
                ],
                0o2775,
                0o2755,
            ),
            // Who was named to have less.
            (
                &[
                    (OWNER, 6),
                    (USER, 0),
                    (OWNING_GROUP, 4),
                    (MASK, 4),
                    (OTHER, 4),
                ],
                0o644,
                0o600,
            ),
            (
                &[
                    (OWNER, 6),
                    (GROUP, 0),
                    (OWNING_GROUP, 4),
                    (MASK, 4),
                    (OTHER, 4),
                ],
                0o644,
                0o640,
            ),
            // A user that is named has no more than the mask.
            (
                &[
                    (OWNER, 6),
                    (USER, 6),
                    (OWNING_GROUP, 6),
                    (MASK, 4),
                    (OTHER, 6),
                ],
                0o646,
                0o644,
            ),
            (&[(OWNER, 6), (OWNING_GROUP, 4), (OTHER, 4)], 0o644, 0o644),
        ] {
            let found = bits_without(&list(entries), mode);
            assert_eq!(found, expected, "{entries:?}: {found:o}");
        }
    }

    #[test]
    fn a_list_that_is_none_leaves_the_owner_alone() {
        let good = list(&[(OWNING_GROUP, 7)]);
        let mut other_version = good.clone();
        other_version[0] = 1;
        for list in [
            &b""[..],
            &good[..3],
            &good[..good.len() - 1],
            &other_version,
        ] {
            assert_eq!(bits_without(list, 0o4777), 0o4700);
        }
    }
}
