//! Measures what listing and asking for state costs, and with `read` also opening, reading, extended
//! attributes and flags: `walk FOLDER [THREADS] [read]`.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use strongroom_files::{Dir, Kind, Stat, extra_of};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Stat,
    Read,
}

#[derive(Clone, Copy, Default)]
struct Sums {
    entries: u64,
    directories: u64,
    bytes: u64,
}

/// Directories still to be done, and how many threads are at one.
#[derive(Default)]
struct Queue {
    open: Vec<(Arc<Dir>, Vec<u8>)>,
    busy: usize,
}

struct Walk {
    queue: Mutex<Queue>,
    changed: Condvar,
    work: Work,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let root = PathBuf::from(arguments.next().ok_or("a folder is needed")?);
    let threads: usize = match arguments.next() {
        Some(text) => text.to_string_lossy().parse()?,
        None => 1,
    };
    let work = match arguments.next() {
        Some(_) => Work::Read,
        None => Work::Stat,
    };
    let root = root.canonicalize()?;
    let (Some(parent), Some(name)) = (root.parent(), root.file_name()) else {
        return Err("the root of the system is not for measuring".into());
    };
    let name = name.as_encoded_bytes().to_vec();
    let start = Instant::now();
    let walk = Walk {
        queue: Mutex::new(Queue {
            open: vec![(Arc::new(Dir::open_root(parent)?), name)],
            busy: 0,
        }),
        changed: Condvar::new(),
        work,
    };
    let sums = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| walk.run())).collect();
        let done = workers.into_iter().filter_map(|worker| worker.join().ok());
        done.fold(Sums::default(), |a, b| Sums {
            entries: a.entries + b.entries,
            directories: a.directories + b.directories,
            bytes: a.bytes + b.bytes,
        })
    });
    let nanoseconds = u64::try_from(start.elapsed().as_nanos())?;
    println!(
        "{} entries in {} directories, {} bytes read, {threads} threads: {} ms, {} ns an entry",
        sums.entries,
        sums.directories,
        sums.bytes,
        nanoseconds / 1_000_000,
        nanoseconds / sums.entries.max(1)
    );
    Ok(())
}

impl Walk {
    fn run(&self) -> Sums {
        let mut sums = Sums::default();
        let mut buffer = Vec::new();
        while let Some((parent, name)) = self.take() {
            sums.directories += 1;
            let dir = parent.open_child(&name).map(Arc::new);
            let done = dir.and_then(|dir| self.visit(&dir, &mut sums, &mut buffer));
            if let Err(error) = done {
                println!("{error}");
            }
            self.finish();
        }
        sums
    }

    fn take(&self) -> Option<(Arc<Dir>, Vec<u8>)> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(next) = queue.open.pop() {
                queue.busy += 1;
                return Some(next);
            }
            if queue.busy == 0 {
                return None;
            }
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn finish(&self) {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .busy -= 1;
        self.changed.notify_all();
    }

    fn visit(
        &self,
        dir: &Arc<Dir>,
        sums: &mut Sums,
        buffer: &mut Vec<u8>,
    ) -> strongroom_files::Result<()> {
        for entry in dir.names()?.iter() {
            let stat = dir.stat_child(entry.name)?;
            sums.entries += 1;
            if stat.kind == Kind::Directory {
                let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                queue.open.push((Arc::clone(dir), entry.name.to_vec()));
                self.changed.notify_one();
            } else if stat.kind == Kind::File && self.work == Work::Read {
                sums.bytes += read(dir, entry.name, &stat, buffer)?;
            }
        }
        Ok(())
    }
}

fn read(
    dir: &Dir,
    name: &[u8],
    stat: &Stat,
    buffer: &mut Vec<u8>,
) -> strongroom_files::Result<u64> {
    let file = dir.open_file(name, stat)?;
    let len = usize::try_from(file.stat_at_open().size).unwrap_or(usize::MAX);
    file.read_all_small(len.min(1 << 20), buffer)?;
    std::hint::black_box(extra_of(&file)?);
    Ok(buffer.len() as u64)
}
