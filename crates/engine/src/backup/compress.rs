//! Compresses segments, where that gains something.

use strongroom_format::pack::PackClass;

use crate::error::EngineError;

/// zstd level of data.
const DATA_LEVEL: i32 = 3;
/// zstd level of trees and lists, of which there is little.
const META_LEVEL: i32 = 9;
/// A few probes of this length tell whether a segment is worth compressing.
const PROBE_LEN: usize = 16 << 10;
const PROBES: usize = 3;

/// Compresses segments on one thread.
#[derive(Default)]
pub struct Compressor {
    data: Option<zstd::bulk::Compressor<'static>>,
    meta: Option<zstd::bulk::Compressor<'static>>,
    out: Vec<u8>,
}

impl Compressor {
    /// Returns a raw segment as a zstd frame; `None` where it is better stored as it is.
    pub fn compress(&mut self, class: PackClass, raw: &[u8]) -> Result<Option<&[u8]>, EngineError> {
        if !self.is_worth_it(raw)? {
            return Ok(None);
        }
        self.out.clear();
        self.out.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        let compressor = match class {
            PackClass::Data => of_level(&mut self.data, DATA_LEVEL)?,
            PackClass::Meta => of_level(&mut self.meta, META_LEVEL)?,
        };
        compressor
            .compress_to_buffer(raw, &mut self.out)
            .map_err(EngineError::Compress)?;
        Ok((self.out.len() < raw.len()).then_some(&self.out[..]))
    }

    /// A long segment is worth it when its probes gain three in a hundred.
    fn is_worth_it(&mut self, bytes: &[u8]) -> Result<bool, EngineError> {
        if bytes.len() < 2 * PROBES * PROBE_LEN {
            return Ok(true);
        }
        let compressor = of_level(&mut self.data, DATA_LEVEL)?;
        let (mut before, mut after) = (0, 0);
        for number in 0..PROBES {
            let at = bytes.len() / PROBES * number;
            let probe = &bytes[at..at + PROBE_LEN];
            self.out.clear();
            self.out
                .reserve(zstd::zstd_safe::compress_bound(probe.len()));
            compressor
                .compress_to_buffer(probe, &mut self.out)
                .map_err(EngineError::Compress)?;
            before += probe.len();
            after += self.out.len();
            if after * 100 < before * 80 {
                return Ok(true);
            }
        }
        Ok(after * 100 < before * 97)
    }
}

fn of_level<'c>(
    slot: &'c mut Option<zstd::bulk::Compressor<'static>>,
    level: i32,
) -> Result<&'c mut zstd::bulk::Compressor<'static>, EngineError> {
    if slot.is_none() {
        *slot = Some(zstd::bulk::Compressor::new(level).map_err(EngineError::Compress)?);
    }
    slot.as_mut().ok_or(EngineError::Interrupted)
}
