//! Compares what two destinations have.
//!
//! What both have must be the same byte for byte. An object that a later one took the place of is not copied to a
//! destination that was away, so the other may have it still; that each has everything that is needed is verified.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::place::{Place, text};
use crate::report::{Goal, Report, number};
use crate::say;

/// How many differences are told.
const TOLD: usize = 20;

/// What differs between two destinations.
#[derive(Debug, Default, PartialEq, Eq)]
struct Differences {
    /// Objects that both have, with other bytes.
    others: usize,
    /// Objects that the first has, or the second, and the other one not.
    only: [usize; 2],
}

/// Compares two destinations, and verifies all data of both.
pub(crate) fn judge(
    place: &Place,
    names: [&str; 2],
    report: &mut Report,
    part: &'static str,
) -> Result<()> {
    let [one, other] = names;
    let found = compare(place, names)?;
    let what = format!("objects with other bytes at {one} than at {other}");
    report.judged(part, what, number(found.others), "", Goal::AtMost(0.0));
    for ((name, without), only) in [(one, other), (other, one)].into_iter().zip(found.only) {
        let what = format!("objects at {name} that {without} has not, and does not need");
        report.told(part, what, number(only), "");
    }
    for name in names {
        say::progress(&format!("{part}: verifying {name}"));
        place.run(["--quiet", "verify", "--read-data", "--from", name])?;
    }
    Ok(())
}

fn compare(place: &Place, names: [&str; 2]) -> Result<Differences> {
    let [one, other] = names.map(|name| place.destination(name));
    let mut diff = Command::new("diff");
    diff.args(["-r", "--brief"]).arg(&one).arg(&other);
    let output = diff.output().context("diff, of the package diffutils")?;
    if output.status.code().is_none_or(|code| code > 1) {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("the destinations cannot be compared: {}", error.trim());
    }
    let told = String::from_utf8_lossy(&output.stdout);
    for line in told.lines().take(TOLD) {
        say::progress(line);
    }
    Ok(counted(&told, [text(&one)?, text(&other)?]))
}

fn counted(told: &str, folders: [&str; 2]) -> Differences {
    let mut found = Differences::default();
    for line in told.lines() {
        let is_only_in = |folder: &str| {
            let rest = line
                .strip_prefix("Only in ")
                .and_then(|rest| rest.strip_prefix(folder));
            rest.is_some_and(|rest| rest.starts_with(['/', ':']))
        };
        match folders.map(is_only_in) {
            [true, _] => found.only[0] += 1,
            [_, true] => found.only[1] += 1,
            _ => found.others += 1,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_counted_by_whose_they_are() {
        let told = "Only in /d/one/a/log: x\nOnly in /d/one: y\nOnly in /d/one2/a: z\n\
            Files /d/one/a and /d/one2/a differ\n";
        let found = counted(told, ["/d/one", "/d/one2"]);
        let expected = Differences {
            others: 1,
            only: [2, 1],
        };
        assert_eq!(found, expected);
    }
}
