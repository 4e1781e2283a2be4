//! Runs one command and says what it took.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use wait4::Wait4 as _;

use crate::folders;

/// What one command took, its descendants included.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sample {
    /// From the start to the end of the write-back that follows the command.
    pub(crate) wall_seconds: f64,
    /// The part of it that the write-back took.
    pub(crate) sync_seconds: f64,
    /// Time on a processor in user mode.
    pub(crate) user_seconds: f64,
    /// Time on a processor in the kernel.
    pub(crate) system_seconds: f64,
    /// The largest resident set of any one process.
    ///
    /// The kernel counts what the process was before it became the command, which is this program:
    /// it must stay small.
    pub(crate) peak_rss_bytes: u64,
}

impl Sample {
    /// Time on a processor.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.user_seconds + self.system_seconds
    }
}

/// Runs `command`, then writes back the file system of `written_to`; fails if the command does.
///
/// What others left to be written back is written before the clock starts. Output goes to `log`.
pub(crate) fn run(mut command: Command, written_to: &Path, log: &Path) -> Result<Sample> {
    folders::sync(written_to)?;
    let output = File::create(log)?;
    command
        .stdin(Stdio::null())
        .stderr(output.try_clone()?)
        .stdout(output);
    let start = Instant::now();
    let child = command.spawn().with_context(|| format!("{command:?}"))?;
    let ended = child.wait4()?;
    let ran = start.elapsed();
    folders::sync(written_to)?;
    let wall = start.elapsed();
    if !ended.status.success() {
        bail!(
            "{command:?} ended with {}: {}",
            ended.status,
            last_lines(log)
        );
    }
    Ok(Sample {
        wall_seconds: wall.as_secs_f64(),
        sync_seconds: wall.saturating_sub(ran).as_secs_f64(),
        user_seconds: ended.rusage.utime.as_secs_f64(),
        system_seconds: ended.rusage.stime.as_secs_f64(),
        peak_rss_bytes: ended.rusage.maxrss,
    })
}

/// The end of a log, for an error message.
fn last_lines(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(600)..]).into_owned();
    text.trim().replace('\n', " | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Sample> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, folder.path(), &folder.path().join("log"))
    }

    #[test]
    fn grandchildren_count() {
        let burn = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        let sample = shell(&format!("sh -c '{burn}' | cat")).unwrap();
        assert!(sample.cpu_seconds() > 0.02, "{sample:?}");
        assert!(sample.wall_seconds >= sample.sync_seconds);
        assert!(sample.peak_rss_bytes > 100_000);
    }

    #[test]
    fn a_failed_command_is_an_error_with_its_last_words() {
        let error = shell("echo it broke; exit 3").unwrap_err().to_string();
        assert!(error.contains("it broke"), "{error}");
    }
}
