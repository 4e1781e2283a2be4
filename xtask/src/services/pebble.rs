//! Pebble: the authority for tests of Let's Encrypt. It looks at names at a port of this computer that tests listen at.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::process::Service;
use super::{free_ports, private_folder, write_private};
use crate::tools;

/// Where Debian's package has it.
const PEBBLE: &str = "/usr/bin/pebble";

/// Every name is one of this computer.
const NAMES: &str = "/usr/bin/pebble-challtestsrv";

/// How long its certificates are good, in seconds.
const LIFE: u32 = 90 * 24 * 3600;

pub(super) fn start(folder: &Path) -> Result<Value> {
    install()?;
    private_folder(folder)?;
    let [port, management, http, tls, dns, names] = free_ports()?;
    let (certificate, key) = certificate(folder)?;
    let config = json!({ "pebble": {
        "listenAddress": format!("127.0.0.1:{port}"),
        "managementListenAddress": format!("127.0.0.1:{management}"),
        "certificate": certificate,
        "privateKey": key,
        "httpPort": http,
        "tlsPort": tls,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": false,
        "certificateValidityPeriod": LIFE,
        "domainBlocklist": ["blocked.test"],
    }});
    let file = folder.join("pebble.json");
    write_private(&file, &serde_json::to_vec_pretty(&config)?)?;
    // Both are of one group, which ends together.
    let script = format!(
        "{NAMES} -management 127.0.0.1:{names} -dns01 127.0.0.1:{dns} -defaultIPv4 127.0.0.1 \
         -defaultIPv6 '' -http01 '' -https01 '' -tlsalpn01 '' & \
         exec {PEBBLE} -config {} -dnsserver 127.0.0.1:{dns}",
        file.display()
    );
    let service = Service::at(folder);
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script]);
    // Names are looked at with each order, and at once.
    shell.env("PEBBLE_VA_NOSLEEP", "1");
    shell.env("PEBBLE_AUTHZREUSE", "0");
    service.spawn(&mut shell)?;
    service.wait_for(port)?;
    Ok(json!({
        "address": format!("https://127.0.0.1:{port}"),
        "directory": format!("https://127.0.0.1:{port}/dir"),
        "ca": certificate,
        "tls_port": tls.to_string(),
        "management": format!("127.0.0.1:{management}"),
    }))
}

/// Makes what Pebble itself is known by.
fn certificate(folder: &Path) -> Result<(PathBuf, PathBuf)> {
    let made =
        rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    write_private(&certificate, made.cert.pem().as_bytes())?;
    write_private(&key, made.signing_key.serialize_pem().as_bytes())?;
    Ok((certificate, key))
}

fn install() -> Result<()> {
    let is_there = || {
        [PEBBLE, NAMES]
            .iter()
            .all(|program| Path::new(program).is_file())
    };
    if !is_there() {
        tools::install_packages(&["pebble"]).context("Pebble could not be installed")?;
    }
    ensure!(is_there(), "Debian's package has no {PEBBLE}");
    Ok(())
}
