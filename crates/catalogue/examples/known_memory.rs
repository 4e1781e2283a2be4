//! Measures what knowing many chunks takes: `cargo run --release -p strongroom-catalogue --example
//! known_memory [MILLIONS]` prints entries, bytes on disk, resident memory and the time of a look-up.

#![expect(clippy::print_stdout, reason = "the result is for people")]
#![expect(clippy::unwrap_used, reason = "an example that cannot go on fails")]

use std::path::Path;
use std::time::Instant;

use strongroom_base::ids::{Epoch, Generation, ObjectName};
use strongroom_base::object::ObjectRef;
use strongroom_catalogue::{CatalogueError, KnownChunks};
use strongroom_crypto::hash::hash;
use strongroom_crypto::keys::SealedKind;
use strongroom_crypto::seal::PREFIX_LEN;
use strongroom_crypto::suite::Suite;
use strongroom_format::content::IdPrefix;
use strongroom_format::index::{Entry, PackPlace, Run, SegmentPlace};
use strongroom_format::pack::Method;
use strongroom_format::padding::Carrier;
use strongroom_format::sealed::SealedHeader;

const RUN_ENTRIES: u64 = 400_000;
const SEGMENT_CHUNKS: u64 = 64;
const PACK_SEGMENTS: u64 = 8;
const CHUNK_LEN: u32 = 64 << 10;
/// A sealed pack of 16 MiB in cells of 16 KiB; the last cell is empty.
const PACK_SIZE: u32 = 72 + (16 << 20) + 1025 * 16;
const LOOK_UPS: u64 = 1_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let millions = arguments.next().map_or(10, |text| text.parse().unwrap());
    let runs = millions * 1_000_000 / RUN_ENTRIES;
    if let Some(folder) = arguments.next() {
        measure(Path::new(&folder), runs);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut next = 0;
    let made = open(folder.path(), runs, &mut || {
        next += 1;
        run_of((next - 1) * RUN_ENTRIES)
    });
    drop(made);
    // Measured in a process of its own: what making the runs left behind does not count.
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.arg(millions.to_string()).arg(folder.path());
    assert!(again.status().unwrap().success());
}

fn measure(folder: &Path, runs: u64) {
    let before = resident();
    let begun = Instant::now();
    let known = open(folder, runs, &mut || panic!("every run is there"));
    let opened = begun.elapsed();
    let begun = Instant::now();
    for number in 0..LOOK_UPS {
        // Every second one is known.
        let known_one = number % 2 == 0;
        let number = number * runs * RUN_ENTRIES / LOOK_UPS;
        let number = if known_one { number } else { u64::MAX - number };
        assert_eq!(known.contains(&prefix_of(number)), known_one);
    }
    let looked_up = begun.elapsed();
    let files = std::fs::read_dir(folder).unwrap();
    let on_disk: u64 = files
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    println!("chunks             {}", runs * RUN_ENTRIES);
    println!("runs               {runs}");
    println!("bytes on disk      {on_disk}");
    println!("filters            {} bytes", known.filter_bytes());
    println!("resident before    {before} KiB");
    println!("resident after     {} KiB", resident());
    println!("opened in          {opened:?}");
    println!(
        "one look-up        {:?}",
        looked_up / u32::try_from(LOOK_UPS).unwrap()
    );
}

fn open(folder: &Path, runs: u64, make: &mut dyn FnMut() -> Vec<u8>) -> KnownChunks {
    let objects: Vec<ObjectRef> = (0..runs)
        .map(|number| ObjectRef::index(name_of(b"run", number)))
        .collect();
    KnownChunks::open::<CatalogueError>(folder, &objects, &mut |_| Ok(make())).unwrap()
}

fn prefix_of(number: u64) -> IdPrefix {
    let mut prefix = [0; 16];
    prefix.copy_from_slice(&hash(&number.to_be_bytes())[..16]);
    prefix
}

fn name_of(kind: &[u8], number: u64) -> ObjectName {
    ObjectName(hash(&[kind, &number.to_be_bytes()].concat()))
}

/// A run of chunks with numbers from `first` on, in packs as a backup fills them.
fn run_of(first: u64) -> Vec<u8> {
    let number_32 = |number: u64| u32::try_from(number).unwrap();
    let mut run = Run::default();
    for number in 0..RUN_ENTRIES {
        if number % (SEGMENT_CHUNKS * PACK_SEGMENTS) == 0 {
            run.objects.push(PackPlace {
                object: ObjectRef::pack(name_of(b"pack", first + number)),
                offset: 0,
                size: PACK_SIZE,
                header: SealedHeader {
                    kind: SealedKind::Pack,
                    suite: Suite::Aes256,
                    generation: Generation(1),
                    epoch: Epoch(1),
                },
                prefix: [7; PREFIX_LEN],
            });
        }
        if number % SEGMENT_CHUNKS == 0 {
            run.segments.push(SegmentPlace {
                object: u32::try_from(run.objects.len() - 1).unwrap(),
                offset: number_32(number / SEGMENT_CHUNKS % PACK_SEGMENTS) * (1 << 20),
                stored_len: 1 << 20,
                method: Method::Zstd,
                raw_len: number_32(SEGMENT_CHUNKS) * CHUNK_LEN,
            });
        }
        run.entries.push(Entry {
            prefix: prefix_of(first + number),
            segment: u32::try_from(run.segments.len() - 1).unwrap(),
            offset: number_32(number % SEGMENT_CHUNKS) * CHUNK_LEN,
        });
    }
    run.sort();
    run.encode(Carrier::Object)
}

/// Returns the resident memory of this process in KiB.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:"));
    let value = line.unwrap().split_whitespace().nth(1);
    value.unwrap().parse().unwrap()
}
