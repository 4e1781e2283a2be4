//! Times backup and restore of a folder: `measure SOURCE DESTINATION… [--restore TARGET]`.
#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]
#![expect(clippy::unwrap_used, reason = "it measures: whatever fails ends it")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use strongroom_crypto::suite::Suite;
use strongroom_store::{Folder, Store};

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let target = args
        .iter()
        .position(|arg| arg == "--restore")
        .map(|at| args.split_off(at)[1].clone());
    let store =
        |path: &String| -> Arc<dyn Store> { Arc::new(Folder::create(Path::new(path)).unwrap()) };
    let stores = args[1..].iter().map(store).collect();
    let setup = common::Setup::new(Suite::Aes256, stores);
    for round in 0..3 {
        let begun = Instant::now();
        let summary = setup.backup(Path::new(&args[0])).unwrap();
        println!(
            "backup {round}: {:.2} s, new {} changed {} same {}, read {} new {} stored {}",
            begun.elapsed().as_secs_f64(),
            summary.files.new,
            summary.files.changed,
            summary.files.unmodified,
            summary.bytes_read,
            summary.bytes_new,
            summary.bytes_stored
        );
    }
    if let Some(target) = target {
        let begun = Instant::now();
        let summary = setup.restore_latest(0, Path::new(&target));
        println!(
            "restore: {:.2} s {summary:?}",
            begun.elapsed().as_secs_f64()
        );
    }
}
