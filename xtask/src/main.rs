//! `cargo xtask NAME`: the project's own tasks, one file each.
//!
//! This file only picks the task; what a task does is in the module of its name.

mod arrows;
mod bench;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The project's own tasks.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Arrows(arrows::Arguments),
    Bench(bench::Arguments),
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Arrows(arguments) => arrows::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
    }
}
