//! Bytes that are changed at random, for the property that every decoder has: what it takes is what the
//! encoder would have written.

use proptest::prelude::*;

/// One change of a byte string.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edit {
    Set(u8),
    Flip(u8),
    Add(u8),
    Insert(u8),
    Remove,
    /// Repeats as many bytes.
    Repeat(usize),
    Cut,
}

/// Changes and where they are made, as a share of the length.
pub(crate) fn edits() -> impl Strategy<Value = Vec<(f64, Edit)>> {
    let edit = prop_oneof![
        any::<u8>().prop_map(Edit::Set),
        (0..8_u8).prop_map(Edit::Flip),
        prop_oneof![Just(1), Just(255)].prop_map(Edit::Add),
        any::<u8>().prop_map(Edit::Insert),
        Just(Edit::Remove),
        (1..120_usize).prop_map(Edit::Repeat),
        Just(Edit::Cut),
    ];
    proptest::collection::vec((0.0..1.0, edit), 1..5)
}

/// Makes the changes, one after the other.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share of a short length"
)]
pub(crate) fn mutated(bytes: &[u8], edits: &[(f64, Edit)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (share, edit) in edits {
        if bytes.is_empty() {
            break;
        }
        let at = (share * bytes.len() as f64) as usize;
        match *edit {
            Edit::Set(byte) => bytes[at] = byte,
            Edit::Flip(bit) => bytes[at] ^= 1 << bit,
            Edit::Add(byte) => bytes[at] = bytes[at].wrapping_add(byte),
            Edit::Insert(byte) => bytes.insert(at, byte),
            Edit::Remove => drop(bytes.remove(at)),
            Edit::Repeat(len) => {
                let again = bytes[at..bytes.len().min(at + len)].to_vec();
                bytes.splice(at..at, again);
            }
            Edit::Cut => bytes.truncate(at),
        }
    }
    bytes
}
