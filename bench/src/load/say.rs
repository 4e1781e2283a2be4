//! The two places where this program prints: progress on standard error, the result on standard output.

/// Tells what is being done.
#[expect(
    clippy::print_stderr,
    reason = "progress belongs on standard error; this is its one place"
)]
pub(crate) fn progress(line: &str) {
    eprintln!("{line}");
}

/// Prints the result.
#[expect(
    clippy::print_stdout,
    reason = "the table is what the program is run for"
)]
pub(crate) fn result(text: &str) {
    print!("{text}");
}
