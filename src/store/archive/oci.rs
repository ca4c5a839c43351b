//! The members of an OCI archive: a layout whose index names the images.

use super::contents::Contents;
use super::tar_file::TarFile;
use crate::diagnostic::Code;
use crate::operation_error::OperationError;
use crate::repository::NamedManifest;
use crate::store::blob_reader::copy_verified;
use crate::store::layout::index::{Index, marker};

/// Writes the members: the marker and the index first, so that a reader of the stream knows what
/// follows, then the blobs by digest.
pub(super) fn write(
    tar: &mut TarFile,
    contents: &Contents<'_>,
    images: &[NamedManifest],
) -> Result<(), OperationError> {
    let mut index = Index::empty();
    for NamedManifest { manifest, names } in images {
        for name in names {
            index.name(manifest, name);
        }
        if names.is_empty() {
            index.hold(manifest);
        }
    }
    let json = index
        .to_json()
        .map_err(|cause| OperationError::new(Code::Internal, "cannot write an image index").because(&cause))?;
    let failed = |cause| contents.failed(&cause);
    tar.file("oci-layout", marker().as_bytes()).map_err(failed)?;
    tar.file("index.json", &json).map_err(failed)?;
    tar.folder("blobs/").map_err(failed)?;
    tar.folder("blobs/sha256/").map_err(failed)?;
    for (digest, (blob, origin)) in contents.blobs {
        let name = format!("blobs/sha256/{}", digest.hex());
        contents.read(blob, origin, Some(blob.size), |reader, advanced| {
            let copied = tar.streamed(&name, |out| {
                copy_verified(blob, reader, |bytes| {
                    out.write_all(bytes)?;
                    advanced(bytes.len() as u64);
                    Ok(())
                })
            });
            copied.and_then(|copied| copied).map_err(failed)
        })?;
    }
    Ok(())
}
