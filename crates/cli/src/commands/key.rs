//! `strongroom key`

mod change;
mod export;
mod import;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use strongroom_base::ids::SlotId;

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;

/// Commands on keys.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show the ids of keys, and what they open; never a key
    Show,
    /// Write the custody key out, to keep it away from this computer
    Export(Export),
    /// Take over a custody key that was written out
    Import(Import),
    /// Move this computer's copy of the custody key; it is read back before the old one goes
    Move {
        /// Where to
        #[arg(long, value_enum)]
        to: Place,
    },
    /// Make a new custody key, and start a new epoch in every archive
    Rotate {
        /// Let the private password in this file open the new key: the one that there is, or with
        /// --drop-passwords any; - is the standard input
        #[arg(long, value_name = "FILE")]
        private_password_file: Option<PathBuf>,
        /// Let all other private passwords go
        #[arg(long)]
        drop_passwords: bool,
    },
    /// Set, change or remove a private password
    #[command(subcommand)]
    Password(Password),
    /// List the private passwords of every archive
    Slots,
}

/// Where this computer's copy of the key can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Place {
    /// The keystore of the operating system
    Os,
    /// A file that only you can read
    File,
}

/// The form in which the key is written out.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ExportForm {
    /// Write a file; - is the standard output
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print 24 words
    #[arg(long)]
    words: bool,
    /// Print a QR code, or write it with --svg
    #[arg(long)]
    qr: bool,
}

/// Arguments of `key export`.
#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    form: ExportForm,
    /// Write the QR code to this file as a picture
    #[arg(long, value_name = "FILE", requires = "qr")]
    svg: Option<PathBuf>,
    /// Write the words to this file, which only you can read
    #[arg(long, value_name = "FILE", requires = "words")]
    to: Option<PathBuf>,
}

/// Arguments of `key import`.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Import {
    /// Read a file; - is the standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Read 24 words, from the terminal where no file is named; - is the standard input
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[expect(
        clippy::option_option,
        reason = "the option may have no value, which is not that it is not there"
    )]
    words: Option<Option<PathBuf>>,
    /// Read the picture of a QR code, a PNG file
    #[arg(long, value_name = "FILE")]
    qr_image: Option<PathBuf>,
}

/// Commands on private passwords.
#[derive(Subcommand)]
pub(crate) enum Password {
    /// Let a private password open every archive
    Set {
        /// The private password; asked for where no file is named
        #[arg(long, value_name = "FILE")]
        private_password_file: Option<PathBuf>,
    },
    /// Put a private password in place of another one
    Change {
        /// The old private password; asked for where no file is named
        #[arg(long, value_name = "FILE")]
        private_password_file: Option<PathBuf>,
        /// The new private password; asked for where no file is named
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
    },
    /// Remove a private password
    Remove {
        /// The private password to remove
        #[arg(long, value_name = "FILE")]
        private_password_file: Option<PathBuf>,
        /// Remove the one in this slot
        #[arg(long, value_name = "ID", conflicts_with = "private_password_file")]
        slot: Option<SlotId>,
        /// Remove all
        #[arg(long, conflicts_with_all = ["private_password_file", "slot"])]
        all: bool,
    },
}

pub(crate) fn run(context: &Context<'_>, command: Command) -> Result<Outcome, Failure> {
    match command {
        Command::Show => show::show(context)?,
        Command::Slots => show::slots(context)?,
        Command::Export(arguments) => export::export(context, &arguments)?,
        Command::Import(arguments) => import::import(context, &arguments)?,
        Command::Move { to } => change::relocate(context, to)?,
        Command::Rotate {
            private_password_file,
            drop_passwords,
        } => change::rotate(context, private_password_file.as_deref(), drop_passwords)?,
        Command::Password(command) => change::password(context, command)?,
    }
    Ok(Outcome::Done)
}
