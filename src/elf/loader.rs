//! The trait that reads the ELF files of a tree.

use std::sync::Arc;

use super::object::Object;
use crate::rootfs::{Content, RootPath};

/// Reads ELF files of trees; none for content that is no dynamic object.
pub trait Loader {
    /// Whatever keeps it from reading.
    type Error;

    /// Returns the object that a file's content is.
    ///
    /// # Errors
    /// Content that cannot be read; broken ELF files.
    fn object(&self, path: &RootPath, content: &Content) -> Result<Option<Arc<Object>>, Self::Error>;
}
