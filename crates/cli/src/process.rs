//! What is set up once for the process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets as many files be open as the system allows, and keeps keys out of core dumps.
///
/// Neither is worth stopping for: with few files work is slower, and where limits cannot be set a dump is
/// the administrator's will.
pub(crate) fn prepare() {
    let files = getrlimit(Resource::Nofile);
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: files.maximum,
            ..files
        },
    );
    let _ = setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    );
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
