//! `cargo xtask arrows`: holds the workspace to the layers and invariants of the architecture.
//!
//! The rules are the tables below; the facts come from `cargo metadata`. Arrows between crates are
//! normal and build dependencies; a dev-dependency draws no arrow, except that nothing may depend on
//! the crates outside the layers and that cipher crates are named by `crypto` alone, tests included.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// The layers, lowest first. An arrow goes to a lower layer.
const LAYERS: &[&[&str]] = &[
    &["base", "crypto", "store", "api", "domain"],
    &["format", "replica", "custody", "files", "watch"],
    &["read", "catalogue", "client", "directory"],
    &["engine", "mount", "db"],
    &["agent", "server"],
    &["cli", "serverd", "officer"],
];

/// The one crate that the rest of its own layer may use.
const FOUNDATION: &str = "base";

/// Crates that belong to no layer and that no crate in a layer may use.
const OUTSIDE: &[&str] = &["xtask", "bench", "fuzz"];

/// The crate that others may use in their tests, and nowhere else.
const TESTS_ONLY: &str = "testkit";

/// Crates that only the named ones may use.
const ONLY_FOR: &[(&str, &[&str])] = &[("files", &["engine", "agent"]), ("watch", &["agent"])];

/// Crates from elsewhere that only one crate names, tests included.
const NAMED_BY_ONE: &[(&str, &str)] = &[
    ("sea-orm", "db"),
    ("sea-orm-migration", "db"),
    ("sqlx", "db"),
    ("opendal", "store"),
    ("openssh", "store"),
    ("openssh-sftp-client", "store"),
    ("russh", "store"),
    ("russh-sftp", "store"),
    ("rusty-s3", "store"),
];

/// Crates from elsewhere that a crate never names, tests included: the rules of the server are values, and
/// what they know of time and storage is given to them.
const NEVER_NAMES: &[(&str, &[&str])] = &[(
    "domain",
    &[
        "axum", "chrono", "http", "hyper", "jiff", "reqwest", "rusqlite", "sea-orm", "sqlx",
        "time", "tokio",
    ],
)];

/// What must not be reached by any path.
const NEVER_REACHES: &[(&str, &[&str])] = &[
    ("server", &["format", "read", "engine"]),
    ("serverd", &["format", "read", "engine"]),
    ("engine", &["api", "client"]),
    ("directory", &["db"]),
    ("agent", &["db", "server"]),
    ("cli", &["db", "server"]),
];

/// The one crate that names ciphers, hashes and key derivations.
const NAMES_CIPHERS: &str = "crypto";

/// Cipher, hash, KDF and signature crates.
const CIPHERS: &[&str] = &[
    "aes",
    "aes-gcm",
    "aes-gcm-siv",
    "aes-siv",
    "argon2",
    "aws-lc-rs",
    "blake2",
    "blake3",
    "blowfish",
    "boring",
    "chacha20",
    "chacha20poly1305",
    "crypto_box",
    "crypto_secretbox",
    "dryoc",
    "ed25519-dalek",
    "hkdf",
    "hmac",
    "hpke",
    "k256",
    "md-5",
    "ml-dsa",
    "ml-kem",
    "opaque-ke",
    "openssl",
    "orion",
    "p256",
    "p384",
    "pbkdf2",
    "poly1305",
    "ring",
    "rsa",
    "rust-argon2",
    "salsa20",
    "scrypt",
    "sha1",
    "sha2",
    "sha3",
    "sodiumoxide",
    "totp-rs",
    "twofish",
    "voprf",
    "x25519-dalek",
    "xsalsa20poly1305",
];

/// Check the layers and invariants of the workspace.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

/// Fails with every broken rule, one a line.
pub(crate) fn run(_arguments: &Arguments) -> Result<()> {
    let metadata = MetadataCommand::new().no_deps().exec()?;
    let broken = Workspace::from_metadata(&metadata).broken_rules();
    if !broken.is_empty() {
        bail!("forbidden arrows:\n  {}", broken.join("\n  "));
    }
    Ok(())
}

