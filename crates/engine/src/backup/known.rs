//! What this computer knows of the archive's chunks, and index runs that it lacks.

use strongroom_base::object::ObjectRef;
use strongroom_catalogue::{Catalogue, KnownChunks};
use strongroom_read::{Archive, ReadError, Replicas};

use crate::error::EngineError;
use crate::writer::{Writer, no_destination};

/// Opens what this computer knows of the archive's chunks, fetching index runs it lacks.
pub(super) fn open_known(
    writer: &Writer<'_>,
    catalogue: &Catalogue,
) -> Result<KnownChunks, EngineError> {
    let mut fetcher = RunFetcher::default();
    KnownChunks::open(&catalogue.runs_folder(), writer.runs(), &mut |run| {
        fetcher.fetch(writer, run)
    })
}

/// Fetches index runs from the ready destinations.
#[derive(Default)]
pub(super) struct RunFetcher(Option<Archive>);

impl RunFetcher {
    pub(super) fn fetch(
        &mut self,
        writer: &Writer<'_>,
        run: &ObjectRef,
    ) -> Result<Vec<u8>, EngineError> {
        self.fetch_from(writer, run).map_err(|error| {
            if writer.ready().next().is_some() {
                return error.into();
            }
            // A spool holds what destinations lack: that it lacks what they have is no damage.
            no_destination(writer.identity.archive, &writer.slots)
        })
    }

    fn fetch_from(&mut self, writer: &Writer<'_>, run: &ObjectRef) -> Result<Vec<u8>, ReadError> {
        if self.0.is_none() {
            let replicas = writer.ready().map(|(_, replica)| replica.clone());
            let replicas = replicas.chain(writer.spool_source());
            let replicas = Replicas::new(replicas.collect())?;
            let ring = writer.identity.ring.clone();
            self.0 = Some(Archive::with_key_ring(replicas, ring, &mut Vec::new())?);
        }
        let archive = self.0.as_ref().ok_or(ReadError::NoReplica)?;
        archive.run_plaintext(run)
    }
}
