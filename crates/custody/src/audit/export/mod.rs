//! The lines of an export, in each of its formats (`spec/audit-v1.md`, section 4).

mod cef;
mod csv;
mod json;
mod words;

use strongroom_base::ids::to_hex;
use strongroom_crypto::hash::Hasher;

use super::{Checkpoint, Head, LogId, Record};

const LABEL: &[u8] = b"strongroom audit-v1 export\0";

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON lines.
    Json,
    /// Comma-separated values, for spreadsheets.
    Csv,
    /// Common Event Format, for collectors of events.
    Cef,
}

/// What an export holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The head before the first record.
    pub before: Head,
    /// The number of the last record.
    pub last: u64,
}

/// A line of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The first one.
    Export(Span),
    /// A record.
    Record(Box<Record>),
    /// A record that whoever gets the export may not see, or did not ask for.
    Omitted {
        /// Its number.
        sequence: u64,
        /// The digest of its entry.
        digest: [u8; 32],
        /// Its hash.
        hash: [u8; 32],
    },
    /// A checkpoint of the record before.
    Checkpoint(Checkpoint),
}

impl Line {
    /// Returns a record as one that is not shown.
    pub fn omit(record: &Record) -> Self {
        Self::Omitted {
            sequence: record.entry.sequence,
            digest: record.entry.digest(),
            hash: record.hash,
        }
    }
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Json, Self::Csv, Self::Cef];

    /// Returns what stands before the first line.
    pub fn preamble(self) -> &'static str {
        match self {
            Self::Csv => csv::COLUMNS,
            Self::Json | Self::Cef => "",
        }
    }

    /// Returns a line with its end.
    pub fn write(self, line: &Line) -> String {
        match self {
            Self::Json => json::write(line),
            Self::Csv => csv::write(line),
            Self::Cef => cef::write(line),
        }
    }

    /// Reads a line with its end, as [`Self::write`] gives it; checkpoints are taken as those of `log`.
    pub(super) fn read(self, text: &str, log: LogId) -> Option<Line> {
        let line = match self {
            Self::Json => json::read(text, log),
            Self::Csv => csv::read(text, log),
            Self::Cef => cef::read(text, log),
        }?;
        // One spelling: what cannot be written like this was changed.
        (self.write(&line) == text).then_some(line)
    }

    /// Returns the format whose first line starts like this.
    pub fn detect(text: &[u8]) -> Option<Self> {
        match text.first()? {
            b'{' => Some(Self::Json),
            b'"' => Some(Self::Csv),
            b'C' => Some(Self::Cef),
            _ => None,
        }
    }
}

impl Span {
    /// Returns the number of the first record.
    pub fn first(&self) -> u64 {
        self.before.sequence.saturating_add(1)
    }

    /// Returns the digits by which a changed first line is found.
    fn check(&self) -> String {
        let hash = Hasher::new()
            .update(LABEL)
            .update(&self.before.log.0)
            .update(&self.first().to_be_bytes())
            .update(&self.last.to_be_bytes())
            .update(&self.before.hash)
            .finalize();
        to_hex(&hash[..8])
    }
}