/// The workspace's crates by short name, each with what it depends on.
struct Workspace {
    crates: BTreeMap<String, Uses>,
}

/// What one crate depends on.
#[derive(Default)]
struct Uses {
    /// Crates of this workspace, by normal or build dependency.
    arrows: BTreeSet<String>,
    /// Crates of this workspace, by dev-dependency.
    in_tests: BTreeSet<String>,
    /// Crates from elsewhere, by any kind of dependency.
    foreign: BTreeSet<String>,
}

impl Workspace {
    fn from_metadata(metadata: &Metadata) -> Self {
        let mut crates = BTreeMap::new();
        for package in metadata.workspace_packages() {
            let mut uses = Uses::default();
            for dependency in &package.dependencies {
                let set = match (dependency.path.is_some(), dependency.kind) {
                    (false, _) => &mut uses.foreign,
                    (true, DependencyKind::Development) => &mut uses.in_tests,
                    (true, _) => &mut uses.arrows,
                };
                set.insert(short_name(&dependency.name).to_owned());
            }
            crates.insert(short_name(package.name.as_ref()).to_owned(), uses);
        }
        Self { crates }
    }

    fn broken_rules(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (name, uses) in &self.crates {
            broken_by_ciphers(name, uses, &mut broken);
            broken_by_clients(name, uses, &mut broken);
            broken_by_names(name, uses, &mut broken);
            if is_outside(name) {
                continue;
            }
            let Some(layer) = layer_of(name) else {
                broken.push(format!("{name} has no layer: add it to the table"));
                continue;
            };
            for target in &uses.arrows {
                broken.extend(broken_by_arrow(name, layer, target));
            }
            let reached_outside = uses
                .in_tests
                .iter()
                .filter(|target| OUTSIDE.contains(&target.as_str()));
            broken.extend(
                reached_outside
                    .map(|target| format!("{name} → {target}, which is outside the layers")),
            );
        }
        self.broken_by_paths(&mut broken);
        broken
    }

    fn broken_by_paths(&self, broken: &mut Vec<String>) {
        for (from, forbidden) in NEVER_REACHES {
            for target in *forbidden {
                if let Some(path) = self.path(from, target) {
                    broken.push(format!(
                        "{from} must never reach {target}: {}",
                        path.join(" → ")
                    ));
                }
            }
        }
    }

    /// A shortest path of arrows, both ends included.
    fn path(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let mut paths = vec![vec![from.to_owned()]];
        let mut seen = BTreeSet::new();
        while !paths.is_empty() {
            let mut longer = Vec::new();
            for path in paths {
                let uses = path.last().and_then(|end| self.crates.get(end));
                for target in uses.iter().flat_map(|uses| &uses.arrows) {
                    let mut next = path.clone();
                    next.push(target.clone());
                    if target == to {
                        return Some(next);
                    }
                    if seen.insert(target.clone()) {
                        longer.push(next);
                    }
                }
            }
            paths = longer;
        }
        None
    }
}

fn broken_by_arrow(name: &str, layer: usize, target: &str) -> Option<String> {
    if is_outside(target) {
        return Some(format!("{name} → {target}, which is outside the layers"));
    }
    // A target without a layer is reported once, for the target itself.
    let below = layer_of(target)?;
    let to_the_foundation = target == FOUNDATION && below == layer;
    if below >= layer && !to_the_foundation {
        return Some(format!(
            "{name} (layer {layer}) → {target} (layer {below}) does not point down"
        ));
    }
    let (_, allowed) = ONLY_FOR.iter().find(|(only, _)| *only == target)?;
    (!allowed.contains(&name)).then(|| {
        format!(
            "{name} → {target}, which is only for {}",
            allowed.join(", ")
        )
    })
}

