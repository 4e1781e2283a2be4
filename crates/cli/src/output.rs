//! The one place that writes to the standard output and the standard error.
//!
//! Results go to the standard output; notes, warnings and errors to the standard error. With `--json`
//! results and warnings are objects, one a line.

use std::error::Error;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use strongroom_base::with_causes;

use serde_json::{Value, json};
use strongroom_agent::profile::tell_of_waiting;
use strongroom_base::{Class, Classified as _};

use crate::arguments::Global;
use crate::failure::Failure;
use crate::hint;

/// The standard output and the standard error.
#[expect(clippy::struct_excessive_bools, reason = "each is one switch")]
pub(crate) struct Output {
    out: Mutex<BufWriter<io::Stdout>>,
    json: bool,
    quiet: bool,
    verbose: bool,
    progress: bool,
    terminal: bool,
    /// Whether the standard output is for the content of a file alone.
    is_content: AtomicBool,
    bars: indicatif::MultiProgress,
    /// How a command begins that is about the same profile.
    program: String,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            program: program(global),
            out: Mutex::new(BufWriter::new(io::stdout())),
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            progress: !(global.quiet || global.no_progress || global.json),
            terminal: io::stdout().is_terminal(),
            is_content: AtomicBool::new(false),
            bars: indicatif::MultiProgress::new(),
        }
    }

    /// Returns how a command of this program begins that is about the same profile.
    pub(crate) fn program(&self) -> &str {
        &self.program
    }

    /// Returns a text of ours whose commands are about the same profile.
    fn for_profile(&self, text: &str) -> String {
        text.replace("`strongroom ", &format!("`{} ", self.program))
    }

    /// Says whether results are JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Says whether progress is shown.
    pub(crate) fn shows_progress(&self) -> bool {
        self.progress
    }

    /// Returns the place where progress bars are drawn.
    pub(crate) fn bars(&self) -> &indicatif::MultiProgress {
        &self.bars
    }

    /// Keeps the standard output for the content of a file: warnings go to the standard error, as objects too.
    pub(crate) fn keep_for_content(&self) {
        self.is_content.store(true, Ordering::Relaxed);
    }

    /// Prints a line of what a command is for.
    pub(crate) fn line(&self, text: &str) -> Result<(), Failure> {
        let shown = self.shown(text.as_bytes());
        let mut out = self.lock();
        out.write_all(&shown)?;
        out.write_all(b"\n")?;
        Ok(())
    }

    /// Prints a line about what was done, unless they want it quiet.
    pub(crate) fn done(&self, text: &str) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { self.line(text) }
    }

    /// Prints a line about what was done, or about what would be: that is what a trial is for.
    pub(crate) fn told(&self, is_trial: bool, text: &str) -> Result<(), Failure> {
        if is_trial {
            self.line(text)
        } else {
            self.done(text)
        }
    }

    /// Prints an object of results.
    pub(crate) fn object(&self, value: &Value) -> Result<(), Failure> {
        self.line(&value.to_string())
    }

    /// Prints bytes of results as they are.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.lock().write_all(bytes)?)
    }

    /// Returns raw bytes as a line shows them: as they are, but for what a terminal would obey. Names, tags, users and
    /// paths come from anybody.
    pub(crate) fn shown(&self, bytes: &[u8]) -> Vec<u8> {
        if !self.terminal {
            return bytes.to_vec();
        }
        escaped(&String::from_utf8_lossy(bytes)).into_bytes()
    }

    /// Returns a writer of results.
    pub(crate) fn writer(&self) -> impl Write + '_ {
        Writer(self)
    }

    /// Prints a line for people, unless they want it quiet.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet && !self.json {
            self.error_line(&escaped(&self.for_profile(text)));
        }
    }

    /// Lets a line be printed for people whenever the program waits for another one, unless they want it quiet.
    pub(crate) fn tell_of_waiting(&self) {
        if !self.quiet && !self.json {
            tell_of_waiting(|held| {
                let _ = writeln!(io::stderr(), "{}", escaped(&format!("waiting: {held}")));
            });
        }
    }

    /// Prints a line for people who want more.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbose && !self.json {
            self.error_line(&escaped(text));
        }
    }

    /// Prints a warning about something.
    pub(crate) fn warning(&self, subject: &str, message: &str) {
        if self.json {
            let object = json!({ "warning": message, "subject": subject });
            if self.is_content.load(Ordering::Relaxed) {
                self.error_line(&object.to_string());
                return;
            }
            // Whoever reads the objects has gone; the result will say so.
            let _ = self.object(&object);
        } else if subject.is_empty() {
            self.error_line(&escaped(&format!("warning: {message}")));
        } else {
            let line = format!("warning: {subject}: {message}");
            self.error_line(&escaped(&line));
        }
    }

    /// Prints a path that would be deleted.
    pub(crate) fn would_delete(&self, path: &str) {
        // Whoever reads the lines has gone; the result will say how many there are.
        if self.json {
            let _ = self.object(&json!({ "would_delete": path }));
        } else {
            let _ = self.line(&format!("would delete {}", escaped(path)));
        }
    }

    /// Prints a warning about something that failed, and what caused that.
    pub(crate) fn warning_of(&self, subject: &str, error: &dyn Error) {
        self.warning(subject, &with_causes(error));
    }

    /// Prints why the command failed, what caused that, and what may help.
    pub(crate) fn failure(&self, failure: &Failure) {
        let _ = self.flush();
        if matches!(failure, Failure::BrokenPipe) {
            return;
        }
        let mut causes = Vec::new();
        let mut cause = failure.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        let hint = hint::of(failure).map(|hint| self.for_profile(&hint));
        let message = self.for_profile(&failure.to_string());
        if self.json {
            let object = json!({
                "error": message,
                "causes": causes,
                "class": class_name(failure),
                "hint": hint,
            });
            self.error_line(&object.to_string());
            return;
        }
        self.error_line(&escaped(&format!("error: {message}")));
        for cause in causes {
            self.error_line(&escaped_lines(&format!("  because: {cause}")));
        }
        if let Some(hint) = hint {
            self.error_line(&escaped(&format!("hint: {hint}")));
        }
    }

    /// Hands everything printed so far to the system.
    pub(crate) fn flush(&self) -> Result<(), Failure> {
        Ok(self.lock().flush()?)
    }

    /// A closed standard error is nothing that anybody could be told.
    fn error_line(&self, text: &str) {
        self.bars.suspend(|| {
            let _ = writeln!(io::stderr(), "{}", escaped_lines(text));
        });
    }

    fn lock(&self) -> MutexGuard<'_, BufWriter<io::Stdout>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Writer<'a>(&'a Output);

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().flush()
    }
}

