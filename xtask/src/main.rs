//! `cargo xtask NAME`: the project's own tasks, one file each.
//!
//! This file only picks the task; what a task does is in the module of its name.

#![expect(
    clippy::print_stdout,
    reason = "tasks are programs for a terminal, and say there what they do"
)]

mod arrows;
mod bench;
mod book;
mod checkout;
mod ci;
mod command;
mod continuous;
mod fuzz_api;
mod load;
mod openapi;
mod reader;
mod services;
mod strict;
mod test;
mod tools;
mod up;

use std::process::ExitCode;

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
    Up(up::Arguments),
    Test(test::Arguments),
    Ci(ci::Arguments),
    Arrows(arrows::Arguments),
    Bench(bench::Arguments),
    Services(services::Arguments),
    Openapi(openapi::Arguments),
    FuzzApi(fuzz_api::Arguments),
    /// Run the commands that the book shows, with release binaries.
    Book,
    Load(load::Arguments),
    Continuous(continuous::Arguments),
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().task {
        Task::Up(arguments) => up::run(&arguments)?,
        Task::Test(arguments) => return Ok(test::run(&arguments)),
        Task::Ci(arguments) => return Ok(ci::run(&arguments)),
        Task::Arrows(arguments) => arrows::run(&arguments)?,
        Task::Bench(arguments) => bench::run(&arguments)?,
        Task::Services(arguments) => services::run(&arguments)?,
        Task::Openapi(arguments) => openapi::run(&arguments)?,
        Task::FuzzApi(arguments) => fuzz_api::run(&arguments)?,
        Task::Book => book::run()?,
        Task::Load(arguments) => return load::run(&arguments),
        Task::Continuous(arguments) => return continuous::run(&arguments),
    }
    Ok(ExitCode::SUCCESS)
}
