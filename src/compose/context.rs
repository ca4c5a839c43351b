//! The inputs that all stages of one platform's image share.

use std::sync::Arc;

use super::compile::Compile;
use super::contents::{self, Contents, Result};
use super::elf_reader::ElfReader;
use super::source_image::{SourceImage, SourceImageId};
use super::unavailable::Unavailable;
use crate::elf::Abi;
use crate::image::ImageConfig;
use crate::oci::{Architecture, Platform};
use crate::plan::Plan;
use crate::python::Interpreter;
use crate::rootfs::{RootPath, Tree};

/// The inputs that all stages of one platform's image share.
pub struct Context {
    pub plan: Arc<Plan>,
    pub platform: Platform,
    pub architecture: &'static Architecture,
    pub base_config: ImageConfig,
    /// The builder, if the plan has one, then the images of `[[extract]]`.
    pub sources: Vec<SourceImage>,
    /// The builder's interpreter, for an image with Python.
    pub interpreter: Option<Interpreter>,
    pub elf: Arc<ElfReader>,
    pub contents: Arc<dyn Contents>,
    /// Compiles bytecode, for a plan that asks for it.
    pub compiler: Option<Arc<dyn Compile>>,
    /// Distributions that the image lacks. If there are any, no image is made.
    pub unavailable: Unavailable,
}

impl Context {
    /// Returns the builder, if the plan has one: it is the first source image.
    #[must_use]
    pub fn builder(&self) -> Option<SourceImageId> {
        self.plan.builder.as_ref().map(|_| 0)
    }

    /// Returns the machine of the platform's programs.
    #[must_use]
    pub fn abi(&self) -> Abi {
        Abi::of(self.architecture)
    }

    /// Returns the file tree of the builder.
    #[must_use]
    pub fn builder_tree(&self) -> Option<&Tree> {
        self.builder().map(|builder| self.sources[builder].tree.as_ref())
    }

    /// Reads a small text file of an image, as [`contents::text`].
    pub(super) fn text(&self, tree: &Tree, path: &RootPath) -> Result<Option<String>> {
        contents::text(self.contents.as_ref(), tree, path)
    }
}
