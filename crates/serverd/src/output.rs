//! What is written to the terminal.

/// Writes a line for whoever started the program.
#[expect(clippy::print_stdout, reason = "the one place that does")]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Writes why the program ends.
#[expect(clippy::print_stderr, reason = "the one place that does")]
pub(crate) fn error(text: &str) {
    eprintln!("{text}");
}
