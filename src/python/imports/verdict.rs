//! Judges missing modules: which of them stop the program for certain.
//!
//! Code can make modules importable in ways that are not followed: it changes `sys.path` or the
//! `__path__` of a package, or installs importers. Where it does, a module counts as missing only
//! if no directory of the image has one of that name.

use super::finder::{Files, Found, Owner};
use super::modules::{Modules, SearchPath};
use super::reach::{MissingImport, Reached};

/// Modules that make files of other formats importable.
const IMPORTERS: [&str; 5] = ["pyximport", "cppimport", "hy", "import_hook", "maturin_import_hook"];

/// The judgement of an import of a missing module.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// The module may come from elsewhere.
    Unknown,
    /// The import may not run, or it is a distribution's own.
    Doubtful,
    /// The program stops at the import.
    Fatal,
}

/// Judges the missing modules of a program.
pub struct Judge<'a> {
    files: &'a dyn Files,
    modules: Modules<'a>,
    reached: &'a Reached,
    /// `true` if `sys.path` has directories that carboy cannot determine.
    is_open: bool,
}

impl<'a> Judge<'a> {
    pub fn new(files: &'a dyn Files, search: &'a SearchPath, reached: &'a Reached, is_open: bool) -> Self {
        Self { files, modules: Modules::new(files, search), reached, is_open }
    }

    /// Judges an import of a missing module.
    #[must_use]
    pub fn verdict(&self, missing: &MissingImport) -> Verdict {
        let reached = self.reached;
        if self.is_provided(&missing.module) || self.may_have(&missing.module) {
            return Verdict::Unknown;
        }
        let changes_path = reached.own_search.path || reached.search.values().any(|search| search.path);
        if (changes_path || self.is_open) && self.is_elsewhere(&missing.module) {
            return Verdict::Unknown;
        }
        let is_fatal = missing.owner == Owner::Application && missing.is_certain;
        let has_importer = IMPORTERS.iter().any(|name| reached.modules.contains(*name));
        if is_fatal && !self.is_open && !reached.own_search.hooks && !has_importer {
            Verdict::Fatal
        } else {
            Verdict::Doubtful
        }
    }

    /// Returns whether another directory has the module, and would provide it if it were on the module
    /// path: not if an earlier directory has its package.
    fn is_elsewhere(&self, module: &str) -> bool {
        match module.rsplit_once('.') {
            None => self.files.has_anywhere(module),
            Some((package, name)) => {
                let package = self.modules.get(package).map(|package| package.found);
                matches!(package, Some(Found::Namespace(_))) && self.files.has_anywhere(name)
            }
        }
    }

    /// Returns whether code puts the module or its package into `sys.modules`.
    fn is_provided(&self, module: &str) -> bool {
        let by = |provided: &String| {
            module.strip_prefix(provided.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let mut searches = self.reached.search.values().chain([&self.reached.own_search]);
        // setuptools has a copy of `distutils`, which its `.pth` file makes importable.
        let is_distutils = module.split('.').next() == Some("distutils");
        searches.any(|search| search.modules.iter().any(by))
            || is_distutils && self.modules.get("_distutils_hack").is_some()
    }

    /// Returns whether the package of a missing module may have it all the same: the package is not a
    /// source that can be judged, or changes the search for its modules.
    fn may_have(&self, module: &str) -> bool {
        let Some((package, _)) = module.rsplit_once('.') else { return false };
        let top = package.split('.').next().unwrap_or_default();
        let changes = self.reached.search.get(top);
        if changes.is_some_and(|search| search.hooks || search.package_path) {
            return true;
        }
        let Some(package) = self.modules.get(package) else { return true };
        match &package.found {
            Found::Builtin => true,
            Found::Namespace(portions) => portions.iter().any(|portion| self.files.is_mounted(portion)),
            found @ Found::File { .. } => self.modules.facts(found).is_none_or(|facts| {
                let search = &facts.search;
                search.hooks || search.package_path || search.modules.contains(module)
            }),
        }
    }
}
