//! An image that files are taken out of.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::pull::Image;
use crate::debian::dpkg::Owners;
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

/// A donor's place in the list of them.
pub type DonorId = usize;
