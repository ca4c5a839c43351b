//! Follows imports from the started code, and collects modules that are missing.
//!
//! An import is *certain* if it runs whenever the program starts: each statement on the way to it
//! is unconditional. Other imports are followed in the application only.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::facts::{Condition, Facts, Import, SearchChanges};
use super::finder::{Files, Found, Owner};
use super::modules::{Module, Modules, SearchPath};
use crate::rootfs::RootPath;

/// The most modules that are visited.
const MODULES: usize = 50_000;
/// The most missing modules that are kept.
const MISSING: usize = 10_000;

/// Settings that a program starts with only where nothing names others: the last part of their names.
const DEVELOPMENT: [&str; 8] = ["local", "dev", "develop", "development", "debug", "test", "testing", "ci"];

/// Code that the image starts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Start {
    /// A script that runs as `__main__`.
    Script(RootPath),
    /// A module that is imported.
    Module(String),
    /// A module that `-m` runs: of a package, its `__main__`.
    Run(String),
}

/// An import of a missing module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MissingImport {
    /// The missing module: of `import a.b.c`, the first part that is missing.
    pub module: String,
    pub file: RootPath,
    pub line: u32,
    pub owner: Owner,
    /// Whether the import runs whenever the program starts.
    pub is_certain: bool,
    /// The modules from the started code to the file.
    pub chain: Vec<String>,
}

/// A reached file with a syntax error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokenSource {
    pub file: RootPath,
    pub line: u32,
    pub message: String,
    pub owner: Owner,
    pub is_certain: bool,
    pub chain: Vec<String>,
}

/// The result of following imports.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reached {
    pub missing: Vec<MissingImport>,
    pub broken: Vec<BrokenSource>,
    /// The names of all visited modules.
    pub modules: BTreeSet<String>,
    /// The changes that the application makes to the search for modules.
    pub own_search: SearchChanges,
    /// The changes that distributions make, by the first part of their modules' names.
    pub search: BTreeMap<String, SearchChanges>,
}

/// Follows imports from the started code.
#[must_use]
pub fn reach(files: &dyn Files, search: &SearchPath, starts: &[Start], settings: Option<&str>) -> Reached {
    let modules = Modules::new(files, search);
    let mut walk = Walk {
        files,
        modules,
        settings: settings.map(str::to_owned),
        nodes: Vec::new(),
        by_name: HashMap::new(),
        certain: VecDeque::new(),
        possible: VecDeque::new(),
        out: Reached::default(),
    };
    for start in starts {
        walk.start(start);
    }
    walk.run();
    walk.out
}

/// A visited module.
struct Node {
    name: String,
    found: Found,
    /// The module whose statement imports it first, and the line.
    by: Option<usize>,
    is_certain: bool,
    /// The package that relative imports start at.
    package: Option<String>,
}

struct Walk<'a> {
    files: &'a dyn Files,
    modules: Modules<'a>,
    /// The value of `DJANGO_SETTINGS_MODULE`, from the environment or the first source that sets it.
    settings: Option<String>,
    nodes: Vec<Node>,
    by_name: HashMap<String, usize>,
    certain: VecDeque<usize>,
    possible: VecDeque<usize>,
    out: Reached,
}

