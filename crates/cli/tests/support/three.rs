//! A bucket, an account on another computer and a folder, side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_store::s3::{self, Credential, S3};
use strongroom_store::throttle::Limits;
use strongroom_store::{Folder, Store};
use strongroom_testkit::{Faults, Proxy, Service, service};

use super::{Place, Ran};

/// A name that nobody used before.
pub(crate) fn fresh() -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    format!("cli{now}")
}

/// All objects of a store: names and bytes.
pub(crate) fn objects(store: &dyn Store) -> BTreeMap<String, Vec<u8>> {
    let mut paths = Vec::new();
    store.list("", &mut |path, _| paths.push(path)).unwrap();
    let fetch = |path: &_| store.get(path, u64::MAX).unwrap();
    paths
        .iter()
        .map(|path| (path.to_string(), fetch(path)))
        .collect()
}

fn assert_same(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) {
    for name in one.keys().chain(other.keys()) {
        let (one, other) = (one.get(name), other.get(name));
        let len = |object: Option<&Vec<u8>>| object.map(Vec::len);
        assert!(one == other, "{name}: {:?}, {:?}", len(one), len(other));
    }
}

pub(crate) struct Clock;

impl strongroom_base::clock::Clock for Clock {
    fn now(&self) -> strongroom_base::clock::Timestamp {
        strongroom_base::clock::Timestamp(0)
    }
}

/// Three destinations: a bucket behind a way that can be closed, an account, and a folder.
pub(crate) struct Three {
    pub(crate) place: Place,
    pub(crate) garage: Service,
    sshd: Service,
    pub(crate) way: Option<Proxy>,
    prefix: String,
    pub(crate) account: std::path::PathBuf,
}

impl Three {
    pub(crate) fn new(faults: Faults) -> Self {
        let (garage, sshd) = (service("garage"), service("sshd"));
        let place = Place::new();
        let prefix = fresh();
        let way = Proxy::open(garage.address(), faults);
        let key = format!(
            "aws_access_key_id = {}\naws_secret_access_key = {}\n",
            garage.text("key_id"),
            garage.text("secret")
        );
        place.write_secret("key", &key);
        place.ok("init --quiet");
        place.write("files/a.txt", "alpha");
        let noise = (0..5_000_000_u32).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]);
        place.write("files/large", noise.collect::<Vec<u8>>());
        let account = sshd.path("folder").join(&prefix);
        let three = Self {
            place,
            garage,
            sshd,
            way: Some(way),
            prefix,
            account,
        };
        for name in ["cloud", "nas", "disk"] {
            three.add(name);
        }
        three
    }

    /// Adds one of them to the profile.
    pub(crate) fn add(&self, name: &str) {
        let garage = &self.garage;
        let arguments = match name {
            "cloud" => format!(
                "s3://{}/{}?endpoint=http://{}&region={} --credentials-file key --single-writer",
                garage.text("bucket"),
                self.prefix,
                self.way.as_ref().unwrap().address(),
                garage.text("region")
            ),
            "nas" => format!(
                "sftp://127.0.0.1{} --ssh-config {} --limit-upload 100M",
                self.account.display(),
                self.sshd.text("ssh_config")
            ),
            _ => "disk".to_owned(),
        };
        self.place
            .ok(&format!("destination add {name} {arguments}"));
    }

    /// Takes one of them out of the profile, and removes everything there.
    pub(crate) fn remove(&self, name: &str) {
        self.place.ok(&format!("destination remove {name}"));
        let bucket = self.bucket();
        let folder = match name {
            "cloud" => {
                let mut paths = Vec::new();
                bucket.list("", &mut |path, _| paths.push(path)).unwrap();
                return paths.iter().for_each(|path| bucket.delete(path).unwrap());
            }
            "nas" => self.account.clone(),
            _ => self.place.path("disk"),
        };
        std::fs::remove_dir_all(folder).unwrap();
    }

    pub(crate) fn bucket(&self) -> S3 {
        let garage = &self.garage;
        let options = s3::Options {
            endpoint: garage.text("address").parse().unwrap(),
            bucket_in_host: false,
            bucket: garage.text("bucket").to_owned(),
            region: garage.text("region").to_owned(),
            prefix: self.prefix.clone(),
            lock_days: None,
            lock_mode: None,
            single_writer: true,
            limits: Limits::default(),
        };
        let credential = Credential::new(garage.text("key_id"), garage.text("secret"), None);
        S3::new(options, credential, Arc::new(Clock)).unwrap()
    }

    /// Compares the replicas, and returns of how many objects they are.
    pub(crate) fn same(&self) -> usize {
        let disk = objects(&Folder::open(&self.place.path("disk")).unwrap());
        assert_same(&disk, &objects(&Folder::open(&self.account).unwrap()));
        assert_same(&disk, &objects(&self.bucket()));
        disk.len()
    }

    pub(crate) fn status(ran: &Ran, name: &str) -> String {
        let prefix = format!("{name}: ");
        let line = ran.out.lines().find_map(|line| line.strip_prefix(&prefix));
        line.unwrap_or_else(|| panic!("{ran:?}")).to_owned()
    }
}
