//! OpenSSH: SFTP for this user alone, with a host key and a user's key of its own.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::process::Service;
use super::{free_ports, private_folder, write_private};
use crate::{command, tools};

/// Where Debian has the server and its SFTP.
const SSHD: &str = "/usr/sbin/sshd";
const SFTP_SERVER: &str = "/usr/lib/openssh/sftp-server";

/// The name under which clients know the host key, whatever way leads there.
const ALIAS: &str = "strongroom-test";

pub(super) fn start(folder: &Path) -> Result<Value> {
    if !Path::new(SSHD).is_file() || !Path::new(SFTP_SERVER).is_file() {
        tools::install_packages(&["openssh-server", "openssh-client"])?;
    }
    ensure!(Path::new(SSHD).is_file(), "{SSHD} is not there");
    private_folder(&folder.join("files"))?;
    // It wants this folder, and only its service makes it.
    if rustix::process::geteuid().is_root() {
        private_folder(Path::new("/run/sshd"))?;
    }
    let [port] = free_ports()?;
    for name in ["host", "user", "plain"] {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]);
        command::quietly(keygen.arg(folder.join(name)))?;
    }
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path).with_context(|| format!("{} is lost", path.display()))
    };
    let here = folder.display();
    // With the second key, the server is one without OpenSSH's extensions.
    let plain = format!(
        "command=\"{SFTP_SERVER} -P hardlink,fsync,statvfs,limits\" {}",
        read("plain.pub")?
    );
    let authorized = read("user.pub")? + &plain;
    write_private(&folder.join("authorized"), authorized.as_bytes())?;
    let known = format!("{ALIAS} {}", read("host.pub")?);
    write_private(&folder.join("known"), known.as_bytes())?;
    let server = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {here}/host\nPidFile none\n\
         AuthorizedKeysFile {here}/authorized\nPasswordAuthentication no\n\
         KbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n\
         MaxStartups 100\nMaxSessions 100\nSubsystem sftp {SFTP_SERVER}\n"
    );
    write_private(&folder.join("sshd_config"), server.as_bytes())?;
    let client = format!(
        "Host *\n  Port {port}\n  IdentityFile {here}/user\n  IdentitiesOnly yes\n  \
         HostKeyAlias {ALIAS}\n  UserKnownHostsFile {here}/known\n  GlobalKnownHostsFile none\n"
    );
    write_private(&folder.join("ssh_config"), client.as_bytes())?;
    let strange = client.replace(ALIAS, "a-stranger");
    write_private(&folder.join("ssh_config_stranger"), strange.as_bytes())?;
    let plain = client.replace(&format!("{here}/user"), &format!("{here}/plain"));
    write_private(&folder.join("ssh_config_plain"), plain.as_bytes())?;
    let service = Service::at(folder);
    let mut sshd = Command::new(SSHD);
    sshd.args(["-D", "-e", "-f"])
        .arg(folder.join("sshd_config"));
    service.spawn(&mut sshd)?;
    service.wait_for(port)?;
    Ok(json!({
        "address": format!("127.0.0.1:{port}"),
        "port": port,
        "ssh_config": folder.join("ssh_config"),
        "ssh_config_plain": folder.join("ssh_config_plain"),
        "ssh_config_stranger": folder.join("ssh_config_stranger"),
        "identity": folder.join("user"),
        "folder": folder.join("files"),
    }))
}