impl Walk<'_> {
    fn start(&mut self, start: &Start) {
        match start {
            Start::Script(file) => {
                let found = Found::File { file: file.clone(), is_source: true, folder: None };
                let name = file.to_string();
                self.visit(&name, found, None, true);
            }
            Start::Module(name) => self.import_all(name, None, true),
            Start::Run(name) => {
                let main = format!("{name}.__main__");
                let is_package = self.modules.get(name).is_some_and(|module| module.path.is_some());
                self.import_all(if is_package { &main } else { name }, None, true);
            }
        }
    }

    fn run(&mut self) {
        loop {
            let (at, is_certain) = match (self.certain.pop_front(), &mut self.possible) {
                (Some(at), _) => (at, true),
                (None, possible) => match possible.pop_front() {
                    Some(at) => (at, false),
                    None => return,
                },
            };
            // A module in the second queue may have become certain since.
            if is_certain == self.nodes[at].is_certain {
                self.process(at);
            }
        }
    }

    /// Imports a started module with its packages, if the image has all of them. Others are not this
    /// check's to report.
    fn import_all(&mut self, name: &str, by: Option<usize>, is_certain: bool) {
        if self.modules.get(name).is_none() {
            return;
        }
        for prefix in prefixes(name) {
            if let Some(module) = self.modules.get(prefix) {
                self.visit(prefix, module.found, by, is_certain);
            }
        }
    }

    fn visit(&mut self, name: &str, found: Found, by: Option<usize>, is_certain: bool) {
        if let Some(&at) = self.by_name.get(name) {
            let node = &mut self.nodes[at];
            if is_certain && !node.is_certain {
                (node.is_certain, node.by) = (true, by);
                self.certain.push_back(at);
            }
            return;
        }
        if self.nodes.len() >= MODULES {
            return;
        }
        let is_package = matches!(found, Found::Namespace(_) | Found::File { folder: Some(_), .. });
        let package = match name.rsplit_once('.') {
            _ if name.starts_with('/') => None,
            _ if is_package => Some(name.to_owned()),
            Some((package, _)) => Some(package.to_owned()),
            None => None,
        };
        let at = self.nodes.len();
        self.nodes.push(Node { name: name.to_owned(), found, by, is_certain, package });
        self.by_name.insert(name.to_owned(), at);
        self.out.modules.insert(name.to_owned());
        if is_certain { self.certain.push_back(at) } else { self.possible.push_back(at) }
    }

    /// Reads the imports of a module.
    fn process(&mut self, at: usize) {
        let Some(file) = self.nodes[at].found.source().cloned() else { return };
        let is_certain = self.nodes[at].is_certain;
        let owner = self.files.owner(&file);
        if owner == Owner::StandardLibrary || (owner == Owner::Distribution && !is_certain) {
            return;
        }
        let Some(facts) = self.files.facts(&file) else { return };
        self.note_search(at, owner, &facts.search);
        if let Some(error) = &facts.syntax_error {
            let chain = self.chain(at);
            let (line, message) = (error.line, error.message.clone());
            self.out.broken.push(BrokenSource { file, line, message, owner, is_certain, chain });
            return;
        }
        let wanted = if owner == Owner::Application { Condition::Sometimes } else { Condition::Always };
        for import in facts.imports.iter().filter(|import| import.condition <= wanted) {
            self.import(at, owner, import);
        }
        if let Some((settings, _)) = facts.django_settings.as_ref().filter(|_| owner == Owner::Application) {
            // The first value counts: later calls of `setdefault` do not change it.
            let first = self.settings.get_or_insert_with(|| settings.clone()).clone();
            let is_default = first.rsplit('.').next().is_none_or(|last| !DEVELOPMENT.contains(&last));
            self.import_all(&first, Some(at), is_certain && is_default);
        }
    }

    fn note_search(&mut self, at: usize, owner: Owner, changes: &SearchChanges) {
        let search = if owner == Owner::Application {
            &mut self.out.own_search
        } else {
            let top = self.nodes[at].name.split('.').next().unwrap_or_default();
            self.out.search.entry(top.to_owned()).or_default()
        };
        search.path |= changes.path;
        search.package_path |= changes.package_path;
        search.hooks |= changes.hooks;
        search.modules.extend(changes.modules.iter().cloned());
    }

    fn import(&mut self, at: usize, owner: Owner, import: &Import) {
        let is_certain = self.nodes[at].is_certain && import.condition == Condition::Always;
        let Some(name) = absolute(self.nodes[at].package.as_deref(), import) else { return };
        let mut module = None;
        for prefix in prefixes(&name) {
            module = self.modules.get(prefix);
            let Some(Module { found, .. }) = &module else {
                self.missing(prefix, at, owner, import);
                return;
            };
            self.visit(prefix, found.clone(), Some(at), is_certain);
        }
        let Some(Module { found, path: Some(_) }) = module else { return };
        for part in &import.names {
            let below = format!("{name}.{part}");
            match self.modules.get(&below) {
                Some(module) => {
                    let is_other = self.modules.facts(&found).is_some_and(|facts| binds(&facts, &name, part));
                    self.visit(&below, module.found, Some(at), is_certain && !is_other);
                }
                // A namespace package has no names but its modules.
                None if matches!(found, Found::Namespace(_)) => self.missing(&below, at, owner, import),
                None => {}
            }
        }
    }

    fn missing(&mut self, module: &str, at: usize, owner: Owner, import: &Import) {
        if self.out.missing.len() >= MISSING {
            return;
        }
        let is_certain = self.nodes[at].is_certain && import.condition == Condition::Always;
        let Some(file) = self.nodes[at].found.source().cloned() else { return };
        let chain = self.chain(at);
        let (module, line) = (module.to_owned(), import.line);
        self.out.missing.push(MissingImport { module, file, line, owner, is_certain, chain });
    }

    /// Returns the modules from the started code to a module.
    fn chain(&self, at: usize) -> Vec<String> {
        let mut chain = vec![self.nodes[at].name.clone()];
        let mut seen = BTreeSet::from([at]);
        let mut next = self.nodes[at].by;
        while let Some(by) = next.filter(|by| seen.insert(*by)) {
            chain.push(self.nodes[by].name.clone());
            next = self.nodes[by].by;
        }
        chain.reverse();
        chain
    }
}

/// Returns `a`, `a.b` and `a.b.c` for `a.b.c`.
fn prefixes(name: &str) -> impl Iterator<Item = &str> {
    let dots = name.match_indices('.').map(|(at, _)| &name[..at]);
    dots.chain([name]).filter(|prefix| !prefix.is_empty())
}

/// Returns the absolute name of the module in an import; none for a relative import outside of a
/// package.
fn absolute(package: Option<&str>, import: &Import) -> Option<String> {
    if import.level == 0 {
        return Some(import.module.clone());
    }
    let mut package = package?;
    for _ in 1..import.level {
        package = package.rsplit_once('.')?.0;
    }
    Some(if import.module.is_empty() { package.to_owned() } else { format!("{package}.{}", import.module) })
}

/// Returns whether a package may bind a name to something other than its submodule.
fn binds(facts: &Arc<Facts>, package: &str, name: &str) -> bool {
    let by_import = |import: &Import| {
        import.names.iter().any(|other| other == name) && absolute(Some(package), import).as_deref() != Some(package)
    };
    facts.has_other_names || facts.binds.contains(name) || facts.imports.iter().any(by_import)
}

#[cfg(test)]
mod tests;
