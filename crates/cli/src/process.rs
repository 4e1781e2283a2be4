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

/// Says whether the process was begun so that it goes on when its terminal is closed: it ignores `SIGHUP`.
pub(crate) fn outlives_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status");
    status.is_ok_and(|status| ignores_hangup(&status))
}

/// The set of ignored signals is a number in hexadecimal digits, whose lowest bit stands for signal 1.
fn ignores_hangup(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    ignored.is_some_and(|signals| signals & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_told_by_its_bit() {
        let of =
            |ignored: &str| format!("Name:\tx\nSigBlk:\t01\nSigIgn:\t{ignored}\nSigCgt:\t01\n");
        assert!(ignores_hangup(&of("0000000000001001")));
        assert!(!ignores_hangup(&of("0000000000001000")));
        assert!(!ignores_hangup(&of("")));
        assert!(!ignores_hangup(""));
    }
}
