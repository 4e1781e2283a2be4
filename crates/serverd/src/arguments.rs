//! The arguments.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// The server of Strongroom: accounts, organisations, roles and the audit log.
#[derive(Parser)]
#[command(name = "strongroom-server", version)]
pub(crate) struct Arguments {
    /// The home folder; without it, what `STRONGROOM_SERVER_HOME` says, or `/var/lib/strongroom-server`
    #[arg(long, global = true)]
    home: Option<PathBuf>,
    /// The configuration; without it, `server.toml` in the home folder, if it is there
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serves, until it is told to end
    Run,
    /// Looks at the configuration
    #[command(subcommand)]
    Config(Config),
    /// Looks at exports of the audit log
    #[command(subcommand)]
    Audit(Audit),
    /// Makes a backup of the server's own database; the server may run meanwhile
    Backup {
        /// The folder; without it, that of the configuration
        #[arg(long)]
        to: Option<PathBuf>,
    },
    /// Restores a backup of the server's own database; no server may run meanwhile
    Restore {
        /// The file
        file: PathBuf,
        /// Replaces what is in the database
        #[arg(long)]
        replace: bool,
    },
    /// Second factors of users who get in no more
    #[command(subcommand)]
    SecondFactor(SecondFactor),
    /// Looks at the keys that seal secrets in the database, and changes them
    #[command(subcommand)]
    Secrets(Secrets),
    /// Looks at the key of the certificate that an authority gives (`[tls.acme]`), and changes it
    #[command(subcommand)]
    Certificate(Certificate),
    /// Writes the API document
    #[command(hide = true)]
    Openapi,
}

#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Verifies an export, with nothing but its file
    Verify {
        /// The file
        file: PathBuf,
        /// A public key that checkpoints may be signed with, in hexadecimal; without one, whoever signed them is not
        /// looked at
        #[arg(long, value_name = "KEY", alias = "trust")]
        trusted_key: Vec<String>,
    },
    /// Shows the public key by which the checkpoints of this server are known
    Key,
}

#[derive(Subcommand)]
pub(crate) enum SecondFactor {
    /// Takes all second factors of a user away; the server may run meanwhile, and the audit log has it
    Remove {
        /// The user: the name or the id
        user: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum Secrets {
    /// Opens every stored secret, and shows none
    Verify,
    /// Lists the keys
    Keys,
    /// Makes a new key, and seals every secret anew; the server may run meanwhile
    Rotate {
        /// Takes another algorithm: `AES/GCM/NoPadding`, `AES/CBC/PKCS5Padding`, or `none` for no encryption
        #[arg(long)]
        algorithm: Option<String>,
    },
    /// Deletes an inactive key that no secret needs
    DeleteKey {
        /// Its id
        key: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum Certificate {
    /// Shows what clients may pin: the SHA-256 hash of the key, which stays over renewals
    Key,
    /// Makes another key, for which a certificate is ordered at once; the server may run meanwhile. Who pinned the one before
    /// is locked out
    NewKey,
}

#[derive(Subcommand)]
pub(crate) enum Config {
    /// Says what is wrong with it
    Check,
    /// Writes the form of the file, as a JSON schema
    Schema,
}

impl Arguments {
    /// Returns the home folder.
    pub(crate) fn home(&self) -> PathBuf {
        let default = || PathBuf::from("/var/lib/strongroom-server");
        let home = self.home.clone();
        home.or_else(crate::environment::home)
            .unwrap_or_else(default)
    }

    /// Returns the configuration file, if one was named.
    pub(crate) fn config(&self) -> Option<PathBuf> {
        self.config.clone()
    }
}
