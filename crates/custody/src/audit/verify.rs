//! Checking an export without the server (`spec/audit-v1.md`, section 5).

use super::export::{Format, Line, Span};
use super::{Checkpoint, Fault, FaultKind, Head, LogId};

/// The longest line that is read, in bytes; the longest that is written is shorter.
const LINE_LEN_MAX: usize = 1 << 20;

/// What an export was found to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The head at its end: compare it with that of the server, or of another export.
    pub head: Head,
    /// The number of its first record.
    pub first: u64,
    /// How many records it shows.
    pub records: u64,
    /// How many records it only gives the digest of.
    pub omitted: u64,
    /// The last record that a checkpoint vouches for, by a key that is trusted.
    pub signed: Option<u64>,
    /// How many checkpoints have keys about which nothing was said.
    pub untrusted: u64,
}

/// Takes an export line by line.
pub struct Verifier<'a> {
    format: Format,
    trusted: &'a [[u8; 32]],
    log: Option<LogId>,
    preamble: &'static str,
    line: u64,
    progress: Option<(Span, Report)>,
}

impl<'a> Verifier<'a> {
    /// Starts with no line. With no trusted keys, signatures are checked against the keys that checkpoints name,
    /// which proves only that one holder signed them. With a log, the export must be one of it.
    pub fn new(format: Format, trusted: &'a [[u8; 32]], log: Option<LogId>) -> Self {
        Self {
            format,
            trusted,
            log,
            preamble: format.preamble(),
            line: 0,
            progress: None,
        }
    }

    /// Takes the next line, its end included.
    pub fn push(&mut self, line: &[u8]) -> Result<(), Fault> {
        self.line = self.line.saturating_add(1);
        if !self.preamble.is_empty() {
            let is_same = line == self.preamble.as_bytes();
            self.preamble = "";
            return if is_same {
                Ok(())
            } else {
                Err(self.fault(FaultKind::Unreadable))
            };
        }
        self.take(line).map_err(|kind| self.fault(kind))
    }

    fn take(&mut self, line: &[u8]) -> Result<(), FaultKind> {
        let log = self.progress.map(|(span, _)| span.before.log);
        let line = (line.len() <= LINE_LEN_MAX)
            .then(|| std::str::from_utf8(line).ok())
            .flatten()
            .and_then(|text| self.format.read(text, log.unwrap_or(LogId([0; 16]))))
            .ok_or(FaultKind::Unreadable)?;
        let Some((span, mut report)) = self.progress else {
            let Line::Export(span) = line else {
                return Err(FaultKind::Unreadable);
            };
            self.progress = Some((span, self.begin(&span)?));
            return Ok(());
        };
        let is_record = matches!(line, Line::Record(_) | Line::Omitted { .. });
        if is_record && report.head.sequence >= span.last {
            return Err(FaultKind::Extra);
        }
        match line {
            Line::Export(_) => return Err(FaultKind::Unreadable),
            Line::Record(record) => {
                report.head = report.head.check(&record)?;
                report.records += 1;
            }
            Line::Omitted {
                sequence,
                digest,
                hash,
            } => {
                report.head = report.head.check_next(sequence, &digest, &hash)?;
                report.omitted += 1;
            }
            Line::Checkpoint(checkpoint) => self.check(&checkpoint, &mut report)?,
        }
        self.progress = Some((span, report));
        Ok(())
    }

    fn begin(&self, span: &Span) -> Result<Report, FaultKind> {
        if self.log.is_some_and(|log| log != span.before.log) {
            return Err(FaultKind::OtherLog);
        }
        let is_whole = span.before.sequence == 0;
        if is_whole && span.before != Head::start(span.before.log) {
            return Err(FaultKind::Hash);
        }
        Ok(Report {
            head: span.before,
            first: span.first(),
            records: 0,
            omitted: 0,
            signed: None,
            untrusted: 0,
        })
    }

    fn check(&self, checkpoint: &Checkpoint, report: &mut Report) -> Result<(), FaultKind> {
        let sequence = checkpoint.head.sequence;
        if sequence != report.head.sequence {
            // What it is a checkpoint of is missing, or stands elsewhere.
            return Err(FaultKind::Sequence { found: sequence });
        }
        if checkpoint.head != report.head {
            return Err(FaultKind::OtherChain);
        }
        checkpoint.verify().map_err(|_| FaultKind::Signature)?;
        if self.trusted.contains(&checkpoint.key) {
            report.signed = Some(checkpoint.head.sequence);
        } else if self.trusted.is_empty() {
            report.untrusted += 1;
        } else {
            return Err(FaultKind::UnknownKey);
        }
        Ok(())
    }

    /// Ends the export.
    pub fn finish(mut self) -> Result<Report, Fault> {
        self.line = self.line.saturating_add(1);
        match self.progress {
            Some((span, report)) if report.head.sequence == span.last => Ok(report),
            _ => Err(self.fault(FaultKind::Missing)),
        }
    }

    /// Names the record that should have been on the line.
    fn fault(&self, kind: FaultKind) -> Fault {
        let is_checkpoint = matches!(
            kind,
            FaultKind::OtherChain | FaultKind::Signature | FaultKind::UnknownKey
        );
        let record = self.progress.map_or(0, |(_, report)| {
            let last = report.head.sequence;
            if is_checkpoint {
                last
            } else {
                last.saturating_add(1)
            }
        });
        Fault {
            record,
            line: self.line,
            kind,
        }
    }
}

/// Checks a whole export that is in memory; its format shows in its first byte.
pub fn verify(export: &[u8], trusted: &[[u8; 32]], log: Option<LogId>) -> Result<Report, Fault> {
    let format = Format::detect(export).unwrap_or(Format::Json);
    let mut verifier = Verifier::new(format, trusted, log);
    for line in export.split_inclusive(|byte| *byte == b'\n') {
        verifier.push(line)?;
    }
    verifier.finish()
}