fn program(global: &Global) -> String {
    let Some(profile) = &global.profile else {
        return "strongroom".to_owned();
    };
    let profile = profile.display().to_string();
    let profile = shlex::try_quote(&profile).unwrap_or_else(|_| profile.as_str().into());
    format!("strongroom --profile {profile}")
}

/// Escapes what a terminal would obey: names of files come from anybody.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_direction(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Says whether a character moves what stands beside it, so that a name looks like another one, or ends a line.
fn is_direction(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// As [`escaped`], of a text that may have several lines of its own.
fn escaped_lines(text: &str) -> String {
    let lines: Vec<String> = text.trim_end().split('\n').map(escaped).collect();
    lines.join("\n")
}

fn class_name(failure: &Failure) -> &'static str {
    if failure.is_interruption() {
        return "interrupted";
    }
    match failure.class() {
        Class::Caller => "caller",
        Class::WrongKey => "wrong-key",
        Class::Retry => "retry",
        Class::Damage => "damage",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_one_line_and_nothing_that_it_would_obey() {
        let mut output = Output::new(&Global::default());
        output.terminal = true;
        let shown = |text: &str| String::from_utf8(output.shown(text.as_bytes())).unwrap();
        assert_eq!(shown("[a\nb]\x1b[2J"), r"[a\nb]\u{1b}[2J");
        for mark in "\u{202a}\u{202e}\u{2066}\u{2069}\u{200e}\u{200f}".chars() {
            let code = u32::from(mark);
            assert_eq!(
                shown(&format!("a{mark}fdp")),
                format!("a\\u{{{code:x}}}fdp")
            );
        }
        assert_eq!(shown("Grüße, 日本, שלום"), "Grüße, 日本, שלום");
    }

    #[test]
    fn commands_in_advice_name_the_profile() {
        let global = Global {
            profile: Some("my profile".into()),
            ..Global::default()
        };
        let output = Output::new(&global);
        assert_eq!(
            output.for_profile("`strongroom verify` shows, `other` does not"),
            "`strongroom --profile 'my profile' verify` shows, `other` does not"
        );
    }
}
