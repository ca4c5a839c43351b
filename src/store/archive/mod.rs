//! Images in one tar file: OCI archives and docker archives.
//!
//! Sources: image-spec `image-layout.md` (an OCI archive is a tar of a layout); moby
//! `image/spec/spec.md`, "Combined Image JSON + Filesystem Changeset Format", for `manifest.json`.
//! The bytes of an archive depend on its images alone.

mod contents;
mod docker;
pub(super) mod members;
mod oci;
pub(super) mod tar_file;
mod writer;

pub use writer::{ArchiveFormat, ArchiveWriter};
