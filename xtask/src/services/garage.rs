//! Garage: S3 on one node, with a bucket and a key.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};

use super::process::Service;
use super::{cache, free_ports, private_folder, secret, write_private};
use crate::command;

/// The version that is installed where none is there.
const VERSION: &str = "2.5.0";

/// The bucket, and the region that Garage takes itself to be in.
const BUCKET: &str = "strongroom";
const REGION: &str = "garage";

pub(super) fn start(folder: &Path) -> Result<Value> {
    let program = program()?;
    private_folder(folder)?;
    let [s3, rpc, admin] = free_ports()?;
    let config = folder.join("garage.toml");
    let (key_id, key_secret) = (format!("GK{}", secret(12)?), secret(32)?);
    let settings = format!(
        r#"metadata_dir = "{0}/meta"
data_dir = "{0}/data"
db_engine = "sqlite"
replication_factor = 1
rpc_bind_addr = "127.0.0.1:{rpc}"
rpc_public_addr = "127.0.0.1:{rpc}"
rpc_secret = "{1}"

[s3_api]
s3_region = "{REGION}"
api_bind_addr = "127.0.0.1:{s3}"

[admin]
api_bind_addr = "127.0.0.1:{admin}"
admin_token = "{2}"
"#,
        folder.display(),
        secret(32)?,
        secret(32)?,
    );
    write_private(&config, settings.as_bytes())?;
    let service = Service::at(folder);
    let mut server = Command::new(program);
    server.arg("-c").arg(&config);
    server.args(["server", "--single-node", "--default-bucket"]);
    server.env("GARAGE_DEFAULT_ACCESS_KEY", &key_id);
    server.env("GARAGE_DEFAULT_SECRET_KEY", &key_secret);
    server.env("GARAGE_DEFAULT_BUCKET", BUCKET);
    service.spawn(&mut server)?;
    service.wait_for(s3)?;
    Ok(json!({
        "address": format!("http://127.0.0.1:{s3}"),
        "bucket": BUCKET,
        "region": REGION,
        "key_id": key_id,
        "secret": key_secret,
    }))
}

/// Finds Garage, or installs it, which takes many minutes.
fn program() -> Result<PathBuf> {
    if command::answers("garage", &["--version"]) {
        return Ok("garage".into());
    }
    let root = cache()?;
    let program = root.join("bin/garage");
    if program.is_file() {
        return Ok(program);
    }
    println!(
        "garage is missing, and is installed now, to {}",
        root.display()
    );
    let mut install = Command::new("cargo");
    install.args(["install", "--locked", "garage", "--version", VERSION]);
    install.args(["--no-default-features", "--features", "bundled-libs,sqlite"]);
    install.arg("--root").arg(&root);
    // It has to answer tests, not to be fast: this takes a third less time to build.
    install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
    install.env("CARGO_PROFILE_RELEASE_LTO", "off");
    command::run(&mut install)?;
    Ok(program)
}
