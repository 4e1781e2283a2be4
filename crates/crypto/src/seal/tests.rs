//! What sealing promises, for every suite: round trips, and every kind of damage shows.

use std::sync::LazyLock;

use super::*;

const SALT: [u8; SALT_LEN] = [3; SALT_LEN];
const CONTEXT: &[u8] = b"context";

static TEXT: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..300_000_u32).map(|i| (i % 251) as u8).collect());

fn key(suite: Suite) -> SealingKey {
    SealingKey::new(suite, &vec![9; suite.key_len()]).expect("the right length")
}

fn sealed(suite: Suite, text_len: usize) -> Vec<u8> {
    let mut out = Vec::new();
    seal(&key(suite), &SALT, CONTEXT, &TEXT[..text_len], &mut out);
    out
}

fn opened(suite: Suite, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    open(&key(suite), CONTEXT, sealed)
}

/// Returns what `open` answers for two full cells and a short one, after `damage` to the bytes.
fn after(suite: Suite, damage: impl FnOnce(&mut Vec<u8>)) -> Result<Vec<u8>, OpenError> {
    let mut bytes = sealed(suite, 2 * suite.cell_len() + 100);
    damage(&mut bytes);
    opened(suite, &bytes)
}

/// Returns the place of a cell and the length of a full one, tag included.
fn cell_at(suite: Suite, index: usize) -> (usize, usize) {
    let len = suite.cell_len() + suite.tag_len();
    (PREFIX_LEN + index * len, len)
}

#[test]
fn every_length_around_a_cell_comes_back() {
    for suite in Suite::ALL {
        let cell = suite.cell_len();
        for len in [
            0,
            1,
            7,
            8,
            9,
            4096,
            cell - 1,
            cell,
            cell + 1,
            2 * cell,
            3 * cell + 5,
        ] {
            let bytes = sealed(suite, len);
            assert_eq!(bytes.len() as u64, sealed_len(suite, len as u64));
            assert_eq!(
                opened(suite, &bytes).as_deref(),
                Ok(&TEXT[..len]),
                "{suite} {len}"
            );
        }
    }
}

#[test]
fn sealing_appends() {
    let mut out = b"before".to_vec();
    seal(&key(Suite::Aes256), &SALT, CONTEXT, b"text", &mut out);
    assert_eq!(&out[..6], b"before");
    assert_eq!(
        opened(Suite::Aes256, &out[6..]).as_deref(),
        Ok(&b"text"[..])
    );
}

#[test]
fn another_salt_changes_everything() {
    for suite in Suite::ALL {
        let one = sealed(suite, 1000);
        let mut other = Vec::new();
        seal(
            &key(suite),
            &[4; SALT_LEN],
            CONTEXT,
            &TEXT[..1000],
            &mut other,
        );
        let same = one.iter().zip(&other).filter(|(a, b)| a == b).count();
        assert!(same < 30, "{suite}: {same} bytes are the same");
    }
}

#[test]
fn another_key_or_context_is_refused_at_the_commitment() {
    for suite in Suite::ALL {
        let bytes = sealed(suite, 10);
        let mut other = vec![9; suite.key_len()];
        other[suite.key_len() - 1] ^= 1;
        let other = SealingKey::new(suite, &other).expect("the right length");
        assert_eq!(
            open(&other, CONTEXT, &bytes),
            Err(OpenError::WrongKeyOrContext)
        );
        for context in [&b"contexu"[..], b"contex", b"context2", b""] {
            let answer = open(&key(suite), context, &bytes);
            assert_eq!(answer, Err(OpenError::WrongKeyOrContext), "{suite}");
        }
    }
    let chacha = opened(Suite::ChaCha20, &sealed(Suite::Aes256, 10));
    assert_eq!(chacha, Err(OpenError::WrongKeyOrContext));
}

#[test]
fn a_key_of_another_length_is_no_key() {
    for suite in Suite::ALL {
        for len in (0..80).filter(|len| *len != suite.key_len()) {
            assert!(SealingKey::new(suite, &vec![0; len]).is_none());
        }
    }
}

#[test]
fn a_flipped_bit_shows_wherever_it_is() {
    for suite in Suite::ALL {
        for byte in [0, SALT_LEN - 1, SALT_LEN, PREFIX_LEN - 1] {
            let answer = after(suite, |bytes| bytes[byte] ^= 0x80);
            assert_eq!(answer, Err(OpenError::WrongKeyOrContext), "{suite} {byte}");
        }
        let cell = suite.cell_len();
        for (index, len) in [(0, cell), (1, cell), (2, 100)] {
            let start = cell_at(suite, index).0;
            let index = index as u64;
            for byte in [0, len / 2, len - 1, len, len + suite.tag_len() - 1] {
                let answer = after(suite, |bytes| bytes[start + byte] ^= 1);
                assert_eq!(
                    answer,
                    Err(OpenError::CellDamaged { index }),
                    "{suite} {byte}"
                );
            }
        }
    }
}

#[test]
fn every_truncation_shows() {
    for suite in Suite::ALL {
        let (second, stored) = cell_at(suite, 1);
        let whole = sealed(suite, 2 * suite.cell_len() + 100).len();
        let short = [0, 1, PREFIX_LEN - 1, PREFIX_LEN, PREFIX_LEN + 1];
        let near = [second - 1, second, second + 1, second + stored];
        for len in short
            .into_iter()
            .chain(near)
            .chain([whole - 101, whole - 1])
        {
            let answer = after(suite, |bytes| bytes.truncate(len));
            assert!(answer.is_err(), "{suite} {len}");
            // A length that some plaintext has shows in the cell that now is the last one.
            if plaintext_len(suite, len as u64).is_none() {
                assert_eq!(answer, Err(OpenError::Truncated), "{suite} {len}");
            }
        }
    }
}

