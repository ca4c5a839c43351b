//! Package records of what comes out of images, the licences that go with it, and
//! the release that scanners judge packages by.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use md5::Digest as _;

use super::application::root_path;
use super::donor::DonorId;
use super::error::BuildError;
use super::extract::Work;
use super::reasons::Because;
use super::tars::Tars;
use crate::debian::dpkg::Package;
use crate::debian::md5sums::Md5;
use crate::debian::records::Taken;
use crate::layer::{Recipe, contents};
use crate::progress::LayerKind;
use crate::rootfs::{Content, Entry, RootPath, Tree};

/// A database's longest file: a full Debian desktop's `status` has some 5 MB (assumed).
const FILE_LIMIT: u64 = 32 << 20;
/// All files of a database together. A Debian desktop of 3000 packages has some 40 MB
/// (assumed); without a limit an image could keep carboy busy with lists for hours.
const DATABASE_LIMIT: u64 = 128 << 20;
const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

impl Work<'_> {
    /// Ends a layer with the records of what donors gave to it.
    pub(super) fn records(&mut self, kind: LayerKind) -> Result<(), BuildError> {
        self.os_release(kind)?;
        let mut taken = Vec::new();
        let mut packages: BTreeMap<Arc<Package>, DonorId> = BTreeMap::new();
        for (id, donor) in self.donors.iter().enumerate() {
            for (path, from) in &donor.origins {
                if !self.is_of(kind, path) || self.image.is_folder(path) {
                    continue;
                }
                if let Some(package) = donor.owners.of(from) {
                    packages.entry(package.clone()).or_insert(id);
                    taken.push(self.taken_file(package, path)?);
                }
            }
        }
        for (package, donor) in packages {
            if let Some(path) = self.licence(kind, &package, donor)? {
                taken.push(self.taken_file(&package, &path)?);
            }
        }
        // Files of any origin: a local one too takes the place of a package's.
        let came = self.layers_of(kind).flat_map(Recipe::entries).map(|(path, _)| path.clone());
        for (path, text) in self.on_record.extend(&self.image, &taken, &came.collect()) {
            self.put(kind, &path, Entry::bytes(0o644, text), Because::Record)?;
        }
        Ok(())
    }

    fn is_of(&self, kind: LayerKind, path: &RootPath) -> bool {
        self.reasons.get(path).is_some_and(|reason| reason.layer == kind)
    }

    fn taken_file(&self, package: &Arc<Package>, path: &RootPath) -> Result<Taken, BuildError> {
        let content = self.image.get(path).and_then(Entry::content);
        let md5 = content.map(|content| md5(path, content, &self.inputs.tars)).transpose()?;
        Ok(Taken { package: package.clone(), path: path.clone(), md5 })
    }

    /// Brings a package's licence, unless the image has it. Several packages of one
    /// source may share one, by a link in the donor; here each has its own.
    fn licence(&mut self, kind: LayerKind, package: &Package, donor: DonorId) -> Result<Option<RootPath>, BuildError> {
        let path = root_path(&format!("usr/share/doc/{}/copyright", package.name));
        let found = self.donors[donor].image.tree.follow(&path);
        let Some((from, _)) = found.filter(|(_, entry)| entry.content().is_some()) else { return Ok(None) };
        if self.image.follow(&path).is_some() {
            return Ok(None);
        }
        self.put_from(donor, &from, kind, &path, Because::Record)
    }

    /// Without a release scanners skip all packages (aquasecurity/trivy#1909), so an
    /// image that has none, as on scratch, gets the one that its files are of.
    fn os_release(&mut self, kind: LayerKind) -> Result<(), BuildError> {
        if OS_RELEASE.into_iter().any(|path| self.image.follow(&root_path(path)).is_some()) {
            return Ok(());
        }
        let gave = |donor: &DonorId| self.donors[*donor].origins.keys().any(|path| self.is_of(kind, path));
        let Some(donor) = (0..self.donors.len()).find(gave) else { return Ok(()) };
        let has = |path: &&str| self.donors[donor].image.tree.follow(&root_path(path)).is_some();
        let Some(path) = OS_RELEASE.into_iter().find(has) else { return Ok(()) };
        let selected = self.select("package records", donor, path)?;
        self.add_selected(kind, donor, &selected, None, &Because::Record)?;
        Ok(())
    }
}

/// Reads files of dpkg's database, and the loader's configuration, up to a limit for
/// all of them.
pub(super) fn reader(tree: &Tree, tars: &Tars) -> impl FnMut(&RootPath) -> Result<Option<Vec<u8>>, BuildError> {
    let mut left = DATABASE_LIMIT;
    move |path| {
        let Some(content) = tree.follow(path).and_then(|(_, entry)| entry.content()) else { return Ok(None) };
        left = left.checked_sub(content.size()).ok_or_else(|| {
            let cause = format!("with it, dpkg's or the loader's files have more than {} MiB", DATABASE_LIMIT >> 20);
            BuildError::read(path, cause)
        })?;
        let bytes = contents::read(content, tars, FILE_LIMIT).map_err(|cause| BuildError::read(path, cause))?;
        Ok(Some(bytes))
    }
}

/// Says of which image a file could not be read.
pub(super) fn of_image<T>(image: &str, read: Result<T, BuildError>) -> Result<T, BuildError> {
    read.map_err(|error| match error {
        BuildError::Read { path, cause } => BuildError::ReadOf { image: image.to_owned(), path, cause },
        other => other,
    })
}

fn md5(path: &RootPath, content: &Content, tars: &Tars) -> Result<Md5, BuildError> {
    let mut file = contents::open(content, tars).map_err(|cause| BuildError::read(path, cause))?;
    let mut hasher = md5::Md5::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer).map_err(|cause| BuildError::read(path, cause))? {
            0 => return Ok(hasher.finalize().into()),
            count => hasher.update(&buffer[..count]),
        }
    }
}
