//! The local paths in a configuration.

use std::path::{Path, PathBuf};

use super::{BUILDER, File, SitePackages};
use crate::oci::Location;

/// The paths in an OCI layout that are read or written first. A link at one of them would lead
/// elsewhere.
const LAYOUT: [&str; 4] = ["", "index.json", "oci-layout", "blobs/sha256"];

impl File {
    /// Returns the local paths in the configuration with their keys, relative to the directory of
    /// the project.
    #[must_use]
    pub fn local_paths(&self) -> Vec<(&'static str, PathBuf)> {
        let source = self.app.source.as_deref().map(PathBuf::from);
        let wheel = self.app.wheel.as_deref().map(|wheel| source.clone().unwrap_or_default().join(named_part(wheel)));
        let (dependencies, copies) = (&self.dependencies, self.copy.iter().flatten());
        let site_packages: Vec<_> = match &dependencies.site_packages {
            None => Vec::new(),
            Some(SitePackages::Shared(folder)) => vec![folder],
            Some(SitePackages::PerPlatform(folders)) => folders.values().collect(),
        };
        let mut out = Vec::new();
        let mut add = |key, paths: Vec<PathBuf>| out.extend(paths.into_iter().map(|path| (key, path)));
        add("app.source", source.into_iter().collect());
        add("app.wheel", wheel.into_iter().collect());
        add("copy.from", copies.map(|copy| PathBuf::from(&copy.from)).collect());
        add("dependencies.lock", dependencies.lock.iter().map(PathBuf::from).collect());
        add("dependencies.wheelhouse", dependencies.wheelhouse.iter().flatten().map(PathBuf::from).collect());
        add("dependencies.site-packages", site_packages.into_iter().map(PathBuf::from).collect());
        add("to", self.to.iter().flatten().flat_map(|to| layout(to)).collect());
        add("base", self.base.iter().flat_map(|base| layout(base)).collect());
        add("builder", self.builder.iter().flat_map(|builder| layout(builder)).collect());
        let extracts = self.extract.iter().flatten().filter(|extract| extract.from != BUILDER);
        add("extract.from", extracts.flat_map(|extract| layout(&extract.from)).collect());
        out
    }
}

/// Returns the directory where the search for a path or glob starts: the part before the first
/// wildcard.
fn named_part(pattern: &str) -> &Path {
    let end = pattern.find(['*', '?', '[', '{']).map_or(pattern.len(), |glob| pattern[..glob].rfind('/').unwrap_or(0));
    Path::new(&pattern[..end])
}

/// Returns the paths of an OCI layout or an archive; none for an image in a registry.
fn layout(name: &str) -> Vec<PathBuf> {
    match name.parse() {
        Ok(Location::Layout { folder, .. }) => LAYOUT.iter().map(|part| folder.join(part)).collect(),
        Ok(Location::OciArchive { file, .. } | Location::DockerArchive { file, .. }) => vec![file],
        Ok(Location::Registry(_)) | Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_of_a_configuration_is_listed() {
        let text = "to = ['oci:out', 'oci-archive:o.tar:1', 'r.io/x']\nbase = 'oci:../base:1'\nbuilder = 'python:3.13'\n\
            [dependencies]\nlock = 'l.txt'\nwheelhouse = ['w', '/w']\nsite-packages = { 'linux/amd64' = 's' }\n\
            [app]\nsource = 'src'\nwheel = '../dist/*/x-*.whl'\n[[copy]]\nfrom = 'c'\nto = '/c'\n\
            [[extract]]\npaths = ['/x']\n[[extract]]\nfrom = 'oci:e'\npaths = ['/x']\n";
        let file = File::parse(text, "carboy.toml").unwrap();
        let paths = file.local_paths();
        let mut listed: Vec<_> = paths.iter().map(|(key, path)| format!("{key} {}", path.display())).collect();
        listed.retain(|one| !one.contains("blobs") && !one.contains("index.json") && !one.contains("oci-layout"));
        let want = [
            "app.source src",
            "app.wheel src/../dist",
            "copy.from c",
            "dependencies.lock l.txt",
            "dependencies.wheelhouse w",
            "dependencies.wheelhouse /w",
            "dependencies.site-packages s",
            "to out/",
            "to o.tar",
            "base ../base/",
            "extract.from e/",
        ];
        assert_eq!(listed, want);
        assert_eq!(paths.len(), want.len() + 9);
        assert_eq!(named_part("/abs/*.whl"), Path::new("/abs"));
        assert_eq!(named_part("*.whl"), Path::new(""));
        assert_eq!(named_part("dist/x.whl"), Path::new("dist/x.whl"));
    }
}
