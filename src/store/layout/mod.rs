//! OCI image layouts: a folder of blobs, and an index that names some of them.
//!
//! Source: image-spec `image-layout.md`; `annotations.md` for
//! `org.opencontainers.image.ref.name`. [`Layout`] reads one, [`LayoutWriter`]
//! adds to one, `index` is the `index.json` that both know.

mod index;
mod reader;
mod writer;

use std::path::{Path, PathBuf};

pub use reader::Layout;
pub use writer::LayoutWriter;

use crate::oci::Digest;
use crate::operation_error::{OperationError, OperationErrorKind};

fn blobs(folder: &Path) -> PathBuf {
    folder.join("blobs").join("sha256")
}

fn blob_path(folder: &Path, digest: &Digest) -> PathBuf {
    blobs(folder).join(digest.hex())
}

fn other(message: String) -> OperationError {
    OperationError { kind: OperationErrorKind::Other, message, hint: None }
}
