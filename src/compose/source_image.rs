//! An image that files are taken from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::contents::{Contents, Result, unreadable_in};
use super::text_files::reader;
use crate::debian::Dpkg;
use crate::elf::search::{is_cacheable, trusted_folders};
use crate::glibc::ld_so_conf;
use crate::image::ImageConfig;
use crate::oci::Architecture;
use crate::package_db::{FileOwners, PackageDatabase as _};
use crate::rootfs::{RootPath, Tree};

/// The builder, or an image that `[[extract]]` names.
pub struct SourceImage {
    /// Its name in the configuration: `builder`, or the name of an image.
    pub name: String,
    pub tree: Arc<Tree>,
    pub config: ImageConfig,
    /// The directories of its `ld.so.conf`: its loader searches them before the trusted ones.
    pub folders: Vec<RootPath>,
    /// The packages that own its files.
    pub owners: FileOwners,
}

/// The files of the new image that came from one source image: from their path here to their path
/// there. Both are real paths.
pub type Origins = BTreeMap<RootPath, RootPath>;

/// The index of a source image in [`super::Context::sources`].
pub type SourceImageId = usize;

impl SourceImage {
    /// Reads the loader configuration and the package database of an image. Errors call it
    /// `own_name`.
    ///
    /// # Errors
    /// Files that cannot be read, or are too large.
    pub fn read(
        (name, own_name): (&str, &str),
        tree: Arc<Tree>,
        config: ImageConfig,
        contents: &dyn Contents,
    ) -> Result<Self> {
        let in_image = |error| unreadable_in(own_name, error);
        let files = || reader(&tree, contents);
        let folders = ld_so_conf::folders(&tree, &mut files()).map_err(in_image)?;
        let owners = Dpkg::owners(&tree, &mut files()).map_err(in_image)?;
        Ok(Self { name: name.to_owned(), folders, owners, config, tree })
    }

    /// Returns the directories of the new image with files that this image's loader finds by their
    /// bare names, in the loader's search order.
    pub(super) fn listed(&self, origins: &Origins, architecture: &Architecture) -> Vec<RootPath> {
        let covered = self.folders.iter().cloned().chain(trusted_folders(architecture));
        let covered: Vec<_> = covered.filter_map(|folder| self.tree.resolve(&folder).ok()).collect();
        let mut out = BTreeSet::new();
        for (path, from) in origins.iter().filter(|(_, from)| from.name().is_some_and(is_cacheable)) {
            let position = from.parent().and_then(|folder| covered.iter().position(|other| *other == folder));
            out.extend(position.zip(path.parent()));
        }
        out.into_iter().map(|(_, folder)| folder).collect()
    }
}
