//! Runs the commands that the book shows, so that they stay true.
//!
//! `docs/commands.txt` lists pages, one a line. On these pages every line that begins with `$ ` inside a block
//! fenced as `console` is a command, and goes on as long as lines end with `\`. The commands of a page are run
//! by one bash with `set -eu`, in an empty home, with the programs first on the PATH. What they leave running ends with it.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::checkout::Checkout;
use crate::command;

/// Where a server listens on the pages.
const PORT: u16 = 7443;

/// Runs the commands of every page that is listed, with release binaries; fails at the first that fails.
pub(crate) fn run() -> Result<()> {
    let checkout = Checkout::find()?;
    let programs = checkout.build()?;
    checkout.build_server()?;
    run_pages(&checkout, &programs)
}

/// As [`run`], with the programs that the tests have built already: to build them for release takes longer than all pages.
pub(crate) fn run_as_tested() -> Result<()> {
    let checkout = Checkout::find()?;
    let programs = checkout.build_as_tested()?;
    run_pages(&checkout, &programs)
}

fn run_pages(checkout: &Checkout, binary: &Path) -> Result<()> {
    let docs = checkout.root.join("docs");
    let pages = match fs::read_to_string(docs.join("commands.txt")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("there is no docs/commands.txt: no page has commands to run");
            return Ok(());
        }
        pages => pages.context("docs/commands.txt")?,
    };
    let programs = binary.parent().context("the binary is in no folder")?;
    let home = checkout.target.join("book-home");
    let listed = pages.lines().map(str::trim);
    for page in listed.filter(|page| !page.is_empty() && !page.starts_with('#')) {
        let text = fs::read_to_string(docs.join(page)).with_context(|| format!("docs/{page}"))?;
        let commands = at_free_port(commands(&text))?;
        ensure!(!commands.is_empty(), "docs/{page} shows no commands");
        println!("docs/{page}: {} commands", commands.len());
        if home.exists() {
            fs::remove_dir_all(&home)?;
        }
        fs::create_dir_all(&home)?;
        run_page(&commands, programs, &home).with_context(|| format!("docs/{page}"))?;
    }
    Ok(())
}

fn run_page(commands: &[String], programs: &Path, home: &Path) -> Result<()> {
    let mut script =
        String::from("PATH=\"$1:$PATH\"; trap 'jobs -p | xargs -r kill; wait' EXIT; set -euv\n");
    for command in commands {
        script.push_str(command);
        script.push('\n');
    }
    let mut bash = Command::new("bash");
    bash.args(["-c", &script, "bash"]).arg(programs);
    bash.current_dir(home)
        .env("HOME", home)
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
        .stdin(Stdio::null());
    for variable in ["STRONGROOM_PROFILE", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
        bash.env_remove(variable);
    }
    command::quietly(&mut bash)
}

/// The same commands with another port, where something listens at the one they name, as the server of `cargo xtask up` does.
fn at_free_port(commands: Vec<String>) -> io::Result<Vec<String>> {
    let named = PORT.to_string();
    if !commands.iter().any(|command| command.contains(&named)) {
        return Ok(commands);
    }
    let open = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let free = match open(PORT) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => open(0)?,
        listener => listener?,
    };
    let free = free.local_addr()?.port().to_string();
    let commands = commands.into_iter();
    Ok(commands
        .map(|command| command.replace(&named, &free))
        .collect())
}

/// The commands of a page.
fn commands(page: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let (mut inside, mut goes_on) = (false, false);
    for line in page.lines() {
        if line.starts_with("```") {
            inside = !inside && line.trim_end() == "```console";
            goes_on = false;
        } else if let (true, Some(last)) = (inside && goes_on, commands.last_mut()) {
            last.push('\n');
            last.push_str(line);
            goes_on = line.ends_with('\\');
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            commands.push(command.to_owned());
            goes_on = line.ends_with('\\');
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_in_console_blocks_only() {
        let page = "$ no\n```console\n$ echo one\none\n$ echo \\\n  two\ntwo\n```\n```sh\n$ no\n```\n\
                    ```console\n$ echo three\n```\n";
        assert_eq!(commands(page), ["echo one", "echo \\\n  two", "echo three"]);
    }

    #[test]
    fn a_page_takes_another_port_where_its_own_is_taken() {
        // Taken by this test, or by somebody before.
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT));
        let page = vec!["listen 127.0.0.1:7443".to_owned(), "echo 1".to_owned()];
        let moved = at_free_port(page.clone()).unwrap();
        assert_ne!(moved[0], page[0]);
        assert!(moved[0].starts_with("listen 127.0.0.1:"), "{}", moved[0]);
        assert_eq!(moved[1], page[1]);
        drop(taken);
    }

    #[test]
    fn what_a_page_leaves_running_ends_with_it() {
        let home = tempfile::tempdir().unwrap();
        let lines = ["sleep 1000 &".to_owned(), "echo $! > pid".to_owned()];
        run_page(&lines, Path::new("/nowhere"), home.path()).unwrap();
        let pid = fs::read_to_string(home.path().join("pid")).unwrap();
        let process = Path::new("/proc").join(pid.trim());
        // Killed, and perhaps not yet taken note of by whoever inherited it.
        let state = fs::read_to_string(process.join("stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "{state}");
    }

    #[test]
    fn a_page_stops_at_the_first_command_that_fails() {
        let home = tempfile::tempdir().unwrap();
        let run = |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
            run_page(&lines, Path::new("/nowhere"), home.path())
        };
        assert!(run(&["x=1", "test $x = 1", "test $HOME = $PWD"]).is_ok());
        assert!(run(&["false", "touch after"]).is_err());
        assert!(run(&["echo $unset_variable"]).is_err());
        assert!(!home.path().join("after").exists());
    }
}
