//! The packages and modules of a project.

use std::collections::BTreeSet;

/// A package or module of a project, and the directory that it is imported from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Module {
    /// The directory without a trailing `/`: `src`, or empty for the directory of the project.
    pub root: String,
    /// The directory of a package below `root`, or a module without `.py`; `None` for everything below `root`.
    pub name: Option<String>,
}

impl Module {
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
        packages.map(|name| Self { root: String::new(), name: Some(name.to_owned()) }).collect()
    }

    /// Returns the path below site-packages of a file of the project, if the file is part of the module.
    #[must_use]
    pub fn place<'a>(&self, file: &'a str) -> Option<&'a str> {
        let below = if self.root.is_empty() { file } else { file.strip_prefix(&self.root)?.strip_prefix('/')? };
        // Metadata of an editable installation is not a module.
        let Some(name) = &self.name else {
            return (!below.split('/').next()?.ends_with(".egg-info")).then_some(below);
        };
        let rest = below.strip_prefix(name.as_str())?;
        let is_module = [".py", ".pyi"].contains(&rest);
        (rest.starts_with('/') || is_module).then_some(below)
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
