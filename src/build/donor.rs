//! An image that files are taken out of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::pull::Image;
use crate::debian::dpkg::Owners;
use crate::elf::search::{is_cacheable, trusted_folders};
use crate::oci::Architecture;
use crate::rootfs::RootPath;

/// The builder, or an image that `[[extract]]` names.
pub struct Donor {
    /// As the configuration names it.
    pub name: String,
    pub image: Arc<Image>,
    /// Where its loader looks by its `ld.so.conf`, before the trusted folders.
    pub folders: Vec<RootPath>,
    /// Whose its files are.
    pub owners: Owners,
    /// Where files of the new image came from in this one: real paths on both sides.
    pub origins: BTreeMap<RootPath, RootPath>,
}

impl Donor {
    /// Where files went that this image's loader finds by their bare names, in its
    /// order of folders.
    pub fn listed(&self, architecture: &Architecture) -> Vec<RootPath> {
        let covered = self.folders.iter().cloned().chain(trusted_folders(architecture));
        let covered: Vec<_> = covered.filter_map(|folder| self.image.tree.resolve(&folder).ok()).collect();
        let mut out = BTreeSet::new();
        for (path, from) in self.origins.iter().filter(|(_, from)| from.name().is_some_and(is_cacheable)) {
            let place = from.parent().and_then(|folder| covered.iter().position(|other| *other == folder));
            out.extend(place.zip(path.parent()));
        }
        out.into_iter().map(|(_, folder)| folder).collect()
    }
}

/// A donor's place in the list of them.
pub type DonorId = usize;
