//! Adds the package records of files that come from images, the packages' licences, and the
//! release that scanners need to judge packages.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use md5::Digest as _;

use super::contents::{Contents, Result, root_path, unreadable};
use super::draft::Draft;
use super::reasons::Because;
use super::source_image::SourceImageId;
use crate::image::LayerKind;
use crate::layer::recipe::Recipe;
use crate::package_db::{Md5, Package, PackageDatabase as _, PackagedFile};
use crate::rootfs::{Content, Entry, RootPath};

const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

impl Draft<'_> {
    /// Adds the records of the packages that own files of a layer.
    pub(super) fn add_records(&mut self, kind: LayerKind) -> Result<()> {
        self.add_os_release(kind)?;
        let mut taken = Vec::new();
        let mut packages: BTreeMap<Arc<Package>, SourceImageId> = BTreeMap::new();
        for (source, origins) in self.image.origins.iter().enumerate() {
            for (path, from) in origins.iter().filter(|(path, _)| self.is_in(kind, path)) {
                if let Some(package) = self.cx.sources[source].owners.of(from) {
                    packages.entry(package.clone()).or_insert(source);
                    taken.push(self.taken_file(package, path)?);
                }
            }
        }
        for (package, source) in packages {
            if let Some(path) = self.add_licence(kind, &package, source)? {
                taken.push(self.taken_file(&package, &path)?);
            }
        }
        // A file of any origin may replace a package's file.
        let came = self.layers_of(kind).flat_map(Recipe::entries).map(|(path, _)| path.clone()).collect();
        for (path, text) in self.image.packages.record(&self.image.tree, &taken, &came) {
            self.put(kind, &path, Entry::bytes(0o644, text), Because::Record)?;
        }
        Ok(())
    }

    /// Returns whether a file is in a layer of a kind; false for directories.
    fn is_in(&self, kind: LayerKind, path: &RootPath) -> bool {
        self.image.reasons.get(path).is_some_and(|reason| reason.layer == kind) && !self.image.tree.is_folder(path)
    }

    fn taken_file(&self, package: &Arc<Package>, path: &RootPath) -> Result<PackagedFile> {
        let content = self.image.tree.get(path).and_then(Entry::content);
        let md5 = content.map(|content| md5(path, content, self.cx.contents.as_ref())).transpose()?;
        Ok(PackagedFile { package: package.clone(), path: path.clone(), md5 })
    }

    /// Adds a package's licence, unless the image has it. In the source image several packages may
    /// share one licence by links; here each package gets a copy.
    fn add_licence(&mut self, kind: LayerKind, package: &Package, source: SourceImageId) -> Result<Option<RootPath>> {
        let path = root_path(&format!("usr/share/doc/{}/copyright", package.name));
        let found = self.cx.sources[source].tree.follow(&path);
        let Some((from, _)) = found.filter(|(_, entry)| entry.content().is_some()) else { return Ok(None) };
        if self.image.tree.follow(&path).is_some() {
            return Ok(None);
        }
        self.put_from((source, &from), kind, &path, Because::Record)
    }

    /// Adds the os-release of the source image to an image without one, such as scratch: without it
    /// scanners skip all packages (aquasecurity/trivy#1909).
    fn add_os_release(&mut self, kind: LayerKind) -> Result<()> {
        if OS_RELEASE.into_iter().any(|path| self.has(path)) {
            return Ok(());
        }
        let in_layer = |path: &RootPath| self.image.reasons.get(path).is_some_and(|reason| reason.layer == kind);
        let gave = |source: &SourceImageId| self.image.origins[*source].keys().any(in_layer);
        let Some(source) = (0..self.cx.sources.len()).find(gave) else { return Ok(()) };
        let has = |path: &&str| self.cx.sources[source].tree.follow(&root_path(path)).is_some();
        let Some(path) = OS_RELEASE.into_iter().find(has) else { return Ok(()) };
        let selected = self.select("package records", source, path)?;
        self.add_selected(kind, (source, &selected), None, &Because::Record)?;
        Ok(())
    }
}

fn md5(path: &RootPath, content: &Content, contents: &dyn Contents) -> Result<Md5> {
    let mut file = contents.open(content).map_err(|cause| unreadable(path, cause))?;
    let mut hasher = md5::Md5::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer).map_err(|cause| unreadable(path, cause))? {
            0 => return Ok(hasher.finalize().into()),
            count => hasher.update(&buffer[..count]),
        }
    }
}
