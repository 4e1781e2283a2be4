//! Searching an index run without loading it.

use super::header::RunHeader;
use super::rows::{ENTRY_LEN, Entry};
use crate::v1::content::IdPrefix;
use crate::v1::error::FormatError;

/// How many entries [`search`] asks for at a time: 3 KiB, mostly one cell.
const WINDOW: u32 = 128;
/// How often [`search`] trusts the distribution of prefixes before it halves.
const INTERPOLATIONS: u32 = 4;

/// Appends the bytes of `count` entries from number `start` on: `(start, count, bytes)`.
pub type ReadRows<'a, E> = dyn FnMut(u32, u32, &mut Vec<u8>) -> Result<(), E> + 'a;

/// Finds a prefix in a sorted run by interpolation.
///
/// `read` is asked for the bytes of `count` entries from number `start` on, and appends them.
pub fn search<E: From<FormatError>>(
    header: &RunHeader,
    prefix: &IdPrefix,
    read: &mut ReadRows<'_, E>,
) -> Result<Option<Entry>, E> {
    Ok(search_row(header, prefix, read)?.map(|(_, entry)| entry))
}

/// Finds a prefix in a sorted run as [`search`] does, and returns the number of its row too.
pub fn search_row<E: From<FormatError>>(
    header: &RunHeader,
    prefix: &IdPrefix,
    read: &mut ReadRows<'_, E>,
) -> Result<Option<(u32, Entry)>, E> {
    let (mut low, mut high) = (0, header.entries);
    let position = u64::from_be_bytes([
        prefix[0], prefix[1], prefix[2], prefix[3], prefix[4], prefix[5], prefix[6], prefix[7],
    ]);
    let expected = (u128::from(position) * u128::from(header.entries)) >> 64;
    let mut guess = u32::try_from(expected).unwrap_or(0);
    let mut rows = Vec::with_capacity(WINDOW as usize * ENTRY_LEN);
    for round in 0.. {
        if low >= high {
            return Ok(None);
        }
        let start = guess.saturating_sub(WINDOW / 2).clamp(low, high - 1);
        let count = WINDOW.min(high - start);
        rows.clear();
        read(start, count, &mut rows)?;
        let (entries, _) = rows.as_chunks::<ENTRY_LEN>();
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(None);
        };
        if first[..16] > prefix[..] {
            high = start;
        } else if last[..16] < prefix[..] {
            low = start + count;
        } else {
            let found = entries.binary_search_by(|row| row[..16].cmp(prefix));
            let Ok(at) = found else { return Ok(None) };
            let entry = Entry::decode(&entries[at], header.segments)?;
            let row = start.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
            return Ok(Some((row, entry)));
        }
        let halve = round >= INTERPOLATIONS;
        guess = match (halve, first[..16] > prefix[..]) {
            (true, _) => low + (high - low) / 2,
            (false, true) => high.saturating_sub(WINDOW / 2),
            (false, false) => low + WINDOW / 2,
        };
    }
    Ok(None)
}
