//! The notices of fanotify, as `fanotify(7)` lays them out.

use crate::platform::Handle;

/// Length of `struct fanotify_event_metadata`, with which every notice begins.
const METADATA_LEN: usize = 24;
/// Length of `struct fanotify_event_info_header`.
const HEADER_LEN: usize = 4;
/// Length of the number of the file system that follows it.
const FSID_LEN: usize = 8;
/// Length of what is before the bytes of a handle.
const HANDLE_HEAD_LEN: usize = 8;

/// A notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    pub(crate) mask: u64,
    /// The directory, and the name of the entry; `.` is the directory itself.
    pub(crate) entry: Option<(Handle, &'a [u8])>,
}

/// What was read is not of the form that the kernel promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Garbled;

/// Takes the first notice off `bytes`.
pub(crate) fn next<'a>(bytes: &mut &'a [u8]) -> Option<Result<Event<'a>, Garbled>> {
    (!bytes.is_empty()).then(|| split(bytes).ok_or(Garbled))
}

fn split<'a>(bytes: &mut &'a [u8]) -> Option<Event<'a>> {
    let len = u32_at(bytes, 0)? as usize;
    let version = *bytes.get(4)?;
    let metadata_len = usize::from(u16_at(bytes, 6)?);
    if version != libc::FANOTIFY_METADATA_VERSION || metadata_len < METADATA_LEN {
        return None;
    }
    let mask = u64::from_ne_bytes(bytes.get(8..16)?.try_into().ok()?);
    let mut infos = bytes.get(metadata_len..len)?;
    *bytes = &bytes[len..];
    let mut entry = None;
    while !infos.is_empty() {
        let kind = *infos.first()?;
        let len = usize::from(u16_at(infos, 2)?);
        let info = infos.get(HEADER_LEN..len)?;
        infos = &infos[len..];
        if kind == libc::FAN_EVENT_INFO_TYPE_DFID_NAME || kind == libc::FAN_EVENT_INFO_TYPE_DFID {
            entry = Some(split_entry(info)?);
        }
    }
    Some(Event { mask, entry })
}

fn split_entry(info: &[u8]) -> Option<(Handle, &[u8])> {
    let handle = info.get(FSID_LEN..)?;
    let len = u32_at(handle, 0)? as usize;
    let kind = u32_at(handle, 4)?.cast_signed();
    let bytes = handle.get(HANDLE_HEAD_LEN..)?.get(..len)?;
    let name = &handle[HANDLE_HEAD_LEN + len..];
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let name = if name.is_empty() { b"." } else { name };
    Some((Handle::new(kind, bytes)?, name))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*field))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*field))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(mask: u64, infos: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let len = u32::try_from(METADATA_LEN + infos.len()).unwrap();
        bytes.extend_from_slice(&len.to_ne_bytes());
        bytes.extend_from_slice(&[libc::FANOTIFY_METADATA_VERSION, 0]);
        bytes.extend_from_slice(&24_u16.to_ne_bytes());
        bytes.extend_from_slice(&mask.to_ne_bytes());
        bytes.extend_from_slice(&[0xff; 8]);
        bytes.extend_from_slice(infos);
        bytes
    }

    fn entry(handle: &[u8], name: &[u8]) -> Vec<u8> {
        let len = HEADER_LEN + FSID_LEN + HANDLE_HEAD_LEN + handle.len() + name.len();
        let mut bytes = vec![libc::FAN_EVENT_INFO_TYPE_DFID_NAME, 0];
        bytes.extend_from_slice(&u16::try_from(len).unwrap().to_ne_bytes());
        bytes.extend_from_slice(&[7; FSID_LEN]);
        bytes.extend_from_slice(&u32::try_from(handle.len()).unwrap().to_ne_bytes());
        bytes.extend_from_slice(&1_i32.to_ne_bytes());
        bytes.extend_from_slice(handle);
        bytes.extend_from_slice(name);
        bytes
    }

    #[test]
    fn notices_come_one_after_the_other() {
        let mut bytes = notice(libc::FAN_CREATE, &entry(b"12345678", b"name\0\0\0\0"));
        bytes.extend(notice(libc::FAN_Q_OVERFLOW, b""));
        bytes.extend(notice(libc::FAN_ATTRIB, &entry(b"1234", b"")));
        let mut rest = &bytes[..];
        let first = next(&mut rest).unwrap().unwrap();
        let handle = Handle::new(1, b"12345678").unwrap();
        assert_eq!(first.mask, libc::FAN_CREATE);
        assert_eq!(first.entry, Some((handle, &b"name"[..])));
        let second = next(&mut rest).unwrap().unwrap();
        assert_eq!((second.mask, second.entry), (libc::FAN_Q_OVERFLOW, None));
        let third = next(&mut rest).unwrap().unwrap();
        assert_eq!(third.entry.unwrap().1, b".");
        assert_eq!(next(&mut rest), None);
    }

    #[test]
    fn what_is_cut_short_is_garbled() {
        let bytes = notice(libc::FAN_CREATE, &entry(b"12345678", b"name\0\0\0\0"));
        for len in 1..bytes.len() {
            assert_eq!(next(&mut &bytes[..len]), Some(Err(Garbled)), "{len}");
        }
        for at in [0, 4, 6, 24 + 2, 24 + 12] {
            let mut bytes = bytes.clone();
            bytes[at] = 0xfe;
            assert_eq!(next(&mut &bytes[..]), Some(Err(Garbled)), "{at}");
        }
    }
}
