//! Test vectors as files: `spec/vectors/<document>/{valid,invalid}/<case>.json`, one case each.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::{Value, json};
use strongroom_base::random::RandomSource;

/// Randomness that is the same every time: the bytes 0, 1, 2 … 255, 0 …
#[derive(Default)]
pub(crate) struct Counter(AtomicU8);

impl RandomSource for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// One case: the bytes of a structure, and what a reader must know to judge them.
pub(crate) struct Case {
    pub(crate) document: &'static str,
    pub(crate) name: String,
    pub(crate) value: Value,
}

impl Case {
    /// A case whose file is named `<structure>-<name>`; `about` says what is special.
    pub(crate) fn new(
        document: &'static str,
        structure: &str,
        name: &str,
        about: &str,
        bytes: &[u8],
    ) -> Self {
        let value = json!({ "structure": structure, "about": about, "bytes": hex::encode(bytes) });
        Self {
            document,
            name: format!("{structure}-{name}"),
            value,
        }
    }

    /// Adds a field.
    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.value[field] = value.into();
        self
    }

    /// Says that the bytes must be refused, with these words.
    pub(crate) fn refused(self, error: &str) -> Self {
        self.with("error", error)
    }

    fn text(&self) -> String {
        format!("{:#}\n", self.value)
    }

    fn path(&self) -> PathBuf {
        let verdict = if self.value.get("error").is_none() {
            "valid"
        } else {
            "invalid"
        };
        folder(self.document, verdict).join(format!("{}.json", self.name))
    }
}

fn folder(document: &str, verdict: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../spec/vectors")
        .join(document)
        .join(verdict)
}

/// Compares the files with the cases that they were made of.
pub(crate) fn check_generated(cases: &[Case]) {
    let names: BTreeSet<PathBuf> = cases.iter().map(Case::path).collect();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
    for case in cases {
        let path = case.path();
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(found, case.text(), "{}", path.display());
    }
}

/// Writes the files of the cases.
#[expect(
    clippy::disallowed_methods,
    reason = "a source tree, where nothing needs to be durable"
)]
pub(crate) fn write(cases: &[Case]) {
    for case in cases {
        let path = case.path();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, case.text()).unwrap();
    }
}

/// What a test finds out about a vector.
pub(crate) type Judge = fn(&Vector) -> Option<Result<Vec<u8>, String>>;

/// Returns the valid vectors of a document.
#[allow(dead_code, reason = "not every crate with vectors wants them")]
pub(crate) fn valid_vectors(document: &str) -> Vec<Vector> {
    let files = fs::read_dir(folder(document, "valid")).unwrap();
    files
        .map(|file| Vector::read(&file.unwrap().path()))
        .collect()
}

/// Judges every file of a document: `judge` returns the bytes that the decoded value has, or why it
/// was refused, or nothing where the structure is one of another crate.
pub(crate) fn check_files(document: &str, judge: Judge) {
    for verdict in ["valid", "invalid"] {
        let mut seen = 0;
        for file in fs::read_dir(folder(document, verdict)).unwrap() {
            let path = file.unwrap().path();
            let vector = Vector::read(&path);
            let Some(found) = judge(&vector) else {
                continue;
            };
            seen += 1;
            if verdict == "valid" {
                assert_eq!(found.as_ref(), Ok(&vector.hex("bytes")), "{}", vector.name);
            } else {
                let words = found.expect_err(&vector.name);
                assert_eq!(words, vector.text("error"), "{}", vector.name);
            }
        }
        assert!(seen > 0, "no {verdict} vectors of {document}");
    }
}

/// A case as its file gives it.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) value: Value,
}

impl Vector {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        Self {
            name: path.display().to_string(),
            value: serde_json::from_str(&text).unwrap(),
        }
    }

    /// Returns the structure, or the name of the file where it names none.
    pub(crate) fn structure(&self) -> &str {
        self.value["structure"].as_str().unwrap_or(&self.name)
    }

    /// Returns a field that is a text.
    pub(crate) fn text(&self, field: &str) -> &str {
        let text = self.value[field].as_str();
        text.unwrap_or_else(|| panic!("{}: {field}", self.name))
    }

    /// Returns a field of hexadecimal digits.
    pub(crate) fn hex(&self, field: &str) -> Vec<u8> {
        hex::decode(self.text(field)).unwrap()
    }
}

/// Returns the words of an error and of its causes.
pub(crate) fn words(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
