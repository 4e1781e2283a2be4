//! Calls of the kernel that `rustix` does not have: fanotify, and files by their handles.
#![expect(
    unsafe_code,
    reason = "rustix 1.1 has neither fanotify nor open_by_handle_at"
)]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use rustix::io::{Errno, Result};

/// Longest handle that the kernel makes, in bytes.
const HANDLE_LEN_MAX: u8 = 128;

/// What to be told of: everything that may change what a backup stores.
const MASK: u64 = libc::FAN_CREATE
    | libc::FAN_DELETE
    | libc::FAN_MOVED_FROM
    | libc::FAN_MOVED_TO
    | libc::FAN_MODIFY
    | libc::FAN_CLOSE_WRITE
    | libc::FAN_ATTRIB
    | libc::FAN_ONDIR;

/// What the kernel calls a file, across renames: a type and bytes that only it understands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Handle {
    kind: i32,
    bytes: Box<[u8]>,
}

/// `struct file_handle` with room for the longest one.
#[repr(C)]
struct RawHandle {
    len: u32,
    kind: i32,
    bytes: [u8; HANDLE_LEN_MAX as usize],
}

impl Handle {
    /// Takes over what an event says.
    pub(crate) fn new(kind: i32, bytes: &[u8]) -> Option<Self> {
        let fits = bytes.len() <= HANDLE_LEN_MAX.into();
        let bytes = bytes.into();
        fits.then_some(Self { kind, bytes })
    }
}

/// Makes a descriptor that tells of changes by directory and name.
pub(crate) fn fanotify_init() -> Result<OwnedFd> {
    let flags =
        libc::FAN_CLASS_NOTIF | libc::FAN_REPORT_DFID_NAME | libc::FAN_CLOEXEC | libc::FAN_NONBLOCK;
    // SAFETY: the call takes two integers.
    owned(unsafe { libc::fanotify_init(flags, libc::O_RDONLY as libc::c_uint) })
}

/// Asks to be told of all changes in the file system that has `path`.
pub(crate) fn fanotify_mark_file_system(group: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    let flags = libc::FAN_MARK_ADD | libc::FAN_MARK_FILESYSTEM | libc::FAN_MARK_ONLYDIR;
    // SAFETY: the path ends with NUL and outlives the call, which keeps no pointer to it.
    let answer = unsafe {
        libc::fanotify_mark(
            group.as_raw_fd(),
            flags,
            MASK,
            libc::AT_FDCWD,
            path.as_ptr(),
        )
    };
    if answer == 0 { Ok(()) } else { Err(last()) }
}

/// Returns the handle of something open.
pub(crate) fn handle_of(file: BorrowedFd<'_>) -> Result<Handle> {
    let mut raw = RawHandle {
        len: HANDLE_LEN_MAX.into(),
        kind: 0,
        bytes: [0; HANDLE_LEN_MAX as usize],
    };
    let mut mount = 0;
    // SAFETY: `raw` is laid out as `struct file_handle` and has the room that its length says; the kernel writes
    // no further, and both pointers are to live values.
    let answer = unsafe {
        libc::name_to_handle_at(
            file.as_raw_fd(),
            c"".as_ptr(),
            (&raw mut raw).cast(),
            &raw mut mount,
            libc::AT_EMPTY_PATH,
        )
    };
    if answer != 0 {
        return Err(last());
    }
    let bytes = raw.bytes.get(..raw.len as usize).ok_or(Errno::OVERFLOW)?;
    Handle::new(raw.kind, bytes).ok_or(Errno::OVERFLOW)
}

/// Opens a directory by its handle, as it is seen through the mount that `mount` is on; only its path can be
/// asked for.
pub(crate) fn open_by_handle(mount: BorrowedFd<'_>, handle: &Handle) -> Result<OwnedFd> {
    let mut raw = RawHandle {
        len: u32::try_from(handle.bytes.len()).map_err(|_| Errno::OVERFLOW)?,
        kind: handle.kind,
        bytes: [0; HANDLE_LEN_MAX as usize],
    };
    raw.bytes[..handle.bytes.len()].copy_from_slice(&handle.bytes);
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: `raw` is laid out as `struct file_handle`, and its length is that of its bytes.
    owned(unsafe { libc::open_by_handle_at(mount.as_raw_fd(), (&raw mut raw).cast(), flags) })
}

fn owned(answer: libc::c_int) -> Result<OwnedFd> {
    if answer < 0 {
        return Err(last());
    }
    // SAFETY: the kernel has just made this descriptor, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(answer) })
}

fn last() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)
}
