//! The directories that an image's Python imports modules from: `sys.path` after `site` ran.
//!
//! Source: `CPython`'s `Modules/getpath.py` (`pyvenv.cfg`, `PYTHONHOME`), `Lib/site.py`
//! (`.pth` files: their `import` lines may make anything importable; the user's site;
//! `sitecustomize`).

use std::collections::BTreeSet;

use super::Startup;
use crate::compose::contents::root_path;
use crate::python::{Command, Interpreter};
use crate::rootfs::accounts::Accounts;
use crate::rootfs::{RootPath, Tree};

/// A `.pth` file of setuptools. Its `import` line does not change the module path.
const HARMLESS: &[u8] = b"distutils-precedence.pth";
/// The end of setuptools' `.pth` files that create namespace packages from directories beside them.
const NAMESPACE: &[u8] = b"-nspkg.pth";
/// Variables that change the directories of Python's or the user's modules.
const MOVING: [&str; 3] = ["PYTHONHOME", "PYTHONUSERBASE", "PYTHONPLATLIBDIR"];
/// Modules that `site` imports, and that may change `sys.path`.
const CUSTOM: [&str; 2] = ["sitecustomize", "usercustomize"];
/// The most directories of a module path; a longer one counts as open.
const FOLDERS: usize = 256;
/// The most lines of `.pth` files; a module path with more counts as open.
const LINES: usize = 10_000;

/// The directories that Python searches for modules.
#[derive(Default)]
pub(in crate::compose::verify) struct ModulePath {
    /// Real paths, in the order of `sys.path`.
    pub folders: Vec<RootPath>,
    seen: BTreeSet<RootPath>,
    lines: usize,
    /// Set if modules may also come from directories that are not known.
    pub open: bool,
}

impl ModulePath {
    /// Adds a directory. Ignores a path in a loop of links.
    fn add(&mut self, image: &Tree, folder: &RootPath) {
        let Ok(real) = image.resolve(folder) else { return };
        if self.open || self.seen.contains(&real) {
            return;
        }
        // The names in an archive are not read.
        let is_file = image.get(&real).is_some_and(|entry| !entry.is_folder());
        self.open = is_file || self.folders.len() == FOLDERS;
        self.seen.insert(real.clone());
        self.folders.push(real);
    }
}

impl Startup<'_> {
    /// Returns the module path of an interpreter that is called as `program`.
    pub(in crate::compose::verify) fn module_path(
        &self,
        program: &RootPath,
        command: &Command<'_>,
        interpreter: &Interpreter,
    ) -> ModulePath {
        let image = &self.composition.image.tree;
        let mut out = ModulePath { open: is_virtual(image, program), ..ModulePath::default() };
        out.open |= MOVING.iter().any(|name| self.variable(name).is_some());
        out.open |= self.has_user_site(interpreter);
        if !command.safe_path {
            out.add(image, &self.workdir);
        }
        let set = self.variable("PYTHONPATH").filter(|_| !command.ignores_environment);
        for entry in set.into_iter().flat_map(|set| set.split(':')) {
            self.entry(&self.workdir, entry, &mut out);
        }
        let Interpreter { stdlib, purelib, platlib, version, .. } = interpreter;
        let below = |name: &[u8]| stdlib.child(name);
        let archive = format!("python{}.zip", version.replace('.', ""));
        let archive = stdlib.parent().unwrap_or_default().child(archive.as_bytes());
        if image.follow(&archive).is_some() {
            out.add(image, &archive);
        }
        for folder in [stdlib, &below(b"lib-dynload"), &below(b"lib-tk"), &below(b"plat-linux2")] {
            out.add(image, folder);
        }
        for folder in interpreter.sites() {
            out.add(image, &folder);
        }
        self.pth_files([purelib, platlib], &mut out);
        out.open |= out
            .folders
            .iter()
            .any(|folder| self.comes_later(folder) || CUSTOM.iter().any(|name| self.has_module(folder, name)));
        out
    }

    /// Returns a variable of the process, unless it is empty.
    pub(in crate::compose::verify) fn variable(&self, name: &str) -> Option<&str> {
        let mut values = self.env.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        values.next_back().filter(|value| !value.is_empty())
    }

    /// Returns whether the user's own site-packages exist or may be mounted.
    fn has_user_site(&self, interpreter: &Interpreter) -> bool {
        let image = &self.composition.image.tree;
        // The application stage reports accounts that cannot be read.
        let passwd = self.composition.cx.text(image, &root_path("etc/passwd")).ok().flatten().unwrap_or_default();
        let of_account = Accounts::new(passwd, String::new()).home(self.ids.uid);
        let homes = [self.variable("HOME").map(str::to_owned), of_account];
        let name = interpreter.stdlib.name().unwrap_or_default();
        homes.iter().flatten().filter_map(|home| RootPath::new(home).ok()).any(|home| {
            let site = home.join(&root_path(".local/lib")).child(name).child(b"site-packages");
            image.follow(&site).is_some() || self.comes_later(&site)
        })
    }

    /// Adds the path in a line or a variable, relative to a directory.
    fn entry(&self, from: &RootPath, entry: &str, out: &mut ModulePath) {
        let Ok(below) = RootPath::new(entry) else {
            out.open = true;
            return;
        };
        let path = if entry.starts_with('/') { below } else { from.join(&below) };
        out.open |= entry.starts_with('/') && self.may_be_mounted(&path);
        out.add(&self.composition.image.tree, &path);
    }

    /// Adds the paths in the `.pth` files of site-packages.
    fn pth_files(&self, sites: [&RootPath; 2], out: &mut ModulePath) {
        let image = &self.composition.image.tree;
        let mut sites: Vec<_> = sites.into_iter().filter_map(|site| image.resolve(site).ok()).collect();
        sites.dedup();
        for site in sites {
            let is_pth = |path: &RootPath| path.as_bytes().ends_with(b".pth") && !is_harmless(path);
            for (file, _) in image.children(&site).filter(|(path, _)| is_pth(path)) {
                if out.open {
                    return;
                }
                self.pth(&site, file, out);
            }
        }
    }

    fn pth(&self, site: &RootPath, file: &RootPath, out: &mut ModulePath) {
        // `site` may read a file that carboy cannot read as text.
        let Ok(text) = self.composition.cx.text(&self.composition.image.tree, file) else {
            out.open = true;
            return;
        };
        for line in text.iter().flat_map(|text| text.lines()).map(str::trim) {
            out.lines += 1;
            out.open |= out.lines > LINES || line.starts_with("import ") || line.starts_with("import\t");
            if out.open {
                return;
            }
            if !line.is_empty() && !line.starts_with('#') {
                self.entry(site, line, out);
            }
        }
    }
}

/// Returns whether the `import` lines of a `.pth` file do not change the module path.
fn is_harmless(path: &RootPath) -> bool {
    path.name() == Some(HARMLESS) || path.as_bytes().ends_with(NAMESPACE)
}

/// Returns whether a program belongs to a virtual environment with its own site-packages, judged by
/// the path that it is called with, links not followed.
fn is_virtual(image: &Tree, program: &RootPath) -> bool {
    let folder = program.parent().unwrap_or_default();
    let above = folder.parent().unwrap_or_default();
    [folder, above].iter().any(|folder| image.follow(&folder.child(b"pyvenv.cfg")).is_some())
}
