//! A folder with many files is renamed: nothing of them is read, and next to nothing is written.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::agent::Agent;
use crate::arrivals::{Arrivals, extents, growth};
use crate::folders::extent;
use crate::openings::Openings;
use crate::options::Options;
use crate::place::{Place, succeeded, text};
use crate::report::{Goal, Report, milliseconds, number};
use crate::say;
use crate::tree::{self, Tree};

const PART: &str = "rename";

const NEAR: [&str; 2] = ["one", "two"];

/// Measures one renaming, and proves that the files are where they are now.
pub(crate) fn rename(options: &Options, report: &mut Report) -> Result<()> {
    let place = Place::new(options, PART, &NEAR)?;
    let root = place.path("tree");
    say::progress(&format!("rename: writing {} files", options.renamed));
    let folder = Tree::make(root.join("before"), options.renamed)?;
    Tree::make(root.join("others"), options.renamed / 10)?;
    tree::let_settle();
    let agent = Agent::start(&place, &root, options.way(), &[])?;
    agent.until_synchronised(options.patience())?;
    let renamed = root.join("after");
    let mut arrivals = Arrivals::at(&place, &agent, &NEAR)?;
    let before = extents(&place, &NEAR)?;
    let begun = agent.processor()?;
    let openings = Openings::of(&[&root])?;
    let rename = || arrivals.of(|| Ok(fs::rename(&folder.path, &renamed)?));
    let (arrived, count) = openings.during(rename)?;
    let processor = agent.processor()?.saturating_sub(begun);
    let after = extents(&place, &NEAR)?;
    let what = "from the renaming to the acknowledgement by both";
    report.told(PART, what, milliseconds(arrived.durable), "ms");
    report.told(PART, "processor", milliseconds(processor), "ms");
    let none = Goal::AtMost(0.0);
    report.judged(PART, "reads of files", number(count.reads), "", none);
    let opened = number(count.files_opened);
    report.judged(PART, "files opened", opened, "", none);
    let opened = number(count.folders_opened);
    report.told(PART, "folders opened", opened, "");
    let [kibibytes, objects] = growth(&before, &after);
    report.told(PART, "most written to a destination", kibibytes, "KiB");
    report.told(PART, "most objects at a destination", objects, "");
    prove(&place, &renamed)?;
    agent.stop()
}

/// Makes sure that each destination gives back the same folder under its new name, and none under the old one.
fn prove(place: &Place, renamed: &std::path::Path) -> Result<()> {
    for name in NEAR {
        say::progress(&format!("rename: restoring from {name}"));
        let out = place.path("out");
        crate::folders::make_new(&out)?;
        place.run([
            "--quiet",
            "restore",
            "latest",
            "--from",
            name,
            "--to",
            text(&out)?,
        ])?;
        ensure!(
            !out.join("before").exists(),
            "{name} has the folder under its old name still"
        );
        let found = extent(&out.join("after"))?;
        ensure!(
            found == extent(renamed)?,
            "{name} gives {} files of the renamed folder back",
            found.files
        );
        let mut diff = Command::new("diff");
        diff.arg("-r").arg(renamed).arg(out.join("after"));
        succeeded(&mut diff)?;
    }
    Ok(())
}