fn broken_by_ciphers(name: &str, uses: &Uses, broken: &mut Vec<String>) {
    if name == NAMES_CIPHERS {
        return;
    }
    let ciphers = uses
        .foreign
        .iter()
        .filter(|foreign| CIPHERS.contains(&foreign.as_str()));
    broken.extend(
        ciphers
            .map(|cipher| format!("{name} → {cipher}: only {NAMES_CIPHERS} names cipher crates")),
    );
}

fn broken_by_clients(name: &str, uses: &Uses, broken: &mut Vec<String>) {
    let others = NAMED_BY_ONE.iter().filter(|(_, only)| *only != name);
    let named = others.filter(|(foreign, _)| uses.foreign.contains(*foreign));
    broken.extend(named.map(|(foreign, only)| format!("{name} → {foreign}: only {only} names it")));
}

fn broken_by_names(name: &str, uses: &Uses, broken: &mut Vec<String>) {
    let never = NEVER_NAMES.iter().filter(|(by, _)| *by == name);
    let named = never.flat_map(|(_, never)| *never);
    let named = named.filter(|foreign| uses.foreign.contains(**foreign));
    broken.extend(named.map(|foreign| format!("{name} → {foreign}: {name} never names it")));
}

fn layer_of(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

fn is_outside(name: &str) -> bool {
    OUTSIDE.contains(&name) || name == TESTS_ONLY
}

fn short_name(package: &str) -> &str {
    package.strip_prefix("strongroom-").unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// One package of a made-up workspace: its name and its dependencies as (name, kind).
    type Package<'a> = (&'a str, &'a [(&'a str, &'a str)]);

    fn dependency(name: &str, kind: &str) -> Value {
        let own = name.starts_with("strongroom-") || name == "xtask";
        json!({
            "name": name,
            "source": if own { Value::Null } else { json!("registry+https://example.org/index") },
            "req": "*",
            "kind": if kind == "normal" { Value::Null } else { json!(kind) },
            "optional": false,
            "uses_default_features": true,
            "features": [],
            "target": null,
            "path": if own { json!(format!("/w/{name}")) } else { Value::Null },
        })
    }

    fn broken(packages: &[Package<'_>]) -> Vec<String> {
        let described = packages.iter().map(|(name, dependencies)| {
            json!({
                "name": name, "version": "0.1.0", "id": name, "source": null,
                "dependencies": dependencies.iter().map(|(name, kind)| dependency(name, kind)).collect::<Vec<_>>(),
                "targets": [], "features": {}, "manifest_path": format!("/w/{name}/Cargo.toml"),
            })
        });
        let metadata = json!({
            "packages": described.collect::<Vec<_>>(),
            "workspace_members": packages.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            "workspace_root": "/w", "target_directory": "/w/target", "version": 1,
        });
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        Workspace::from_metadata(&metadata).broken_rules()
    }

    #[test]
    fn arrows_that_point_down_are_fine() {
        let rules = broken(&[
            ("strongroom-base", &[]),
            (
                "strongroom-crypto",
                &[("strongroom-base", "normal"), ("aws-lc-rs", "normal")],
            ),
            ("strongroom-files", &[("strongroom-base", "normal")]),
            (
                "strongroom-engine",
                &[
                    ("strongroom-files", "normal"),
                    ("strongroom-testkit", "dev"),
                ],
            ),
            ("strongroom-testkit", &[("strongroom-engine", "normal")]),
            ("xtask", &[("clap", "normal")]),
        ]);
        assert_eq!(rules, Vec::<String>::new());
    }

    #[test]
    fn an_arrow_up_or_sideways_is_found() {
        let rules = broken(&[
            ("strongroom-base", &[("strongroom-crypto", "build")]),
            ("strongroom-format", &[("strongroom-read", "normal")]),
            ("strongroom-read", &[("strongroom-catalogue", "normal")]),
            ("strongroom-crypto", &[]),
            ("strongroom-catalogue", &[]),
        ]);
        assert_eq!(rules.len(), 3, "{rules:?}");
        assert!(
            rules[1].contains("format (layer 1) → read (layer 2)"),
            "{rules:?}"
        );
        assert!(
            rules[2].contains("read (layer 2) → catalogue (layer 2)"),
            "{rules:?}"
        );
    }

    #[test]
    fn a_forbidden_path_is_found_and_shown() {
        let rules = broken(&[
            ("strongroom-serverd", &[("strongroom-server", "normal")]),
            ("strongroom-server", &[("strongroom-client", "normal")]),
            ("strongroom-client", &[("strongroom-format", "normal")]),
            ("strongroom-format", &[]),
        ]);
        assert!(rules.contains(
            &"serverd must never reach format: serverd → server → client → format".to_owned()
        ));
        assert_eq!(rules.len(), 2, "{rules:?}");
    }

    #[test]
    fn the_engine_does_not_know_the_api() {
        let rules = broken(&[
            ("strongroom-engine", &[("strongroom-client", "normal")]),
            ("strongroom-client", &[]),
        ]);
        assert_eq!(rules, ["engine must never reach client: engine → client"]);
    }

    #[test]
    fn only_crypto_names_ciphers_even_in_tests() {
        let rules = broken(&[
            ("strongroom-format", &[("blake3", "dev")]),
            ("strongroom-crypto", &[("blake3", "normal")]),
        ]);
        assert_eq!(rules, ["format → blake3: only crypto names cipher crates"]);
    }

    #[test]
    fn only_store_names_clients_of_storage() {
        let rules = broken(&[
            ("strongroom-agent", &[("rusty-s3", "normal")]),
            ("strongroom-store", &[("rusty-s3", "normal")]),
        ]);
        assert_eq!(rules, ["agent → rusty-s3: only store names it"]);
    }

    #[test]
    fn the_rules_of_the_server_know_no_clock_and_no_database() {
        let rules = broken(&[
            ("strongroom-base", &[]),
            (
                "strongroom-domain",
                &[
                    ("strongroom-base", "normal"),
                    ("thiserror", "normal"),
                    ("tokio", "dev"),
                    ("sqlx", "normal"),
                ],
            ),
            ("strongroom-db", &[("sqlx", "normal")]),
        ]);
        assert_eq!(
            rules,
            [
                "domain → sqlx: only db names it",
                "domain → sqlx: domain never names it",
                "domain → tokio: domain never names it"
            ]
        );
    }

    #[test]
    fn files_are_for_the_engine_and_the_agent() {
        let rules = broken(&[
            ("strongroom-files", &[]),
            ("strongroom-cli", &[("strongroom-files", "normal")]),
        ]);
        assert_eq!(rules, ["cli → files, which is only for engine, agent"]);
    }

    #[test]
    fn watching_is_for_the_agent() {
        let rules = broken(&[
            ("strongroom-watch", &[]),
            ("strongroom-agent", &[("strongroom-watch", "normal")]),
            ("strongroom-engine", &[("strongroom-watch", "normal")]),
        ]);
        assert_eq!(rules, ["engine → watch, which is only for agent"]);
    }

    #[test]
    fn crates_outside_the_layers_are_not_used() {
        let rules = broken(&[
            (
                "strongroom-format",
                &[
                    ("strongroom-testkit", "normal"),
                    ("strongroom-bench", "dev"),
                ],
            ),
            ("strongroom-testkit", &[]),
            ("strongroom-bench", &[]),
        ]);
        assert_eq!(rules.len(), 2, "{rules:?}");
    }

    #[test]
    fn a_crate_without_a_layer_is_found() {
        assert_eq!(
            broken(&[("strongroom-misc", &[])]),
            ["misc has no layer: add it to the table"]
        );
    }
}
