//! The package database of an image.

use super::contents::Result;
use super::context::Context;
use super::text_files::reader;
use crate::debian::Dpkg;
use crate::package_db::PackageDatabase as _;
use crate::rootfs::Tree;

/// Reads the package records of an image.
///
/// # Errors
/// Records that cannot be read, or are too large.
pub(super) fn database(cx: &Context, tree: &Tree) -> Result<Dpkg> {
    let mut reader = reader(tree, cx.contents.as_ref());
    Dpkg::read(tree, &mut reader)
}
