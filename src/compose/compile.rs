//! Compiles Python sources.

use std::collections::BTreeMap;

use super::contents::Result;
use crate::image::LayerKind;
use crate::rootfs::{Content, RootPath};

/// Python sources by their paths in the image.
pub type Sources = BTreeMap<RootPath, Content>;

/// Compiles Python sources for the image's interpreter.
pub trait Compile: Send + Sync {
    /// Compiles groups of sources for the layers of a kind, each group by itself: the sources
    /// of one distribution, or of one layer. The bytecode depends on each source and on
    /// nothing else.
    ///
    /// # Errors
    /// No interpreter of the right version; a source that cannot be read. A source that
    /// cannot be compiled is not an error.
    fn compile(&self, kind: LayerKind, groups: &[&Sources]) -> Result<Vec<Compiled>>;
}

/// Compiled sources.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Compiled {
    /// The `.pyc` files by their paths in the image.
    pub files: BTreeMap<RootPath, Content>,
    /// The sources that could not be compiled.
    pub skipped: Vec<RootPath>,
}
