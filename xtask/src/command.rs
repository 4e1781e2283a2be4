//! Runs other programs, and says so.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Prints the command, runs it, and fails where it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    quietly(command)
}

/// Runs the command, and fails where it fails.
pub(crate) fn quietly(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("{name} could not be started"))?;
    ensure!(status.success(), "{name} ended with {status}");
    Ok(())
}

/// Says whether a program is there and answers.
pub(crate) fn answers(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The command as it would be typed.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| {
        let word = word.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word.into_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_take_them_apart() {
        let mut command = Command::new("say");
        command.args(["plain/word", "two words", "it's", ""]);
        assert_eq!(shown(&command), r"say plain/word 'two words' 'it'\''s' ''");
    }

    #[test]
    fn a_program_that_fails_or_is_missing_is_an_error() {
        assert!(quietly(&mut Command::new("true")).is_ok());
        assert!(quietly(&mut Command::new("false")).is_err());
        assert!(!answers("/nowhere/at-all", &[]));
        assert!(!answers("false", &[]));
    }
}
