//! A container engine as a target: a docker archive in a temporary directory, which it loads.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use tempfile::TempDir;

use super::endpoint::Endpoint;
use super::{api, program};
use crate::diagnostic::Code;
use crate::oci::{Descriptor, RawManifest};
use crate::operation_error::OperationError;
use crate::progress::{Outcome, Progress};
use crate::repository::{BlobSource, NamedManifest, Sink};
use crate::store::{ArchiveFormat, ArchiveWriter};

/// A container engine that loads images.
pub struct EngineSink {
    endpoint: Endpoint,
    archive: ArchiveWriter,
    /// The directory of the archive; deleted in the end.
    folder: Mutex<Option<TempDir>>,
}

impl EngineSink {
    /// Opens an engine. Its archive is written to `folder`.
    ///
    /// # Errors
    /// An archive that cannot be written.
    pub fn new(endpoint: Endpoint, folder: TempDir, progress: Arc<dyn Progress>) -> Result<Self, OperationError> {
        let archive = ArchiveWriter::create(&folder.path().join("image.tar"), ArchiveFormat::Docker, progress)?;
        Ok(Self { endpoint, archive, folder: Mutex::new(Some(folder)) })
    }

    /// Stops writing, and deletes the archive.
    pub fn close(&self) {
        self.archive.close();
        drop(self.folder.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Sink for EngineSink {
    fn blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        origin: &'a BlobSource,
    ) -> BoxFuture<'a, Result<Outcome, OperationError>> {
        self.archive.blob(blob, origin)
    }

    fn manifest<'a>(&'a self, manifest: &'a RawManifest) -> BoxFuture<'a, Result<(), OperationError>> {
        self.archive.manifest(manifest)
    }

    fn prepare<'a>(&'a self, images: &'a [NamedManifest]) -> BoxFuture<'a, Result<(), OperationError>> {
        Box::pin(async move {
            self.archive.prepare(images).await?;
            self.archive.publish(images).await
        })
    }

    fn publish<'a>(&'a self, _: &'a [NamedManifest]) -> BoxFuture<'a, Result<(), OperationError>> {
        Box::pin(async move {
            let loaded = match &self.endpoint {
                Endpoint::Program { engine, path } => run(engine, path, self.archive.path()).await,
                Endpoint::Socket { .. } | Endpoint::Tcp { .. } => api::load(&self.endpoint, self.archive.path()).await,
            };
            self.close();
            loaded
        })
    }
}

async fn run(engine: &'static str, path: &Path, archive: &Path) -> Result<(), OperationError> {
    let (path, archive) = (path.to_owned(), archive.to_owned());
    let ran = tokio::task::spawn_blocking(move || program::load(engine, &path, &archive)).await;
    ran.unwrap_or_else(|stopped| {
        Err(OperationError::new(Code::Internal, format!("`{engine} load` stopped")).because(&stopped))
    })
}
