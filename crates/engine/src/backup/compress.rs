//! Compresses segments, where that gains something.

use strongroom_format::pack::PackClass;
use zstd::zstd_safe::CParameter;

use crate::error::EngineError;

/// A few probes of this length tell whether a segment is worth compressing.
const PROBE_LEN: usize = 16 << 10;
const PROBES: usize = 3;

/// What is compressed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Files, and parts of them.
    Files,
    /// Parts of large files.
    Large,
    /// Trees and lists, of which there is little.
    Meta,
}

impl Stream {
    /// How many there are.
    pub(super) const COUNT: usize = 3;

    /// Returns the class of packs that it goes to.
    pub(super) fn class(self) -> PackClass {
        match self {
            Self::Files | Self::Large => PackClass::Data,
            Self::Meta => PackClass::Meta,
        }
    }

    /// Returns how hard zstd tries, and with how large tables.
    ///
    /// Files: the window of level 3 is half a segment; all of it, with tables twice as large, stores 0.7 in 100
    /// less in the same time. Meta: the tables of level 9 take 13 MB a thread, for segments that are mostly shorter.
    fn parameters(self) -> Parameters {
        match self {
            Self::Files => Parameters {
                level: 3,
                logs: Some([22, 17, 18]),
            },
            Self::Large => Parameters {
                level: 1,
                logs: None,
            },
            Self::Meta => Parameters {
                level: 9,
                logs: Some([22, 18, 18]),
            },
        }
    }
}

/// A level of zstd, and what differs from it.
struct Parameters {
    level: i32,
    /// Logarithms of the lengths of the window, of the chain table and of the hash table.
    logs: Option<[u32; 3]>,
}

impl Parameters {
    fn compressor(&self) -> std::io::Result<zstd::bulk::Compressor<'static>> {
        let mut compressor = zstd::bulk::Compressor::new(self.level)?;
        if let Some([window, chain, hash]) = self.logs {
            compressor.set_parameter(CParameter::WindowLog(window))?;
            compressor.set_parameter(CParameter::ChainLog(chain))?;
            compressor.set_parameter(CParameter::HashLog(hash))?;
        }
        Ok(compressor)
    }
}

/// Compresses segments on one thread.
#[derive(Default)]
pub struct Compressor {
    contexts: [Option<zstd::bulk::Compressor<'static>>; Stream::COUNT],
    probe: Vec<u8>,
    /// Room for what comes out, at its worst: fresh memory for each segment costs more than copying the result.
    out: Vec<u8>,
}

impl Compressor {
    /// Returns a raw segment as a zstd frame; `None` where it is better stored as it is.
    pub fn compress(&mut self, stream: Stream, raw: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        if !self.is_worth_it(stream, raw)? {
            return Ok(None);
        }
        self.out.clear();
        self.out.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        context(&mut self.contexts, stream)?
            .compress_to_buffer(raw, &mut self.out)
            .map_err(EngineError::Compress)?;
        Ok((self.out.len() < raw.len()).then(|| self.out.clone()))
    }

    /// A long segment is worth it when its probes gain three in a hundred.
    fn is_worth_it(&mut self, stream: Stream, bytes: &[u8]) -> Result<bool, EngineError> {
        if bytes.len() < 2 * PROBES * PROBE_LEN {
            return Ok(true);
        }
        let compressor = context(&mut self.contexts, stream)?;
        let (mut before, mut after) = (0, 0);
        for number in 0..PROBES {
            let at = bytes.len() / PROBES * number;
            let probe = &bytes[at..at + PROBE_LEN];
            self.probe.clear();
            self.probe
                .reserve(zstd::zstd_safe::compress_bound(probe.len()));
            compressor
                .compress_to_buffer(probe, &mut self.probe)
                .map_err(EngineError::Compress)?;
            before += probe.len();
            after += self.probe.len();
            if after * 100 < before * 80 {
                return Ok(true);
            }
        }
        Ok(after * 100 < before * 97)
    }
}

/// Returns the compressor of a stream, which is made when it is first needed.
fn context<'c>(
    contexts: &'c mut [Option<zstd::bulk::Compressor<'static>>; Stream::COUNT],
    stream: Stream,
) -> Result<&'c mut zstd::bulk::Compressor<'static>, EngineError> {
    let slot = &mut contexts[stream as usize];
    if slot.is_none() {
        *slot = Some(
            stream
                .parameters()
                .compressor()
                .map_err(EngineError::Compress)?,
        );
    }
    slot.as_mut().ok_or(EngineError::Interrupted)
}
