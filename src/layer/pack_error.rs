//! The reasons for which a layer cannot be written.

use std::io;

/// The reasons for which a layer cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    #[error("cannot read `{path}`")]
    Read {
        path: String,
        #[source]
        cause: io::Error,
    },
    #[error("`{path}` changed while it was being read")]
    Changed { path: String },
    #[error("`{wheel}` is not a valid wheel: cannot read its `{path}`")]
    ZipEntry {
        wheel: String,
        path: String,
        #[source]
        cause: io::Error,
    },
    #[error("`{wheel}` is not a valid wheel: its `{path}` does not match its RECORD")]
    Record { wheel: String, path: String },
    #[error("cannot write the layer")]
    Write(#[from] io::Error),
}
