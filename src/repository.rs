//! Repositories of images: registries, OCI layouts and archives, as sources and as targets.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::io::AsyncRead;

use crate::oci::location::Selector;
use crate::oci::{Descriptor, Location, RawManifest};
use crate::operation_error::OperationError;
use crate::plan::Engine;
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

/// An image of a sink, and its names there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedManifest {
    /// A manifest, or an index over manifests.
    pub manifest: RawManifest,
    /// Tags of a repository, names in a layout, or whole references in a docker archive.
    pub names: Vec<String>,
}

/// A repository that images are pushed to.
///
/// Images become visible in the end, by `publish`: a sink that is dropped before leaves nothing
/// half-written behind.
pub trait Sink: Send + Sync {
    /// Uploads the blob unless the target already has it.
    fn blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        origin: &'a BlobSource,
    ) -> BoxFuture<'a, Result<Outcome, OperationError>>;

    /// Writes a manifest or index under its digest. Its blobs and manifests are there already.
    fn manifest<'a>(&'a self, manifest: &'a RawManifest) -> BoxFuture<'a, Result<(), OperationError>>;

    /// Does all work of `publish` that nobody sees yet, such as writing an archive in full under a
    /// temporary name. Called once, with all images of the run.
    fn prepare<'a>(&'a self, images: &'a [NamedManifest]) -> BoxFuture<'a, Result<(), OperationError>>;

    /// Names the images, after `prepare`: moves tags, or gives an archive its name. The sink takes
    /// nothing afterwards.
    fn publish<'a>(&'a self, images: &'a [NamedManifest]) -> BoxFuture<'a, Result<(), OperationError>>;
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
    /// Unusable credentials; a layout or an archive that cannot be written.
    fn sink(&self, location: &Location) -> Result<Arc<dyn Sink>, OperationError>;

    /// Returns the sink of a container engine on this machine, and the engine in words.
    ///
    /// # Errors
    /// No engine is found.
    fn engine(&self, engine: Engine) -> Result<(Arc<dyn Sink>, String), OperationError>;
}
