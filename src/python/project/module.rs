//! The packages and modules of a project.

use std::collections::BTreeSet;

/// A package or module of a project, and the directory that it is imported from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Module {
    /// The directory without a trailing `/`: `src`, or empty for the directory of the project.
    pub root: String,
    /// The directory of a package below `root`, or a module without `.py`; `None` for everything below `root`.
    pub name: Option<String>,
    /// The path below site-packages, if it is not `name`: the package is imported by another name.
    pub renamed: Option<String>,
}

impl Module {
    /// A package or module below a directory.
    pub(super) fn new(root: &str, name: &str) -> Self {
        Self { root: inner(root), name: Some(inner(name)), renamed: None }
    }

    /// Everything below a directory.
    pub(super) fn all(root: &str) -> Self {
        Self { root: inner(root), name: None, renamed: None }
    }

    /// The package or module with this path in the project and this path below site-packages.
    pub(super) fn at(path: &str, place: &str) -> Self {
        let (path, place) = (inner(path), inner(place));
        let root = path.strip_suffix(place.as_str()).filter(|root| root.is_empty() || root.ends_with('/'));
        if let Some(root) = root {
            return Self::new(root, &place);
        }
        let (root, name) = path.rsplit_once('/').unwrap_or(("", &path));
        Self { renamed: Some(place), ..Self::new(root, name) }
    }

    /// Returns whether a file of the project is part of the module.
    #[must_use]
    pub fn has(&self, file: &str) -> bool {
        self.place(file).is_some()
    }

    /// Returns this module; or all packages in the directory of the project, if the module is all
    /// of it. A package is a directory with an `__init__.py` in it or below it.
    pub(super) fn each<'a>(&self, files: impl Iterator<Item = &'a str>) -> BTreeSet<Self> {
        if !self.root.is_empty() || self.name.is_some() {
            return BTreeSet::from([self.clone()]);
        }
        let packages = files.filter(|file| file.ends_with("/__init__.py")).filter_map(|file| file.split('/').next());
        let packages = packages.filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        packages.map(|name| Self::new("", name)).collect()
    }

    /// Returns the path below site-packages of a file of the project, if the file is part of the module.
    #[must_use]
    pub fn place(&self, file: &str) -> Option<String> {
        let below = if self.root.is_empty() { file } else { file.strip_prefix(&self.root)?.strip_prefix('/')? };
        // Metadata of an editable installation is not a module.
        let Some(name) = &self.name else {
            return (!below.split('/').next()?.ends_with(".egg-info")).then(|| below.to_owned());
        };
        let rest = below.strip_prefix(name.as_str())?;
        let is_module = [".py", ".pyi"].contains(&rest);
        let place = self.renamed.as_ref().unwrap_or(name);
        (rest.starts_with('/') || is_module).then(|| format!("{place}{rest}"))
    }

    /// Returns the path in the project.
    #[must_use]
    pub fn path(&self) -> String {
        inner(&format!("{}/{}", self.root, self.name.as_deref().unwrap_or_default()))
    }
}

/// Returns whether the modules are in a `src` directory that is not a package itself.
#[must_use]
pub fn src_layout<'a>(mut files: impl Iterator<Item = &'a str> + Clone) -> bool {
    let modules = files.clone().any(|file| file.starts_with("src/") && file.strip_suffix(".py").is_some());
    modules && !files.any(|file| file == "src/__init__.py")
}

/// Normalises a path below the directory of the project: without `.`, and without `/` at either end.
pub(super) fn inner(path: &str) -> String {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/")
}
