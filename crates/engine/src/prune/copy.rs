//! Copies what is needed of packs that go: several are read at a time, and written in their order.

use std::ops::ControlFlow;

use strongroom_base::{Class, Classified, with_causes};
use strongroom_replica::parallel::in_order;

use super::Job;
use super::repack::Reader;
use super::usage::PackUse;
use super::write::Output;
use crate::backup::Compressor;
use crate::error::EngineError;
use crate::monitor::{Warning, count};

/// So many packs are read and opened at a time: each takes twice its size of memory meanwhile.
const READERS: usize = 2;

impl Job<'_> {
    /// Copies what is needed of packs to new ones. A pack that cannot be read stays as it is.
    pub(super) fn copy(&mut self, output: &mut Output<'_>) -> Result<(), EngineError> {
        let moved = std::mem::take(&mut self.plan.moved);
        count(
            &self.progress.bytes_total,
            moved.iter().map(|pack| u64::from(pack.place.size)).sum(),
        );
        for some in moved.chunks(READERS) {
            if self.stop.is_requested() {
                return Err(EngineError::Interrupted);
            }
            let mut read = Vec::with_capacity(some.len());
            let needed = |pack: &PackUse| {
                let compressor = Compressor::default();
                let (archive, marks) = (&self.archive, &self.marks);
                let mut reader = Reader {
                    archive,
                    marks,
                    compressor,
                };
                reader.needed(pack)
            };
            in_order(READERS, some, &needed, &mut |_, found| {
                read.push(found);
                ControlFlow::Continue(())
            });
            for (pack, found) in some.iter().zip(read) {
                match found {
                    Ok(segments) => {
                        for segment in segments {
                            output.take(segment);
                        }
                        output.flush_full(&mut self.marks)?;
                    }
                    Err(error) if error.class() == Class::Damage => self.leave(pack, &error),
                    Err(error) => return Err(error),
                }
                count(&self.progress.bytes_done, u64::from(pack.place.size));
            }
        }
        output.finish_packs();
        Ok(())
    }

    fn leave(&mut self, pack: &PackUse, error: &EngineError) {
        self.plan.gone.remove(&pack.key());
        if let Some(record) = pack.record() {
            self.plan.staying.insert(record);
            let others = self.uses.values();
            let of_record =
                others.filter(|other| other.record() == Some(record) && other.chunks == 0);
            for other in of_record {
                self.plan.gone.remove(&other.key());
            }
        }
        self.summary.damaged += 1;
        self.monitor.warning(Warning {
            subject: pack.place.object.to_string().into_bytes(),
            message: format!("is left as it is: {}", with_causes(error)),
            left_out: false,
        });
    }
}
