//! Takes every shared library that an image still lacks out of another image.
//!
//! The walk starts from objects in the image and loads each as a process would,
//! looking for each needed name where the image's loader will look, and only when it
//! is not there, where the donor's loader would. The image's own libraries win.
//!
//! Every root is a walk of its own: a program with nothing before it, a module into
//! the process that is given. So what one module brings along hides nothing that
//! another one lacks.
//!
//! Not distinguished: hard links count as files of their own, and a folder of the
//! search path that only some users may enter is looked into.

use std::collections::BTreeMap;

use super::loaded_objects::LoaderState;
use crate::oci::Architecture;
use crate::rootfs::{RootPath, Tree};

/// The libraries that objects of an image load. Says what to take from the donor; writes nothing.
pub struct Closure<'a, L> {
    /// The image as it is.
    pub image: &'a Tree,
    /// The path in the donor of each object of the image that was taken from there.
    pub origins: &'a BTreeMap<RootPath, RootPath>,
    pub donor: Option<&'a Tree>,
    /// The directories of the donor's `ld.so.conf`, which its loader searches before the trusted
    /// directories.
    pub donor_folders: &'a [RootPath],
    /// The directories that the image's `ld.so.cache` will cover, in ldconfig's order: those of its
    /// `ld.so.conf`, then `lib` and `usr/lib`. Empty without a cache.
    pub image_folders: &'a [RootPath],
    pub architecture: &'static Architecture,
    pub loader: &'a L,
    /// The process that modules are loaded into: its names are never searched for.
    pub process: &'a LoaderState,
}

#[cfg(test)]
mod tests;