#[test]
fn an_added_byte_or_cell_shows() {
    for suite in Suite::ALL {
        for extra in [1, suite.tag_len(), 5000] {
            assert!(after(suite, |bytes| bytes.resize(bytes.len() + extra, 0)).is_err());
        }
        let longer = after(suite, |bytes| {
            let (start, stored) = cell_at(suite, 1);
            let cell = bytes[start..start + stored].to_vec();
            bytes.splice(start..start, cell);
        });
        assert_eq!(longer, Err(OpenError::CellDamaged { index: 2 }));
    }
}

#[test]
fn swapped_and_foreign_cells_show() {
    for suite in Suite::ALL {
        let (start, stored) = cell_at(suite, 0);
        let swapped = after(suite, |bytes| {
            let (one, other) = bytes[start..start + 2 * stored].split_at_mut(stored);
            one.swap_with_slice(other);
        });
        assert_eq!(swapped, Err(OpenError::CellDamaged { index: 0 }));

        let foreign = after(suite, |bytes| {
            let mut other = Vec::new();
            seal(
                &key(suite),
                &[8; SALT_LEN],
                CONTEXT,
                &TEXT[..suite.cell_len()],
                &mut other,
            );
            bytes[start..start + stored].copy_from_slice(&other[start..start + stored]);
        });
        assert_eq!(foreign, Err(OpenError::CellDamaged { index: 0 }));
    }
}

fn opener(suite: Suite, bytes: &[u8]) -> Opener {
    let prefix = bytes.first_chunk().expect("a prefix");
    Opener::new(&key(suite), CONTEXT, prefix).expect("the right key")
}

#[test]
fn any_cell_opens_alone() {
    for suite in Suite::ALL {
        let bytes = sealed(suite, 2 * suite.cell_len() + 100);
        let opener = opener(suite, &bytes);
        assert_eq!(opener.suite(), suite);
        for index in [2, 0, 1] {
            let (start, stored) = cell_at(suite, index);
            let mut cell = bytes[start..bytes.len().min(start + stored)].to_vec();
            let answer = opener.open_cell(index as u64, &mut cell, index == 2);
            assert_eq!(answer, Ok(()));
            let text = &TEXT[index * suite.cell_len()..];
            assert_eq!(
                cell,
                text[..suite.cell_len().min(text.len()).min(cell.len())]
            );
            assert_eq!(cell.len(), if index == 2 { 100 } else { suite.cell_len() });
        }
    }
}

#[test]
fn a_cell_of_the_wrong_length_or_place_is_refused_and_emptied() {
    for suite in Suite::ALL {
        let bytes = sealed(suite, 2 * suite.cell_len() + 100);
        let opener = opener(suite, &bytes);
        let (start, stored) = cell_at(suite, 0);
        let full = &bytes[start..start + stored];
        let short = &bytes[cell_at(suite, 2).0..];
        let damaged = |index| Err(OpenError::CellDamaged { index });
        let truncated = Err(OpenError::Truncated);
        for (index, cell, last, expected) in [
            (0, full, true, truncated),
            (2, short, false, truncated),
            (0, &full[..stored - 1], false, truncated),
            (0, &bytes[start..=start + stored], false, truncated),
            (0, &full[..suite.tag_len() - 1], true, truncated),
            (0, &[][..], true, truncated),
            (1, full, false, damaged(1)),
            (0, short, true, damaged(0)),
            (2, &short[..suite.tag_len()], true, damaged(2)),
            (CELLS_MAX, full, false, truncated),
            (u64::MAX, short, true, truncated),
        ] {
            let mut cell = cell.to_vec();
            assert_eq!(
                opener.open_cell(index, &mut cell, last),
                expected,
                "{suite} {index}"
            );
            assert!(cell.is_empty());
        }
    }
}

#[test]
fn an_opener_goes_from_thread_to_thread() {
    fn shared<T: Send + Sync>() {}
    shared::<Opener>();
    shared::<SealingKey>();
}

#[test]
fn a_cell_is_appended_whole_or_not_at_all() {
    for suite in Suite::ALL {
        let bytes = sealed(suite, 100);
        let opener = opener(suite, &bytes);
        let mut out = b"before".to_vec();
        let mut cell = bytes[PREFIX_LEN..].to_vec();
        assert_eq!(opener.append_cell(0, &cell, true, &mut out), Ok(()));
        assert_eq!(out, [b"before", &TEXT[..100]].concat());
        cell[50] ^= 1;
        let answer = opener.append_cell(0, &cell, true, &mut out);
        assert_eq!(answer, Err(OpenError::CellDamaged { index: 0 }));
        assert_eq!(out, [b"before", &TEXT[..100]].concat());
    }
}

#[test]
fn pieces_are_sealed_as_the_whole_is() {
    for suite in Suite::ALL {
        let cell = suite.cell_len();
        for lens in [
            &[][..],
            &[0, 1, cell],
            &[cell - 1, 1, 0, 1],
            &[cell, cell, 5],
            &[3, 2 * cell, cell - 3],
            &[1; 100],
        ] {
            let (mut out, mut at) = (b"before".to_vec(), 0);
            let mut sealer = Sealer::begin(&key(suite), &SALT, CONTEXT, &mut out);
            for len in lens {
                sealer.append(&TEXT[at..at + len], &mut out);
                at += len;
            }
            sealer.finish(&mut out);
            let whole = [b"before", &sealed(suite, at)[..]].concat();
            assert!(out == whole, "{suite:?} {lens:?}");
        }
    }
}
