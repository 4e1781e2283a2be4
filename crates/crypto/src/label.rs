//! The registry of labels: the texts that keep one use of a key apart from every other.
//!
//! A label that is followed by anything is ended by a zero byte. No label contains a zero byte, so
//! that different labels always make different inputs.

/// The prefix that the chunked-encryption specification puts before the name of the AEAD.
pub(crate) const CHUNKED_ENCRYPTION: &str = "c2sp.org/chunked-encryption@v1+";

/// Input key to object key and commitment of the suite `blowfish-448`.
pub(crate) const BLOWFISH_OBJECT: &str = "strongroom blowfish-448 v1";

/// Object key to the keys of one cell of the suite `blowfish-448`.
pub(crate) const BLOWFISH_CELL: &str = "strongroom blowfish-448 v1 cell";

/// Epoch secret to sealing key.
pub(crate) const EPOCH_SEAL: &str = "strongroom keys-v1 seal";

/// Custody key to its public identifier.
pub(crate) const CUSTODY_KEY_ID: &str = "strongroom keys-v1 custody key id";

/// Seed of a server's sign-in set-up to the key that makes credentials of accounts that do not exist.
pub(crate) const SIGN_IN_NOBODY: &str = "strongroom sign-in-v1 nobody";

/// Key of stored secrets to its public identifier.
pub(crate) const STORED_KEY_ID: &str = "strongroom secrets-v1 key id";

/// Key of stored secrets to the key of AES-GCM.
pub(crate) const STORED_GCM: &str = "strongroom secrets-v1 AES/GCM/NoPadding";

/// Key of stored secrets to the keys of AES-CBC and its MAC.
pub(crate) const STORED_CBC: &str = "strongroom secrets-v1 AES/CBC/PKCS5Padding";

/// Master key of a server to its public identifier.
pub(crate) const MASTER_KEY_ID: &str = "strongroom secrets-v1 master key id";

/// Every label of this crate.
#[cfg(test)]
pub(crate) const ALL: &[&str] = &[
    CHUNKED_ENCRYPTION,
    BLOWFISH_OBJECT,
    BLOWFISH_CELL,
    EPOCH_SEAL,
    CUSTODY_KEY_ID,
    SIGN_IN_NOBODY,
    STORED_KEY_ID,
    STORED_GCM,
    STORED_CBC,
    MASTER_KEY_ID,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_labels_are_equal_and_none_contains_the_byte_that_ends_it() {
        for (index, label) in ALL.iter().enumerate() {
            assert!(!label.is_empty() && !label.contains('\0'), "{label}");
            assert!(!ALL[index + 1..].contains(label), "{label} is there twice");
        }
    }

    #[test]
    fn every_label_constant_of_this_file_is_in_the_registry() {
        let declared = include_str!("label.rs")
            .lines()
            .filter(|line| line.starts_with("pub(crate) const") && line.contains(": &str"))
            .count();
        assert_eq!(declared, ALL.len());
    }

    #[test]
    fn a_label_continues_another_only_where_the_end_mark_differs() {
        for one in ALL {
            for other in ALL {
                assert!(!other.starts_with(&format!("{one}\0")), "{one} / {other}");
            }
        }
        assert!(
            !ALL.iter()
                .any(|l| *l != CHUNKED_ENCRYPTION && l.starts_with("c2sp.org/"))
        );
    }
}
