//! Watches very many files, and prints how long it takes until nothing is missed, and how much memory.
//!
//! `cargo run --release -p strongroom-watch --example many -- FOLDER [fanotify|inotify] [DIRECTORIES] [FILES]` makes the
//! files in the folder if they are not there: by default 10 in each of 100,000 directories.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use strongroom_base::clock::SystemClock;
use strongroom_watch::{Choice, Mechanism, Place, Settings, Watcher};

/// How many changes are timed.
const CHANGES: usize = 200;
/// Longer than anything takes.
const LONG: Duration = Duration::from_mins(10);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("which folder?")?);
    let choice = match arguments.next().as_deref() {
        Some("fanotify") => Choice::Only(Mechanism::Fanotify),
        Some("inotify") => Choice::Only(Mechanism::Inotify),
        _ => Choice::Automatic,
    };
    let mut number = |usual| {
        arguments
            .next()
            .map_or(Ok(usual), |text| text.parse::<usize>())
    };
    let (directories, files) = (number(100_000)?, number(10)?);
    make(&folder, directories, files)?;

    let before = resident()?;
    let begun = Instant::now();
    let mut settings = Settings::new(vec![folder.clone()], Arc::new(SystemClock));
    settings.choice = choice;
    let watcher = Watcher::start(settings)?;
    watcher.settle(LONG);
    println!("live after {:.3} s", begun.elapsed().as_secs_f64());
    let grown = resident()?.saturating_sub(before);
    println!("resident memory grew by {grown} KiB");
    for source in watcher.sources() {
        println!("{source:?}");
    }
    watcher.take();
    time_changes(&watcher, &folder, directories)?;

    let begun = Instant::now();
    fs::rename(folder.join("0"), folder.join("moved"))?;
    let is_settled = watcher.settle(LONG);
    let (took, changes) = (begun.elapsed(), watcher.take());
    println!("a tree of a tenth moved in {took:?}, settled: {is_settled}: {changes:?}");
    fs::rename(folder.join("moved"), folder.join("0"))?;

    watcher.settle(LONG);
    watcher.take();
    let begun = processor()?;
    std::thread::sleep(Duration::from_secs(10));
    let idle = processor()? - begun;
    println!("processor time in ten idle seconds: {idle} ticks");
    Ok(())
}

fn directory(folder: &Path, number: usize, directories: usize) -> PathBuf {
    let tenth = directories.div_ceil(10).max(1);
    let (top, rest) = (number / tenth, number % tenth);
    folder.join(format!("{top}/{}/{}", rest / 100, rest % 100))
}

fn make(folder: &Path, directories: usize, files: usize) -> std::io::Result<()> {
    if directory(folder, directories - 1, directories).exists() {
        return Ok(());
    }
    for number in 0..directories {
        let directory = directory(folder, number, directories);
        fs::create_dir_all(&directory)?;
        for file in 0..files {
            File::create(directory.join(format!("{file}")))?;
        }
    }
    Ok(())
}

/// Changes a file in one directory after the other, and prints how long it takes until that is known.
fn time_changes(watcher: &Watcher, folder: &Path, directories: usize) -> std::io::Result<()> {
    let mut times = Vec::new();
    for change in 0..CHANGES {
        let path = directory(folder, change * 7919 % directories, directories);
        let below = path.strip_prefix(folder).map_err(std::io::Error::other)?;
        let place = Place::below(0, below.as_os_str().as_encoded_bytes());
        let begun = Instant::now();
        File::create(path.join("0"))?;
        while !watcher.wait(LONG).covers(&place) {}
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let (median, worst) = (times[CHANGES / 2], times[CHANGES * 99 / 100]);
    println!("a change is known after {median:?} (median), {worst:?} (99th of 100)");
    Ok(())
}

/// Returns the resident memory in KiB.
fn resident() -> std::io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    let number = number.and_then(|number| number.parse().ok());
    number.ok_or_else(|| std::io::Error::other("no VmRSS"))
}

/// Returns the processor time of this process, in ticks.
fn processor() -> std::io::Result<u64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let times = fields.split_whitespace().skip(11).take(2);
    Ok(times.filter_map(|time| time.parse::<u64>().ok()).sum())
}
