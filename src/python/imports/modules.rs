//! The modules of an image by their dotted names.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::facts::Facts;
use super::finder::{Files, Finder, Found};
use crate::rootfs::RootPath;

/// The places of modules.
pub struct SearchPath {
    /// The real paths of `sys.path`.
    pub folders: Vec<RootPath>,
    /// The suffixes of extension modules, in search order.
    pub extensions: Vec<String>,
    /// The modules that are compiled into the interpreter.
    pub builtins: BTreeSet<String>,
}

/// A module, and the directories of its submodules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Module {
    pub found: Found,
    /// Its `__path__`; none for a module that is not a package.
    pub path: Option<Vec<RootPath>>,
}

/// The modules of an image by name.
pub struct Modules<'a> {
    files: &'a dyn Files,
    finder: Finder<'a>,
    search: &'a SearchPath,
    known: RefCell<HashMap<String, Option<Module>>>,
}

impl<'a> Modules<'a> {
    pub fn new(files: &'a dyn Files, search: &'a SearchPath) -> Self {
        let finder = Finder::new(files, search.extensions.clone());
        Self { files, finder, search, known: RefCell::default() }
    }

    /// Returns a module; none if the image does not have it or its package.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Module> {
        let mut module = self.one("", name.split('.').next()?, &self.search.folders)?;
        for (at, _) in name.match_indices('.') {
            let rest = &name[at + 1..];
            let part = rest.split('.').next()?;
            module = self.one(&name[..at], part, module.path.as_deref()?)?;
        }
        Some(module)
    }

    fn one(&self, parent: &str, part: &str, folders: &[RootPath]) -> Option<Module> {
        let name = if parent.is_empty() { part.to_owned() } else { format!("{parent}.{part}") };
        if let Some(known) = self.known.borrow().get(&name) {
            return known.clone();
        }
        let module = self.find(parent, part, folders);
        self.known.borrow_mut().insert(name, module.clone());
        module
    }

    fn find(&self, parent: &str, part: &str, folders: &[RootPath]) -> Option<Module> {
        if part.is_empty() {
            return None;
        }
        if parent.is_empty() && (part == "__main__" || self.search.builtins.contains(part)) {
            return Some(Module { found: Found::Builtin, path: None });
        }
        let found = self.finder.find(folders, part)?;
        let path = match &found {
            Found::Namespace(portions) => Some(portions.clone()),
            Found::File { folder: Some(folder), .. } => {
                let mut path = vec![folder.clone()];
                // `pkgutil` and `pkg_resources` add the directories of other distributions.
                if self.facts(&found).is_some_and(|facts| facts.search.package_path) {
                    let more = self.finder.portions(folders, part);
                    path.extend(more.into_iter().filter(|more| more != folder));
                }
                Some(path)
            }
            _ => None,
        };
        Some(Module { found, path })
    }

    /// Returns the facts about the source of a module.
    #[must_use]
    pub fn facts(&self, found: &Found) -> Option<Arc<Facts>> {
        self.files.facts(found.source()?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Project;

    fn found(files: &[(&str, &str)], names: &str) -> String {
        let project = Project::new(files);
        let search = project.search(&["app", "lib", "site"]);
        let modules = super::Modules::new(&project, &search);
        names.split(' ').filter(|name| modules.get(name).is_some()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn packages_modules_extensions_and_namespaces_are_found() {
        let files = [
            ("app/a.py", ""),
            ("app/b/__init__.py", ""),
            ("app/b/c.cpython-313-x86_64-linux-gnu.so", ""),
            ("app/b/d.abi3.so", ""),
            ("app/b/e.cpython-312-x86_64-linux-gnu.so", ""),
            ("app/b/f.pyc", ""),
            ("app/ns/g.py", ""),
            ("site/ns/h.py", ""),
            ("site/ns2/sub/i.py", ""),
        ];
        assert_eq!(
            found(&files, "a b b.c b.d b.e b.f ns ns.g ns.h ns.i ns2.sub.i sys sys.x a.b nothing"),
            "a b b.c b.d b.f ns ns.g ns.h ns2.sub.i sys"
        );
    }

    #[test]
    fn the_first_folder_of_the_path_has_precedence() {
        let files = [("app/a/x.py", ""), ("lib/a.py", ""), ("site/a/__init__.py", ""), ("site/a/y.py", "")];
        assert_eq!(found(&files, "a a.x a.y"), "a", "a module comes before a namespace and a later package");
        let files = [("app/a/__init__.py", ""), ("site/a/__init__.py", ""), ("site/a/y.py", "")];
        assert_eq!(found(&files, "a a.y"), "a");
    }

    #[test]
    fn packages_may_extend_their_path() {
        for init in [
            "__path__ = __import__('pkgutil').extend_path(__path__, __name__)",
            "pkg_resources.declare_namespace(__name__)",
        ] {
            let files =
                [("app/a/__init__.py", init), ("app/a/x.py", ""), ("site/a/__init__.py", init), ("site/a/y.py", "")];
            assert_eq!(found(&files, "a a.x a.y a.z"), "a a.x a.y", "{init}");
        }
    }
}
