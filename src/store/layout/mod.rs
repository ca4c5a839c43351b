//! OCI image layouts: a directory of blobs, and an index that names some of them.
//!
//! Source: image-spec `image-layout.md`; `annotations.md` for `org.opencontainers.image.ref.name`.
//! [`Layout`] reads a layout, [`LayoutWriter`] adds to one, both through `index`, the `index.json`.

pub(super) mod index;
mod reader;
mod writer;

use std::path::{Path, PathBuf};

pub use reader::Layout;
pub use writer::LayoutWriter;

use crate::oci::Digest;

fn blobs(folder: &Path) -> PathBuf {
    folder.join("blobs").join("sha256")
}

fn blob_path(folder: &Path, digest: &Digest) -> PathBuf {
    blobs(folder).join(digest.hex())
}
