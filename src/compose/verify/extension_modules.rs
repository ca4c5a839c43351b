//! Extension modules without a target in their names: `fast.so`.
//!
//! A file with such a name is a module if it exports the function that the interpreter calls
//! first.
//!
//! Source: CPython's `Python/importdl.c`. The search order is from
//! `Lib/importlib/_bootstrap_external.py` (`FileFinder.find_spec`) and Python 2.7's
//! `Python/import.c` (`find_module`): packages first, then extensions by suffix.

use std::collections::BTreeSet;

use crate::compose::composition::Composition;
use crate::compose::contents::Result;
use crate::compose::contents::unreadable;
use crate::elf::Abi;
use crate::python::abi::{BuiltFor, ModuleName};
use crate::python::{Cpython, Interpreter};
use crate::rootfs::{Entry, RootPath};

impl Composition<'_> {
    /// Returns modules for other machines that the interpreter would load: there is no package and
    /// no file with an earlier suffix beside them.
    pub(super) fn foreign_modules(
        &self,
        interpreter: &Interpreter,
        imported: &[RootPath],
        platform: Abi,
    ) -> Result<BTreeSet<RootPath>> {
        let Some(python) = Cpython::of(interpreter) else { return Ok(BTreeSet::new()) };
        let mut out = BTreeSet::new();
        for (path, _) in self.objects.iter().filter(|(_, abi)| **abi != platform) {
            if !imported.iter().any(|folder| path.strip(folder).is_some()) {
                continue;
            }
            for module in names(path, python) {
                if self.takes(path, module, python) && self.is_module(path, module, python)? {
                    out.insert(path.clone());
                }
            }
        }
        Ok(out)
    }

    /// Returns whether the interpreter finds this file when it imports a module.
    fn takes(&self, path: &RootPath, module: &str, python: Cpython) -> bool {
        let Some(folder) = path.parent() else { return false };
        let at = |name: &str| Some(self.image.tree.follow(&folder.child(name.as_bytes()))?.0);
        if self.image.tree.follow(&folder.child(module.as_bytes()).child(b"__init__.py")).is_some() {
            return false;
        }
        let suffixes = python.suffixes(self.cx.architecture.triplet);
        suffixes.iter().find_map(|suffix| at(&format!("{module}{}", suffix.text))).as_ref() == Some(path)
    }

    fn is_module(&self, path: &RootPath, module: &str, python: Cpython) -> Result<bool> {
        let Some(content) = self.image.tree.get(path).and_then(Entry::content) else { return Ok(false) };
        let function = if python.major < 3 { format!("init{module}") } else { format!("PyInit_{module}") };
        self.cx.elf.exports(content, &function).map_err(|cause| unreadable(path, cause))
    }
}

/// Returns the modules that a file may be: `spam` for `spam.so`, and in Python 2 for
/// `spammodule.so`.
fn names(path: &RootPath, python: Cpython) -> Vec<&str> {
    let name = path.name().and_then(|name| std::str::from_utf8(name).ok()).and_then(ModuleName::parse);
    let Some(name) = name.filter(|name| name.built_for == BuiltFor::Unsaid) else { return Vec::new() };
    let old = name.module.strip_suffix("module").filter(|_| python.major < 3);
    std::iter::once(name.module).chain(old).collect()
}
