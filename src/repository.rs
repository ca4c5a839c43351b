//! Repositories of images: registries and OCI layouts, as sources and as targets.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::io::AsyncRead;

use crate::oci::location::Selector;
use crate::oci::{Descriptor, Location, RawManifest};
use crate::operation_error::OperationError;
use crate::progress::Outcome;

/// Verified bytes on their way: an error comes out in place of wrong content,
/// at the latest instead of the end of the stream.
pub type BlobReader = Pin<Box<dyn AsyncRead + Send>>;

/// A repository that images are pulled from.
pub trait Source: Send + Sync {
    /// Returns a manifest or index of at most [`crate::oci::manifest::LIMIT`] bytes; by digest, it
    /// is verified.
    fn manifest<'a>(&'a self, selector: &'a Selector) -> BoxFuture<'a, Result<RawManifest, OperationError>>;

    /// Returns a blob's bytes, verified against digest and size as they pass. After an error with
    /// the code `MirrorFailed`, the blob can be requested once more: it comes from another place.
    fn blob<'a>(&'a self, blob: &'a Descriptor) -> BoxFuture<'a, Result<BlobReader, OperationError>>;

    /// Returns the repository of a registry that its blobs can be mounted from.
    fn mountable_at(&self, registry: &str) -> Option<&str>;
}

/// The source of a blob's bytes for a push.
#[derive(Clone)]
pub enum BlobSource {
    Bytes(Bytes),
    /// A file that holds just the blob.
    File(PathBuf),
    /// Another repository: mounted from there when it is in the same registry,
    /// streamed through otherwise.
    Repository(Arc<dyn Source>),
}

/// A repository that images are pushed to.
pub trait Sink: Send + Sync {
    /// Uploads the blob unless the target already has it.
    fn blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        origin: &'a BlobSource,
    ) -> BoxFuture<'a, Result<Outcome, OperationError>>;

    /// Writes a manifest or index under its digest (`None`) or a tag.
    fn manifest<'a>(
        &'a self,
        manifest: &'a RawManifest,
        tag: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), OperationError>>;

    /// Ends the writing: everything given to the sink is at the target for good.
    ///
    /// Called once, after the last blob, manifest and tag; the sink takes nothing
    /// afterwards. A target that is one file, such as an archive, gets its name here and
    /// not before, so that no half of one is taken for an image. A sink that is dropped
    /// without this call leaves nothing half-written behind.
    fn finish(&self) -> BoxFuture<'_, Result<(), OperationError>>;
}

/// Opens repositories.
pub trait Repositories: Send + Sync {
    /// Returns the source at a place, and what the place names in it.
    ///
    /// # Errors
    /// Unusable credentials; a layout that is not there.
    fn source(&self, location: &Location) -> Result<(Arc<dyn Source>, Selector), OperationError>;

    /// Returns the sink at a place.
    ///
    /// # Errors
    /// Unusable credentials; a layout that cannot be written.
    fn sink(&self, location: &Location) -> Result<Arc<dyn Sink>, OperationError>;
}
