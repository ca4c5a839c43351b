//! A repository as a sink: blobs that are present, mounted or uploaded, and manifests.
//!
//! Source: distribution-spec `spec.md`, "Push". A mount that is answered with an upload (202) is
//! used as that upload.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::blob_upload::BlobUpload;
use super::error::Intent;
use super::manifest_push::{ManifestFailure, parts};
use super::pushed_parts::PushedPart;
use super::repository::Repository;
use super::upload_session::{BlobTarget, Mount};
use crate::http::upload::Upload;
use crate::oci::location::Selector;
use crate::oci::{Descriptor, Digest, RawManifest};
use crate::operation_error::OperationError;
use crate::progress::{Event, Outcome, Subject, Verb};
use crate::repository::{BlobSource, NamedManifest, Sink};

impl Sink for Repository {
    fn blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        origin: &'a BlobSource,
    ) -> BoxFuture<'a, Result<Outcome, OperationError>> {
        Box::pin(async move {
            self.pushed.keep(blob.digest, PushedPart::Blob(Box::new(blob.clone()), origin.clone()));
            let result = self.push_blob(blob, origin).await;
            let outcome = *result.as_ref().unwrap_or(&Outcome::Failed);
            self.report(Event::Ended { verb: Verb::Push, subject: Subject::Blob(blob.digest), outcome });
            result
        })
    }

    fn manifest<'a>(&'a self, manifest: &'a RawManifest) -> BoxFuture<'a, Result<(), OperationError>> {
        Box::pin(async move {
            self.pushed.keep(manifest.digest(), PushedPart::Manifest(manifest.clone()));
            self.name_manifest(manifest, &Selector::Digest(manifest.digest())).await
        })
    }

    /// Does nothing: a registry keeps each blob and manifest that it has accepted.
    fn prepare<'a>(&'a self, _: &'a [NamedManifest]) -> BoxFuture<'a, Result<(), OperationError>> {
        Box::pin(async { Ok(()) })
    }

    fn publish<'a>(&'a self, images: &'a [NamedManifest]) -> BoxFuture<'a, Result<(), OperationError>> {
        Box::pin(async move {
            let all: Vec<_> = images.iter().flat_map(|image| image.names.clone()).collect();
            let mut moved = 0;
            for NamedManifest { manifest, names } in images {
                for tag in names {
                    let result = self.name_manifest(manifest, &Selector::Tag(tag.clone())).await;
                    result.map_err(|error| of_several(error, &all[..moved], &all[moved..]))?;
                    moved += 1;
                }
            }
            Ok(())
        })
    }
}

/// Adds to an error which tags were moved before it, and which were not.
fn of_several(mut error: OperationError, moved: &[String], others: &[String]) -> OperationError {
    let list = |tags: &[String]| tags.iter().map(|tag| format!("`{tag}`")).collect::<Vec<_>>().join(", ");
    match (moved, others) {
        ([], [_]) => {}
        ([], others) => error.message = format!("{} (no tag was moved: {})", error.message, list(others)),
        (moved, others) => {
            let (moved, others) = (list(moved), list(others));
            error.message = format!("{} (tags that were moved: {moved}; not moved: {others})", error.message);
        }
    }
    error
}

impl Repository {
    /// Pushes a manifest by digest or tag, unless it is there.
    async fn name_manifest(&self, manifest: &RawManifest, selector: &Selector) -> Result<(), OperationError> {
        let named = self.digest_at(selector).await;
        if named == Some(manifest.digest()) {
            return Ok(());
        }
        self.push_manifest(manifest, selector, named).await
    }

    async fn push_blob(&self, blob: &Descriptor, origin: &BlobSource) -> Result<Outcome, OperationError> {
        let target = BlobTarget::new(self, blob);
        if target.is_present().await? {
            return Ok(Outcome::Present);
        }
        let session = match target.mount(origin).await? {
            Mount::Mounted => return Ok(Outcome::Mounted),
            Mount::Session(session) => Some(session),
            Mount::Refused => None,
        };
        let subject = Subject::Blob(blob.digest);
        self.report(Event::Started { verb: Verb::Push, subject, size: Some(blob.size) });
        let upload = Upload::new(blob, origin, Arc::clone(&self.transport.progress));
        BlobUpload::new(&target, upload, session).run().await.map(|()| Outcome::Done)
    }

    async fn push_manifest(
        &self,
        manifest: &RawManifest,
        selector: &Selector,
        named: Option<Digest>,
    ) -> Result<(), OperationError> {
        let mut attempts =
            self.transport.attempts(&self.access(Intent::Push), format!("manifest {}", self.named(selector)));
        loop {
            match self.write_manifest(manifest, selector, named).await {
                Ok(()) => return Ok(()),
                Err(ManifestFailure::Other(failure)) => attempts.pause(failure).await?,
                Err(ManifestFailure::MissingParts(failure, missing)) => {
                    attempts.pause(failure).await?;
                    self.push_again(manifest, &missing).await?;
                }
            }
        }
    }

    /// Uploads parts of a manifest again, which the registry had once: the named ones, or all.
    fn push_again<'a>(
        &'a self,
        manifest: &'a RawManifest,
        missing: &'a BTreeSet<Digest>,
    ) -> BoxFuture<'a, Result<(), OperationError>> {
        Box::pin(async move {
            let parts = parts(manifest);
            let is_named = parts.iter().any(|part| missing.contains(part));
            for part in parts.iter().filter(|part| !is_named || missing.contains(part)) {
                match self.pushed.get(part) {
                    Some(PushedPart::Blob(blob, origin)) => {
                        let upload = Upload::new(&blob, &origin, Arc::clone(&self.transport.progress));
                        BlobUpload::new(&BlobTarget::new(self, &blob), upload, None).run().await?;
                    }
                    Some(PushedPart::Manifest(manifest)) => {
                        self.push_manifest(&manifest, &Selector::Digest(*part), None).await?;
                    }
                    None => {}
                }
            }
            Ok(())
        })
    }

    fn report(&self, event: Event) {
        self.transport.progress.on(event);
    }
}

#[cfg(test)]
mod tests;
