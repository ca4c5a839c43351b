//! Finds the module that defines each imported name, and the circles between files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::module::{Module, Path};

/// The modules of a crate by path; the crate's root is `["crate"]`.
#[derive(Debug)]
pub struct Graph {
    pub modules: BTreeMap<Path, Module>,
}

impl Graph {
    /// Reads `lib.rs` in a directory and every module that it declares.
    pub fn read(source: &std::path::Path) -> Self {
        let mut modules = BTreeMap::new();
        let mut unread = vec![Path::from(["crate".to_owned()])];
        while let Some(path) = unread.pop() {
            let file = match path[1..].join("/").as_str() {
                "" => source.join("lib.rs"),
                name => source.join(name).with_extension("rs"),
            };
            let file = if file.exists() { file } else { file.with_extension("").join("mod.rs") };
            let module = Module::parse(&fs::read_to_string(file).unwrap());
            unread.extend(module.children.iter().map(|name| joined(&path, std::slice::from_ref(name))));
            modules.insert(path, module);
        }
        Self { modules }
    }

    /// Writes a path of a module in full. A path that begins with a name of the file itself, or
    /// of another crate, stays as it is.
    fn full(&self, module: &Path, path: &[String]) -> Path {
        let here = &self.modules[module];
        match path[0].as_str() {
            "crate" => path.to_vec(),
            "self" => self.full_below(module, &path[1..]),
            "super" => {
                let ups = path.iter().take_while(|name| *name == "super").count();
                self.full_below(&module[..module.len() - ups].to_vec(), &path[ups..])
            }
            name if here.children.iter().any(|child| child == name) => joined(module, path),
            name => match here.uses.iter().find(|import| import.name == name) {
                Some(import) if import.path[0] == name => joined(&import.path, &path[1..]),
                Some(import) => joined(&self.full(module, &import.path), &path[1..]),
                None => path.to_vec(),
            },
        }
    }

    fn full_below(&self, module: &Path, path: &[String]) -> Path {
        assert!(self.modules.contains_key(module), "no module {}", module.join("::"));
        joined(module, path)
    }

    /// Returns the modules that define the item at a full path. Re-exports are followed. A module
    /// itself is no item; a name can be both.
    fn definers(&self, path: &Path, seen: &mut BTreeSet<Path>) -> BTreeSet<Path> {
        if path[0] != "crate" || !seen.insert(path.clone()) {
            return BTreeSet::new();
        }
        let depth = (1..=path.len()).rev().find(|depth| self.modules.contains_key(&path[..*depth])).unwrap();
        let is_module = depth == path.len();
        let owner = path[..depth - usize::from(is_module && depth > 1)].to_vec();
        let Some(name) = path.get(owner.len()) else { return BTreeSet::new() };
        let uses = &self.modules[&owner].uses;
        let imports: Vec<_> = uses.iter().filter(|import| import.name == *name).collect();
        if imports.is_empty() && !is_module {
            return BTreeSet::from([owner]);
        }
        let rest = &path[owner.len() + 1..];
        let followed = imports.iter().map(|import| joined(&self.full(&owner, &import.path), rest));
        followed.flat_map(|path| self.definers(&path, seen)).collect()
    }

    /// Returns every path that a module mentions or imports, in full.
    pub fn mentioned(&self, module: &Path) -> BTreeSet<Path> {
        let here = &self.modules[module];
        let uses = here.uses.iter().map(|import| &import.path);
        uses.chain(&here.paths).map(|path| self.full(module, path)).collect()
    }

    /// Returns the modules that a module imports items of or re-exports items of.
    pub fn imports(&self, module: &Path) -> BTreeSet<Path> {
        self.without_itself(module, &self.mentioned(module))
    }

    /// Returns the modules that a module needs: the imported ones without those that it only
    /// re-exports.
    pub fn needs(&self, module: &Path) -> BTreeSet<Path> {
        let here = &self.modules[module];
        let uses = here.uses.iter().filter(|import| !import.public).map(|import| &import.path);
        self.without_itself(module, &uses.chain(&here.paths).map(|path| self.full(module, path)).collect())
    }

    fn without_itself(&self, module: &Path, paths: &BTreeSet<Path>) -> BTreeSet<Path> {
        let mut out: BTreeSet<_> = paths.iter().flat_map(|path| self.definers(path, &mut BTreeSet::new())).collect();
        out.remove(module);
        out
    }

    /// Returns the groups of modules that need each other, one text for each.
    pub fn circles(&self) -> Vec<String> {
        let needs: BTreeMap<_, _> = self.modules.keys().map(|module| (module, self.needs(module))).collect();
        let reached: BTreeMap<_, _> =
            self.modules.keys().map(|module| (module, everything_below(module, &needs))).collect();
        let mut out = BTreeSet::new();
        for (module, below) in &reached {
            let circle: BTreeSet<_> = below.iter().filter(|other| reached[other].contains(*module)).collect();
            let lines = circle.iter().map(|member| {
                let needed = needs[*member].iter().filter(|other| circle.contains(other));
                let needed: Vec<_> = needed.map(name).collect();
                format!("{} -> {}", name(member), needed.join(", "))
            });
            out.insert(lines.collect::<Vec<_>>().join("\n"));
        }
        out.remove("");
        out.into_iter().collect()
    }
}

/// The path of a module without `crate::`.
pub fn name(path: &Path) -> String {
    path[1..].join("::")
}

fn joined(base: &[String], more: &[String]) -> Path {
    [base, more].concat()
}

fn everything_below(module: &Path, needs: &BTreeMap<&Path, BTreeSet<Path>>) -> BTreeSet<Path> {
    let mut out = BTreeSet::new();
    let mut open: Vec<&Path> = needs[module].iter().collect();
    while let Some(path) = open.pop() {
        if out.insert(path.clone()) {
            open.extend(&needs[path]);
        }
    }
    out
}
